"""Metering: batches of calls over many wallets, beside SQL that writes the same rows.

Each side is a process of its own on a database of its own (`benchmarks/sides`); they take turns
in every round. Prints one table, and writes `.data/bench/metering.json`.
"""

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.builds import KEPT, ROOT, ask, build_of, databases, pgbench, side
from benchmarks.reporting import Figures, print_table, write

# The commit before metering was made twice as fast: what ours are compared with.
BEFORE = "e41b5b7"

ROUNDS = 5
# How many batches of a size a round has, for the quick sides and for the slow ones.
TIMES = {1000: (6, 1), 100: (16, 4), 1: (80, 20)}
PGBENCH_TIMES = 300
SLOW = ("before", "plain", "hordak", "pgledger")
# Enough that what each new connection has to load and plan once does not count.
CLIENTS, HOT_TIMES = 16, 100
# Clients of one process: as many threads as gunicorn has on two cores (gunicorn.conf.py).
THREADS = 8
# What the limit of single calls and of one hot wallet is: which wallets, how many clients.
PGBENCH = (
    ("pgbench_1", "random(1, 10000)", 1, PGBENCH_TIMES),
    ("hot", "1", CLIENTS, HOT_TIMES),
)


@dataclass(frozen=True)
class Kind:
    """Of a side: what it is called in the table, what it does, and on which build's schema."""

    label: str
    does: str
    build: str = "ours"


SIDES = {
    "limit": Kind("limit: one SQL statement", "limit"),
    "limit_keyed": Kind("the same with foreign keys", "limit"),
    "limit_before": Kind("the same on the schema before", "limit", "before"),
    "ours": Kind("calls.record", "record"),
    "at_once": Kind("the same, at once through the API", "at_once"),
    "keyed": Kind("the same with foreign keys", "record"),
    "before": Kind("calls.record before", "record", "before"),
    "plain": Kind("plain Django", "plain", "before"),
    "api": Kind("POST /api/v1/calls, no network", "api"),
    "hordak": Kind("django-hordak, in bulk", "hordak"),
    "pgledger": Kind("pgledger, one call for all", "pgledger"),
}
PEERS = ("hordak", "pgledger")
# Entries and calls with foreign keys, where ours have triggers.
KEYED = ("limit_keyed", "keyed")
# Of these only how fast a large batch is.
LARGE_ALONE = (*PEERS, *KEYED)
# Of these only how fast one hot wallet is: of calls that come at once the API makes one batch.
HOT_ALONE = ("at_once",)
# What the package asks for besides, we have or its models do not need.
HORDAK = ("django-hordak==2.0.0", "django-mptt==0.20.0", "django-js-asset==5.0.0", "tablib==3.10.0")


def run() -> None:
    """Measure all sides in turns."""
    for name in PEERS:
        if sentence := _missing(name):
            print(sentence)
            del SIDES[name]
    with ExitStack() as stack:
        trees = {"ours": ROOT, "before": stack.enter_context(build_of(BEFORE))}
        schemas = {name: kind.build for name, kind in SIDES.items()}
        names = stack.enter_context(databases(trees, schemas))
        peers = str(KEPT / "hordak")
        sides = {
            name: stack.enter_context(
                side(trees[kind.build], kind.does, names[name], PYTHONPATH=peers)
            )
            for name, kind in SIDES.items()
        }
        figures = Figures()
        for name in KEYED:
            ask(sides[name], do="keys")
        for name, one in sides.items():
            if name not in HOT_ALONE:
                ask(one, do="batches", size=1000, times=1)
        for _ in range(ROUNDS):
            _round(sides, figures, names)
        broken = ask(sides["ours"], do="books")
    labels = {name: kind.label for name, kind in SIDES.items()}
    print_table(figures, labels, hot=f"one wallet, {CLIENTS} clients")
    print(f"Books: {'in order' if not broken else broken[:5]}")
    write(KEPT / "metering.json", figures, _ratios(figures), rounds=ROUNDS, books=not broken)


def _round(sides: dict, figures: Figures, names: dict[str, str]) -> None:
    for size, (quick, slow) in TIMES.items():
        for name, one in sides.items():
            if name in HOT_ALONE or name in LARGE_ALONE and size != max(TIMES):
                continue
            times = slow if name in SLOW else quick
            figures.add(name, str(size), ask(one, do="batches", size=size, times=times), size)
    for name in ("limit", "limit_before"):
        for what, wallet, clients, times in PGBENCH:
            answer = pgbench(names[name], wallet=wallet, clients=clients, times=times)
            figures.add(name, what, answer, 1)
    for name in ("ours", "at_once", "before", "plain"):
        task = {"clients": CLIENTS, "threads": THREADS, "times": HOT_TIMES}
        answer = ask(sides[name], do="hot", **task)
        figures.add(name, "hot", answer, 1)


def _ratios(figures: Figures) -> dict[str, float]:
    """How near ours come: 1 is as fast, or as little processor time."""
    speed, postgres = figures.speed, figures.postgres
    found = {f"record_{size}": speed("ours", size) / speed("limit", size) for size in (1000, 100)}
    found["record_1"] = speed("ours", 1) / speed("limit", "pgbench_1")
    found["hot_wallet"] = speed("at_once", "hot") / speed("limit", "hot")
    found["hot_wallet_alone"] = speed("ours", "hot") / speed("limit", "hot")
    for size in (1000, 100, 1, "hot"):
        found[f"record_{size}_to_before"] = speed("ours", size) / speed("before", size)
        found[f"record_{size}_to_plain"] = speed("ours", size) / speed("plain", size)
    for name in PEERS:
        if name in SIDES:
            found[f"record_1000_to_{name}"] = speed("ours", 1000) / speed(name, 1000)
    found["record_1000_to_limit_keyed"] = speed("ours", 1000) / speed("limit_keyed", 1000)
    found["record_1000_to_keyed"] = speed("ours", 1000) / speed("keyed", 1000)
    found["record_1000_to_limit_before"] = speed("ours", 1000) / speed("limit_before", 1000)
    found["before_1000_to_limit_before"] = speed("before", 1000) / speed("limit_before", 1000)
    found["postgres_cpu"] = postgres("limit", 1000) / postgres("ours", 1000)
    found["postgres_cpu_keyed"] = postgres("limit_keyed", 1000) / postgres("keyed", 1000)
    found["postgres_cpu_to_keyed"] = postgres("keyed", 1000) / postgres("ours", 1000)
    found["postgres_cpu_before"] = postgres("limit_before", 1000) / postgres("before", 1000)
    return {name: round(value, 3) for name, value in found.items()}


def _missing(peer: str) -> str:
    """Why it cannot be measured; empty when it can."""
    if peer == "pgledger":
        folder = os.environ.get("PGLEDGER", "")
        if (Path(folder) / "pgledger.sql").is_file() and folder:
            return ""
        return "pgledger is left out: PGLEDGER names no folder with a copy of its repository."
    packages = KEPT / "hordak"
    if not packages.is_dir():
        uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
        if subprocess.run([*uv, "--target", packages, *HORDAK], check=False).returncode:
            return "django-hordak is left out: it could not be installed."
    return ""
