"""Cursors: where a page of a statement ended, as a text only we can write."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core import signing
from django.db.models import Model, Q

from accounts.errors import Unusable
from wallets.errors import InvalidAmount

_SALT = "wallets.statements.statements"
_LONGEST = 255
# Of one moment, rows keyed by UUID (purchases) come before numbered ones on a page backwards.
ENTRY, PURCHASE = 0, 1


class BadCursor(InvalidAmount, Unusable):
    """The cursor is not one we gave out. Starting from the first page helps."""

    status = Unusable.status

    def __init__(self) -> None:
        super().__init__(
            "This cursor is not one of ours. Leave it out to start from the newest.",
            fields={"cursor": "Not a cursor of ours."},
        )


@dataclass(frozen=True)
class Place:
    """The last row of a page: its moment, its rank within the moment, and its key."""

    at: datetime
    rank: int
    pk: int | UUID

    @classmethod
    def of(cls, row: Model) -> "Place":
        """The place of a row with `created_at`. The kind of its key tells its rank."""
        return cls(row.created_at, PURCHASE if isinstance(row.pk, UUID) else ENTRY, row.pk)

    @classmethod
    def read(cls, cursor: str | None, *, of: str = "") -> "Place | None":
        """The place a cursor of this list stands for; None without a cursor. Raises BadCursor."""
        if not cursor:
            return None
        at, rank, pk = _signed(cursor, 3, of=of)
        return cls(datetime.fromisoformat(at), rank, UUID(pk) if rank == PURCHASE else int(pk))

    def written(self, *, of: str = "") -> str:
        """The cursor. With the name of its list in `of`, no other list takes it for its own."""
        return signing.dumps([self.at.isoformat(), self.rank, str(self.pk)], salt=_salt(of))

    def after(self, rank: int, *, moment: str = "created_at") -> Q:
        """The condition for rows of this rank that come after this place.

        `moment` is the column they are ordered by.
        """
        not_later, earlier = Q(**{f"{moment}__lte": self.at}), Q(**{f"{moment}__lt": self.at})
        if rank < self.rank:
            return not_later
        if rank > self.rank:
            return earlier
        # The first half lets the index be used, the second is exact.
        return not_later & (earlier | Q(pk__lt=self.pk))


@dataclass(frozen=True)
class Reached:
    """How far a statement was read: its last entry, and its last payment that moved no pot.

    `moment` is the earliest of the entries read so far. A field is None before the first.
    """

    entry: int | None = None
    moment: datetime | None = None
    payment: tuple[datetime, UUID] | None = None

    @classmethod
    def read(cls, cursor: str | None) -> "Reached":
        """The place a cursor stands for; the beginning without one. Raises BadCursor."""
        if not cursor:
            return cls()
        entry, moment, paid_at, paid = _signed(cursor, 4)
        return cls(
            entry=entry,
            moment=moment and datetime.fromisoformat(moment),
            payment=paid and (datetime.fromisoformat(paid_at), UUID(paid)),
        )

    def written(self) -> str:
        at, pk = self.payment or (None, None)
        moments = [moment and moment.isoformat() for moment in (self.moment, at)]
        return signing.dumps([self.entry, *moments, pk and str(pk)], salt=_SALT)


def _salt(of: str) -> str:
    return f"{_SALT}.{of}" if of else _SALT


def _signed(cursor: str, length: int, *, of: str = "") -> list:
    """What we wrote into a cursor of so many facts. Raises BadCursor."""
    if len(cursor) > _LONGEST or not cursor.isascii():
        raise BadCursor
    try:
        facts = signing.loads(cursor, salt=_salt(of))
    except signing.BadSignature:
        raise BadCursor from None
    if not isinstance(facts, list) or len(facts) != length:
        raise BadCursor
    return facts
