"""The monthly limit of Auto-Recharge: what counts, when it starts anew, and its notices."""

from datetime import datetime
from decimal import Decimal

from accounts import clock
from wallets import limits
from wallets.models import AutoRecharge, Wallet
from wallets.months import beginning, due_date
from wallets.recharges import notices


def month_start(wallet: Wallet, now: datetime) -> datetime:
    """When the account's calendar month began."""
    account = wallet.account
    return beginning(account.local_date(now).replace(day=1), account.zone)


def starts_anew(*, wallet: Wallet, now: datetime) -> datetime:
    """When the account's next calendar month begins."""
    account = wallet.account
    return beginning(due_date(account.local_date(now).replace(day=1), 1), account.zone)


def tell_used(automatic: AutoRecharge, *, used: Decimal) -> None:
    """Notices at 80, 90 and 100 % of the monthly limit, the highest one only. `used` are the
    month's dollars (`spending`)."""
    now, limit = clock.now(), automatic.monthly_limit.amount
    for percent in limits.LIMIT_NOTICES:
        if used * 100 >= limit * percent:
            month = now.astimezone(automatic.wallet.account.zone)
            notices.tell_limit_used(automatic, percent=percent, used=used, limit=limit, month=month)
            return
