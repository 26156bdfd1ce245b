"""How long batches take, and the processor time of Python and of PostgreSQL, apart.

Time swings on a machine that others use, too; processor time does not.
"""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

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


def at_once(side: Side, *, clients: int, times: int, size: int | None = None) -> dict:
    """So many processes, each with so many calls of the one wallet, or batches of any.

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
    processes = [
        context.Process(target=_client, args=(warm_up, one, barrier, answers))
        for warm_up, one in zip(warm_ups, work, strict=True)
    ]
    for process in processes:
        process.start()
    barrier.wait()
    began = time.perf_counter()
    parts = [answers.get() for _ in processes]
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


def _client(
    warm_up: Callable[[], None] | None,
    batches: list[Callable[[], None]],
    barrier: Barrier,
    answers: Queue,
) -> None:
    found = Measured()
    connection.ensure_connection()
    if warm_up is not None:
        warm_up()
    barrier.wait()
    for batch in batches:
        _timed(batch, found)
    answers.put(found)


def _timed(batch: Callable[[], None], found: Measured) -> None:
    server = processor_seconds(connection.connection.info.backend_pid)
    python, began = time.process_time(), time.perf_counter()
    batch()
    found.each.append(time.perf_counter() - began)
    found.python.append(time.process_time() - python)
    found.postgres.append(processor_seconds(connection.connection.info.backend_pid) - server)


def processor_seconds(pid: int) -> float:
    """Of all threads of a process of this machine."""
    told = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(one.split()[0]) for one in told) / 1e9
