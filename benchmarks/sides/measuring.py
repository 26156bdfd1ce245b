"""How long batches take, and the processor time of Python and of PostgreSQL, apart.

Time swings on a machine that others use, too; processor time does not.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Thread

from django.db import connection

from benchmarks.sides.workload import Side


@dataclass
class Measured:
    """Of some batches: seconds each took, and all together; seconds of each of the processors."""

    each: list[float] = field(default_factory=list)
    together: float = 0.0
    python: list[float] = field(default_factory=list)
    postgres: list[float] = field(default_factory=list)


def one_after_the_other(side: Side, *, size: int, times: int) -> dict:
    """Do so many batches of this size."""
    found = Measured()
    connection.ensure_connection()
    for _ in range(times):
        _timed(side.batch(size), found)
    found.together = sum(found.each)
    return asdict(found)


def at_once(
    side: Side, *, clients: int, times: int, size: int | None = None, threads: int = 1
) -> dict:
    """So many clients, each with so many calls of the one wallet, or batches of any, in processes
    of so many threads.

    Of batches each has one more, which is not measured: in it the statement is planned.
    """
    warm_ups = [None if size is None else side.batch(size) for _ in range(clients)]
    work = [
        [side.hot() if size is None else side.batch(size) for _ in range(times)]
        for _ in range(clients)
    ]
    connection.close()
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(clients + 1), context.Queue()
    all_clients = list(zip(warm_ups, work, strict=True))
    processes = [
        context.Process(target=_clients, args=(of_one, barrier, answers))
        for of_one in (all_clients[first : first + threads] for first in range(0, clients, threads))
    ]
    for process in processes:
        process.start()
    barrier.wait()
    began = time.perf_counter()
    parts = [answers.get() for _ in all_clients]
    together = time.perf_counter() - began
    for process in processes:
        process.join()
    return asdict(
        Measured(
            each=[seconds for part in parts for seconds in part.each],
            together=together,
            python=[seconds for part in parts for seconds in part.python],
            postgres=[seconds for part in parts for seconds in part.postgres],
        )
    )


def _clients(
    clients: Sequence[tuple[Callable[[], None] | None, list[Callable[[], None]]]],
    barrier: Barrier,
    answers: Queue,
) -> None:
    threads = [Thread(target=_client, args=(*one, barrier, answers)) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _client(
    warm_up: Callable[[], None] | None,
    batches: list[Callable[[], None]],
    barrier: Barrier,
    answers: Queue,
) -> None:
    connection.ensure_connection()
    found = Measured()
    if warm_up is not None:
        warm_up()
    barrier.wait()
    for batch in batches:
        _timed(batch, found)
    answers.put(found)


def _timed(batch: Callable[[], None], found: Measured) -> None:
    server = processor_seconds(connection.connection.info.backend_pid)
    python, began = time.thread_time(), time.perf_counter()
    batch()
    found.each.append(time.perf_counter() - began)
    found.python.append(time.thread_time() - python)
    found.postgres.append(processor_seconds(connection.connection.info.backend_pid) - server)


def looked_at(look: Callable[[], object]) -> dict[str, float]:
    """Seconds; and of them those of this process and of PostgreSQL, whose helpers it counts in."""
    connection.ensure_connection()
    server = connection.connection.info.backend_pid
    theirs, own, began = _with_helpers(server), time.process_time(), time.perf_counter()
    look()
    return {
        "seconds": time.perf_counter() - began,
        "python": time.process_time() - own,
        "postgres": _with_helpers(server) - theirs,
    }


def processor_seconds(pid: int) -> float:
    """Of all threads of a process of this machine."""
    told = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(one.split()[0]) for one in told) / 1e9


def _with_helpers(backend: int) -> float:
    """Of the backend, and of all processes that its parent saw end: workers of parallel plans."""
    parent = _stat(backend)[1]
    ended = sum(int(ticks) for ticks in _stat(int(parent))[13:15])
    return processor_seconds(backend) + ended / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """What /proc tells of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
