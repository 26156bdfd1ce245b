"""Other processes of a benchmark: some are asked a task a line, others do one thing and end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def environment() -> dict[str, str]:
    """The same server for every process: without its address each would start one of its own."""
    from thinkrr_billing.settings import _database_url

    return os.environ | {"DATABASE_URL": _database_url}


def run(wanted: list[str]) -> None:
    subprocess.run(wanted, cwd=ROOT, env=environment(), check=True)


@contextmanager
def served(wanted: list[str]) -> Iterator[subprocess.Popen]:
    """A process that answers until this ends."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    side = subprocess.Popen(wanted, cwd=ROOT, env=environment(), **pipes)
    try:
        yield side
    finally:
        side.stdin.close()
        side.wait()


def ask(side: subprocess.Popen, **task: object) -> dict:
    """Give it a task, and wait for its answer."""
    side.stdin.write(json.dumps(task) + "\n")
    side.stdin.flush()
    answer = side.stdout.readline()
    if not answer:
        raise RuntimeError("A side has ended: see what it said above.")
    return json.loads(answer)
