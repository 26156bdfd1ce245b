"""What a new rate would change, for support to see before it is set. Writes nothing."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from accounts import clock
from wallets.models import AutoAllocation, MinuteRate, MinuteType
from wallets.prices.amounts import minutes_for
from wallets.prices.estimates import estimate
from wallets.prices.rates import rates_now
from wallets.texts import rate, usd

EXAMPLE = Decimal(50)


@dataclass(frozen=True)
class Effect:
    minute_type: str
    before: Decimal
    after: Decimal
    # Active monthly allocations that buy this type, and what a month of all of them costs.
    allocations: int
    month_before: Decimal
    month_after: Decimal
    # Rates of the type that begin later, each of which ends this one.
    later: int

    def lines(self) -> list[tuple[str, str]]:
        label = MinuteType(self.minute_type).label
        minutes = [
            f"{minutes_for(amount=EXAMPLE, rate=one):,}" for one in (self.before, self.after)
        ]
        return [
            (f"{label}", f"{rate(self.before)} → {rate(self.after)} a minute"),
            (f"{usd(EXAMPLE)} buys", f"{minutes[0]} → {minutes[1]} minutes"),
            ("Monthly allocations that buy it", f"{self.allocations:,}"),
            ("They cost a month", f"{usd(self.month_before)} → {usd(self.month_after)}"),
            ("Later rates already set", str(self.later)),
        ]


def preview(*, minute_type: str, price: Decimal) -> Effect:
    """Bought minutes keep their value; calls paid from credit and coming purchases change."""
    rates = rates_now()
    column = f"{minute_type}_minutes"
    buying = AutoAllocation.objects.filter(active=True, **{f"{column}__gt": 0})
    minutes = buying.aggregate(total=Sum(column))["total"] or 0
    wanted = {"basic_minutes": 0, "premium_minutes": 0, column: minutes}
    later = MinuteRate.objects.filter(
        minute_type=minute_type, effective_from__gt=clock.now()
    ).count()
    return Effect(
        minute_type=minute_type,
        before=rates[minute_type],
        after=price,
        allocations=buying.count(),
        month_before=estimate(rates=rates, **wanted).total,
        month_after=estimate(rates={**rates, minute_type: price}, **wanted).total,
        later=later,
    )
