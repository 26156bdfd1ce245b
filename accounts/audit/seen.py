"""What a form was filled in over, so that a page that stood open overwrites nothing silently.

A page sends back the mark of the values it showed. Whoever saves compares it under the row's lock.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Model, Q
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
    columns = [rows[0]._meta.get_field(name).column for name in fields]
    changes = AuditEntry.objects.filter(
        Q(before__has_any_keys=columns) | Q(operation=AuditEntry.Operation.INSERT),
        table=rows[0]._meta.db_table,
        row__in=[str(row.pk) for row in rows],
    )
    last = changes.order_by("-pk").first()
    return Overtaken(mark=now, at=last and last.at, by=_who(last) if last else "")


def _who(change: AuditEntry) -> User | str:
    if change.actor_id is None:
        return "a program with an API key" if change.actor else ""
    user = User.objects.filter(pk=change.actor_id).first()
    return "support" if user is None or user.is_staff else user


@transaction.atomic
def save(row: Model, *, fields: Iterable[str], seen: str) -> None:
    """Save these fields of a row as they are in memory, under its lock. Raises Overtaken."""
    locked = type(row)._default_manager.select_for_update(no_key=True).get(pk=row.pk)
    with guarding(locked, fields=fields, seen=seen):
        for name in fields:
            setattr(locked, name, getattr(row, name))
    locked.save(update_fields=list(fields))
