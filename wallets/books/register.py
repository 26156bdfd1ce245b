"""The register of the books' rules: each is one SQL query that returns the rows breaking it.

Every app adds its own, with `@rule`, in a module that its `AppConfig.ready` imports. What has been
written lately can be proven alone: of a rule over large tables `recent` says how.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from accounts.cells.place import Of

# Tables whose rows change once they were written, until they end.
ENDING = frozenset({"wallets_purchase"})

# A rule's query sees the moment to check at as %(now)s, and its own figures by their names. One of
# what was written lately sees since when: %(since)s, and %(begun)s of rows that are written once
# more when they end.
Query = Callable[[], str]
Figures = Callable[[], dict[str, object]]


@dataclass(frozen=True)
class Rule:
    name: str
    query: Query
    freezes: bool
    figures: Figures = dict
    recent: Query | str = ""
    of: Of = Of.ACCOUNTS

    def asked(self, *, recently: bool) -> str:
        """The query: of all rows, or of those written since %(since)s where that tells them apart.

        Whoever checks those alone takes for granted that everything before was in order.
        """
        if not recently or not self.recent:
            return self.query()
        if callable(self.recent):
            return self.recent()
        # In the query the table's name now means these rows of it; in front of it, the table.
        since = "begun" if self.recent in ENDING else "since"
        return f"""
            WITH {self.recent} AS (
                SELECT * FROM {self.recent} WHERE created_at >= %({since})s)
            SELECT * FROM ({self.query()}) r
        """  # nosec B608 # names of ours


@dataclass(frozen=True)
class Broken:
    """One row that breaks a rule. `wallet_id` is None when no wallet is at fault.

    What `freezes` stops the automatic charges of its wallet; of all wallets when it names none.
    """

    rule: str
    wallet_id: int | None
    text: str
    freezes: bool

    def __str__(self) -> str:
        wallet = f" wallet {self.wallet_id}:" if self.wallet_id else ""
        return f"{self.rule}:{wallet} {self.text}"


rules: list[Rule] = []


def rule(
    name: str,
    *,
    freezes: bool,
    figures: Figures = dict,
    recent: Query | str = "",
    of: Of = Of.ACCOUNTS,
) -> Callable[[Query], Query]:
    """Add a rule: the decorated function returns SQL whose rows are (wallet id or NULL, text).

    `figures` are what Python works out for it: what a zone means is not asked of PostgreSQL.
    `recent` names the table whose rows since a moment it is played over to prove what was written
    since, or is a query of its own for that. Without it the rule is always played over everything.
    `of` says whose its rows are, where there are cells.
    """

    def add(query: Query) -> Query:
        rules.append(Rule(name, query, freezes, figures, recent, of))
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
    """  # nosec B608 # constants of ours
