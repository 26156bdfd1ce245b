"""Calls as people read them: which, when, how long, and what paid for each. Reads only."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from campaigns import limits
from campaigns.models import Call
from wallets.cursors import ENTRY, BadCursor, Place
from wallets.models import Pot
from wallets.prices.payable import CREDIT_RATE
from wallets.prices.rates import RateHistory, rate_history

# The newest of each account by its own index, then of all: it costs the same however many it has.
NEWEST = """
SELECT k.id FROM unnest(%(accounts)s::uuid[]) AS a (id)
CROSS JOIN LATERAL (
    SELECT c.id, c.ended_at FROM campaigns_call AS c
    WHERE c.account_id = a.id AND c.ended_at >= %(since)s AND c.ended_at < %(until)s
      AND c.ended_at <= %(at)s AND (c.ended_at, c.id) < (%(at)s, %(pk)s)
      AND (%(campaigns)s::bigint[] IS NULL OR c.campaign_id = ANY(%(campaigns)s))
      AND (%(outcomes)s::text[] IS NULL OR c.outcome = ANY(%(outcomes)s))
      AND (%(minute_types)s::text[] IS NULL OR c.minute_type = ANY(%(minute_types)s))
    ORDER BY c.ended_at DESC, c.id DESC LIMIT (SELECT %(limit)s)) AS k
ORDER BY k.ended_at DESC, k.id DESC LIMIT %(limit)s
"""
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_LARGEST = 2**63 - 1
# What its cursors are of.
_CALLS = "calls"


@dataclass(frozen=True)
class Spent:
    """A call with what paid for it: seconds of each minute pot, and of credit at its rate."""

    call: Call
    minutes: Sequence[tuple[Pot, int]]
    credit_seconds: int
    # Dollars per minute of credit, as in force when the call ended; None where credit paid nothing.
    rate: Decimal | None


@dataclass(frozen=True)
class Page:
    """Some calls, newest first. `next_cursor` leads to older ones; empty at the end."""

    rows: list[Spent]
    next_cursor: str


@dataclass(frozen=True)
class Filters:
    """Which calls are meant; None means all. Moments, the second one excluded."""

    campaigns: Sequence[int] | None = None
    outcomes: Collection[str] | None = None
    minute_types: Collection[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


def calls(
    *, accounts: Iterable[UUID], filters: Filters, cursor: str | None = None, limit: int
) -> Page:
    """A page of the calls of these accounts. Three queries. Raises BadCursor."""
    place = _place(cursor)
    chosen = {
        "accounts": list(accounts),
        "since": filters.since or _FIRST,
        "until": filters.until or _LAST,
        "at": place.at if place else _LAST,
        "pk": place.pk if place else _LARGEST,
        "campaigns": None if filters.campaigns is None else list(filters.campaigns),
        "outcomes": _texts(filters.outcomes),
        "minute_types": _texts(filters.minute_types),
        "limit": limit + 1,
    }
    with connection.cursor() as asked:
        asked.execute(NEWEST, chosen)
        found = [pk for (pk,) in asked.fetchall()]
    rows = Call.objects.filter(pk__in=found).order_by("-ended_at", "-pk")
    return _page(rows, limit)


def of_batch(
    *, account_id: UUID, batch: UUID, cursor: str | None = None, limit: int = limits.CALLS_SHOWN
) -> Page:
    """A page of the calls of one debit. Two queries. Raises BadCursor."""
    rows = Call.objects.filter(batch=batch, account=account_id).order_by("-ended_at", "-pk")
    if place := _place(cursor):
        rows = rows.filter(place.after(ENTRY, moment="ended_at"))
    return _page(rows[: limit + 1], limit)


def _place(cursor: str | None) -> Place | None:
    place = Place.read(cursor, of=_CALLS)
    if place and place.rank != ENTRY:
        raise BadCursor
    return place


def _texts(values: Collection[str] | None) -> list[str] | None:
    return None if values is None else [str(value) for value in values]


def _page(rows: QuerySet[Call], limit: int) -> Page:
    found = list(rows.select_related("campaign", "account"))
    shown, more = found[:limit], len(found) > limit
    rates = rate_history()
    last = Place(shown[-1].ended_at, ENTRY, shown[-1].pk) if more else None
    return Page([_spent(call, rates) for call in shown], last.written(of=_CALLS) if last else "")


def _spent(call: Call, rates: RateHistory) -> Spent:
    taken = (
        (Pot.INCLUDED, call.included_seconds),
        (Pot.PREMIUM, call.premium_seconds),
        (Pot.BASIC, call.basic_seconds),
    )
    on_credit = call.seconds - call.minute_seconds if call.cost else 0
    rate = rates.at(CREDIT_RATE[call.minute_type], call.ended_at) if on_credit else None
    return Spent(call, [(pot, part) for pot, part in taken if part], on_credit, rate)
