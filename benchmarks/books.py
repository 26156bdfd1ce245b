"""The books of a night: each rule over everything and over a day, beside one sum of the ledger.

All take turns, with the settings of a check. Processor time is read where nothing runs in two
processes, the clock where PostgreSQL may take several.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from statistics import median

from django.db import connection, transaction

from benchmarks.sides.measuring import looked_at

SUM = """
SELECT count(*), max(total)
FROM (SELECT wallet_id, pot, sum(amount) AS total FROM wallets_ledgerentry GROUP BY 1, 2) s
"""
# The books of the benchmark's world are in order but for these: no worker runs, so that nobody
# pauses campaigns or takes what waits out of its queue.
NO_WORKER = ("I8", "I9")
ROUNDS = 3
# Shorter ones have no line of their own.
SHOWN_SECONDS = 0.02
ALONE, TOGETHER = "one process", "in parallel"

Measured = dict[str, float]


def measured() -> dict[str, dict]:
    """Of a sum and of each rule, for both ways to play them; and the bytes that all of it wrote to
    temporary files. Raises RuntimeError where the books are not in order.
    """
    from accounts import clock
    from wallets.books.register import rules

    since = clock.now() - timedelta(days=1)
    looks = {"sum": _sum}
    for rule in rules:
        looks[f"full {rule.name} {rule.query.__name__}"] = partial(_check, rule, None)
        looks[f"day {rule.name} {rule.query.__name__}"] = partial(_check, rule, since)
    before = _written()
    found = {ALONE: _in_turns(looks, workers="0"), TOGETHER: _in_turns(looks, workers="DEFAULT")}
    return {**found, "temporary": {"bytes": _written() - before}}


def _in_turns(looks: dict[str, Callable[[], None]], *, workers: str) -> dict[str, Measured]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET max_parallel_workers_per_gather = {workers}")
    rounds = [{name: looked_at(look) for name, look in looks.items()} for _ in range(ROUNDS)]
    return {
        name: {key: median(one[name][key] for one in rounds) for key in rounds[0][name]}
        for name in looks
    }


def _sum() -> None:
    from wallets.books import checking

    with transaction.atomic(), connection.cursor() as cursor:
        checking.prepare(cursor)
        cursor.execute(SUM)
        cursor.fetchall()


def _check(rule, since) -> None:
    from wallets.books import checking

    broken = checking.check_rule(rule, since)
    if broken and rule.name not in NO_WORKER:
        raise RuntimeError(f"The books are not in order: {broken[0]}")


def _written() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


def _all(found: dict[str, Measured], mode: str) -> Measured:
    parts = [one for name, one in found.items() if name.startswith(mode)]
    return {key: sum(one[key] for one in parts) for key in parts[0]}


def ratios(found: dict[str, dict]) -> dict[str, float]:
    """What the books take of one sum: by processor time, and on the clock."""
    alone, together = found[ALONE], found[TOGETHER]
    full, ledger = _all(alone, "full"), alone["full I1 pots_hold_what_their_entries_say"]
    return {
        "books_full_to_sum": round(_processors(full) / _processors(alone["sum"]), 2),
        "books_ledger_to_sum": round(_processors(ledger) / _processors(alone["sum"]), 2),
        "books_day_to_full": round(_processors(_all(alone, "day")) / _processors(full), 3),
        "books_clock": round(full["seconds"] / alone["sum"]["seconds"], 2),
        "books_clock_in_parallel": round(
            _all(together, "full")["seconds"] / together["sum"]["seconds"], 2
        ),
    }


def _processors(one: Measured) -> float:
    return one["python"] + one["postgres"]


def lines(found: dict[str, dict]) -> Iterator[tuple[str, Measured]]:
    """The table: all together for each way, and of one process each rule that takes a while."""
    for way in (ALONE, TOGETHER):
        yield f"one sum of the ledger, {way}", found[way]["sum"]
        for mode in ("full", "day"):
            yield f"books, {mode}, {way}", _all(found[way], mode)
            for name, one in found[way].items():
                if name.startswith(mode) and way == ALONE and one["seconds"] > SHOWN_SECONDS:
                    yield f"  {name.removeprefix(mode)}", one
