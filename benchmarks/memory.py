"""The memory of all Python processes of `make run`, idle and under load, beside the build before.

Both run side by side, each with its own embedded PostgreSQL, and take turns: a load is 100,000
calls through HTTP. `loads=N` says how many (3), `minutes=N` over how long they are spread (as they
come). Prints one table, and writes `.data/bench/memory.json`.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import linear_regression

from benchmarks.builds import KEPT, ROOT, ask, build_of, side
from benchmarks.metering import BEFORE
from thinkrr_billing.sandbox import postgres

LOADS = 3
# A load: so many clients, so many batches each.
CLIENTS, BATCHES, SIZE = 2, 50, 1000
READY_WITHIN_SECONDS = 600.0
# Whoever was busy starting, or with nudges, is done by then.
SETTLES_SECONDS = 15.0
MEGABYTE = 1 << 20
# What of a command line says which part of `make run` a process is.
PARTS = {
    "gunicorn": "web",
    " worker": "worker",
    " beat": "beat",
    "sandbox.stripe": "stripe",
    "postgres_keeper": "keeper",
}


class Run:
    """`make run` of a build, and clients of its API."""

    def __init__(self, build: Path, data: Path, log: Path) -> None:
        self._port, self._log = _free_port(), log
        gone = ("DATABASE_URL", "REDIS_URL", "DEBUG")
        env = {name: value for name, value in os.environ.items() if name not in gone}
        self._env = env | {"DATA_DIR": str(data), "PORT": str(self._port), "TZ": "UTC"}
        self._data = data
        self._process = subprocess.Popen(
            [sys.executable, "-m", "thinkrr_billing.sandbox", "--no-demo-data"],
            cwd=build,
            env=self._env,
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
        )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while "Ready: " not in self._log.read_text():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"`make run` did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.2)

    @property
    def env(self) -> dict[str, str]:
        """Of processes that fill its database and ask its API."""
        return self._env | {"DEBUG": "True", "DATABASE_URL": postgres.address(self._data)}

    def megabytes(self) -> dict[str, float]:
        """Proportional memory of its Python processes, by part."""
        found: dict[str, float] = {}
        for pid in _with_descendants(self._process.pid):
            # One that ends meanwhile has none.
            with suppress(FileNotFoundError, ProcessLookupError):
                if "python" in os.path.basename(os.readlink(f"/proc/{pid}/exe")):
                    part, more = _part(pid), _proportional(pid)
                    found[part] = found.get(part, 0.0) + more
        return found

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def run(*, loads: int = LOADS, minutes: int = 0) -> None:
    """Measure both builds side by side."""
    with ExitStack() as stack:
        builds = {"before": stack.enter_context(build_of(BEFORE)), "ours": ROOT}
        runs = {name: stack.enter_context(_running(build)) for name, build in builds.items()}
        for name, one in runs.items():
            _fill(builds[name], one)
        series = {name: [] for name in runs}
        _look(runs, series)
        clients = {
            name: stack.enter_context(side(builds[name], "requests", postgres.DATABASE, **one.env))
            for name, one in runs.items()
        }
        began = time.monotonic()
        for number in range(1, loads + 1):
            for client in clients.values():
                ask(client, do="requests", size=SIZE, clients=CLIENTS, times=BATCHES)
            _idle_until(began + 60 * minutes * number / loads - SETTLES_SECONDS)
            _look(runs, series)
    _report(series)


@contextmanager
def _running(build: Path) -> Iterator[Run]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        # The embedded PostgreSQL of root works as another user, who has to get there.
        Path(folder).chmod(0o711)
        started = Run(build, Path(folder, "data"), Path(folder, "log"))
        try:
            started.wait_until_ready()
            yield started
        finally:
            started.stop()


def _fill(build: Path, one: Run) -> None:
    command = [sys.executable, "-m", "benchmarks.sides", "fill", postgres.DATABASE]
    subprocess.run(command, cwd=build, env=one.env, check=True)


def _idle_until(moment: float) -> None:
    time.sleep(max(moment - time.monotonic(), 0))


def _look(runs: dict[str, Run], series: dict[str, list[dict[str, float]]]) -> None:
    time.sleep(SETTLES_SECONDS)
    for name, one in runs.items():
        series[name].append(one.megabytes())


def _report(series: dict[str, list[dict[str, float]]]) -> None:
    sums = {name: [sum(look.values()) for look in looks] for name, looks in series.items()}
    parts = [*series["ours"][0]]
    print(f"{'MB of proportional memory':34}" + "".join(f"{part:>12}" for part in (*parts, "all")))
    for name, looks in series.items():
        for number, look in enumerate(looks):
            label = f"{name}, {'idle' if not number else f'after {number} loads'}"
            cells = [*(look.get(part, 0.0) for part in parts), sum(look.values())]
            print(f"{label:34}" + "".join(f"{cell:>12.1f}" for cell in cells))
    ratios = {
        # After the load: what a process has to have while it works.
        "memory": sums["ours"][1] / sums["before"][1],
        "memory_idle": sums["ours"][0] / sums["before"][0],
    }
    ratios = {name: round(ratio, 3) for name, ratio in ratios.items()}
    slopes = {name: _slope(values[1:]) for name, values in sums.items()}
    for name, value in ratios.items():
        print(f"{name:34}{value:>12.2f}")
    for name, slope in slopes.items():
        print(f"{name}: {slope:+.2f} MB each 100,000 calls after the first")
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = {"ratios": ratios, "megabytes": series, "growth_each_100000_calls": slopes}
    (KEPT / "memory.json").write_text(json.dumps(kept, indent=2) + "\n")


def _slope(values: list[float]) -> float:
    return linear_regression(range(len(values)), values).slope if len(values) > 1 else 0.0


def _with_descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents.setdefault(parent, []).append(int(status.parent.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def _part(pid: int) -> str:
    line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\x00", b" ").decode()
    return next((part for word, part in PARTS.items() if word in line), "run")


def _proportional(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / MEGABYTE
    raise LookupError(f"Nothing is said of the memory of process {pid}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
