"""What the banner on every page says: the one thing about calling that needs a person now."""

import hashlib
from dataclasses import dataclass

from django.urls import reverse

from accounts import clock
from accounts.models import Account
from campaigns import limits, notices, outlook, resuming
from campaigns.models import Campaign
from campaigns.resuming import Resumable
from wallets import links
from wallets.allocations import asks
from wallets.cards import payment_methods
from wallets.charging import declines
from wallets.forecasts import runway
from wallets.forecasts.standing import Standing, standing
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.prices.payable import CREDIT_RATE, payable_minutes
from wallets.prices.rates import rates_now
from wallets.texts import cents, day, money, spoken

Hold, Suspended = AutoRecharge.Hold, AutoRecharge.Suspended


@dataclass(frozen=True)
class Link:
    text: str
    url: str
    # Opens over the page. What leads elsewhere, such as to the bank, does not.
    dialog: bool = True
    # Only for those who may pay; the others may resume at most.
    for_money: bool = True


@dataclass(frozen=True)
class Banner:
    """One message. A second link belongs to a second sentence."""

    tone: str
    text: str
    links: tuple[Link, ...] = ()
    dismissible: bool = False
    # What it is about: a dismissed banner comes back when this changes.
    about: str = ""

    @property
    def mark(self) -> str:
        """Names what it says, so that a page knows whether it has shown it already."""
        said = f"{self.tone}|{self.text}|{self.about}"
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def banner(*, account: Account) -> Banner | None:
    """The message for this account now, most urgent first, or None."""
    wallets = Wallet.objects.filter(account=account).select_related("auto_recharge")
    wallet = None if account.is_closed else wallets.first()
    if wallet is None:
        return None
    wallet.account = account
    automatic = wallet.auto_recharge
    payment = _payment_trouble(wallet, automatic)
    paused = resuming.resumable(account=account, wallet=wallet)
    if paused:
        return _paused(paused, wallet, payment)
    return (
        payment
        or _asked(account)
        or _low_balance(wallet, automatic)
        or _card_expires(account, automatic)
    )


def _paused(paused: list[Resumable], wallet: Wallet, payment: Banner | None) -> Banner:
    """While anything is paused this carries the count; payment trouble is its second sentence."""
    count = notices.counted(len(paused))
    able = sum(one.eligible for one in paused)
    if able:
        are = "is" if len(paused) == 1 else "are"
        which = ("it" if len(paused) == 1 else "them") if able == len(paused) else f"{able} of them"
        text = f"{count} {are} still paused. Your balance is enough to resume {which}."
        link = Link("Resume campaigns", reverse("campaigns:resume"), for_money=False)
    else:
        text = (
            f"{count} paused: balance too low. Your balance is {money(wallet.credit)}. "
            "Recharge to continue calling."
        )
        link = Link("Recharge", f"{reverse('wallets:recharge')}?buys={_best_tier(paused, wallet)}")
    if payment:
        return Banner(payment.tone, f"{text} {payment.text}", (link, *payment.links))
    return Banner("info" if able else "warning", text, (link,))


def _best_tier(paused: list[Resumable], wallet: Wallet) -> str:
    """What to buy to resume most of them."""
    resumed = outlook.resumes(
        campaigns=[one.campaign for one in paused], wallet=wallet, amount=limits.USUAL_RECHARGE
    )
    preferred = CREDIT_RATE[paused[0].campaign.minute_type]
    return outlook.best_tier(resumed=resumed, preferred=preferred)


def recharge_link(*, campaign: Campaign | None = None, text: str = "Recharge") -> Link:
    """To the Recharge dialog, with the minutes chosen that the campaign uses first."""
    url = reverse("wallets:recharge")
    if campaign:
        url += f"?buys={CREDIT_RATE[campaign.minute_type]}"
    return Link(text, url)


def _payment_trouble(wallet: Wallet, automatic: AutoRecharge) -> Banner | None:
    recharges = wallet.purchases.recharges()
    asked = recharges.filter(state=Purchase.State.REQUIRES_ACTION, quarantined_at=None)
    if waiting := asked.order_by("-created_at").first():
        text = f"Your bank needs you to confirm a {cents(waiting.amount_cents)} payment."
        url = reverse("wallets:purchase", args=[waiting.pk])
        return Banner("danger", text, (Link("Confirm payment", url, dialog=False),))
    if not automatic.enabled:
        return None
    configure = reverse("wallets:auto_recharge")
    links = (Link("Update payment method", configure),)
    stops = "Calls stop when the balance runs out."
    if automatic.suspended_at is None:
        return _waiting_to_charge(wallet, automatic, links)
    if automatic.suspended_reason == Suspended.PAYMENT_FAILED:
        return Banner("danger", f"Auto-Recharge failed: {_declined(wallet)}. {stops}", links)
    if automatic.suspended_reason in (Suspended.DISPUTED, Suspended.SUPPORT):
        links = ()
    else:
        links = (Link("Configure", configure),)
    why = automatic.get_suspended_reason_display()
    return Banner("danger", f"Auto-Recharge is suspended: {why}. {stops}", links)


def _declined(wallet: Wallet) -> str:
    """What the last automatic charge came to, by which cards: what a person tried since is
    another."""
    automatic = wallet.purchases.filter(purpose="auto_recharge", state=Purchase.State.DECLINED)
    latest = automatic.order_by("-created_at", "-instead_of").first()
    if latest is None or not latest.card:
        return "The card was declined"
    if latest.instead_of:
        backup = declines.was_declined(f"your backup card {latest.card}", latest.decline_code)
        return f"{latest.instead_of}, and {backup}"
    return declines.was_declined(latest.card, latest.decline_code)


def _waiting_to_charge(
    wallet: Wallet, automatic: AutoRecharge, links: tuple[Link, ...]
) -> Banner | None:
    """The balance is below the threshold, and for hours nothing will be charged by itself."""
    until = automatic.not_before
    low = wallet.credit.amount < automatic.threshold.amount
    if not low or until is None or until <= clock.now():
        return None
    local = until.astimezone(wallet.account.zone)
    today = clock.now().astimezone(local.tzinfo).date()
    at = f"{spoken(local.date(), today=today)} at {local:%H:%M}"
    if automatic.hold_reason == Hold.DECLINED:
        text = f"Auto-Recharge failed: {_declined(wallet)}. We try again {at}."
        return Banner("warning", text, links)
    if automatic.hold_reason == Hold.DAILY_CEILING:
        text = f"Automatic charges of today reached your daily ceiling. They go on {at}."
        raising = Link("Raise the ceiling", reverse("wallets:auto_recharge"))
        return Banner("warning", text, (raising, recharge_link()))
    if automatic.hold_reason == Hold.MONTHLY_LIMIT:
        text = f"Your monthly limit leaves no room for another automatic recharge before {at}."
        return Banner("warning", text, (recharge_link(),))
    return None


def _asked(account: Account) -> Banner | None:
    """Sub-accounts that wait for an answer of their agency."""
    waiting = list(asks.open_asks(agency=account)) if account.is_agency else []
    if not waiting:
        return None
    first = waiting[0]
    if len(waiting) == 1:
        text = f"{first.account.name} asks for {first.minutes}."
        link = Link("Give or decline", links.answer_ask(first.account_id, first.pk))
    else:
        text = f"{len(waiting)} sub-accounts ask for minutes. {first.account.name} asked first."
        link = Link("See them", f"{reverse('wallets:account_manager')}?status=asks", dialog=False)
    return Banner("info", text, (link,))


def _low_balance(wallet: Wallet, automatic: AutoRecharge) -> Banner | None:
    credit = wallet.credit.amount
    if automatic.enabled or credit >= automatic.threshold.amount:
        return None
    automatic.wallet, rates = wallet, rates_now()
    lasts = runway.runway(wallet=wallet, automatic=automatic, rates=rates)
    found = standing(wallet=wallet, automatic=automatic, runway=lasts)
    if found not in (Standing.LOW, Standing.NEGATIVE):
        return None
    if credit < 0:
        text = f"Your balance is {money(credit)}. Recharge to continue calling."
    else:
        left = payable_minutes(pots=wallet.pots, usable="premium", rates=rates)
        text = f"Low balance: {money(credit)}, about {left:,} Premium minutes."
    about = f"low-balance:{automatic.low_since}"
    return Banner("warning", text, (recharge_link(),), dismissible=True, about=about)


def _card_expires(account: Account, automatic: AutoRecharge) -> Banner | None:
    card_id = automatic.effective_payment_method
    card = payment_methods.card(account=account, card_id=card_id) if card_id else None
    if card is None or not (card.expires_soon or card.is_expired):
        return None
    verb = "expired" if card.is_expired else "expires"
    text = f"{card.label} {verb} on {day(card.last_day)}."
    link = Link("Update card", reverse("wallets:methods_add"))
    about = f"card:{card_id}:{card.is_expired}"
    return Banner("info", text, (link,), dismissible=True, about=about)
