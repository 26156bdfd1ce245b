"""Nights: what the jobs of the clock find, plan and prove among a million wallets.

Works on the database of `growth`, in one process. Prints a table, and writes
`.data/bench/nightly.json`.
"""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median

from django.db import connection

from benchmarks.growth import KEPT, WALLETS, grown
from benchmarks.growth_rows import Size, account_id
from benchmarks.reporting import settings_of_the_server
from benchmarks.sides.measuring import processor_seconds

SUM = """
SELECT count(*), max(total)
FROM (SELECT wallet_id, pot, sum(amount) AS total FROM wallets_ledgerentry GROUP BY 1, 2) s
"""
# The books of the benchmark's world are in order but for these: no worker runs, so that nobody
# pauses campaigns or takes what waits out of its queue.
NO_WORKER = ("I8", "I9")
ROUNDS = 3


def run(*, wallets: int = WALLETS, keep: int = 0) -> None:
    """Measure books, queues, planning and keeping of usage."""
    with grown("bench_grown", wallets, keep=bool(keep)) as database:
        connection.close()
        before = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = database
        try:
            found = {
                "books": _books(),
                "finding": _finding(),
                "planning": _planning(),
                "usage": _usage(Size(wallets)),
            }
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
    _keep(found, Size(wallets))


def _measured(look: Callable[[], object]) -> dict[str, float]:
    """Seconds; and of them those of this process and of PostgreSQL's backend."""
    connection.ensure_connection()
    server = connection.connection.info.backend_pid
    theirs, own, began = processor_seconds(server), time.process_time(), time.perf_counter()
    look()
    return {
        "seconds": time.perf_counter() - began,
        "python": time.process_time() - own,
        "postgres": processor_seconds(server) - theirs,
    }


def _books() -> dict[str, object]:
    """Each rule over everything and over a day, beside one sum of the ledger that reads it from one
    end to the other. By processor time nothing runs in two processes."""
    from accounts import clock
    from wallets.books import checking
    from wallets.books.register import rules

    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
    sums = [_measured(_sum)]
    found: dict[str, dict[str, dict]] = {"full": {}, "day": {}}
    for mode, since in (("full", None), ("day", clock.now() - timedelta(days=1))):
        for rule in rules:
            broken = []

            def check(rule=rule, since=since, broken=broken) -> None:
                broken += checking.check_rule(rule, since)

            found[mode][f"{rule.name} {rule.query.__name__}"] = _measured(check)
            if broken and rule.name not in NO_WORKER:
                raise RuntimeError(f"The books are not in order: {broken[0]}")
        sums.append(_measured(_sum))
    with connection.cursor() as cursor:
        cursor.execute("RESET max_parallel_workers_per_gather")
    return {"sum": {key: median(one[key] for one in sums) for key in sums[0]}, **found}


def _sum() -> None:
    with connection.cursor() as cursor:
        cursor.execute(SUM)
        cursor.fetchall()


def _finding() -> dict[str, dict]:
    """Of each queue the claim of its first batch, undone; and since when the oldest waits."""
    import campaigns.pausing  # noqa: F401
    import wallets.sweeps  # noqa: F401
    from accounts.runtime.queues import registered

    found = {}
    for kind, queue in sorted(registered.items()):
        queue.claim()
        found[kind] = {
            **_least(queue.claim),
            "read_whole": _read_whole(queue),
        }
        found[f"oldest of {kind}"] = _least(queue.oldest_overdue)
    return found


def _least(look: Callable[[], object]) -> dict[str, float]:
    rounds = [_measured(look) for _ in range(ROUNDS)]
    return min(rounds, key=lambda one: one["python"] + one["postgres"])


def _read_whole(queue) -> list[str]:
    from accounts import clock
    from benchmarks.sides.growth import plans_of

    due = queue.due(clock.now()).order_by(queue.column, "pk").values_list("pk")[:200]
    return sorted({name for one in plans_of(lambda: list(due)) for name in one["read_whole"]})


def _planning() -> dict[str, object]:
    """Two ticks' planning of the months that begin today: as many as their time is enough for."""
    from accounts import clock
    from wallets.allocations import planning
    from wallets.models import AutoAllocation

    due, planned = AutoAllocation.objects.filter(active=True).count(), []
    ticks = [_measured(lambda: planned.extend(planning.plan_due(now=clock.now()))) for _ in "12"]
    both = {key: sum(tick[key] for tick in ticks) for key in ticks[0]}
    oldest = _measured(planning.oldest_unplanned)
    return {"due": due, "planned": len(planned), "planning": both, "oldest": oldest}


def _usage(size: Size) -> dict[str, dict]:
    """Keeping the busy account's year anew, and looking for whom there is something to keep."""
    from accounts import clock
    from accounts.models import Account
    from campaigns import usage_days
    from campaigns.models import UsageDay, UsageKept

    account = Account.objects.get(pk=account_id(size.busy))
    for model in (UsageDay, UsageKept):
        model.objects.filter(account=account).delete()
    today = account.local_date(clock.now())
    return {
        "a year kept": _measured(lambda: usage_days.keep(account=account, today=today)),
        "nothing to keep": _measured(lambda: usage_days.keep(account=account, today=today)),
    }


def _keep(found: dict, size: Size) -> None:
    books, planning = found["books"], found["planning"]
    together = {
        mode: {key: sum(one[key] for one in books[mode].values()) for key in books["sum"]}
        for mode in ("full", "day")
    }
    cpu = {
        name: one["python"] + one["postgres"]
        for name, one in {**together, "sum": books["sum"]}.items()
    }
    ledger = books["full"]["I1 pots_hold_what_their_entries_say"]
    found["ratios"] = {
        "books_full_to_sum": round(cpu["full"] / cpu["sum"], 2),
        "books_ledger_to_sum": round((ledger["python"] + ledger["postgres"]) / cpu["sum"], 2),
        "books_day_to_full": round(cpu["day"] / cpu["full"], 3),
        "plans_a_second": round(planning["planned"] / planning["planning"]["seconds"], 1),
    }
    print(f"{'':52}{'seconds':>10}{'Python s':>10}{'PostgreSQL s':>14}")
    _line("one sum of the ledger", books["sum"])
    for mode in ("full", "day"):
        _line(f"books, {mode}", together[mode])
        for name, one in books[mode].items():
            if one["seconds"] > 0.1:
                _line(f"  {name}", one)
    for name, one in found["finding"].items():
        _line(f"finding: {name}", one)
        if one.get("read_whole"):
            print(f"    reads {', '.join(one['read_whole'])} as a whole")
    _line(f"planning {planning['planned']:,} of {planning['due']:,} months", planning["planning"])
    _line("since when the oldest month waits", planning["oldest"])
    for name, one in found["usage"].items():
        _line(f"usage: {name}", one)
    for name, ratio in found["ratios"].items():
        print(f"{name:52}{ratio:>10}")
    KEPT.mkdir(parents=True, exist_ok=True)
    found |= {"settings": settings_of_the_server(), "entries": size.entries}
    (KEPT / "nightly.json").write_text(json.dumps(found, indent=2) + "\n")


def _line(name: str, one: dict[str, float]) -> None:
    print(f"{name:52}{one['seconds']:>10.3f}{one['python']:>10.3f}{one['postgres']:>14.3f}")
