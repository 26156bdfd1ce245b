"""The monthly limit of Auto-Recharge: what counts, when it starts anew, and its notices."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Sum

from accounts import clock
from wallets import limits
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.models.purchase import OPEN_STATES
from wallets.prices.amounts import dollars
from wallets.recharges import notices


def spent(*, wallet: Wallet, now: datetime) -> Decimal:
    """Automatic charges decided in the account's calendar month; an unknown counts as spent."""
    total = wallet.purchases.filter(
        purpose=Purchase.Purpose.AUTO_RECHARGE,
        state__in=[*OPEN_STATES, "succeeded"],
        created_at__gte=_month_start(wallet, now),
    ).aggregate(total=Sum("amount_cents"))["total"]
    return dollars(total or 0)


def _month_start(wallet: Wallet, now: datetime) -> datetime:
    local = now.astimezone(wallet.account.zone)
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def starts_anew(*, wallet: Wallet, now: datetime) -> datetime:
    """When the account's next calendar month begins."""
    return (_month_start(wallet, now) + timedelta(days=32)).replace(day=1)


def tell_used(automatic: AutoRecharge) -> None:
    """Notices at 80, 90 and 100 % of the monthly limit, the highest one only."""
    if automatic.monthly_limit is None:
        return
    now, limit = clock.now(), automatic.monthly_limit.amount
    used = spent(wallet=automatic.wallet, now=now)
    for percent in limits.LIMIT_NOTICES:
        if used * 100 >= limit * percent:
            month = now.astimezone(automatic.wallet.account.zone)
            notices.tell_limit_used(automatic, percent=percent, used=used, limit=limit, month=month)
            return
