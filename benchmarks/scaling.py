"""Metering with 1, 2 and 4 application hosts on one PostgreSQL, beside what PostgreSQL does alone.

A host is a gunicorn and a pooler of its own (`benchmarks/sides/hosts.py`). All share this machine,
so that calls a second say little: how much of which processor a batch takes does, and what open
transactions wait for. Sides take turns in every round. Prints tables, writes
`.data/bench/scaling.json`.
"""

from collections import Counter, defaultdict
from contextlib import ExitStack
from statistics import median

from benchmarks.builds import KEPT, ROOT, ask, databases, side
from benchmarks.reporting import Figures, print_table, write

HOSTS = (1, 2, 4)
# Of a host, in front of its sixteen threads.
CLIENTS = 4
# How many batches of so many calls each client sends in a round.
TIMES = {1000: 2, 100: 6}
# Sessions of PostgreSQL for each pooler; more than a host has clients change nothing.
POOLS = (1, 2, 20)
SIDES = {
    "limit": "limit: one SQL statement",
    "record": "calls.record",
    "hosts": "POST calls, gunicorn and pooler",
    "apart": "the same, no wallet twice",
}


def run(rounds: int = 5) -> None:
    """Measure all sides in turns."""
    with ExitStack() as stack:
        names = stack.enter_context(
            databases({"ours": ROOT}, dict.fromkeys(("limit", "record", "hosts"), "ours"))
        )
        sides = {name: stack.enter_context(side(ROOT, name, names[name])) for name in names}
        figures, seen = Figures(), Seen()
        # Every thread has to connect and plan once.
        _round(sides, Figures(), Seen())
        for _ in range(rounds):
            _round(sides, figures, seen)
        for name, one in sides.items():
            if name != "limit" and (broken := ask(one, do="books")):
                raise RuntimeError(f"The books of {name} are broken: {broken[:5]}")
    print_table(figures, SIDES)
    print(f"{'':54}{'pooler ms':>12}{'refused':>10}   open transactions wait for")
    for what, row in seen.rows().items():
        doing = ", ".join(f"{name} {share:.0%}" for name, share in row["doing"].items())
        print(f"  {what:52}{row['pooler_ms']:>12.2f}{row['refused']:>10}   {doing}")
    write(KEPT / "scaling.json", figures, _ratios(figures), rounds=rounds, hosts=seen.rows())


class Seen:
    """What only hosts have: their poolers, and what transactions were doing."""

    def __init__(self) -> None:
        self._pooler: dict[str, list[float]] = defaultdict(list)
        self._doing: dict[str, Counter[str]] = defaultdict(Counter)
        self._refused: Counter[str] = Counter()

    def add(self, what: str, measured: dict) -> None:
        self._pooler[what].append(measured["pooler"])
        self._doing[what].update(measured["doing"])
        self._refused[what] += measured["refused"]

    def rows(self) -> dict[str, dict]:
        return {
            what: {
                "pooler_ms": 1000 * median(self._pooler[what]),
                "refused": self._refused[what],
                "doing": {
                    name: share / len(self._pooler[what])
                    for name, share in self._doing[what].most_common(6)
                },
            }
            for what in self._pooler
        }


def _round(sides: dict, figures: Figures, seen: Seen) -> None:
    for size, times in TIMES.items():
        for hosts in HOSTS:
            what, clients = _named(size, hosts), hosts * CLIENTS
            for name in ("limit", "record"):
                found = ask(sides[name], do="hot", size=size, clients=clients, times=times)
                figures.add(name, what, found, size)
            task = {"do": "spread", "hosts": hosts, "size": size, "clients": CLIENTS}
            for name in ("hosts", "apart"):
                found = ask(sides["hosts"], **task, times=times, apart=name == "apart")
                figures.add(name, what, found, size)
                seen.add(f"{what}: {SIDES[name]}", found)
    size, hosts = min(TIMES), max(HOSTS)
    for sessions in POOLS:
        ask(sides["hosts"], do="pool", sessions=sessions)
        task = {"do": "spread", "hosts": hosts, "size": size, "clients": CLIENTS, "apart": False}
        found = ask(sides["hosts"], **task, times=TIMES[size])
        what = f"{_named(size, hosts)}, pools of {sessions}"
        figures.add("hosts", what, found, size)
        seen.add(what, found)


def _named(size: int, hosts: int) -> str:
    return f"{size} a batch, {hosts} host{'s' if hosts > 1 else ''}"


def _ratios(figures: Figures) -> dict[str, float]:
    """Speed of the limit's with as many clients; how much of the limit PostgreSQL would do if it
    had the machine alone (the limit's processor time ÷ ours); and how many processors of hosts one
    of PostgreSQL's keeps busy."""
    found = {}
    for size in TIMES:
        for hosts in HOSTS:
            what = _named(size, hosts)
            for name in ("record", "hosts", "apart"):
                key = f"{name}_{size}_{hosts}"
                found[key] = figures.speed(name, what) / figures.speed("limit", what)
                postgres = figures.postgres(name, what)
                found[f"{key}_postgres"] = figures.postgres("limit", what) / postgres
                found[f"{key}_hosts_filled"] = figures.python(name, what) / postgres
    return {name: round(value, 3) for name, value in found.items()}
