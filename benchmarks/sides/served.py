"""The product as production serves it: gunicorn, without DEBUG, with a Redis of its own.

Clients are processes that keep a connection open, as nginx in front does (deploy/nginx/hosts.conf).
"""

import json
import multiprocessing
import os
import random
import re
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import cache, partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from urllib.parse import urlsplit
from uuid import uuid4

from django.db import connection

from accounts.people import api_keys
from benchmarks.sides.measuring import Measured, processor_seconds
from benchmarks.sides.programs import free_port, seconds_of, start_gunicorn, start_redis
from benchmarks.sides.workload import Side, insist
from benchmarks.sides.world import CROSSING, WALLETS

_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)")
# Requests of each client that are not measured.
WARM_UPS = 4
# What clients send: when, in seconds from the start, or else at once.
Work = list[tuple[float | None, Callable[[], None]]]


class Requests(Side):
    """Of a batch it makes the whole request, so that clients only send it."""

    # What is refused for the moment is sent again, as a platform does, instead of ending it all.
    sends_again = False

    def __init__(self, port: int | None = None) -> None:
        super().__init__()
        _, token = api_keys.create(account=None, name="Bench", scopes=["calls"])
        self._port = port or int(os.environ["PORT"])
        self._head = (
            f"Host: 127.0.0.1:{self._port}\r\nAuthorization: Bearer {token}\r\n"
            "X-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.9\r\n"
            "Content-Type: application/json\r\nUser-Agent: bench\r\n"
        )

    def batch(self, size: int) -> Callable[[], None]:
        facts = [{**one, "ended_at": one["ended_at"].isoformat()} for one in self.facts(size)]
        bad = sum(one["campaign"] != "bench" for one in facts)
        request = self._request("/api/v1/calls", {"calls": facts})
        return partial(_send, self._port, request, rejected=bad, again=self.sends_again)

    def crossing_from(self, count: int) -> int:
        """From the first again after the last: what has crossed is charged like any other."""
        if self._crossed + count > CROSSING:
            self._crossed = 0
        return super().crossing_from(count)

    def question(self, *, hold: bool) -> Callable[[], None]:
        """May a call of any wallet start? `hold`: and reserve a minute and a half for it."""
        asked = {"account": random.choice(self.accounts[:WALLETS]), "campaign": "bench"}
        if hold:
            asked |= {"call": uuid4().hex, "seconds": 90}
        request = self._request(f"/api/v1/calls/{'holds' if hold else 'authorize'}", asked)
        return partial(_send, self._port, request, rejected=0)

    def requests(self, *, size: int, clients: int, times: int) -> dict:
        """So many clients, each with so many batches one after the other."""
        work = [[(None, self.batch(size)) for _ in range(times)] for _ in range(clients)]
        return self._measured(work)

    def questions(self, *, a_second: int, clients: int, times: int, hold: bool = False) -> dict:
        """Asked at their moments, whether those before were answered or not."""
        work = [
            [
                ((number * clients + client) / a_second, self.question(hold=hold))
                for number in range(times)
            ]
            for client in range(clients)
        ]
        return self._measured(work)

    def _request(self, path: str, body: dict) -> bytes:
        text = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\n{self._head}Content-Length: {len(text)}\r\n\r\n"
        return head.encode() + text

    def _measured(self, work: list[Work]) -> dict:
        return asdict(sent_at_once(work))


class Served(Requests):
    """Starts what is asked, and ends it."""

    def __init__(self) -> None:
        super().__init__(free_port())
        redis = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        self._redis = start_redis(redis, self._folder.name)
        url = urlsplit(os.environ["DATABASE_URL"])
        ours = url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        self._gunicorn = start_gunicorn(
            self._port, database=ours, redis=redis, folder=self._folder.name
        )

    def close(self) -> None:
        for process in (self._gunicorn, self._redis):
            process.terminate()
            process.wait()
        self._folder.cleanup()

    def _measured(self, work: list[Work]) -> dict:
        # While the others had their turn connections have ended, as each does after a minute.
        sent_at_once([[(None, self.batch(1)) for _ in range(WARM_UPS)] for _ in work])
        python, postgres = seconds_of(self._gunicorn), postgres_seconds()
        found = sent_at_once(work)
        count = len(found.each)
        found.python = [(seconds_of(self._gunicorn) - python) / count]
        found.postgres = [since(postgres) / count]
        return asdict(found)


def _send(port: int, request: bytes, *, rejected: int, again: bool = False) -> None:
    answer = _answer(port, request)
    while again and answer.startswith(b"HTTP/1.1 503 "):
        answer = _answer(port, request)
    insist(answer.startswith(b"HTTP/1.1 200 "))
    insist(answer.count(b'"status":"rejected"') == rejected)


def _answer(port: int, request: bytes) -> bytes:
    line = _line(port)
    line.sendall(request)
    answer = b""
    while (end := answer.find(b"\r\n\r\n")) < 0:
        answer += _part(line)
    missing = int(_LENGTH.search(answer, 0, end)[1]) - (len(answer) - end - 4)
    parts = [answer]
    while missing > 0:
        parts.append(_part(line))
        missing -= len(parts[-1])
    return b"".join(parts)


@cache
def _line(port: int) -> socket.socket:
    """Of this client, which is a process of its own."""
    return socket.create_connection(("127.0.0.1", port))


def _part(line: socket.socket) -> bytes:
    part = line.recv(1 << 18)
    insist(bool(part))
    return part


def sent_at_once(work: list[Work]) -> Measured:
    connection.close()
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(len(work) + 1), context.Queue()
    processes = [context.Process(target=_client, args=(one, barrier, answers)) for one in work]
    for process in processes:
        process.start()
    barrier.wait()
    began = time.perf_counter()
    each = [seconds for _ in processes for seconds in answers.get()]
    together = time.perf_counter() - began
    for process in processes:
        process.join()
    return Measured(each=each, together=together)


def _client(work: Work, barrier: Barrier, answers: Queue) -> None:
    found = []
    barrier.wait()
    start = time.perf_counter()
    for after, send in work:
        # What waits for its turn is late from the moment it was meant for.
        began = time.perf_counter() if after is None else start + after
        time.sleep(max(0.0, began - time.perf_counter()))
        send()
        found.append(time.perf_counter() - began)
    answers.put(found)


def postgres_seconds() -> dict[int, float]:
    """Seconds of the processor by backend, of those that serve this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return {pid: processor_seconds(pid) for (pid,) in cursor.fetchall()}


def since(before: dict[int, float]) -> float:
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in postgres_seconds().items())
