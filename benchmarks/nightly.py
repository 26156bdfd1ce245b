"""Nights: what the jobs of the clock find, plan and prove among a million wallets.

Works on the database of `growth`; the books are in `books`. Prints a table, and writes
`.data/bench/nightly.json`.
"""

import json
from collections.abc import Callable

from django.db import connection

from benchmarks import books
from benchmarks.growth import KEPT, WALLETS, grown
from benchmarks.growth_rows import Size, account_id
from benchmarks.reporting import settings_of_the_server
from benchmarks.sides.measuring import looked_at

ROUNDS = 3


def run(*, wallets: int = WALLETS, keep: int = 0) -> None:
    """Measure books, queues, planning and keeping of usage."""
    with grown("bench_grown", wallets, keep=bool(keep)) as database:
        connection.close()
        before = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = database
        try:
            found = {
                "books": books.measured(),
                "finding": _finding(),
                "planning": _planning(),
                "usage": _usage(Size(wallets)),
            }
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
    _keep(found, Size(wallets))


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
    rounds = [looked_at(look) for _ in range(ROUNDS)]
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
    ticks = [looked_at(lambda: planned.extend(planning.plan_due(now=clock.now()))) for _ in "12"]
    both = {key: sum(tick[key] for tick in ticks) for key in ticks[0]}
    oldest = looked_at(planning.oldest_unplanned)
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
        "a year kept": looked_at(lambda: usage_days.keep(account=account, today=today)),
        "nothing to keep": looked_at(lambda: usage_days.keep(account=account, today=today)),
    }


def _keep(found: dict, size: Size) -> None:
    planning = found["planning"]
    found["ratios"] = {
        **books.ratios(found["books"]),
        "plans_a_second": round(planning["planned"] / planning["planning"]["seconds"], 1),
    }
    print(f"{'':52}{'seconds':>10}{'Python s':>10}{'PostgreSQL s':>14}")
    for name, one in books.lines(found["books"]):
        _line(name, one)
    print(f"temporary files of the books: {found['books']['temporary']['bytes'] / 1e6:.1f} MB")
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
