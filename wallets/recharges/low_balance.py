"""Telling people that the balance is low when Auto-Recharge is off: once per crossing.

The ledger notes the crossing (`AutoRecharge.watch`); it is armed again well above the level.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts.runtime.queues import Queue
from wallets.balances import ledger
from wallets.models import AutoRecharge
from wallets.prices.amounts import minutes_for
from wallets.prices.rates import rates_now
from wallets.recharges import notices, suspensions


@transaction.atomic
def tell(*, wallet_id: int) -> None:
    """Tell the account, if it has not been told since its balance fell. Safe to repeat."""
    wallet = ledger.lock_one(wallet_id=wallet_id)
    automatic = suspensions.locked_settings(wallet)
    if automatic.low_since is None:
        return
    credit = wallet.credit.amount
    minutes = minutes_for(amount=credit, rate=rates_now()["premium"])
    notices.tell_low_balance(automatic, credit=credit, minutes=minutes)
    automatic.low_since = None
    automatic.save(update_fields=["low_since"])


def _untold(now: datetime) -> QuerySet[AutoRecharge]:  # noqa: ARG001
    """Settings of the wallets whose people have not heard yet."""
    return AutoRecharge.objects.filter(low_since__isnull=False)


UNTOLD = Queue(
    kind="low_balance", rows=_untold, key="wallet_id", since="low_since", column="low_look_at"
)
