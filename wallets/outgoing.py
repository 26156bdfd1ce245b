"""What webhooks say of money: the rows that triggers wrote down, as the API shows them."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings

from accounts import clock
from accounts.webhooks.catalogue import EventType, Facts, offer
from wallets import links
from wallets.models import AutoRecharge
from wallets.prices.amounts import dollars

CURRENCY = "USD"


def _dollars(value: object, places: int = 2) -> str | None:
    return None if value is None else f"{Decimal(str(value)):.{places}f}"


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(str(value)) if value else None


def recharge(facts: Facts) -> Facts:
    waits = facts["state"] == "requires_action"
    page = f"{settings.SITE_URL.rstrip('/')}{links.purchase(facts['id'])}"
    return {
        "id": facts["id"],
        "account": facts["account"],
        "purpose": facts["purpose"],
        "state": facts["state"],
        "amount": _dollars(dollars(facts["amount_cents"])),
        "currency": CURRENCY,
        "buys": facts["buys"],
        "rate": _dollars(facts["rate"], 6),
        "card": facts["card"],
        "error_text": facts["error_text"],
        "action_url": page if waits else None,
        "receipt_number": facts["receipt_number"],
        "created_at": _moment(facts["created_at"]),
        "closed_at": _moment(facts["closed_at"]),
    }


def wallet(facts: Facts) -> Facts:
    return {
        "account": facts["account"],
        "credit": _dollars(facts["credit"], 6),
        "currency": CURRENCY,
        "premium_seconds": facts["premium_seconds"],
        "basic_seconds": facts["basic_seconds"],
        "included_seconds": facts["included_seconds"],
        "status": "negative" if Decimal(facts["credit"]) < 0 else "low",
        "blocked": facts["blocked"],
    }


def auto_recharge(facts: Facts) -> Facts:
    not_before = _moment(facts["not_before"])
    waits = not_before is not None and not_before > clock.now()
    if not facts["enabled"]:
        status = "off"
    elif facts["blocked"]:
        status = "blocked"
    elif facts["suspended_reason"]:
        status = "suspended"
    else:
        status = "waiting" if waits and facts["hold_reason"] != "cooldown" else "on"
    as_is = ("enabled", "payment_method", "resume_campaigns")
    amounts = ("threshold", "amount", "monthly_limit", "daily_ceiling")
    return {
        **{name: facts[name] for name in as_is},
        **{name: _dollars(facts[name]) for name in amounts},
        "currency": CURRENCY,
        "status": status,
        "reason": _reason(facts, waits),
        "not_before": not_before if waits else None,
        "updated_at": _moment(facts["updated_at"]),
    }


def _reason(facts: Facts, waits: bool) -> str:
    if facts["suspended_reason"]:
        return AutoRecharge.Suspended(facts["suspended_reason"]).label
    return AutoRecharge.Hold(facts["hold_reason"]).label if waits else ""


def run(facts: Facts) -> Facts:
    names = ("account", "period", "state", "basic_minutes", "premium_minutes")
    charge = _dollars(dollars(facts["charge_cents"]))
    return {name: facts[name] for name in names} | {
        "charge": charge,
        "currency": CURRENCY,
        "error_text": facts["error_text"],
    }


def rate(facts: Facts) -> Facts:
    return {
        "minute_type": facts["minute_type"],
        "price": _dollars(facts["price"], 6),
        "effective_from": _moment(facts["effective_from"]),
    }


def _with_reason(sentence: str, reason: object) -> str:
    return f"{sentence} {reason}".strip()


def _month(shown: Facts) -> str:
    return (
        f"{shown['basic_minutes']:,} Basic and {shown['premium_minutes']:,} Premium minutes of "
        f"{shown['period']}"
    )


def _recharge(what: str, meaning: str, sentence: str) -> EventType:
    return EventType(
        name=f"wallet.recharge.{what}",
        meaning=meaning,
        shown=recharge,
        sentence=lambda one: _with_reason(
            sentence.format(amount=f"${Decimal(str(one['amount'])):,.2f}", card=one["card"]),
            one["error_text"],
        ),
        route="wallet/recharges/<id>",
    )


def _auto(what: str, meaning: str, sentence: str) -> EventType:
    return EventType(
        name=f"wallet.auto_recharge.{what}",
        meaning=meaning,
        shown=auto_recharge,
        sentence=lambda one: f"{sentence}{': ' + one['reason'] if one['reason'] else ''}.",
        route="wallet/auto-recharge",
    )


def _allocation(what: str, meaning: str, sentence: str) -> EventType:
    return EventType(
        name=f"allocation.{what}",
        meaning=meaning,
        shown=run,
        sentence=lambda one: _with_reason(
            sentence.format(month=_month(one), charge=one["charge"]), one["error_text"]
        ),
        route="sub-accounts/<id>/auto-allocation",
    )


offer(
    EventType(
        name="wallet.low_balance",
        meaning="The credit fell below the threshold of Auto-Recharge, whether that is on or off. "
        "Once, until it has been above again.",
        shown=wallet,
        sentence=lambda one: f"The balance is low: ${Decimal(str(one['credit'])):,.2f} is left.",
        route="wallet",
    ),
    _recharge(
        "succeeded",
        "A recharge, by hand or automatic, was paid and credited.",
        "A recharge of {amount} was paid with {card}.",
    ),
    _recharge(
        "failed",
        "A recharge was declined or canceled: `state` says which. Nothing was charged.",
        "A recharge of {amount} was not paid.",
    ),
    _recharge(
        "action_required",
        "The bank wants a person to confirm a recharge, at `action_url`.",
        "A recharge of {amount} waits.",
    ),
    _auto(
        "suspended",
        "Auto-Recharge charges no more until somebody sees to it; `reason` says why.",
        "Auto-Recharge is suspended",
    ),
    _auto(
        "resumed",
        "A suspension ended: Auto-Recharge charges again, or tries once more.",
        "Auto-Recharge goes on",
    ),
    _auto(
        "ceiling_reached",
        "Auto-Recharge waits for midnight: the charges of the day are at their ceiling.",
        "Auto-Recharge waits",
    ),
    _allocation(
        "charged",
        "A sub-account's month was paid, and its minutes are there. To the agency alone.",
        "{month} were charged: ${charge}.",
    ),
    _allocation(
        "failed",
        "A sub-account's month was not paid, and is not tried again by itself. To the agency "
        "alone.",
        "{month} could not be charged: ${charge}.",
    ),
    _allocation(
        "missed",
        "A sub-account's month passed without a charge. To the agency alone.",
        "{month} were missed: nothing was charged.",
    ),
    EventType(
        name="rate.announced",
        meaning="Support set a new rate of a minute type, valid from a moment on. To everybody.",
        shown=rate,
        sentence=lambda one: (
            f"{str(one['minute_type']).capitalize()} minutes will cost "
            f"${Decimal(str(one['price'])).normalize():f} from {one['effective_from']}."
        ),
        route="rates",
    ),
)
