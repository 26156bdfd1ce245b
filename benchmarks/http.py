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
# As many as gunicorn has threads on two cores, which is what it can serve at once; and a few.
CLIENTS, FEW = 16, 4
# How many requests of so many calls are sent in a round: of ours and the limit, and of before.
SENT = {1000: (16, 16), 100: (96, 32), 1: (480, 160)}
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
    "limit_keyed": Kind("the same with foreign keys", "limit"),
    "ours": Kind("gunicorn", "served"),
    "before": Kind("gunicorn before", "served", "before"),
}
ASKS = ("ours", "before")
LIMITS = ("limit", "limit_keyed")


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
        ask(sides["limit_keyed"], do="keys")
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
    for size in SENT:
        for clients in (CLIENTS, FEW):
            _sent(sides, figures, names, size, clients)
    for name in ASKS:
        task = {"a_second": A_SECOND, "clients": FEW, "times": ASKED}
        figures.add(name, "authorize", ask(sides[name], do="questions", **task), 1)
    # There were no holds before.
    figures.add("ours", "holds", ask(sides["ours"], do="questions", hold=True, **task), 1)


def _sent(sides: dict, figures: Figures, names: dict[str, str], size: int, clients: int) -> None:
    quick, slow = (count // clients for count in SENT[size])
    what = _named(size, clients)
    for name in ASKS:
        task = {"size": size, "clients": clients, "times": slow if name == "before" else quick}
        figures.add(name, what, ask(sides[name], do="requests", **task), size)
    for name in LIMITS:
        if size == 1:
            wallet = "random(1, 10000)"
            found = pgbench(names[name], wallet=wallet, clients=clients, times=quick)
        else:
            found = ask(sides[name], do="hot", size=size, clients=clients, times=quick)
        figures.add(name, what, found, size)


def _named(size: int, clients: int) -> str:
    return f"{size} a request, {clients} clients"


def _ratios(figures: Figures) -> dict[str, float]:
    """How near ours come to the limit's speed, with foreign keys and without, and by what before
    was slower."""
    found = {}
    for size in SENT:
        for clients in (CLIENTS, FEW):
            what, name = _named(size, clients), f"http_{size}"
            if clients == FEW:
                name += "_few"
            ours, before = (figures.speed(side, what) for side in ASKS)
            found[name] = ours / figures.speed("limit", what)
            found[f"{name}_to_limit_keyed"] = ours / figures.speed("limit_keyed", what)
            found[f"{name}_to_before"] = ours / before
    asked = figures.python("before", "authorize") / figures.python("ours", "authorize")
    found["authorize_python_to_before"] = asked
    held = figures.python("ours", "holds") / figures.python("ours", "authorize")
    found["hold_python_to_authorize"] = held
    return {name: round(value, 3) for name, value in found.items()}
