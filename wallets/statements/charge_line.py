"""One charge as one line with its reason, as support reads it out or sends it as an answer."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from wallets.models import LoggedDecision, Purchase
from wallets.prices.amounts import dollars
from wallets.texts import day, minutes_text, usd
from wallets.why.codes import Recharge

# A charge is decided and written in one transaction: its two moments are this near.
DECIDED_WITHIN = timedelta(seconds=5)


def charge_line(purchase: Purchase) -> str:
    """What was charged, why, and when, in the payer's clock beside UTC. One query more for an
    automatic charge. Wants `payer`, `wallet.account`, `requested_by` and `allocation_run`.
    """
    amount = usd(dollars(purchase.amount_cents))
    moment = moments(purchase.closed_at or purchase.created_at, purchase.payer.zone)
    told = f"{amount} to {_card(purchase)} {_reason(purchase)}"
    if purchase.state == Purchase.State.SUCCEEDED:
        return f"Charged {told}, on {moment}. Receipt {purchase.receipt_number}."
    if purchase.is_open:
        return f"Charging {told}, since {moment}. There is no answer yet."
    why = purchase.error_text or "It was canceled."
    return f"Did not charge {told}, on {moment}. {why}"


def moments(moment: datetime, zone: ZoneInfo) -> str:
    """A moment where the customer is, and in UTC: "22 Nov 2026, 09:14 EST (14:14 UTC)"."""
    local, utc = moment.astimezone(zone), moment.astimezone(UTC)
    beside = f"{utc:%H:%M} UTC" if local.date() == utc.date() else f"{day(utc)}, {utc:%H:%M} UTC"
    return f"{day(local)}, {local:%H:%M %Z} ({beside})"


def _card(purchase: Purchase) -> str:
    """With the first card's trouble, if it is the backup card."""
    if not purchase.instead_of:
        return purchase.card or "a card"
    return f"the backup card {purchase.card} ({purchase.instead_of})"


def _reason(purchase: Purchase) -> str:
    if purchase.purpose == Purchase.Purpose.ALLOCATION:
        bought = minutes_text(basic=purchase.basic_minutes, premium=purchase.premium_minutes)
        if purchase.is_gift:
            who = purchase.requested_by or "somebody of the account"
            return f"because {who} gave {bought} to {purchase.wallet.account.name}"
        period = day(purchase.allocation_run.period)
        return f"because {bought} for {purchase.wallet.account.name} were due on {period}"
    if purchase.purpose == Purchase.Purpose.RECHARGE:
        who = purchase.requested_by or "somebody of the account"
        return f"because {who} recharged {purchase.get_buys_display()}"
    figures = _figures(purchase)
    if figures is None:
        return "because Auto-Recharge is on and the balance was below the threshold"
    credit, threshold = (usd(Decimal(figures[name])) for name in ("credit", "threshold"))
    return f"because the balance of {credit} was below {threshold}"


def _figures(purchase: Purchase) -> dict[str, str] | None:
    """What the charge rested on, from the decision log; None once that is gone."""
    decided = LoggedDecision.objects.filter(
        wallet=purchase.wallet_id,
        subject=LoggedDecision.Subject.AUTO_RECHARGE,
        code=Recharge.CHARGE,
        first_at__lte=purchase.created_at + DECIDED_WITHIN,
        last_at__gte=purchase.created_at - DECIDED_WITHIN,
    )
    return decided.order_by("last_at").values_list("figures", flat=True).first()
