"""One side: `python -m benchmarks.sides.growth DATABASE WALLETS CALLED [limit]`.

Reads a task a line and answers each with a line of JSON: batches of calls, pages, their plans.
"""

import json
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

import django
from django.conf import settings

# Who has a started campaign that can pay, by number (`growth_rows`).
STARTED = range(3, 10)


def called_wallets(wallets: int, called: int) -> Sequence[int]:
    """The numbers of those with a started campaign among so many, which lie anywhere among all."""
    many = len(STARTED)
    all_places, places = range(wallets // 20 * many), called // 20 * many
    if places < len(all_places):
        all_places = random.Random(called).sample(all_places, places)
    return [20 * (place // many) + STARTED[place % many] for place in all_places]


class Grown:
    """Batches of everyday calls, each of another of the wallets that are called."""

    def __init__(self, called: Sequence[int]) -> None:
        self._called = called

    def batch(self, size: int) -> Callable[[], None]:
        from accounts import clock
        from accounts.runtime.ids import time_ordered_uuid
        from benchmarks.growth_rows import account_id
        from campaigns import calls
        from campaigns.reports import Report

        numbers = random.sample(self._called, size)
        name, ended_at = time_ordered_uuid(), clock.now() - timedelta(seconds=5)
        reports = [
            Report(
                id=f"{name}-{number}",
                account=account_id(number),
                campaign=f"camp-{number}",
                seconds=random.randint(10, 309),
                ended_at=ended_at,
            )
            for number in numbers
        ]
        return partial(_record, calls.record, reports)


# Each call of another wallet, and none that crosses anything; those of `Grown` have a number each.
ANY, ANOTHER = (
    "1 + floor(random() * %(wallets)s)::int",
    "1 + ((%(start)s::bigint + g * 7919) %% %(wallets)s)::int",
)
NUMBERED = """
DROP TABLE IF EXISTS {table};
CREATE TABLE {table} AS
SELECT row_number() OVER (ORDER BY w.id)::int AS number, w.id AS wallet_id, w.account_id,
       c.id AS campaign_id, c.minute_type, 'credit' AS pot, 0.16 AS rate
FROM wallets_wallet w JOIN campaigns_campaign c ON c.id = w.id
WHERE w.id = ANY (%s);
CREATE UNIQUE INDEX ON {table} (number);
ANALYZE {table}
"""


class Limit:
    """The limit of metering, of the same wallets: what the database itself loses."""

    def __init__(self, called: Sequence[int]) -> None:
        from django.db import connection

        from benchmarks.sides.world import HERE

        # Beside another limit on the same database, which has a table of its own.
        table, self._wallets = f"bench_wallet_{len(called)}", len(called)
        self._statement = (HERE / "limit.sql").read_text().replace(ANY, ANOTHER)
        self._statement = self._statement.replace("bench_wallet", table)
        with connection.cursor() as cursor:
            cursor.execute(NUMBERED.format(table=table), [called])
        connection.connection.prepare_threshold = 0

    def batch(self, size: int) -> Callable[[], None]:
        from accounts import clock
        from accounts.runtime.ids import time_ordered_uuid

        values = {
            "batch": str(time_ordered_uuid()),
            "start": random.randrange(self._wallets),
            "wallets": self._wallets,
            "everyday": size,
            "crossing": self._wallets + 1,
            "crossings": 0,
            "now": clock.now(),
        }
        return partial(self._run, values)

    def _run(self, values: dict[str, object]) -> None:
        from django.db import connection
        from psycopg import Cursor

        Cursor(connection.connection).execute(self._statement, values, prepare=True)


# Until now: pages that went to the log whole, its bytes, and wallets that were changed, with those
# that found room in their page, so that no index had to hear of it.
WRITTEN = """
SELECT w.wal_fpi, w.wal_bytes::bigint, t.n_tup_upd, t.n_tup_hot_upd
FROM pg_stat_wal w, pg_stat_user_tables t WHERE t.relname = 'wallets_wallet'
"""


def written() -> dict[str, int]:
    """What PostgreSQL has written; of the log, for everybody who wrote."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(WRITTEN)
        ((images, log, changed, within),) = cursor.fetchall()
    return {"images": images, "log": log, "changed": changed, "within": within}


def _record(record: Callable, reports: list) -> None:
    results = record(reports=reports, reporter=None)
    if any(one.status != "charged" for one in results):
        raise RuntimeError("A batch was not charged as it should be: the figures mean nothing.")


class Pages:
    """What customers look at: of a quiet account, and of the busiest."""

    def __init__(self, wallets: int) -> None:
        from benchmarks.growth_rows import QUIET, Size

        numbers = {"quiet": QUIET, "busy": Size(wallets).busy}
        self._looks = {
            f"{what}, {whose}": look
            for whose, number in numbers.items()
            for what, look in looks(number)
        }

    def times(self, rounds: int) -> dict[str, list[tuple[float, float, float]]]:
        """Of each page what each request took (`_timed`)."""
        found = {}
        for name, look in self._looks.items():
            look()
            found[name] = [_timed(look) for _ in range(rounds)]
        return found

    def plans(self) -> dict[str, list[dict]]:
        """Of each page every statement, with what its plan reads as a whole."""
        return {name: list(plans_of(look)) for name, look in self._looks.items()}


def looks(number: int) -> Iterator[tuple[str, Callable[[], object]]]:
    from django.test import Client
    from django.urls import reverse

    from accounts import clock
    from accounts.models import Account, Membership, User
    from benchmarks.growth_rows import account_id
    from wallets.exports import periods

    account = Account.objects.get(pk=account_id(number))
    person = User.objects.create_user(f"growth-{time.time()}@example.com")
    Membership.objects.create(user=person, account=account, role="owner")
    client = Client(headers={"host": "testserver"})
    client.force_login(person)
    today = account.local_date(clock.now())
    year, month = today - timedelta(days=365), today - timedelta(days=30)
    for name, address in {
        "payments": "/payments/",
        "transactions": "/payments/transactions/",
        "transactions half a year ago": f"/payments/transactions/?until={today - timedelta(180)}",
        "a month's statement": f"/payments/statements/{month:%Y-%m}/",
        "campaigns": reverse("campaigns:list"),
        "resume list": reverse("campaigns:resume"),
        "banner": reverse("campaigns:banner"),
        "usage of 30 days": reverse("campaigns:usage"),
        "usage of a year": f"{reverse('campaigns:usage')}?since={year}",
        "CSV of a month, first byte": f"/payments/transactions.csv?since={month}&until={today}",
        "CSV of a year, first byte": f"/payments/transactions.csv?since={year}&until={today}",
        "CSV of everything, first byte": "/payments/transactions.csv",
    }.items():
        yield name, partial(_ask, client, address)
    yield (
        "balance on a date",
        lambda: periods.opening(periods.period(account=account, since=month, until=None)),
    )


def _ask(client, address: str) -> None:
    answer = client.get(address, secure=True)
    if answer.status_code not in (200, 204):
        raise RuntimeError(f"{address} answered {answer.status_code}.")
    if answer.streaming:
        next(iter(answer.streaming_content))
        answer.close()


def _timed(look: Callable[[], object]) -> tuple[float, float, float]:
    """Seconds; and of them those of Python's and of PostgreSQL's processor."""
    from django.db import connection

    from benchmarks.sides.measuring import processor_seconds

    server = connection.connection.info.backend_pid
    before, own, began = processor_seconds(server), time.process_time(), time.perf_counter()
    look()
    took, own = time.perf_counter() - began, time.process_time() - own
    return took, own, processor_seconds(server) - before


class Asked:
    """The statements that something sends."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, object]] = []

    def __call__(self, execute, sql, params, many, context):
        if sql.lstrip().upper().startswith(("SELECT", "WITH", "(SELECT")):
            self.statements.append((sql, params))
        return execute(sql, params, many, context)


# From so many rows on a table may not be read as a whole.
LARGE = 10_000


def plans_of(look: Callable[[], object]) -> Iterator[dict]:
    """Each statement with the large tables its plan reads from one end to the other."""
    from django.db import connection

    asked = Asked()
    with connection.execute_wrapper(asked):
        look()
    for sql, params in asked.statements:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= %s", [LARGE]
            )
            large = {name for (name,) in cursor.fetchall()}
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            [[[plan]]] = [cursor.fetchone()]
        nodes = list(_nodes(plan["Plan"]))
        yield {
            "sql": " ".join(sql.split())[:300],
            "plan": [_worded(node) for node in nodes],
            "read_whole": sorted(
                node["Relation Name"]
                for node in nodes
                if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large
            ),
        }


def _nodes(plan: dict) -> Iterator[dict]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _worded(node: dict) -> str:
    on = node.get("Index Name") or node.get("Relation Name") or ""
    return f"{node['Node Type']} {on} rows={node['Plan Rows']}".replace("  ", " ")


def main(database: str, wallets: str, called: str, limit: str = "") -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
    django.setup()
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["testserver"]
    logging.disable(logging.WARNING)

    from celery import current_app
    from django.db import connection

    import thinkrr_billing.urls  # noqa: F401
    from benchmarks.sides.measuring import one_after_the_other
    from thinkrr_billing.memory import keep_what_is_loaded

    connection.settings_dict["CONN_MAX_AGE"] = None
    connection.settings_dict["NAME"] = database
    # Where parallel workers help, their time would be told of no process.
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
    current_app.conf.broker_url = "memory://"
    side = (Limit if limit else Grown)(called_wallets(int(wallets), int(called)))
    pages = None if limit else Pages(int(wallets))
    keep_what_is_loaded()
    for line in sys.stdin:
        task = json.loads(line)
        if task["do"] == "batches":
            found: object = one_after_the_other(side, size=task["size"], times=task["times"])
        elif task["do"] == "written":
            found = written()
        elif task["do"] == "pages":
            found = pages.times(task["rounds"])
        else:
            found = pages.plans()
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
