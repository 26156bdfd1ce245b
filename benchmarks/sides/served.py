"""The product as production serves it: gunicorn, without DEBUG, with a Redis of its own.

Clients are processes that open a connection for each request, as a proxy in front does.
"""

import json
import multiprocessing
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.db import connection

from accounts.people import api_keys
from benchmarks.sides.measuring import Measured, processor_seconds
from benchmarks.sides.workload import Side, insist
from benchmarks.sides.world import CROSSING, WALLETS

WORKERS, THREADS = 2, 8
# Requests of each client that are not measured.
WARM_UPS = 4
STARTS_WITHIN_SECONDS = 60.0
# Of Stripe nobody is asked: port 9 answers nobody.
ENVIRONMENT = {
    "DEBUG": "False",
    "ALLOWED_HOSTS": "127.0.0.1",
    "SECRET_KEY": "benchmark-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789",
    "STRIPE_SECRET_KEY": "_".join(["sk", "test", "bench" + "0" * 24]),
    "STRIPE_WEBHOOK_SECRET": "_".join(["whsec", "bench" + "0" * 24]),
    "STRIPE_API_BASE": "http://127.0.0.1:9",
    "DJANGO_SETTINGS_MODULE": "thinkrr_billing.settings",
}


# What clients send: when, in seconds from the start, or else at once.
Work = list[tuple[float | None, Callable[[], None]]]


class Requests(Side):
    """Of a batch it makes the whole request, so that clients only send it."""

    def __init__(self, port: int | None = None) -> None:
        super().__init__()
        _, token = api_keys.create(account=None, name="Bench", scopes=["calls"])
        self._port = port or int(os.environ["PORT"])
        self._head = (
            f"Host: 127.0.0.1:{self._port}\r\nAuthorization: Bearer {token}\r\n"
            "X-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.9\r\n"
            "Content-Type: application/json\r\nUser-Agent: bench\r\nConnection: close\r\n"
        )

    def batch(self, size: int) -> Callable[[], None]:
        facts = [{**one, "ended_at": one["ended_at"].isoformat()} for one in self.facts(size)]
        bad = sum(one["campaign"] != "bench" for one in facts)
        request = self._request("/api/v1/calls", {"calls": facts})
        return lambda: _send(self._port, request, rejected=bad)

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
        return lambda: _send(self._port, request, rejected=0)

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
        return asdict(_at_once(work))


class Served(Requests):
    """Starts what is asked, and ends it."""

    def __init__(self) -> None:
        super().__init__(_free_port())
        redis = _free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        self._redis = _start_redis(redis, self._folder.name)
        self._gunicorn = self._start_gunicorn(redis)

    def close(self) -> None:
        for process in (self._gunicorn, self._redis):
            process.terminate()
            process.wait()
        self._folder.cleanup()

    def _measured(self, work: list[Work]) -> dict:
        # While the others had their turn connections have ended, as each does after a minute.
        _at_once([[(None, self.batch(1)) for _ in range(WARM_UPS)] for _ in work])
        python, postgres = self._python(), _postgres()
        found = _at_once(work)
        count = len(found.each)
        found.python = [(self._python() - python) / count]
        found.postgres = [_since(postgres) / count]
        return asdict(found)

    def _python(self) -> float:
        """Of gunicorn and its workers, since they began."""
        pid = self._gunicorn.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum(processor_seconds(int(one)) for one in (pid, *children))

    def _start_gunicorn(self, redis: int) -> subprocess.Popen:
        command = [sys.executable, "-m", "gunicorn", "thinkrr_billing.wsgi"]
        command += ["--workers", str(WORKERS), "--threads", str(THREADS)]
        command += ["--bind", f"127.0.0.1:{self._port}", "--log-level", "warning"]
        command += ["--access-logfile", str(Path(self._folder.name, "access.log"))]
        url = urlsplit(os.environ["DATABASE_URL"])
        ours = url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        env = {name: value for name, value in os.environ.items() if name != "STRIPE_SECRET_KEY"}
        env |= ENVIRONMENT | {"DATABASE_URL": ours, "REDIS_URL": f"redis://127.0.0.1:{redis}/0"}
        with Path(self._folder.name, "log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=settings.BASE_DIR, env=env, stdout=log, stderr=log
            )
        _wait_for(self._port, process)
        return process


def _start_redis(port: int, folder: str) -> subprocess.Popen:
    if shutil.which("redis-server") is None:
        raise RuntimeError("Served as in production it needs Redis: apt-get install redis-server.")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _wait_for(port, process)
    return process


def _wait_for(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args[0]} did not start: see what it said above.")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _send(port: int, request: bytes, *, rejected: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as sent:
        sent.sendall(request)
        parts = []
        while part := sent.recv(1 << 18):
            parts.append(part)
    answer = b"".join(parts)
    insist(answer.startswith(b"HTTP/1.1 200 "))
    insist(answer.count(b'"status":"rejected"') == rejected)


def _at_once(work: list[Work]) -> Measured:
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


def _postgres() -> dict[int, float]:
    """Seconds of the processor by backend, of those that serve this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return {pid: processor_seconds(pid) for (pid,) in cursor.fetchall()}


def _since(before: dict[int, float]) -> float:
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in _postgres().items())
