"""What the guide tells people to do, each once: who may, what has to be there, the steps.

A task is worked by whichever hand is given to it (`hands.py`), and says what must have become true.
"""

from collections.abc import Callable
from dataclasses import dataclass

from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign
from tests.browser.scenes import AGENCY, AGENCY_MANAGERS, MANAGERS, ROLES, Scene
from wallets.models import AutoAllocation, Wallet
from wallets.recharges import auto_recharge
from wallets.tests.worlds.builders import (
    OTHER_GOOD_CARD,
    fill,
    set_auto_recharge,
)


@dataclass(frozen=True)
class Task:
    """`sentences` of the guide that it follows. Who is not in `who` finds none of `ways`, and at
    `path` is told why, or that there is no such page."""

    sentences: tuple[str, ...]
    who: tuple[str, ...]
    steps: Callable[[object], None]
    became: Callable[[Scene], object]
    prepare: Callable[[Scene], object] = lambda scene: scene
    path: str = ""
    ways: str = ""
    told: tuple[str, ...] = ("You can't do this",)


def _look(hand) -> None:
    hand.visit("/campaigns/")
    hand.press("nav a", "Payments")
    hand.sees("Wallet balance")
    hand.sees("$8.20", ".amount")


def _add_card(hand) -> None:
    hand.visit("/payments/")
    hand.press("main button", "Add payment method")
    hand.fill("#number", "4242 4242 4242 4242")
    hand.press("button", "Save card")
    hand.sees("Visa •••• 4242 added.")


def _configured(hand, threshold: str) -> None:
    hand.visit("/payments/")
    hand.press("#configure")
    hand.sees("Minimum Threshold", "dialog")
    hand.tick("#id_enabled")
    hand.fill("#id_threshold", threshold)
    hand.fill("#id_amount", "50")


def _set_up(hand) -> None:
    _configured(hand, "5")
    hand.sees("Nothing is charged now.", "#auto-preview")
    hand.press("#auto-save")
    hand.sees("When the balance drops below $5.00")


def _set_up_below(hand) -> None:
    _configured(hand, "10")
    hand.sees("Save and charge $50.00", "#auto-save")
    hand.press("#auto-save")
    hand.sees("Payment received: $50.00. New balance $58.20.", "dialog")


def _turn_off(hand) -> None:
    hand.visit("/payments/")
    hand.press("#configure")
    hand.sees("Minimum Threshold", "dialog")
    hand.tick("#id_enabled")
    hand.press("#auto-save")
    hand.sees("Auto-Recharge saved.", "#toasts")


def _enable(scene: Scene) -> None:
    card = scene.card()
    set_auto_recharge(scene.wallet, threshold=5, amount=50, payment_method=card.id)


def _use_another_card(hand) -> None:
    hand.visit("/notifications/")
    hand.sees("declined", "main")
    hand.press("#low-balance a", "Update payment method")
    hand.sees("Choose another card to start again.", "dialog")
    hand.choose("#id_payment_method", "Mastercard •••• 4444")
    hand.sees("Save and charge $50.00", "#auto-save")
    hand.press("#auto-save")
    hand.sees("Payment received: $50.00.", "dialog")


def _fail(scene: Scene) -> None:
    lost = scene.card()
    scene.stripe.set_card(lost.id, behaviour={"decline_code": "lost_card"})
    scene.card(OTHER_GOOD_CARD)
    set_auto_recharge(scene.wallet, threshold=10, amount=50)
    auto_recharge.run(wallet_id=scene.wallet.pk)


def _recharge_and_resume(hand) -> None:
    hand.visit("/settings/")
    hand.sees("2 campaigns paused: balance too low.", "#low-balance")
    hand.press("#low-balance a", "Recharge")
    hand.sees("Minute type", "dialog")
    hand.fill("#id_amount", "50")
    hand.tick("#buys-basic")
    hand.sees("Pay $50.00", "#recharge-pay")
    hand.press("#recharge-pay")
    hand.sees("Needs Premium minutes", "dialog")
    hand.press("#resume-button")
    hand.sees("1 campaign resumed.", "#toasts")


def _pause(scene: Scene) -> None:
    scene.card()
    fill(scene.wallet, credit="-8.20")
    for minute_type in ("basic", "premium"):
        make_campaign(scene.account, minute_type=minute_type, status="low_balance")


def _statuses(scene: Scene) -> dict[str, str]:
    return dict(Campaign.objects.filter(account=scene.account).values_list("minute_type", "status"))


def _allocate(hand) -> None:
    hand.visit("/payments/")
    hand.press("nav a", "Account Manager")
    hand.press("[aria-label='Actions for Northside Dental']")
    hand.press(".menu a", "Manage auto allocation")
    _minutes(hand)


def _allocate_by_manage(hand) -> None:
    hand.visit("/account-manager/")
    hand.press("[aria-label='Actions for Northside Dental']")
    hand.press(".menu a[href$='/']:not([hx-get])", "Manage")
    hand.press("#manage-allocation")
    _minutes(hand)


def _minutes(hand) -> None:
    hand.sees("Basic minutes per month", "dialog")
    hand.fill("#id_basic_minutes", "500")
    hand.fill("#id_premium_minutes", "1000")
    hand.sees("Final billing occurs at runtime.", "dialog")
    hand.sees("Save and charge $205.00", "#allocation-save")
    hand.press("#allocation-save")
    hand.sees("Payment received: $205.00.", "dialog")


def _allocated(scene: Scene) -> bool:
    found = AutoAllocation.objects.get(account=scene.dental)
    minutes = (found.basic_minutes, found.premium_minutes, found.active)
    return minutes == (500, 1000, True) and scene.paid() == [20500]


def _monitor(hand) -> None:
    hand.visit("/account-manager/")
    hand.press("tbody a", "Northside Dental")
    hand.sees("Minimum Threshold", "#sub-account")
    hand.sees("Set by the sub-account. Only its own owners and admins can change it.")


# By whichever way they come to it.
_ALLOCATION = {
    "who": AGENCY_MANAGERS,
    "prepare": Scene.card,
    "became": _allocated,
    "path": "/account-manager/",
    "told": ("Page not found", "Northside Dental"),
}

TASKS = {
    "look at the wallet": Task(
        sentences=(
            "In the thinkrr Voice AI platform, click on Payments from the main side panel to "
            "access your wallet.",
        ),
        who=tuple(ROLES),
        steps=_look,
        became=lambda scene: scene.paid() == [],
    ),
    "add a payment method": Task(
        sentences=("Ensure you have a valid credit or debit card added to your account.",),
        who=MANAGERS,
        steps=_add_card,
        became=lambda scene: Wallet.objects.get(pk=scene.wallet.pk).default_payment_method,
        path="/payments/methods/add/",
        ways="main button:has-text('Add payment method')",
    ),
    "set up Auto-Recharge": Task(
        sentences=(
            "Click the 'Configure' button to open the recharge conditions interface",
            "Toggle the slide on for the recharge to be done automatically when you current "
            "balance drops below the set amount.",
            "Click Save to activate.",
        ),
        who=MANAGERS,
        prepare=Scene.card,
        steps=_set_up,
        became=lambda scene: scene.settings().enabled and scene.paid() == [],
        path="/payments/auto-recharge/",
        ways="#configure",
    ),
    "set a threshold above the balance": Task(
        sentences=(
            "Threshold Sync: If your balance is below the threshold when you set it, the system "
            "will immediately trigger a recharge.",
        ),
        who=MANAGERS,
        prepare=Scene.card,
        steps=_set_up_below,
        became=lambda scene: scene.settings().enabled and scene.paid() == [5000],
        path="/payments/auto-recharge/",
        ways="#configure",
    ),
    "turn Auto-Recharge off": Task(
        sentences=(
            "Yes, you can adjust or disable Auto-Recharge at any time from the Payments tab.",
        ),
        who=MANAGERS,
        prepare=_enable,
        steps=_turn_off,
        became=lambda scene: not scene.settings().enabled,
        path="/payments/auto-recharge/",
        ways="#configure",
    ),
    "use another card after a decline": Task(
        sentences=(
            "You’ll receive an error notification and your account may be paused until the issue "
            "is resolved.",
            "Make sure your payment details are always up to date.",
        ),
        who=MANAGERS,
        prepare=_fail,
        steps=_use_another_card,
        became=lambda scene: scene.settings().suspended_at is None and scene.paid() == [5000],
        path="/payments/auto-recharge/",
        ways="#low-balance a:has-text('Update payment method')",
    ),
    "recharge from the banner and resume": Task(
        sentences=(
            "Click Recharge to add more minutes and continue calling.",
            "Enter the amount you want to add to your balance.",
            "Select whether you want to purchase: Premium Minutes, Basic Minutes",
            "After recharging, choose which paused campaigns you want to resume.",
            "If a campaign is set to Premium only and you recharge Basic minutes, that campaign "
            "stays unavailable in the resume list.",
        ),
        who=MANAGERS,
        prepare=_pause,
        steps=_recharge_and_resume,
        became=lambda scene: (
            _statuses(scene) == {"basic": "started", "premium": "paused"} and scene.paid() == [5000]
        ),
        path="/payments/recharge/",
        ways="#low-balance a:has-text('Recharge')",
    ),
    "allocate minutes every month": Task(
        sentences=(
            "In the left sidebar, click Account Manager.",
            "Click the three-dot menu next to that sub-account.",
            "Select Manage auto allocation.",
            "Enter how many Basic minutes should be allocated each month.",
            "Enter how many Premium minutes should be allocated each month.",
            "Click Save to enable monthly allocation for that sub-account.",
        ),
        steps=_allocate,
        ways="a:has-text('Manage auto allocation')",
        **_ALLOCATION,
    ),
    "allocate by way of Manage": Task(
        sentences=(
            "Go to Account Manager, open the three-dot menu next to the sub-account, select "
            "Manage, then choose Manage Auto Allocation.",
        ),
        steps=_allocate_by_manage,
        ways="#manage-allocation, a:has-text('Manage auto allocation')",
        **_ALLOCATION,
    ),
    "watch a sub-account": Task(
        sentences=(
            "Agencies can monitor usage but cannot enforce recharge settings directly.",
            "No. Subaccounts must configure Auto-Recharge themselves.",
        ),
        who=AGENCY,
        steps=_monitor,
        became=lambda scene: scene.paid() == [],
        path="/account-manager/",
        ways="nav a:has-text('Account Manager')",
        told=("Page not found",),
    ),
}
