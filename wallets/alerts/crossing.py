"""Noticing what alerts wait for. From rows, each minute: nothing here is on the way of a call.

Level, not edge: an armed alert whose level is passed is crossed, and armed again once the balance
is above it. What happens (a decline, a new rate, a charge) is looked for since the last look.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Exists, F, OuterRef, QuerySet

from accounts import clock
from accounts.runtime.queues import Queue, awake
from wallets import limits
from wallets.forecasts import pace, runway
from wallets.models import Alert, AllocationRun, MinuteRate, Purchase
from wallets.prices.amounts import cents, dollars
from wallets.prices.rates import rate_history, rates_now
from wallets.texts import day, usd

Kind = Alert.Kind
_SECONDS = F("wallet__premium_seconds") + F("wallet__basic_seconds") + F("wallet__included_seconds")


def _untold(now: datetime) -> QuerySet[Alert]:
    return Alert.objects.filter(
        awake(now), crossed_at__isnull=False, wallet__account__status="active"
    )


UNTOLD = Queue(kind="own_alert", rows=_untold, since="crossed_at")


def _runways(now: datetime) -> QuerySet[Alert]:
    return Alert.objects.filter(
        awake(now), kind=Kind.RUNWAY, crossed_at=None, wallet__account__status="active"
    )


RUNWAYS = Queue(
    kind="runway_alert",
    rows=_runways,
    first_wait=limits.ALERT_RUNWAY_EVERY,
    longest_wait=limits.ALERT_RUNWAY_EVERY,
)


def look() -> int:
    """Note everything that was crossed since the last look. Returns how many alerts are to be told.

    Safe to repeat and to race: each is crossed by one conditional update.
    """
    found = sum(_cross(*levels) for levels in _levels())
    return found + _note_declines() + _note_rates() + _note_charges()


def _levels() -> list[tuple[QuerySet[Alert], QuerySet[Alert]]]:
    """Of each kind that a statement can compare: those below, and those at their level or above."""
    active = Alert.objects.filter(wallet__account__status="active", crossed_at=None)
    credit = active.filter(kind=Kind.BALANCE)
    minutes = active.filter(kind=Kind.MINUTES).alias(seconds=_SECONDS)
    return [
        (
            credit.filter(wallet__credit__lt=F("level")),
            credit.filter(wallet__credit__gte=F("level")),
        ),
        (minutes.filter(seconds__lt=F("level") * 60), minutes.filter(seconds__gte=F("level") * 60)),
    ]


def _cross(below: QuerySet[Alert], above: QuerySet[Alert]) -> int:
    above.filter(armed=False).update(armed=True)
    now = clock.now()
    return below.filter(armed=True).update(armed=False, crossed_at=now, look_at=now)


def value_of(alert: Alert) -> Decimal | None:
    """What its level is compared with: dollars, minutes or days. None: nothing is used, so it lasts
    for ever."""
    wallet = alert.wallet
    if alert.kind == Kind.BALANCE:
        return wallet.credit.amount
    if alert.kind == Kind.MINUTES:
        seconds = wallet.premium_seconds + wallet.basic_seconds + wallet.included_seconds
        return Decimal(seconds) / 60
    rates = rates_now()
    measured = pace.measure(wallet=wallet, rates=rates)
    return runway.days_paid(wallet=wallet, pace=measured.pace, rates=rates)


def is_below(alert: Alert) -> bool:
    value = value_of(alert)
    return value is not None and value < alert.level


def look_at_runway(*, alert_id: int) -> None:
    """Compare how long a balance lasts with the alert's days. Safe to repeat."""
    alert = Alert.objects.select_related("wallet__account").get(pk=alert_id)
    if alert.kind != Kind.RUNWAY or alert.crossed_at:
        return
    days, now = value_of(alert), clock.now()
    same = Alert.objects.filter(pk=alert_id, kind=Kind.RUNWAY, level=alert.level, crossed_at=None)
    if days is not None and days < alert.level:
        same.filter(armed=True).update(armed=False, crossed_at=now, look_at=now)
    elif days is None or days >= alert.level * limits.ALERT_RUNWAY_REARM:
        same.filter(armed=False).update(armed=True)


def _happened(alerts: QuerySet[Alert], *, about: str, seen_at: datetime, **more: object) -> int:
    now = clock.now()
    return alerts.filter(crossed_at=None, seen_at__lt=seen_at).update(
        crossed_at=now, look_at=now, about=about[:400], seen_at=seen_at, **more
    )


def _settled() -> datetime:
    """What closed until then is all there: nothing is committed behind what was looked at."""
    return clock.now() - limits.ALERT_SETTLED


def _note_declines() -> int:
    """The first of declines in a row that nobody asked for; a paid one by the first card arms."""
    charges = Purchase.objects.filter(
        payer=OuterRef("wallet__account"),
        purpose__in=_BY_ITSELF,
        closed_at__gt=OuterRef("seen_at"),
        closed_at__lte=_settled(),
        instead_of="",
        state__in=["succeeded", "declined"],
    )
    waiting = Alert.objects.filter(Exists(charges), kind=Kind.DECLINE, crossed_at=None)
    return sum(_note_decline(alert) for alert in waiting.select_related("wallet"))


_BY_ITSELF = ["auto_recharge", "allocation"]


def _note_decline(alert: Alert) -> int:
    """Go through what became of the charges since the last look, in their order."""
    charges = Purchase.objects.filter(
        payer=alert.wallet.account_id,
        purpose__in=_BY_ITSELF,
        instead_of="",
        state__in=["succeeded", "declined"],
        closed_at__gt=alert.seen_at,
        closed_at__lte=_settled(),
    )
    this, armed, seen_at = Alert.objects.filter(pk=alert.pk), alert.armed, alert.seen_at
    for charge in charges.order_by("closed_at"):
        seen_at = charge.closed_at
        if charge.state == Purchase.State.DECLINED and armed:
            amount = usd(dollars(charge.amount_cents))
            about = f"{charge.get_purpose_display()} of {amount}: {charge.error_text}"
            return _happened(this, about=about, seen_at=seen_at, armed=False)
        armed = armed or charge.state == Purchase.State.SUCCEEDED
    this.filter(crossed_at=None, seen_at=alert.seen_at).update(armed=armed, seen_at=seen_at)
    return 0


def _note_rates() -> int:
    """Each rate that is set to rise above the one it ends, once. That one may be still to come: as
    long as the other lasts, its rise would stand behind those that were set and told later."""
    now = clock.now()
    found = 0
    history = rate_history()
    coming = MinuteRate.objects.filter(effective_from__gt=now).order_by("created_at", "pk")
    for rate in coming:
        before = history.at(rate.minute_type, rate.effective_from - timedelta(microseconds=1))
        if rate.price.amount <= before:
            continue
        holds = "now" if before == history.at(rate.minute_type, now) else "until then"
        at = f"{day(rate.effective_from)}, {rate.effective_from:%H:%M} UTC"
        about = (
            f"A {rate.get_minute_type_display()} minute costs {usd(rate.price.amount)} from {at} "
            f"on, {holds} {usd(before)}."
        )
        alerts = Alert.objects.filter(kind=Kind.RATE)
        found += _happened(alerts, about=about, seen_at=rate.created_at)
    return found


def _note_charges() -> int:
    """Each month whose charge is above what its allocation's terms showed when they were saved."""
    found = 0
    for alert in Alert.objects.filter(kind=Kind.ESTIMATE, crossed_at=None).select_related("wallet"):
        paid = AllocationRun.objects.filter(
            allocation__agency=alert.wallet.account_id,
            state=AllocationRun.State.PAID,
            closed_at__gt=alert.seen_at,
            closed_at__lte=_settled(),
        )
        this, seen_at = Alert.objects.filter(pk=alert.pk), alert.seen_at
        for run in paid.select_related("allocation__account").order_by("closed_at"):
            seen_at = run.closed_at
            if (estimate := _estimate(run)) < run.charged_cents:
                found += _happened(this, about=_above(run, estimate), seen_at=seen_at)
                break
        else:
            # Terms that are saved later say nothing of these.
            this.filter(crossed_at=None, seen_at=alert.seen_at).update(seen_at=seen_at)
    return found


def _estimate(run: AllocationRun) -> int:
    """Cents of its minutes at the rates of when they were set; of a month that was made before that
    at those of then, which it was shown with."""
    rates = rate_history().each_at(min(run.allocation.updated_at, run.created_at))
    minutes = {"premium": run.premium_minutes, "basic": run.basic_minutes}
    return cents(sum(count * rates[name] for name, count in minutes.items()))


def _above(run: AllocationRun, estimate: int) -> str:
    return (
        f"The monthly allocation for {run.allocation.account.name} was charged "
        f"{usd(dollars(run.charged_cents))}. Its estimate was {usd(dollars(estimate))}."
    )
