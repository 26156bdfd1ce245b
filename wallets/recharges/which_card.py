"""Which card Auto-Recharge charges: its own, or the backup card while its own one rests.

A card that was declined is not tried again before its wait is over (an hour, then six), nor ever
after the third decline in a row or a hard one: meanwhile the backup card pays, if there is one.
Without one `suspensions` holds or suspends Auto-Recharge as a whole.
"""

from dataclasses import dataclass
from datetime import datetime

from accounts import clock
from wallets import limits
from wallets.cards import payment_methods
from wallets.cards.payment_methods import Card
from wallets.charging import backups, declines
from wallets.models import AutoRecharge, Purchase


@dataclass(frozen=True)
class Rest:
    """A wait of the first card. `until` is None when only another card ends it."""

    declined: Purchase
    until: datetime | None


@dataclass(frozen=True)
class Choice:
    """The card to charge; if it is the backup, why not the first. With `rest` the first waits."""

    card: Card | None
    instead_of: str = ""
    rest: Rest | None = None

    @property
    def must_wait(self) -> bool:
        """Whether the first card waits and no other stands in for it."""
        return self.rest is not None and not self.instead_of


def to_charge(automatic: AutoRecharge, *, by_person: bool = False) -> Choice:
    """Writes nothing. A person's try does not wait for the first card's rest, unless that was
    declined for good."""
    account = automatic.wallet.account
    first = payment_methods.card(account=account, card_id=automatic.effective_payment_method)
    if first is None:
        return Choice(None)
    rest = None if first.is_expired else rest_of(automatic, first)
    if by_person and rest and not declines.is_hard(rest.declined.decline_code):
        rest = None
    if not (first.is_expired or rest):
        return Choice(first)
    backup = backups.card_of(account_id=account.pk, first=first)
    if backup is None or (not by_person and backups.is_resting(backup, payer_id=account.pk)):
        return Choice(first, rest=None if by_person else rest)
    if first.is_expired:
        return Choice(backup, f"{first.label} has expired")
    code = rest.declined.decline_code
    return Choice(backup, declines.was_declined(first.label, code), rest)


def rest_of(automatic: AutoRecharge, first: Card) -> Rest | None:
    """The wait of a first card whose declines the backup card made good; None when it has none."""
    if automatic.failed_fingerprint != first.fingerprint or not automatic.consecutive_declines:
        return None
    tried = automatic.wallet.purchases.filter(
        purpose=Purchase.Purpose.AUTO_RECHARGE,
        card_fingerprint=first.fingerprint,
        state=Purchase.State.DECLINED,
    )
    declined = tried.order_by("-closed_at").first()
    if declined is None or not declined.backups.exists():
        return None
    count = automatic.consecutive_declines
    if declines.is_hard(declined.decline_code) or count >= limits.DECLINES_TO_SUSPEND:
        return Rest(declined, None)
    until = declined.closed_at + limits.DECLINE_WAITS[count - 1]
    return Rest(declined, until) if until > clock.now() else None
