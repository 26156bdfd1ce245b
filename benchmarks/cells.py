"""What cells cost: `POST calls` under gunicorn without them, with 1, 2 and 4, and before them.

Each side is a process of its own on a database of its own, and all databases are on one server:
they take turns in every round. Prints one table, and writes `.data/bench/cells.json`.
"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.db import connection

from benchmarks.builds import KEPT, ROOT, ask, build_of, command, databases, same_server, side
from benchmarks.reporting import Figures, print_table, write

# The commit before cells: what one that has none is compared with.
BEFORE = "51f1346"
CELLS = (1, 2, 4)
CLIENTS = 4
# How many batches of so many calls each client sends in a round, and how many `calls.record` does.
TIMES = {1000: 4, 100: 12, 1: 60}
RECORDED = {1000: 6, 100: 16, 1: 80}
LABELS = {
    "record": "calls.record, no cells",
    "record_before": "calls.record before",
    "none": "gunicorn, no cells",
    "before": "gunicorn before",
} | {f"cells_{count}": f"{count} cell{'s' if count > 1 else ''}, calls of any" for count in CELLS}
LABELS |= {f"within_{count}": f"{count} cells, a client's of one" for count in CELLS[1:]}


def run(rounds: int = 5) -> None:
    """Measure all sides in turns."""
    with ExitStack() as stack:
        builds = {"ours": ROOT, "before": stack.enter_context(build_of(BEFORE))}
        wanted = {
            name: "before" if "before" in name else "ours"
            for name in ("record", "record_before", "none", "before")
        }
        names = stack.enter_context(databases(builds, wanted))
        sides = {
            name: stack.enter_context(
                side(builds[build], "record" if "record" in name else "served", names[name])
            )
            for name, build in wanted.items()
        }
        for count in CELLS:
            name = stack.enter_context(_divided(count))
            sides[f"cells_{count}"] = stack.enter_context(side(ROOT, "cells", name, CELLS="True"))
        figures = Figures()
        _round(sides, Figures())
        for _ in range(rounds):
            _round(sides, figures)
        broken = ask(sides["none"], do="books")
    print_table(figures, LABELS)
    print(f"Books: {'in order' if not broken else broken[:5]}")
    write(KEPT / "cells.json", figures, _ratios(figures), rounds=rounds, books=not broken)


@contextmanager
def _divided(cells: int) -> Iterator[str]:
    """A database with so many, and as many accounts as the others have. Dropped afterwards."""
    name = f"bench_cells_{cells}"
    print(f"Preparing wallets in {cells} cell{'s' if cells > 1 else ''} …")
    try:
        subprocess.run(
            command("divided", name, str(cells)), cwd=ROOT, env=same_server(), check=True
        )
        yield name
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _round(sides: dict, figures: Figures) -> None:
    for size, times in RECORDED.items():
        for name in ("record", "record_before"):
            found = ask(sides[name], do="batches", size=size, times=times)
            figures.add(name, _alone(size), found, size)
    for size, times in TIMES.items():
        task = {"do": "requests", "size": size, "clients": CLIENTS, "times": times}
        for name in ("none", "before", *(f"cells_{count}" for count in CELLS)):
            figures.add(name, str(size), ask(sides[name], **task), size)
        for count in CELLS[1:]:
            found = ask(sides[f"cells_{count}"], **task, within=True)
            figures.add(f"within_{count}", str(size), found, size)


def _alone(size: int) -> str:
    return f"{size} a batch, one after the other"


def _ratios(figures: Figures) -> dict[str, float]:
    """Processor time of both to that of what is named behind; above 1 it costs more."""

    def cost(side: str, what: str) -> float:
        return figures.python(side, what) + figures.postgres(side, what)

    found = {}
    for size in TIMES:
        alone, sent = _alone(size), str(size)
        found[f"record_{size}_to_before"] = cost("record", alone) / cost("record_before", alone)
        found[f"http_{size}_to_before"] = cost("none", sent) / cost("before", sent)
        for name in (*(f"cells_{count}" for count in CELLS), "within_2", "within_4"):
            found[f"{name}_{size}_to_none"] = cost(name, sent) / cost("none", sent)
    return {name: round(value, 3) for name, value in found.items()}
