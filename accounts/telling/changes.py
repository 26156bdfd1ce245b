"""What has changed, for those who ask again and again: nothing that commits late is missed.

A number taken before the commit, like a moment, can become visible after a greater one was read.
So changes are numbered when they are read: what can be seen and has no number gets the next ones,
by one reader at a time.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from accounts import clock
from accounts.models import Change, Numbering

# A reader has what is left numbered with its next page: a page is a few hundred rows.
NUMBERED_AT_ONCE = 10_000
# Nothing has been numbered yet.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

# A row that somebody is changing is left to whoever reads next. The moment is no earlier than
# that of any change it stands for, whatever the clocks of hosts say.
NUMBER = """
WITH ripe AS MATERIALIZED (
    SELECT id, changed_at FROM accounts_change WHERE sequence IS NULL
    ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED
), numbered AS MATERIALIZED (
    SELECT id, changed_at, nextval('accounts_change_number') AS sequence
    FROM (SELECT * FROM ripe ORDER BY changed_at, id) AS in_order
), until AS (
    SELECT GREATEST(%(now)s::timestamptz, %(before)s::timestamptz, max(changed_at)) AS at FROM ripe
), noted AS (UPDATE accounts_numbering SET at = until.at FROM until)
UPDATE accounts_change c
SET sequence = n.sequence, numbered_at = until.at, is_late = n.changed_at <= %(before)s::timestamptz
FROM numbered n, until WHERE c.id = n.id
"""


def number() -> None:
    """Give every change that can be seen and has none a number greater than all before.

    Safe to repeat; without new changes it writes nothing. In a transaction of the caller's, others
    wait until that ends.
    """
    if not Change.objects.filter(sequence=None).exists():
        return
    with transaction.atomic():
        Numbering.objects.get_or_create(pk=1, defaults={"at": BEGINNING})
        before = Numbering.objects.select_for_update().get(pk=1).at
        with connection.cursor() as cursor:
            cursor.execute(NUMBER, {"most": NUMBERED_AT_ONCE, "now": clock.now(), "before": before})


def numbered(*, kind: Change.Kind | None = None) -> QuerySet[Change]:
    """What has changed, in the order of its numbers, with what can be seen now among it."""
    number()
    found = Change.objects.filter(sequence__isnull=False).order_by("sequence")
    return found if kind is None else found.filter(kind=kind)


# Of each account and kind by the index that has their order: read in everybody's order, those of
# one who changed nothing for long come after all that others changed.
NEXT_OF = """
SELECT c.* FROM unnest(%(accounts)s::uuid[]) AS a (id)
CROSS JOIN unnest(%(kinds)s::text[]) AS k (kind)
CROSS JOIN LATERAL (
    SELECT * FROM accounts_change
    WHERE account_id = ANY (ARRAY[a.id]) AND kind = k.kind AND sequence > %(after)s
    ORDER BY account_id, sequence LIMIT (SELECT %(most)s)) AS c
ORDER BY c.sequence LIMIT %(most)s
"""


@dataclass(frozen=True)
class Page:
    """Some changes in the order of their numbers, and what to ask with next."""

    rows: list[Change]
    after: int
    more: bool

    @property
    def sequences(self) -> dict[str, int]:
        """The numbers by the ids of what changed."""
        return {row.object_id: row.sequence for row in self.rows}


def page(
    *, kinds: Collection[str], accounts: Collection[UUID] | None, after: int, limit: int
) -> Page:
    """What changed after a number, at most `limit`: of every kind without `kinds`, and of every
    account where `accounts` is None."""
    kinds = [str(kind) for kind in kinds or Change.Kind]
    if accounts is None:
        rows = list(numbered().filter(sequence__gt=after, kind__in=kinds)[: limit + 1])
    else:
        number()
        asked = {"accounts": list(accounts), "kinds": kinds, "after": after, "most": limit + 1}
        rows = list(Change.objects.raw(NEXT_OF, asked))
    more, rows = len(rows) > limit, rows[:limit]
    return Page(rows, rows[-1].sequence if rows else after, more)


def since(moment: datetime) -> Q:
    """Changes at this moment or later, and those that could only be seen after it."""
    return Q(changed_at__gte=moment) | Q(is_late=True, numbered_at__gte=moment)
