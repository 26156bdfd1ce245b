"""The daily ceiling of Auto-Recharge: what counts, and when it starts anew.

A monthly limit is a wish; this is a brake that everybody has: runaway use must not charge a card
by the thousand within an hour.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Sum

from wallets.models import Purchase, Wallet
from wallets.models.purchase import OPEN_STATES
from wallets.months import beginning
from wallets.prices.amounts import dollars


def spent(*, wallet: Wallet, now: datetime) -> Decimal:
    """Automatic charges decided on the account's day; an unknown counts as spent."""
    account = wallet.account
    total = wallet.purchases.filter(
        purpose=Purchase.Purpose.AUTO_RECHARGE,
        state__in=[*OPEN_STATES, "succeeded"],
        created_at__gte=beginning(account.local_date(now), account.zone),
    ).aggregate(total=Sum("amount_cents"))["total"]
    return dollars(total or 0)


def starts_anew(*, wallet: Wallet, now: datetime) -> datetime:
    """The account's next midnight."""
    account = wallet.account
    return beginning(account.local_date(now) + timedelta(days=1), account.zone)
