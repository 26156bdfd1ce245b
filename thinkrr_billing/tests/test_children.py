"""The supervisor's children: started again when they die, stopped with all they started."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest

from thinkrr_billing.sandbox import children
from thinkrr_billing.sandbox.children import Child
from thinkrr_billing.sandbox.console import Console
from thinkrr_billing.tests.environments import FOLDER
from thinkrr_billing.tests.processes import is_alive, wait_until

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
# Ignores SIGTERM, and so does the process it starts.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                              preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))
print("grandchild", grandchild.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def log():
    return io.StringIO()


@pytest.fixture
def make_child(log, tmp_path, monkeypatch):
    monkeypatch.setattr(children, "FIRST_PAUSE_SECONDS", 0.05)
    made = []

    def make(code):
        child = Child(
            name="web",
            command=[sys.executable, "-c", code],
            env=os.environ,
            folder=tmp_path,
            console=Console(log),
        )
        made.append(child)
        child.start()
        return child

    yield make
    for child in made:
        child.stop_by_force()


def test_a_childs_lines_are_logged_behind_its_name(make_child, log):
    make_child(SLEEPS)

    wait_until(lambda: "web     | up\n" in log.getvalue(), seconds=10, what="the line")


def test_a_child_that_is_killed_is_started_again(make_child, log):
    child = make_child(SLEEPS)
    first = child.pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not child.is_running, seconds=10, what="its death")

    def is_back():
        child.watch()
        return child.is_running

    wait_until(is_back, seconds=10, what="the child started again")
    assert child.pid != first
    assert "web ended (signal SIGKILL); again in 0 s" in log.getvalue()


def test_every_death_in_a_row_doubles_the_pause(make_child, log, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(children.time, "monotonic", lambda: now)
    child = make_child("raise SystemExit(3)")
    pauses = []
    for _ in range(12):
        child._process.wait()
        child.watch()
        pauses.append(child._start_at - now)
        now += 60
        child.watch()

    assert pauses[:4] == [pytest.approx(0.05 * 2**n) for n in range(4)]
    assert max(pauses) == children.LONGEST_PAUSE_SECONDS
    assert "web ended (exit code 3)" in log.getvalue()


def test_stopping_by_force_takes_what_the_child_started_too(make_child, log):
    child = make_child(STUBBORN)
    wait_until(lambda: "grandchild" in log.getvalue(), seconds=10, what="the grandchild")
    grandchild = int(log.getvalue().split()[-1])

    child.ask_to_stop()
    assert child.is_running
    child.stop_by_force()

    wait_until(lambda: not is_alive(grandchild), seconds=10, what="the grandchild's end")
    assert not child.is_running


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a death")
def test_a_child_ends_when_the_supervisor_is_killed(tmp_path):
    code = (
        "import os, sys, time; from pathlib import Path\n"
        "from thinkrr_billing.sandbox.children import Child\n"
        "from thinkrr_billing.sandbox.console import Console\n"
        f"child = Child(name='web', command=[sys.executable, '-c', {SLEEPS!r}], env=os.environ,\n"
        f"              folder=Path({str(tmp_path)!r}), console=Console(sys.stderr))\n"
        "child.start(); print(child.pid, flush=True); time.sleep(600)\n"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", code], cwd=FOLDER, stdout=subprocess.PIPE, text=True
    )
    child = int(supervisor.stdout.readline())
    assert is_alive(child)

    supervisor.kill()
    supervisor.wait()

    wait_until(lambda: not is_alive(child), seconds=10, what="the child's end")


def test_a_held_module_runs_only_when_it_is_told_to(tmp_path):
    loaded = tmp_path / "loaded"
    (tmp_path / "few_settings.py").write_text(f"open({str(loaded)!r}, 'w').close()\n")
    (tmp_path / "late.py").write_text(
        "import sys, time; print(__name__, time.monotonic(), *sys.argv[1:])"
    )
    held = subprocess.Popen(
        [sys.executable, "-m", "thinkrr_billing.sandbox.held", "late", "--option", "value"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(FOLDER), "DJANGO_SETTINGS_MODULE": "few_settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_until(loaded.exists, seconds=20, what="the application")

    told = time.monotonic()
    printed, _ = held.communicate()

    name, began, *arguments = printed.split()
    assert (name, arguments) == ("__main__", ["--option", "value"])
    assert float(began) >= told
