"""The daily ceiling of Auto-Recharge: what counts, and when it starts anew.

A monthly limit is a wish; this is a brake that everybody has: runaway use must not charge a card
by the thousand within an hour.
"""

from datetime import datetime, timedelta

from wallets.models import Wallet
from wallets.months import beginning


def day_start(wallet: Wallet, now: datetime) -> datetime:
    """The account's last midnight."""
    account = wallet.account
    return beginning(account.local_date(now), account.zone)


def starts_anew(*, wallet: Wallet, now: datetime) -> datetime:
    """The account's next midnight."""
    account = wallet.account
    return beginning(account.local_date(now) + timedelta(days=1), account.zone)
