"""Calls in one table beside calls in a partition for each month: what each costs PostgreSQL.

All tables are those of calls without foreign keys and triggers, which cost all the same. With
partitions the unique key has to hold the moment that says which of them a row is in. A third table
is one whose calls have ids in the order of time. Prints a table, writes
`.data/bench/partitions.json`.
"""

import json
from collections import defaultdict
from datetime import UTC, datetime
from statistics import median

from django.db import connection

from benchmarks.builds import KEPT
from benchmarks.reporting import settings_of_the_server
from benchmarks.sides.measuring import processor_seconds
from campaigns import limits

MONTHS, ACCOUNTS, BATCH, ROUNDS = 12, 10_000, 1_000, 9
# The newest month is the one that goes on.
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
TABLES = {"one table": "bench_whole", "by month": "bench_parted", "ids in order": "bench_ordered"}
# What the platform calls its calls: anything, or one after the other.
IDS = dict.fromkeys(TABLES, "gen_random_uuid()::text")
IDS["ids in order"] = "lpad(nextval('bench_ids')::text, 36, '0')"
MAKE = """
CREATE SEQUENCE bench_ids;
CREATE TABLE bench_whole (LIKE campaigns_call INCLUDING ALL EXCLUDING IDENTITY);
CREATE TABLE bench_ordered (LIKE campaigns_call INCLUDING ALL EXCLUDING IDENTITY);
CREATE TABLE bench_parted (LIKE campaigns_call INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (ended_at);
ALTER TABLE bench_parted ADD PRIMARY KEY (id, ended_at),
                         ADD UNIQUE (reporter, external_id, ended_at);
CREATE INDEX ON bench_parted (account_id, ended_at);
CREATE INDEX ON bench_parted (campaign_id, ended_at) WHERE campaign_id IS NOT NULL;
CREATE INDEX ON bench_parted (batch);
CREATE INDEX ON bench_parted USING brin (created_at) WITH (autosummarize = on);
"""
MONTH = """
CREATE TABLE bench_parted_{n} PARTITION OF bench_parted
FOR VALUES FROM (date_trunc('month', %(now)s) - interval '{n} month')
    TO (date_trunc('month', %(now)s) - interval '{n} month' + interval '1 month')
"""
# Calls of one month, in the order they were reported in: a thousand a batch.
FILL = """
INSERT INTO {table} (id, reporter, external_id, minute_type_sent, minute_type, seconds, ended_at,
    outcome, included_seconds, premium_seconds, basic_seconds, cost, batch, created_at, account_id,
    campaign_id)
SELECT nextval('bench_ids'), '00000000-0000-0000-0000-000000000000', {id}, '',
       'premium', 60, at, 'completed', 0, 60, 0, 0, md5('{n}-' || g / 1000)::uuid,
       at + interval '5 seconds', md5('account ' || 1 + g * 7919 %% {accounts})::uuid,
       1 + g * 7919 %% {accounts}
FROM (SELECT g, date_trunc('month', %(now)s) - interval '{n} month' + interval '26 days' * g
             / %(rows)s AS at FROM generate_series(1, %(rows)s) AS g) AS made
"""
INSERT = """
INSERT INTO {table} (id, reporter, external_id, minute_type_sent, minute_type, seconds, ended_at,
    outcome, included_seconds, premium_seconds, basic_seconds, cost, batch, created_at, account_id,
    campaign_id)
SELECT nextval('bench_ids'), '00000000-0000-0000-0000-000000000000', {id}, '',
       'premium', 60, %(now)s, 'completed', 0, 60, 0, 0, gen_random_uuid(), %(now)s,
       md5('account ' || 1 + floor(random() * {accounts}))::uuid, 1 + floor(random() * {accounts})
FROM generate_series(1, {batch})
"""
# A thousand ids that are new, as almost all are.
KNOWN = """
SELECT count(*) FROM {table}
WHERE reporter = '00000000-0000-0000-0000-000000000000'
  AND external_id = ANY (ARRAY(SELECT {id} FROM generate_series(1, {batch})))
"""
# What bounds it: older ones are refused.
RECENT = " AND ended_at > %(past)s AND ended_at < %(future)s"
USED = """
SELECT sum(seconds), sum(cost) FROM {table}
WHERE account_id = md5('account 7')::uuid AND ended_at >= %(month)s - interval '1 month'
  AND ended_at < %(month)s
"""
SIZE = """
SELECT sum(pg_table_size(oid)), sum(pg_indexes_size(oid))
FROM pg_class WHERE relkind = 'r' AND relname ~ %s
"""


def run(rows: int = 200_000) -> None:
    """Measure both on so many calls a month."""
    month = NOW.replace(day=1, hour=0)
    values = {"now": NOW, "rows": rows, "month": month}
    values |= {"past": NOW - limits.CALL_PAST, "future": NOW + limits.CALL_FUTURE}
    figures = Milliseconds(values)
    figures.run(MAKE)
    for n in range(MONTHS):
        figures.run(MONTH.format(n=n))
    print(f"Filling {MONTHS * rows:,} calls into each table …")
    for n in reversed(range(MONTHS)):
        for name, table in TABLES.items():
            fill = FILL.format(table=table, id=IDS[name], n=n, accounts=ACCOUNTS)
            figures.add(f"a thousand calls filled in, month {MONTHS - n}", name, fill, rows / 1000)
    for name, table in TABLES.items():
        figures.add("the first VACUUM FREEZE of all", name, f"VACUUM (FREEZE, ANALYZE) {table}")
    _measure(figures)
    sizes = {name: _size(table) for name, table in TABLES.items()}
    _take_away(figures)
    figures.print()
    for name, (table, indexes) in sizes.items():
        print(f"{name}: {table / 1e6:,.0f} MB, indexes {indexes / 1e6:,.0f} MB")
    kept = {"rows": figures.rows(), "bytes": sizes, "calls": MONTHS * rows}
    path = KEPT / "partitions.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept | {"settings": settings_of_the_server()}, indent=2) + "\n")


class Milliseconds:
    """Of PostgreSQL's processor for each thing that was done, on each table, each time."""

    def __init__(self, values: dict[str, object]) -> None:
        self._values = values
        self._found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def run(self, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, self._values if "%(" in statement else None)

    def add(self, what: str, name: str, statement: str, parts: float = 1) -> None:
        server = connection.connection.info.backend_pid
        began = processor_seconds(server)
        self.run(statement)
        self._found[what][name].append(1000 * (processor_seconds(server) - began) / parts)

    def rows(self) -> dict[str, dict[str, float]]:
        return {
            what: {name: round(median(each), 2) for name, each in sides.items()}
            for what, sides in self._found.items()
        }

    def print(self) -> None:
        print(f"{'':44}" + "".join(f"{name:>14}" for name in TABLES))
        for what, sides in self.rows().items():
            print(f"{what:44}" + "".join(f"{value:>14,.2f}" for value in sides.values()))


def _measure(figures: Milliseconds) -> None:
    """What every day asks, in turns."""
    for _ in range(ROUNDS):
        for name, table in TABLES.items():
            known = KNOWN.format(table=table, id=IDS[name], batch=BATCH)
            insert = INSERT.format(table=table, id=IDS[name], accounts=ACCOUNTS, batch=BATCH)
            figures.add("a thousand ids looked up", name, known)
            figures.add("the same of the last 35 days", name, known + RECENT)
            figures.add("a thousand calls recorded", name, insert)
            figures.add("an account's month read", name, USED.format(table=table))


def _take_away(figures: Milliseconds) -> None:
    """The oldest month, as it can be done with each."""
    oldest = MONTHS - 1
    gone = f"ended_at < date_trunc('month', %(now)s) - interval '{oldest - 1} month'"
    for name, table in TABLES.items():
        take = f"DELETE FROM {table} WHERE {gone}"
        if table == "bench_parted":
            month = f"{table}_{oldest}"
            take = f"ALTER TABLE {table} DETACH PARTITION {month}; DROP TABLE {month}"
        figures.add("the oldest month taken away", name, take)
        figures.add("vacuum after it", name, f"VACUUM {table}")


def _size(table: str) -> tuple[int, int]:
    """Bytes of the rows, and of all indexes."""
    with connection.cursor() as cursor:
        cursor.execute(SIZE, [f"^{table}(_[0-9]+)?$"])
        return tuple(map(int, cursor.fetchone()))
