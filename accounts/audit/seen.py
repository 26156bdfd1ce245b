"""What a form was filled in over, so that a page that stood open overwrites nothing silently.

A page sends back the mark of the values it showed. Whoever saves compares it under the row's lock.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Manager, Model, Q
from django.utils.crypto import salted_hmac

from accounts.errors import Conflict
from accounts.models import AuditEntry, User

_LENGTH = 32


class Overtaken(Conflict):
    """Somebody changed the row after it was shown. Nothing was changed by this attempt.

    `mark` is that of what it has now, so that saving again overwrites it knowingly. `at` is None
    and `by` empty where the audit log does not know.
    """

    def __init__(self, *, mark: str, at: datetime | None, by: User | str) -> None:
        super().__init__("It was changed after this page was opened. Nothing was changed now.")
        self.mark, self.at, self.by = mark, at, by


def mark(*rows: Model | None, fields: Iterable[str]) -> str:
    """The mark of these fields of these rows; None is a row that is not there.

    It is another one once any has another value, and tells nothing of the values.
    """
    names = list(fields)
    values = [row and [_plain(getattr(row, name)) for name in names] for row in rows]
    return salted_hmac("accounts.seen", repr(values)).hexdigest()[:_LENGTH]


def _plain(value: object) -> str:
    """The same before and after the database has kept it."""
    if isinstance(value, Manager):
        return str(sorted(value.values_list("pk", flat=True)))
    value = getattr(value, "amount", value)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


@contextmanager
def guarding(row: Model, *, fields: Iterable[str], seen: str) -> Iterator[None]:
    """Let the block set these fields of a locked row, unless others did so after it was shown.

    Raises Overtaken when the block changes a row that no longer has the mark `seen`; one who sets
    what it has already overwrites nothing. Empty `seen` is not compared: no page was shown. Call in
    the transaction that saves, so that it takes the block back.
    """
    now = mark(row, fields=fields)
    # Asked before the block, which may write to the audit log itself.
    error = overtaken(row, fields=fields, now=now) if seen and seen != now else None
    yield
    if error and mark(row, fields=fields) != now:
        raise error


def refuse_overtaken(row: Model | None, *, fields: Iterable[str], seen: str) -> None:
    """Raise Overtaken unless a locked row, or that there is none, still has the mark `seen`. Empty
    `seen` is not compared: no page was shown."""
    if seen and seen != (now := mark(row, fields=fields)):
        raise overtaken(*filter(None, [row]), fields=fields, now=now)


def overtaken(*rows: Model, fields: Iterable[str], now: str) -> Overtaken:
    """The error that names who changed one of these rows last, and when. Two queries at most."""
    if not rows:
        return Overtaken(mark=now, at=None, by="")
    last = AuditEntry.objects.filter(_changes(rows, set(fields))).order_by("-pk").first()
    return Overtaken(mark=now, at=last and last.at, by=_who(last) if last else "")


def _changes(rows: Sequence[Model], names: set[str]) -> Q:
    """Entries of the audit log about these fields of these rows, and about what they link to."""
    table, pks = rows[0]._meta, [row.pk for row in rows]
    links = [field for field in table.many_to_many if field.name in names]
    columns = [field.column for field in table.concrete_fields if field.name in names]
    own = Q(before__has_any_keys=columns) | Q(operation=AuditEntry.Operation.INSERT)
    found = own & Q(table=table.db_table, row__in=[str(pk) for pk in pks])
    for link in links:
        key = link.m2m_column_name()
        about = Q(**{f"before__{key}__in": pks}) | Q(**{f"after__{key}__in": pks})
        found |= about & Q(table=link.m2m_db_table())
    return found


def _who(change: AuditEntry) -> User | str:
    if change.actor_id is None:
        return "a program with an API key" if change.actor else ""
    return User.objects.filter(pk=change.actor_id).first() or "support"


@transaction.atomic
def save(row: Model, *, fields: Iterable[str], seen: str) -> None:
    """Save these fields of a row as they are in memory, under its lock. Raises Overtaken."""
    locked = type(row)._default_manager.select_for_update(no_key=True).get(pk=row.pk)
    with guarding(locked, fields=fields, seen=seen):
        for name in fields:
            setattr(locked, name, getattr(row, name))
    locked.save(update_fields=list(fields))
