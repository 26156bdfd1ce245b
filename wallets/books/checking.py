"""Proves the books: each rule is one SQL query that returns the rows breaking it.

Rules are registered by name; campaigns adds its own. A query's rows are (wallet id or NULL,
what is wrong). The rules themselves are in `book_rules`, the comparison with Stripe in
`stripe_books`.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import connection, transaction

from accounts import clock
from accounts.telling.notifications import alert_staff
from wallets.balances import blocking
from wallets.books import against_stripe
from wallets.models import Wallet
from wallets.stripe import answers

logger = logging.getLogger(__name__)

# Rules whose breach freezes the automatic charges of the wallets they name.
FREEZING = frozenset({"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I10", "I13"})

# A broken rule is shown by its first rows; a thousand more would say nothing new.
MOST_ROWS = 100

# A rule's query sees the moment to check at as %(now)s.
Query = Callable[[], str]

_rules: list[tuple[str, Query]] = []


@dataclass(frozen=True)
class Broken:
    """One row that breaks a rule. `wallet_id` is None when no wallet is at fault."""

    rule: str
    wallet_id: int | None
    text: str

    def __str__(self) -> str:
        wallet = f" wallet {self.wallet_id}:" if self.wallet_id else ""
        return f"{self.rule}:{wallet} {self.text}"


def register(name: str) -> Callable[[Query], Query]:
    """Add a rule: the decorated function returns SQL whose rows are (wallet id or NULL, text)."""

    def add(query: Query) -> Query:
        _rules.append((name, query))
        return query

    return add


def missing_guards(guards: Iterable[tuple[str, str, str]]) -> str:
    """SQL of the triggers that are gone or off: tables, operations and functions that guard."""
    rows = ", ".join(f"('{table}', '{does}', '{function}')" for table, does, function in guards)
    # tgtype has PostgreSQL's bits of the operations.
    return f"""
        SELECT NULL::bigint, 'no trigger guards ' || g.name || ' against ' || g.operation
        FROM (VALUES {rows}) AS g (name, operation, function)
        WHERE NOT EXISTS (
            SELECT 1 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE t.tgrelid = to_regclass(g.name) AND p.proname = g.function
              AND t.tgenabled IN ('O', 'A')
              AND t.tgtype & CASE g.operation WHEN 'INSERT' THEN 4 WHEN 'DELETE' THEN 8
                                  WHEN 'UPDATE' THEN 16 WHEN 'TRUNCATE' THEN 32 END <> 0)
    """


def check_all(*, stripe: bool = False) -> list[Broken]:
    """Every row that breaks a rule; with `stripe` also what Stripe and we do not agree on."""
    broken = [row for name, query in _rules for row in _check(name, query())]
    if stripe:
        broken += [Broken("I13", wallet_id, text) for wallet_id, text in against_stripe.compare()]
    return sorted(broken, key=lambda row: (len(row.rule), row.rule))


def _check(name: str, sql: str) -> list[Broken]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"now": clock.now()})
        return [Broken(name, wallet_id, text) for wallet_id, text in cursor.fetchmany(MOST_ROWS)]


def check_and_freeze(*, stripe: bool = False) -> list[Broken]:
    """Check; stop automatic charges of what is wrong, and tell support. For the tasks.

    When Stripe does not answer, the rest is checked all the same.
    """
    try:
        broken = check_all(stripe=stripe)
    except answers.GatewayError as error:
        _tell_not_compared(error)
        broken = check_all()
    if broken:
        with transaction.atomic():
            frozen = _freeze([row for row in broken if row.rule in FREEZING])
            _tell(broken, frozen)
    return broken


def _freeze(broken: Iterable[Broken]) -> int:
    """Block the wallets named; all of them when a rule is broken that names none."""
    named = {row.wallet_id for row in broken}
    if not named:
        return 0
    wallets = Wallet.objects.filter(blocked_at=None)
    if None not in named:
        wallets = wallets.filter(pk__in=named)
    ids = list(wallets.locked().values_list("pk", flat=True))
    return blocking.block(wallet_ids=ids, reason=Wallet.Blocked.BOOKS)


def _tell_not_compared(error: answers.GatewayError) -> None:
    alert_staff(
        kind="books",
        text=f"The books could not be compared with Stripe: {error}",
        dedupe_key=f"books:stripe:{clock.now():%Y-%m-%d}",
    )


def _tell(broken: list[Broken], frozen: int) -> None:
    """One alert a rule and day: the hourly check would repeat itself."""
    for name in sorted({row.rule for row in broken}):
        rows = [row for row in broken if row.rule == name]
        shown = "; ".join(row.text for row in rows[:5])
        alert_staff(
            kind="books",
            text=f"{name} is broken {len(rows)} times, {frozen} wallets were blocked: {shown}",
            data={"rule": name, "wallets": sorted({row.wallet_id or 0 for row in rows})},
            dedupe_key=f"books:{name}:{clock.now():%Y-%m-%d}:{len(rows)}",
        )
