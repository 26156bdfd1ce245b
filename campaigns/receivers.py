"""What campaigns does when balances move. See wallets.signals for the rules of receivers."""

from collections.abc import Sequence

from django.dispatch import receiver

from accounts import clock
from campaigns import pausing, resuming
from wallets.balances.ledger import Holding
from wallets.models import LedgerEntry
from wallets.signals import balances_moved


@receiver(balances_moved)
def pause_or_resume(wallets: Sequence[Holding], kinds: set[str], **kwargs: object) -> None:
    """Pause what the moved wallets no longer pay. Money of Auto-Recharge may resume campaigns."""
    pausing.pause_unpayable(wallets=wallets, now=clock.now())
    if LedgerEntry.Kind.AUTO_RECHARGE in kinds:
        resuming.resume_after_recharge(wallets=wallets)
