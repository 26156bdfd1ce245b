from datetime import timedelta

import pytest

from accounts import clock
from accounts.models import Notification
from accounts.tests.builders import close
from wallets.charging import switch
from wallets.models import AutoRecharge, Wallet
from wallets.recharges import auto_recharge, low_balance
from wallets.tests.worlds.auto_recharge_world import run, told
from wallets.tests.worlds.builders import add_card, fill, make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import buy

pytestmark = pytest.mark.django_db


def falls(wallet: Wallet, **settings: object) -> None:
    """From $20 to $8.10, with Auto-Recharge on below $10."""
    set_auto_recharge(wallet, **settings)
    fill(wallet, credit="-11.90")


def tell(wallet: Wallet) -> list[str]:
    """What the sweep finds and the task tells."""
    for wallet_id in list(low_balance.UNTOLD.rows(clock.now()).values_list("wallet_id", flat=True)):
        low_balance.tell(wallet_id=wallet_id)
    return told(wallet, "low_balance")


def test_a_low_balance_is_told_once_per_crossing_when_it_is_off(
    nudges, django_capture_on_commit_callbacks
):
    wallet = make_wallet(credit="20")
    with django_capture_on_commit_callbacks(execute=True):
        fill(wallet, credit="-11.80")
        fill(wallet, credit="-0.10")
    assert nudges == [("wallets.tell_low_balance", (wallet.pk,))]

    assert list(low_balance.UNTOLD.take()) == [wallet.pk]
    low_balance.tell(wallet_id=wallet.pk)
    low_balance.tell(wallet_id=wallet.pk)

    notes = Notification.objects.filter(account=wallet.account, kind="low_balance")
    assert [note.text for note in notes] == ["Low balance: $8.10, about 50 Premium minutes."]
    fill(wallet, credit="4")  # $12.10: above the threshold, not well above.
    fill(wallet, credit="-5")
    assert list(low_balance.UNTOLD.take()) == []
    fill(wallet, credit="10")
    fill(wallet, credit="-10")
    assert list(low_balance.UNTOLD.take()) == [wallet.pk]


def test_a_new_wallet_is_not_told_that_it_is_empty():
    wallet = make_wallet()
    fill(wallet, credit="5")

    assert list(low_balance.UNTOLD.take()) == []


@pytest.mark.usefixtures("nudges")
def test_while_auto_recharge_is_about_to_charge_nobody_is_told(stripe):
    wallet = make_wallet(credit="20")
    add_card(stripe, wallet)
    falls(wallet)

    low_balance.tell(wallet_id=wallet.pk)

    assert tell(wallet) == []
    assert run(wallet) == "charge"
    assert AutoRecharge.objects.get(wallet=wallet).low_since is None
    assert tell(wallet) == []


@pytest.mark.usefixtures("nudges")
@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (
            {"suspended_at": clock.now(), "suspended_reason": "payment_failed"},
            "it is suspended (payment failed)",
        ),
        (
            {"not_before": clock.now() + timedelta(days=3), "hold_reason": "monthly_limit"},
            "monthly limit reached",
        ),
        (
            {"not_before": clock.now() + timedelta(hours=3), "hold_reason": "too_many"},
            "three charges in ten minutes",
        ),
    ],
)
def test_on_but_unable_to_charge_it_is_told_once(stripe, settings, why):
    wallet = make_wallet(credit="20")
    add_card(stripe, wallet)
    falls(wallet, **settings)
    text = f"Low balance: $8.10, about 50 Premium minutes. Auto-Recharge does not charge: {why}."

    assert tell(wallet) == [text]
    fill(wallet, credit="-1")
    assert tell(wallet) == [text]


@pytest.mark.usefixtures("nudges")
def test_a_wait_that_ends_by_itself_is_not_told(stripe):
    wallet = make_wallet(credit="20")
    add_card(stripe, wallet)
    falls(wallet, not_before=clock.now() + timedelta(hours=1), hold_reason="declined")

    assert tell(wallet) == []


@pytest.mark.usefixtures("nudges", "stripe")
def test_without_a_card_and_with_a_block_it_is_told():
    no_card, blocked = make_wallet(credit="20"), make_wallet(credit="20")
    Wallet.objects.filter(pk=blocked.pk).update(blocked_at=clock.now(), blocked_reason="disputed")
    for wallet in (no_card, blocked):
        falls(wallet)

    assert tell(no_card)[0].endswith("Auto-Recharge does not charge: there is no card.")
    assert tell(blocked)[0].endswith(
        "Auto-Recharge does not charge: automatic charges are blocked."
    )


@pytest.mark.usefixtures("nudges")
def test_while_support_has_stopped_all_charges_it_is_told(stripe):
    wallet = make_wallet(credit="20")
    add_card(stripe, wallet)
    switch.stop(reason="A restore", actor=None)
    falls(wallet)

    [text] = tell(wallet)
    assert text.endswith("Auto-Recharge does not charge: automatic charges are paused by support.")


@pytest.mark.usefixtures("nudges")
def test_suspended_after_the_crossing_it_is_told_then(stripe):
    wallet = make_wallet(credit="20")
    add_card(stripe, wallet)
    stripe.set_card(wallet.default_payment_method, behaviour={"decline_code": "lost_card"})
    falls(wallet)
    before = tell(wallet)

    auto_recharge.run(wallet_id=wallet.pk)

    assert before == []
    assert len(tell(wallet)) == 1


@pytest.mark.usefixtures("nudges")
def test_a_payment_that_lifts_it_to_the_level_arms_it_again():
    wallet = make_wallet()
    buy(wallet, cents=1000)
    fill(wallet, credit="-1")
    first = tell(wallet)

    buy(wallet, cents=100)
    fill(wallet, credit="-0.50")

    assert first == ["Low balance: $9.00, about 56 Premium minutes."]
    assert tell(wallet) == [*first, "Low balance: $9.50, about 59 Premium minutes."]


@pytest.mark.usefixtures("nudges")
def test_a_payment_that_does_not_reach_the_level_tells_nothing_new():
    wallet = make_wallet()
    buy(wallet, cents=1000)
    fill(wallet, credit="-2")
    first = tell(wallet)

    buy(wallet, cents=100)
    fill(wallet, credit="-0.50")

    assert tell(wallet) == first


@pytest.mark.usefixtures("nudges")
def test_a_closed_account_is_not_told_and_keeps_nobody_waiting():
    wallet = make_wallet(credit="20")
    fill(wallet, credit="-15")
    close(wallet.account)

    assert list(low_balance.UNTOLD.take()) == []
