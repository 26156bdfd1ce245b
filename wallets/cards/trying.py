"""Cards tried one after the other: declined payments by hand and pages that save a card.

Counted per account, per person and per address (one of IPv6 by its /64), because who tries out
stolen cards changes the other two easily. Whoever is past the limit waits, reads until when, and
support is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts import clock
from accounts.models import Account, User
from accounts.runtime import brakes
from accounts.runtime.addresses import UNKNOWN_IP, machine
from accounts.telling.notifications import alert_staff
from wallets import limits
from wallets.errors import TooManyAttempts
from wallets.models import CardAttempt, Purchase
from wallets.models.card_attempt import CardAttemptQuerySet


@dataclass(frozen=True)
class Who:
    """Whose card, who shows it, and from where; the last two are unknown of programs."""

    account: Account
    person: User | None = None
    address: str = ""

    @property
    def known_address(self) -> str | None:
        return machine(self.address) if self.address not in ("", UNKNOWN_IP) else None

    def counts(self) -> Iterator[tuple[str, Q]]:
        yield f"account {self.account.pk}", Q(account=self.account)
        if self.person:
            yield f"person {self.person.pk}", Q(person=self.person)
        if self.known_address:
            yield f"address {self.known_address}", Q(address=self.known_address)


def refuse_too_many(who: Who) -> None:
    """Raises TooManyAttempts when they have to wait; then support has been told.

    Call with no transaction open: what support is told stays.
    """
    if waits := _waits(who):
        whose, until = waits
        _tell(who, whose, until)
        at = until.astimezone(who.account.zone)
        raise TooManyAttempts(
            f"Ten payments were declined or cards added within an hour. Try again at {at:%H:%M} "
            f"({at.tzname()}), or contact support. Nothing was charged."
        )


def note_payment(who: Who, *, purchase: Purchase) -> None:
    """Remember a payment before its card is charged; it counts once it is declined.

    In the transaction that decides it. One at a time of an account, a person and an address: of
    fifty at once, only those are charged that can all be declined within the limit. Raises
    TooManyAttempts.
    """
    _one_at_a_time(who)
    recent = _recent()
    possible = recent.counted() | recent.undecided()
    if any(possible.filter(which).count() >= limits.CARD_ATTEMPTS for _, which in who.counts()):
        raise TooManyAttempts(
            "Ten payments are under way or were declined within an hour. Wait for their results, "
            "then try again. Nothing was charged."
        )
    note(who, purchase=purchase)


def note_another(*, first: Purchase, purchase: Purchase) -> None:
    """Count another card of the same charge like the first was, for the same person and address.

    In the transaction that decides it. Raises TooManyAttempts.
    """
    for shown in first.card_attempts.select_related("account", "person"):
        note_payment(Who(shown.account, shown.person, shown.address or ""), purchase=purchase)


def note(who: Who, *, purchase: Purchase | None = None) -> None:
    """Remember one more; with `purchase` it counts once that is declined."""
    CardAttempt.objects.create(
        account=who.account, person=who.person, address=who.known_address, purchase=purchase
    )


def note_new_card(who: Who) -> None:
    """Count a page that saves a card before it is opened. Raises TooManyAttempts.

    One at a time of an account, a person and an address: of fifty at once, in however many
    wallets, only those within the limit are opened.
    """
    with transaction.atomic(durable=True):
        _one_at_a_time(who)
        if not (waits := _waits(who)):
            note(who)
    if waits:
        refuse_too_many(who)


def _one_at_a_time(who: Who) -> None:
    brakes.one_at_a_time(*(f"cards of {whose}" for whose, _ in who.counts()))


def _recent() -> CardAttemptQuerySet:
    return CardAttempt.objects.filter(created_at__gt=clock.now() - limits.CARD_ATTEMPTS_WINDOW)


def _waits(who: Who) -> tuple[str, datetime] | None:
    """Whose count is full, and until when: the longest wait of the three."""
    recent = _recent().counted()
    nth = limits.CARD_ATTEMPTS - 1
    found = []
    for whose, condition in who.counts():
        moments = recent.filter(condition).order_by("-created_at")
        tenth = moments.values_list("created_at", flat=True)[nth : nth + 1]
        found += [(whose, moment + limits.CARD_ATTEMPTS_WINDOW) for moment in tenth]
    return max(found, key=lambda one: one[1], default=None)


def _tell(who: Who, whose: str, until: datetime) -> None:
    """Once per wait: the attempts that are refused meanwhile are the same story."""
    alert_staff(
        kind="cards_tried",
        text=(
            f"{who.account.name}: ten declined payments or new cards within an hour, counted by "
            f"{whose}. More wait until {until:%H:%M} UTC."
        ),
        data={"account": str(who.account.pk), "counted_by": whose},
        dedupe_key=f"cards-tried:{whose}:{until:%Y-%m-%dT%H:%M:%S}",
    )
