"""Telling accounts, and telling support staff. Doors and the middle of every app call `notify`
inside the transaction that makes it true, so nobody is told of what was rolled back."""

import logging
from collections.abc import Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet

from accounts import clock
from accounts.cells.place import Of
from accounts.models import Account, Level, Notification, StaffAlert
from accounts.runtime import statements
from accounts.runtime.first_rows import first
from accounts.runtime.nudges import nudge, nudge_each
from accounts.runtime.of_one import of_one
from accounts.runtime.waits import Wait, oldest

Row = TypeVar("Row", bound=Model)

logger = logging.getLogger(__name__)

PAGE_SIZE = 25
MAX_TITLE_LENGTH = 120

Wait(
    kind="staff_alert",
    since=lambda: oldest(StaffAlert.objects.filter(closed_at=None), "created_at"),
    of=Of.BOTH,
)


def notify(
    *,
    account: Account,
    kind: str,
    text: str,
    title: str = "",
    level: str = Level.INFO,
    data: dict | None = None,
    dedupe_key: str = "",
    link: str = "",
    mail: bool = True,
    audience: str = Notification.Audience.MANAGERS,
    also_to: Sequence[str] = (),
) -> Notification | None:
    """Tell the account, by mail too unless `mail` is False. The same `dedupe_key` again is told
    nobody and answers None. `title` is the mail's subject; `link` is a path of ours; `also_to` are
    addresses outside."""
    notification = _once(
        Notification(
            account=account,
            kind=kind,
            title=(title or kind.replace("_", " ").capitalize())[:MAX_TITLE_LENGTH],
            text=text,
            level=level,
            data=data or {},
            dedupe_key=dedupe_key,
            link=link,
            audience=audience,
            also_to=list(also_to),
            created_at=clock.now(),
            mail_due_at=clock.now() if mail else None,
        )
    )
    if notification and mail:
        nudge("accounts.mail_notification", notification.pk)
    return notification


def notify_each(notifications: Sequence[Notification]) -> None:
    """Tell many accounts at once, with one statement: those whose `mail_due_at` is set by mail.

    Each has its `dedupe_key`; one of a cause that was told before is left out.
    """
    told = statements.insert(
        notifications, ending="ON CONFLICT DO NOTHING RETURNING id, mail_due_at"
    )
    # Nobody waits for that answer before the commit.
    transaction.on_commit(
        lambda: nudge_each("accounts.mail_notification", [pk for pk, due in told.rows() if due])
    )


def alert_staff(
    *, kind: str, text: str, data: dict | None = None, dedupe_key: str = ""
) -> StaffAlert | None:
    """Ask support to look: a row, a line in the log at ERROR, and a mail. Once per `dedupe_key`."""
    alert = _once(
        StaffAlert(
            kind=kind,
            text=text,
            data=data or {},
            dedupe_key=dedupe_key,
            created_at=clock.now(),
            mail_due_at=clock.now(),
        )
    )
    if alert:
        logger.error("staff alert id=%s kind=%s key=%s", alert.pk, kind, dedupe_key)
        nudge("accounts.mail_staff_alert", alert.pk)
    return alert


@transaction.atomic
def send_again(*, notification_id: int) -> Notification:
    """Tell the account the same again, by mail too, whatever became of the first mail."""
    told = Notification.objects.select_related("account").get(pk=notification_id)
    return notify(
        account=told.account,
        kind=told.kind,
        text=told.text,
        title=told.title,
        level=told.level,
        data=told.data,
        link=told.link,
        audience=told.audience,
        also_to=told.also_to,
    )


def close_alert(*, alert_id: int) -> bool:
    """Support has seen to it. Returns whether it was open; safe to repeat."""
    waiting = StaffAlert.objects.filter(pk=alert_id, closed_at=None)
    return bool(waiting.update(closed_at=clock.now()))


def unread_count(*, account_id: UUID) -> int:
    return Notification.objects.filter(account_id=account_id).unread().count()


def mark_read(*, account_id: UUID, ids: Iterable[int] | None = None) -> int:
    """Mark some of the account's notifications as read, or all of them. Returns how many."""
    unread = Notification.objects.filter(account_id=account_id).unread()
    if ids is not None:
        unread = unread.filter(pk__in=list(ids))
    return unread.update(read_at=clock.now())


def page(*, account_id: UUID, before: int | None = None) -> tuple[list[Notification], int | None]:
    """The newest notifications older than the id `before`, and the `before` of the next page."""
    rows: QuerySet[Notification] = Notification.objects.filter(of_one("account", account_id))
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = first(rows.order_by("account_id", "-pk"), PAGE_SIZE + 1)
    more = found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None
    return found[:PAGE_SIZE], more


def _once(row: Row) -> Row | None:
    """Insert, unless a row of this cause is there. Two at once: the second waits and sees it."""
    told = statements.insert([row], ending="ON CONFLICT DO NOTHING RETURNING id").rows()
    if not told:
        return None
    ((row.pk,),) = told
    row._state.adding = False
    return row
