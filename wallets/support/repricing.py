"""New rates by support: alone within a band and a day ahead, by two people beyond that.

Everybody pays the same rate, so a mistake is everybody's: a price that leaps, or holds at once, is
never one person's decision, whatever it is worth.
"""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from accounts import clock
from accounts.models import User
from wallets import limits
from wallets.models import AdjustmentRequest, MinuteRate, MinuteType, Purchase
from wallets.prices import effects, rates
from wallets.prices.amounts import dollars
from wallets.support import policy
from wallets.texts import rate


@transaction.atomic
def set_rate(
    *,
    minute_type: str,
    price: Decimal,
    effective_from: datetime,
    actor: User,
    note: str,
    form_key: str,
) -> MinuteRate | AdjustmentRequest:
    """Add the price of a minute from a moment on, or ask a second person for it.

    The same form again answers with what it made. Raises InvalidAmount, or FormReused.
    """
    policy.check_note(note)
    deed = policy.Deed(
        kind=policy.Kind.RATE,
        person=actor,
        note=note,
        form_key=form_key,
        facts={
            "minute_type": minute_type,
            "price": f"{price.normalize():f}",
            "effective_from": effective_from.isoformat(),
        },
    )
    if before := policy.earlier(deed):
        return _made(before)
    rates.check(minute_type=minute_type, price=price, effective_from=effective_from)
    row = policy.decide(
        deed,
        worth=worth_of(minute_type=minute_type, price=price),
        what=_what(minute_type, price, effective_from),
        needs_two=_leaps(minute_type, price, effective_from) or _is_soon(effective_from),
    )
    return _set(row, actor) if row.state == policy.State.ALONE else row


@transaction.atomic
def approve(*, request: AdjustmentRequest, actor: User) -> str:
    """Set the rate that somebody else asked for, unless its moment has passed."""
    row = policy.undecided(request_id=request.pk, actor=actor)
    made = _set(row, row.asked_by)
    policy.approved(row, actor=actor)
    return f"{made} from {made.effective_from:%-d %b %Y, %H:%M} UTC on."


def worth_of(*, minute_type: str, price: Decimal) -> Decimal:
    """Dollars that the new price moves in a month: of allocations, and of what was paid lately."""
    effect = effects.preview(minute_type=minute_type, price=price)
    paid = Purchase.objects.recharges().filter(
        state=Purchase.State.SUCCEEDED,
        buys__in=[minute_type, "credit"],
        created_at__gte=clock.now() - limits.RATE_WITHIN,
    )
    lately = dollars(paid.aggregate(total=Sum("amount_cents"))["total"] or 0)
    change = abs(effect.after - effect.before) / effect.before
    return abs(effect.month_after - effect.month_before) + lately * change


def _made(before: AdjustmentRequest) -> MinuteRate | AdjustmentRequest:
    if before.state != policy.State.ALONE:
        return before
    return MinuteRate.objects.get(
        minute_type=before.facts["minute_type"],
        effective_from=datetime.fromisoformat(before.facts["effective_from"]),
    )


def _leaps(minute_type: str, price: Decimal, effective_from: datetime) -> bool:
    """Whether it is too far from any price in force from a month ago until it begins."""
    since = clock.now() - limits.RATE_WITHIN
    history = rates.rate_history()
    near = [was for began, was in history.rows[minute_type] if since < began < effective_from]
    near += [history.at(minute_type, since)] if _began_before(history, minute_type, since) else []
    return any(abs(price - was) > was * limits.RATE_BAND for was in near)


def _began_before(history: rates.RateHistory, minute_type: str, moment: datetime) -> bool:
    return any(began <= moment for began, _ in history.rows[minute_type])


def _is_soon(effective_from: datetime) -> bool:
    return effective_from < clock.now() + limits.RATE_NOTICE


def _set(row: AdjustmentRequest, actor: User) -> MinuteRate:
    return rates.set_rate(
        minute_type=row.facts["minute_type"],
        price=Decimal(row.facts["price"]),
        effective_from=datetime.fromisoformat(row.facts["effective_from"]),
        actor=actor,
    )


def _what(minute_type: str, price: Decimal, effective_from: datetime) -> str:
    was = rates.rates_now()[minute_type]
    return (
        f"{MinuteType(minute_type).label} minutes: {rate(was)} → {rate(price)} from "
        f"{effective_from:%-d %b %Y, %H:%M} UTC on"
    )
