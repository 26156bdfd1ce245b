"""The decision log people can read under "Why?": written where something is decided.

A repeat of the latest decision about the same thing is not a new row: it is counted on that row,
at most once a minute. Nothing here is read by a rule, and no batch of calls writes here unless it
pauses a campaign.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.db.models import F, QuerySet
from djmoney.money import Money

from accounts import clock
from accounts.runtime import statements
from accounts.runtime.first_rows import first
from accounts.runtime.of_one import of_one
from wallets import limits
from wallets.cursors import ENTRY, Place
from wallets.models import LoggedDecision
from wallets.why import codes
from wallets.why.codes import Code

Subject = LoggedDecision.Subject

# A decision is another one when one of these figures is; the balance alone moves all the time.
TELLING = ("threshold", "amount", "charge", "limit", "until", "reason", "error", "period", "by")


@dataclass(frozen=True)
class Decision:
    """Whether something was done or wanted, why, and the numbers it rests on."""

    wanted: bool
    code: Code
    figures: dict[str, object]


@dataclass(frozen=True)
class Entry:
    """Something decided. `figures` are plain values; `about` and `name` say which campaign."""

    wallet_id: int
    code: Code
    about: str = ""
    name: str = ""
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """Some decisions, newest first. `next_cursor` leads to older ones; empty at the end."""

    rows: list[LoggedDecision]
    next_cursor: str


def record(entry: Entry) -> None:
    """Write a decision down, or count it on the latest one about the same thing.

    Call inside the transaction that decides, with the lock that lets nobody else decide.
    """
    now, figures = clock.now(), plain(entry.figures)
    about = LoggedDecision.objects.filter(
        wallet_id=entry.wallet_id, subject=entry.code.subject, about=entry.about
    )
    latest = about.order_by("-last_at", "-pk").first()
    if entry.code.quiet and (latest is None or _is_expected(latest)):
        return
    if latest and latest.code == entry.code and _telling(latest.figures) == _telling(figures):
        if now - latest.last_at >= limits.DECISION_COUNTED_EVERY:
            LoggedDecision.objects.filter(pk=latest.pk).update(
                last_at=now, figures=figures, times=F("times") + 1
            )
        return
    statements.insert([_row(entry, figures, now)])


def _is_expected(latest: LoggedDecision) -> bool:
    code = codes.find(latest.subject, latest.code)
    return code is not None and code.expected


def record_new(entries: Iterable[Entry]) -> None:
    """Write down decisions that cannot be repeats, with one statement."""
    now = clock.now()
    if rows := [_row(entry, plain(entry.figures), now) for entry in entries]:
        statements.insert(rows)


def _row(entry: Entry, figures: dict[str, str], now: datetime) -> LoggedDecision:
    return LoggedDecision(
        wallet_id=entry.wallet_id,
        subject=entry.code.subject,
        about=entry.about,
        name=entry.name[:160],
        code=str(entry.code),
        figures=figures,
        first_at=now,
        last_at=now,
    )


def _telling(figures: Mapping[str, str]) -> dict[str, str]:
    return {name: figures[name] for name in TELLING if name in figures}


def plain(figures: Mapping[str, object]) -> dict[str, str]:
    """Figures as texts that are read back exactly; those without a value are left out."""
    return {name: _text(value) for name, value in figures.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, Money):
        value = value.amount
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def page(
    *,
    wallet_id: int,
    subject: str = "",
    about: str = "",
    cursor: str | None = None,
    limit: int = 25,
) -> Page:
    """A page of a wallet's log: of everything, of one subject, or about one thing. One query.

    Raises BadCursor.
    """
    place = Place.read(cursor)
    found = _found(wallet_id, subject, about)
    if place:
        found = found.filter(place.after(ENTRY, moment="last_at"))
    rows = first(found.order_by("-wallet_id", "-last_at", "-pk"), limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    cursor = Place(rows[-1].last_at, ENTRY, rows[-1].pk).written() if more else ""
    return Page(rows=rows, next_cursor=cursor)


def _found(wallet_id: int, subject: str, about: str) -> QuerySet[LoggedDecision]:
    found = LoggedDecision.objects.filter(of_one("wallet", wallet_id))
    if subject:
        found = found.filter(subject=subject)
    return found.filter(about=about) if about else found


def delete_old() -> int:
    """Delete what was last decided more than `limits.DECISIONS_KEPT` ago. Returns how many.

    In bites, so that no lock is held for long; what is left is deleted the next night.
    """
    old = LoggedDecision.objects.filter(last_at__lt=clock.now() - limits.DECISIONS_KEPT)
    deleted = 0
    for _ in range(limits.DECISION_BITES):
        bite = list(old.order_by("last_at").values_list("pk", flat=True)[: limits.DECISION_BITE])
        if not bite:
            break
        deleted += LoggedDecision.objects.filter(pk__in=bite).delete()[0]
    return deleted
