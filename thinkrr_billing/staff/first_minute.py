"""What a caller asks in the first minute, for the top of the account page. Reads only.

Each trouble is a sentence with the link to what helps: a button of this page, or a list.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import Account, Notification, StaffAlert, User
from campaigns.models import Campaign
from campaigns.payable import judge
from wallets.balances import holds
from wallets.cards import payment_methods
from wallets.cards.payment_methods import Card
from wallets.charging import declines
from wallets.forecasts import runway
from wallets.forecasts.runway import Lasts
from wallets.models import Alert, AutoAllocation, AutoRecharge, Purchase, SlackHook, Wallet
from wallets.prices.rates import rates_now
from wallets.recharges import auto_recharge, configure
from wallets.statements.charge_line import charge_line
from wallets.why import sentences

# On one screen: what is older is in the timeline and in the lists.
LATEST = 5


@dataclass(frozen=True)
class Line:
    """A sentence, and where it leads; "" for nowhere."""

    text: str
    link: str = ""
    action: str = ""
    is_trouble: bool = False
    # What a role needs for it; "" for a page, which says no by itself. A button opens its dialog.
    permission: str = ""


def of(account: Account, wallet: Wallet | None, *, staff: User) -> dict[str, object]:
    """The parts of the panel, with the buttons this person may press.

    A wallet that is not opened yet has none.
    """
    if wallet is None:
        return {}
    automatic = AutoRecharge.objects.filter(wallet=wallet).first()
    cards = payment_methods.cards(account)
    shown: dict[str, object] = {
        "lasts": _lasts(wallet, automatic),
        "charges": list(_charges(account)),
        "paused": list(_paused(account, wallet)),
        "allocations": [_allowed(line, staff) for line in _allocations(account)],
        "told": list(_told(account)),
        "alerts": list(_alerts(account, wallet)),
    }
    if automatic:
        automatic.wallet = wallet
        shown["recharge"] = _allowed(_recharge(wallet, automatic), staff)
        shown["cards"] = [_card(account, wallet, automatic, card) for card in cards]
    return shown


def _allowed(line: Line, staff: User) -> Line:
    if line.permission and not staff.has_perm(line.permission):
        return replace(line, link="", action="", permission="")
    return line


def _lasts(wallet: Wallet, automatic: AutoRecharge | None) -> list[Lasts]:
    if automatic is None:
        return []
    return runway.runway(wallet=wallet, automatic=automatic, rates=rates_now()).types or []


def _recharge(wallet: Wallet, automatic: AutoRecharge) -> Line:
    """What the rule itself would do now, and until when it waits."""
    decision = auto_recharge.decide(wallet=wallet, automatic=automatic)
    text = sentences.preview(decision)
    if automatic.suspended_at:
        text = f"{text} Since {_moment(automatic.suspended_at)}."
    elif automatic.not_before:
        text = f"{text} Waits until {_moment(automatic.not_before)}."
    trouble = bool(automatic.suspended_at) or (automatic.enabled and not decision.code.calm)
    line = Line(text, is_trouble=trouble and not decision.wanted)
    if automatic.suspended_at:
        action, permission = "Lift the suspension", "wallets.lift_autorecharge"
        link = _button(wallet.account_id, "lift")
    elif configure.has_failed(automatic):
        action, permission = "Retry Auto-Recharge", "wallets.retry_autorecharge"
        link = _button(wallet.account_id, "retry")
    else:
        return line
    return replace(line, link=link, action=action, permission=permission)


def _card(account: Account, wallet: Wallet, automatic: AutoRecharge, card: Card) -> Line:
    """The card, what it is for, and Stripe's code of its last decline if that was its last."""
    paying = AutoAllocation.objects.filter(agency=account, active=True, payment_method=card.id)
    parts = [
        f"{card.label}, {card.exp_month}/{card.exp_year}",
        *(["default"] if card.id == wallet.default_payment_method else []),
        *(["backup"] if card.id == wallet.backup_payment_method else []),
        *(["Auto-Recharge"] if card.id == automatic.effective_payment_method else []),
        *([f"{count} monthly allocations"] if (count := paying.count()) else []),
    ]
    trouble, link = _card_trouble(account, card)
    parts += [trouble] if trouble else []
    return Line(" · ".join(parts), link, "The charge" if link else "", bool(trouble))


def _card_trouble(account: Account, card: Card) -> tuple[str, str]:
    if card.is_expired:
        return "expired", ""
    tried = Purchase.objects.filter(payer=account, payment_method=card.id)
    last = tried.exclude(state="canceled").order_by("-created_at").first()
    if last is None or last.state != Purchase.State.DECLINED:
        return "", ""
    what = "not confirmed" if declines.is_unconfirmed(last.decline_code) else "declined"
    return f"{what} {_moment(last.closed_at)} ({last.decline_code})", _page(last)


def _charges(account: Account) -> Iterator[Line]:
    rows = Purchase.objects.filter(payer=account).select_related(
        "payer", "wallet__account", "requested_by", "allocation_run"
    )
    for purchase in rows.order_by("-created_at")[:LATEST]:
        declined = purchase.state == Purchase.State.DECLINED
        yield Line(charge_line(purchase), _page(purchase), "Open", declined)


def _paused(account: Account, wallet: Wallet) -> Iterator[Line]:
    """Campaigns that money paused, each with what it would need now."""
    rows = Campaign.objects.filter(account=account, status=Campaign.Status.PAUSED)
    rates, count = rates_now(), rows.count()
    reserved = holds.reserved_of(wallets=[wallet]).get(wallet.pk)
    for campaign in rows.select_related("account").order_by("-pk")[:LATEST]:
        verdict = judge(campaign=campaign, wallet=wallet, rates=rates, reserved=reserved)
        why = verdict.sentence if not verdict.ok else "Could be resumed now."
        yield Line(f"{campaign.name}: {why}", _page(campaign), "Open", not verdict.ok)
    if count > LATEST:
        link = reverse("admin:campaigns_campaign_changelist")
        yield Line(f"{count:,} are paused.", f"{link}?account__id__exact={account.pk}", "All")


def _allocations(account: Account) -> Iterator[Line]:
    """What it gets from its agency, and of an agency how many it pays."""
    got = AutoAllocation.objects.filter(account=account, active=True).first()
    if got:
        failed = " Its payment failed." if got.failed_at else ""
        button = _button(account.pk, "run_allocation") if failed else ""
        text = f"Gets {got} from {got.agency.name}.{failed}"
        yield Line(text, button, "Run or retry", bool(failed), "wallets.run_allocation")
    paid = AutoAllocation.objects.filter(agency=account, active=True).aggregate(
        on=Count("pk"), failed=Count("pk", filter=Q(failed_at__isnull=False))
    )
    if paid["on"]:
        text = f"Pays {paid['on']} monthly allocations, {paid['failed']} of them failed."
        link = f"{reverse('admin:wallets_autoallocation_changelist')}?q={account.pk}"
        yield Line(text, link, "Allocations", bool(paid["failed"]))


def _told(account: Account) -> Iterator[Line]:
    for one in Notification.objects.filter(account=account).order_by("-pk")[:LATEST]:
        mailed = "in the app only"
        if one.mailed_at:
            mailed = f"mailed {_moment(one.mailed_at)}"
        elif one.mail_due_at:
            mailed = f"mail waits, {one.mail_attempts} tries"
        yield Line(f"{one.title}: {mailed}", _page(one), "Open", one.level == "danger")


def _alerts(account: Account, wallet: Wallet) -> Iterator[Line]:
    """Ours about it that nobody has closed, and its own."""
    ours = StaffAlert.objects.filter(closed_at=None, data__account=str(account.pk))
    for one in ours.order_by("-pk")[:LATEST]:
        yield Line(one.text, _page(one), "Open", is_trouble=True)
    if own := Alert.objects.filter(wallet=wallet).count():
        named = urlencode({"q": account.name})
        link = f"{reverse('admin:wallets_alert_changelist')}?{named}"
        yield Line(f"{own} alerts of its own.", link, "Alerts")
    hook = SlackHook.objects.filter(wallet=wallet).exclude(disabled_at=None).first()
    if hook:
        yield Line(f"Slack is switched off: {hook.disabled_because}.", _page(hook), "Open", True)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %b, %H:%M} UTC"


def _page(row: object) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def _button(account_id: object, name: str) -> str:
    return reverse(f"admin:accounts_account_{name}", args=[account_id])
