"""`make run` in a copy of this checkout: all parts, and no trace of them afterwards."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from thinkrr_billing.sandbox.addresses import free_port
from thinkrr_billing.stripe_env import SANDBOX_WEBHOOK_SECRET
from thinkrr_billing.tests.environments import FOLDER, clean
from thinkrr_billing.tests.processes import that_mention, wait_until

pytestmark = pytest.mark.journey

# A first start brings the database up to date and loads the demo data; here beside other tests.
FIRST_START_SECONDS = 240


class Run:
    def __init__(self, folder: Path, port: int, **variables: str) -> None:
        self.folder, self.port = folder, port
        self.log = folder / f"run-{port}.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "thinkrr_billing.sandbox"],
            cwd=folder,
            env=clean({"PORT": str(port)} | variables),
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_until_ready(self) -> None:
        def is_ready():
            assert self.process.poll() is None, self.log.read_text()
            return "Ready: " in self.log.read_text()

        wait_until(is_ready, seconds=FIRST_START_SECONDS, what="Ready in the log")

    def read(self, path: str) -> str:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def get(self, path: str) -> int:
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def child(self, *words: str) -> int:
        """The supervisor's own child whose command line has all the words."""
        lists = [set(that_mention(word)) for word in words]
        ours = (pid for pid in set.intersection(*lists) if _parent(pid) == self.process.pid)
        return next(ours, 0)

    def stop(self, signum: int) -> int:
        self.process.send_signal(signum)
        return self.process.wait(60)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except FileNotFoundError:
        return 0


@pytest.fixture(scope="module")
def copy():
    """A checkout of its own. Not in tmp_path, whose parents are closed to PostgreSQL's user."""
    folder = Path(tempfile.mkdtemp(prefix="thinkrr"))
    left_behind = shutil.ignore_patterns(".git", ".venv", ".data", "__pycache__", ".*_cache")
    shutil.copytree(FOLDER, folder / "checkout", ignore=left_behind)
    yield folder / "checkout"
    for pid in that_mention(str(folder)):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder)


def working_in(folder: Path) -> list[int]:
    """Processes that run in the checkout or name it."""
    found = set(that_mention(str(folder)))
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink().is_relative_to(folder):
                found.add(int(entry.name))
        except OSError:
            continue
    return sorted(found)


def environment_of(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text()


def test_make_run_starts_everything_mends_what_dies_and_leaves_nothing(copy):
    run = Run(copy, free_port())
    run.wait_until_ready()

    assert run.get("/healthz") == 200
    assert run.get("/login/") == 200
    for part in ("gunicorn", "worker", "beat", "sandbox.stripe"):
        assert run.child(part), f"{part} is missing"
        assert "DATABASE_URL=postgres://thinkrr_app:" in environment_of(run.child(part))
    assert not run.child("sandbox.stripe", SANDBOX_WEBHOOK_SECRET)
    assert "thinkrr_database_rights_wrong 0.0" in run.read("/metrics").splitlines()

    killed = run.child("worker")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: run.child("worker") not in (0, killed), seconds=60, what="a new worker")

    second = Run(copy, free_port())
    assert second.process.wait(60) == 1
    assert "is running in this checkout already" in second.log.read_text()

    assert run.stop(signal.SIGTERM) == 0
    wait_until(lambda: not working_in(copy), seconds=10, what="the end of all processes")


def test_a_second_start_is_quick_and_a_killed_supervisor_takes_all_with_it(copy):
    run = Run(copy, free_port())
    run.wait_until_ready()
    assert "loading the demo data" not in run.log.read_text()

    run.stop(signal.SIGKILL)

    wait_until(lambda: not working_in(copy), seconds=60, what="the end of all processes")


def test_a_taken_port_is_named(copy):
    with subprocess.Popen(
        [sys.executable, "-c", "import http.server as s; s.test(port=0, bind='127.0.0.1')"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as other:
        port = int(other.stdout.readline().split(" port ")[1].split()[0])
        run = Run(copy, port)
        code = run.process.wait(60)
        other.kill()

    assert code == 1
    assert f"Port {port} is taken: stop what listens there" in run.log.read_text()


def test_with_cells_an_empty_database_begins_with_the_first(copy):
    data = {"DATA_DIR": str(copy.parent / "cells")}
    run = Run(copy, free_port(), CELLS="True", **data)
    run.wait_until_ready()
    opened = run.get("/healthz")
    listed = subprocess.run(
        [sys.executable, "manage.py", "cells", "list"],
        cwd=copy,
        env=clean({"CELLS": "True", **data}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stop(signal.SIGTERM) == 0

    assert opened == 200
    assert re.fullmatch(r"1 first: [1-9]\d* accounts\n", listed.stdout)
    without = Run(copy, free_port(), **data)
    assert without.process.wait(60) == 1
    assert "All accounts are in cells, and CELLS is not True: set it." in without.log.read_text()
