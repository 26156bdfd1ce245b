"""What automatic charges took of what they may take, in one statement for the day and the month."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Q, Sum

from wallets.models import Purchase, Wallet
from wallets.models.purchase import OPEN_STATES
from wallets.models.reversal import refunded_cents
from wallets.prices.amounts import dollars
from wallets.recharges import daily_ceiling, monthly_limit


@dataclass(frozen=True)
class Spent:
    """Dollars of automatic charges decided on the account's day and in its calendar month; an
    unknown counts as spent. What was refunded in full does not count for the month any more; it
    does for the day, whose ceiling is a brake."""

    today: Decimal
    month: Decimal


def spent(*, wallet: Wallet, now: datetime) -> Spent:
    """Reads only. Repeatable within a transaction that holds the wallet."""
    since = monthly_limit.month_start(wallet, now)
    day = daily_ceiling.day_start(wallet, now)
    charged = wallet.purchases.filter(
        purpose=Purchase.Purpose.AUTO_RECHARGE,
        state__in=[*OPEN_STATES, "succeeded"],
        created_at__gte=since,
    )
    sums = charged.alias(refunded=refunded_cents("pk")).aggregate(
        month=Sum("amount_cents", filter=Q(refunded__lt=F("amount_cents"))),
        today=Sum("amount_cents", filter=Q(created_at__gte=day)),
    )
    return Spent(today=dollars(sums["today"] or 0), month=dollars(sums["month"] or 0))
