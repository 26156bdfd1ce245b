"""The list of an agency's sub-accounts: filtered and sorted as the address says, with the sums."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from accounts import clock
from accounts.models import Account
from wallets.agencies.client import Client
from wallets.agencies.clients import clients_of
from wallets.agencies.need import Need, Rank, need, order

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Asked:
    """What the address asks for; what it does not know counts as nothing asked."""

    search: str = ""
    status: str = ""
    sort: str = ""


@dataclass(frozen=True)
class Row:
    """A sub-account, and what it needs."""

    client: Client
    need: Need


@dataclass(frozen=True)
class Totals:
    """The sums of the rows shown, on all pages."""

    credit: Decimal = _ZERO
    premium_seconds: int = 0
    basic_seconds: int = 0
    used_seconds: int = 0
    paused: int = 0
    spent: Decimal = _ZERO
    next_month: Decimal = _ZERO


@dataclass(frozen=True)
class Listing:
    """What the page shows. `counts` are of all that are not archived, and of the archived."""

    rows: list[Row]
    totals: Totals
    counts: dict[str, int]


# Archived ones are shown where they are asked for, and nowhere else.
STATUSES: dict[str, tuple[str, Callable[[Row], bool]]] = {
    "": ("All", bool),
    "at_risk": ("Need you", lambda row: row.need.is_any),
    "paused": ("Campaigns paused", lambda row: row.client.paused > 0),
    "card_trouble": ("Card trouble", lambda row: has_card_trouble(row.client)),
    "asks": ("Ask for minutes", lambda row: row.client.ask is not None),
    "payment_failed": ("Payment failed", lambda row: row.client.payment_failed),
    "suspended": ("Auto-Recharge suspended", lambda row: _is_suspended(row.client)),
    "active": ("Active", lambda row: _is_active(row.client)),
    "closed": ("Closed", lambda row: row.client.is_closed),
    "archived": ("Archived", bool),
}
SORTS: dict[str, tuple[str, Callable[[Row], tuple]]] = {
    "": ("Need you first", lambda row: order(row.client, row.need)),
    "name": ("Name", lambda row: (row.client.name.casefold(), row.client.pk)),
    "balance": ("Lowest balance", lambda row: (row.client.credit.amount, row.client.name)),
    "-balance": ("Highest balance", lambda row: (-row.client.credit.amount, row.client.name)),
    "runway": ("Ends first", lambda row: (_days(row.client), row.client.name)),
    "-used": ("Most minutes used", lambda row: (-row.client.used_seconds, row.client.name)),
    "-spent": ("Most spent this month", lambda row: (-row.client.spent, row.client.name)),
}


def listing(*, agency: Account, asked: Asked) -> Listing:
    """The sub-accounts as asked. As many statements for five hundred as for one."""
    now = clock.now()
    rows = [Row(one, need(one, now=now)) for one in clients_of(agency)]
    return Listing(
        rows=(shown := _sorted(_chosen(rows, asked), asked)),
        totals=_totals(shown),
        counts=_counts(rows),
    )


def has_card_trouble(client: Client) -> bool:
    """Whether a card stands in the way: its own, or the agency's that pays its minutes."""
    return bool(client.card_trouble or client.payment_failed or client.is_at_bank)


def _chosen(rows: Sequence[Row], asked: Asked) -> Iterator[Row]:
    _, fits = STATUSES.get(asked.status, STATUSES[""])
    wanted = asked.search.casefold()
    for row in rows:
        is_asked = (row.client.archived_at is not None) == (asked.status == "archived")
        if is_asked and fits(row) and wanted in row.client.name.casefold():
            yield row


def _sorted(rows: Iterator[Row], asked: Asked) -> list[Row]:
    _, key = SORTS.get(asked.sort, SORTS[""])
    return sorted(rows, key=key)


def _totals(rows: Sequence[Row]) -> Totals:
    clients = [row.client for row in rows]
    return Totals(
        credit=sum((one.credit.amount for one in clients), _ZERO),
        premium_seconds=sum(one.premium_seconds for one in clients),
        basic_seconds=sum(one.basic_seconds for one in clients),
        used_seconds=sum(one.used_seconds for one in clients),
        paused=sum(one.paused for one in clients),
        spent=sum((one.spent for one in clients), _ZERO),
        next_month=sum((one.next_month for one in clients), _ZERO),
    )


def _counts(rows: Sequence[Row]) -> dict[str, int]:
    shown = [row for row in rows if row.client.archived_at is None]
    counts = {name: sum(map(fits, shown)) for name, (_, fits) in STATUSES.items() if name}
    return {"all": len(shown), **counts, "archived": len(rows) - len(shown)}


def _is_suspended(client: Client) -> bool:
    return client.enabled and client.suspended_at is not None


def _is_active(client: Client) -> bool:
    return not (client.is_closed or client.payment_failed or _is_suspended(client))


def _days(client: Client) -> Decimal:
    return client.days if client.days is not None else Decimal("Infinity")


COLUMNS: dict[str, Callable[[Row], object]] = {
    "account": lambda row: row.client.pk,
    "name": lambda row: row.client.name,
    "status": lambda row: _status(row),
    "needs": lambda row: row.need.text,
    "balance_usd": lambda row: row.client.credit.amount,
    "premium_minutes_left": lambda row: row.client.premium_seconds // 60,
    "basic_minutes_left": lambda row: row.client.basic_seconds // 60,
    "lasts_days": lambda row: "" if row.client.days is None else round(row.client.days, 1),
    "minutes_used_this_month": lambda row: row.client.used_seconds // 60,
    "campaigns_paused": lambda row: row.client.paused,
    "basic_minutes_a_month": lambda row: row.client.basic_minutes,
    "premium_minutes_a_month": lambda row: row.client.premium_minutes,
    "spent_this_month_usd": lambda row: row.client.spent,
    "next_month_usd": lambda row: row.client.next_month,
}


def table(rows: Sequence[Row]) -> Iterator[list[object]]:
    """The rows for a file, the names of the columns first."""
    yield list(COLUMNS)
    for row in rows:
        yield [value(row) for value in COLUMNS.values()]


def _status(row: Row) -> str:
    if row.client.archived_at:
        return "archived"
    if row.client.is_closed:
        return "closed"
    return "ok" if row.need.rank == Rank.NOTHING else "needs you"
