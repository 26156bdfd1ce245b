"""Blocking a wallet: no automatic charge until support allows it again."""

from collections.abc import Iterable

from django.db import transaction

from accounts import clock
from accounts.runtime.nudges import nudge
from wallets.balances import ledger
from wallets.errors import Refused
from wallets.models import Wallet


def block(*, wallet_ids: Iterable[int], reason: str) -> int:
    """Block those that are not blocked yet, and return how many. Call with the wallets locked."""
    free = Wallet.objects.filter(pk__in=wallet_ids, blocked_at=None)
    return free.update(blocked_at=clock.now(), blocked_reason=reason)


@transaction.atomic
def unblock(*, wallet_id: int) -> None:
    """Allow automatic charges again, after a dispute or when the books agree again.

    Auto-Recharge that was suspended by the dispute stays so: that is lifted apart. Raises
    Refused when nothing is blocked.
    """
    wallet = ledger.lock_one(wallet_id=wallet_id)
    if not wallet.blocked_at:
        raise Refused("The wallet is not blocked.")
    wallet.blocked_at, wallet.blocked_reason = None, ""
    wallet.save(update_fields=["blocked_at", "blocked_reason"])
    nudge("wallets.recharge_wallet", wallet_id)
