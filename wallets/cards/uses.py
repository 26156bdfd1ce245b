"""What charges a saved card by itself, and what becomes of it when the card goes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from accounts.models import Account


class Ended(Protocol):
    def __call__(self, *, account: Account, card_id: str, by_person: bool) -> None: ...


@dataclass(frozen=True)
class Use:
    """One kind of use. `found` names each as a sentence that says what removing the card does.

    `ended` runs before the card is forgotten, with no lock held: a person who took the card away
    has agreed that what it paid ends; a card that Stripe lost only suspends it.
    """

    found: Callable[[Account, str], list[str]]
    ended: Ended


# Filled by wallets.apps, so that cards need not know what stands above them.
uses: list[Use] = []


def found(*, account: Account, card_id: str) -> list[str]:
    """Everything that would charge this card by itself, each as a sentence."""
    return [text for use in uses for text in use.found(account, card_id)]


def end(*, account: Account, card_id: str, by_person: bool) -> None:
    """End or suspend whatever charges this card. Repeatable."""
    for use in uses:
        use.ended(account=account, card_id=card_id, by_person=by_person)
