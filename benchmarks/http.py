"""`POST /api/v1/calls` and `calls/authorize` under gunicorn, beside SQL that writes the same rows.

Each side is a process of its own on a database of its own (`benchmarks/sides/served.py`); they take
turns in every round. Prints one table, and writes `.data/bench/http.json`.
"""

from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.builds import KEPT, ROOT, ask, build_of, databases, pgbench, side
from benchmarks.metering import BEFORE
from benchmarks.reporting import Figures, print_table, write

ROUNDS = 5
CLIENTS = 4
# How many requests of so many calls each client sends in a round: ours and the limit, and before.
TIMES = {1000: (4, 1), 100: (12, 4), 1: (60, 20)}
# Questions whether a call may start, a second, and how many each client asks in a round.
A_SECOND, ASKED = 100, 50


@dataclass(frozen=True)
class Kind:
    """Of a side: what it is called in the table, what it does, and of which build it is."""

    label: str
    does: str
    build: str = "ours"


SIDES = {
    "limit": Kind("limit: one SQL statement", "limit"),
    "ours": Kind("gunicorn", "served"),
    "before": Kind("gunicorn before", "served", "before"),
}
ASKS = ("ours", "before")


def run() -> None:
    """Measure all sides in turns."""
    with ExitStack() as stack:
        builds = {"ours": ROOT, "before": stack.enter_context(build_of(BEFORE))}
        wanted = {name: kind.build for name, kind in SIDES.items()}
        names = stack.enter_context(databases(builds, wanted))
        sides = {
            name: stack.enter_context(side(builds[kind.build], kind.does, names[name]))
            for name, kind in SIDES.items()
        }
        figures = Figures()
        # Each of gunicorn's threads has to connect and plan once.
        _round(sides, Figures(), names)
        for _ in range(ROUNDS):
            _round(sides, figures, names)
        broken = ask(sides["ours"], do="books")
    labels = {name: kind.label for name, kind in SIDES.items()}
    asked = {name: f"calls/{name}, {A_SECOND} a second" for name in ("authorize", "holds")}
    print_table(figures, labels, **asked)
    print(f"Books: {'in order' if not broken else broken[:5]}")
    write(KEPT / "http.json", figures, _ratios(figures), rounds=ROUNDS, books=not broken)


def _round(sides: dict, figures: Figures, names: dict[str, str]) -> None:
    for size, (quick, slow) in TIMES.items():
        for name in ASKS:
            task = {"size": size, "clients": CLIENTS, "times": slow if name == "before" else quick}
            figures.add(name, str(size), ask(sides[name], do="requests", **task), size)
        if size == 1:
            found = pgbench(names["limit"], wallet="random(1, 10000)", clients=CLIENTS, times=quick)
        else:
            found = ask(sides["limit"], do="hot", size=size, clients=CLIENTS, times=quick)
        figures.add("limit", str(size), found, size)
    for name in ASKS:
        task = {"a_second": A_SECOND, "clients": CLIENTS, "times": ASKED}
        figures.add(name, "authorize", ask(sides[name], do="questions", **task), 1)
    # There were no holds before.
    figures.add("ours", "holds", ask(sides["ours"], do="questions", hold=True, **task), 1)


def _ratios(figures: Figures) -> dict[str, float]:
    """How near ours come to the limit's speed, and by what before was slower."""
    speed = figures.speed
    found = {f"http_{size}": speed("ours", size) / speed("limit", size) for size in TIMES}
    for size in TIMES:
        found[f"http_{size}_before"] = speed("before", size) / speed("limit", size)
        found[f"http_{size}_to_before"] = speed("ours", size) / speed("before", size)
    asked = figures.python("before", "authorize") / figures.python("ours", "authorize")
    found["authorize_python_to_before"] = asked
    held = figures.python("ours", "holds") / figures.python("ours", "authorize")
    found["hold_python_to_authorize"] = held
    return {name: round(value, 3) for name, value in found.items()}
