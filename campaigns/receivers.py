"""What campaigns does when balances move. See wallets.signals for the rules of receivers."""

from collections.abc import Sequence

from django.dispatch import receiver

from accounts import clock
from campaigns import pausing, resuming
from wallets.balances.ledger import Holding
from wallets.models import LedgerEntry
from wallets.prices.rates import RateHistory
from wallets.signals import balances_moved


@receiver(balances_moved)
def pause_or_resume(
    wallets: Sequence[Holding],
    kinds: set[str],
    rates: RateHistory | None = None,
    started: pausing.Started | None = None,
    **kwargs: object,
) -> None:
    """Pause what the moved wallets no longer pay. Money of Auto-Recharge may resume campaigns."""
    now = clock.now()
    each = rates and rates.each_at(now)
    pausing.pause_unpayable(wallets=wallets, now=now, rates=each, started=started)
    if LedgerEntry.Kind.AUTO_RECHARGE in kinds:
        resuming.resume_after_recharge(wallets=wallets)
