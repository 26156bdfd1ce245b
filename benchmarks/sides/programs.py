"""The programs that production has besides PostgreSQL, each started here as it is there."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

from benchmarks.sides.measuring import processor_seconds

WORKERS, THREADS = 2, 8
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


def seconds_of(process: subprocess.Popen) -> float:
    """Of a program and the children it has, since they began."""
    pid = process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(processor_seconds(int(one)) for one in (pid, *children))


def start_gunicorn(port: int, *, database: str, redis: int, folder: str) -> subprocess.Popen:
    """As production does, on the database of this address."""
    command = [sys.executable, "-m", "gunicorn", "thinkrr_billing.wsgi"]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS)]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    command += ["--access-logfile", str(Path(folder, "access.log"))]
    process = _in_production(command, database=database, redis=redis, folder=folder)
    wait_for(port, process)
    return process


def start_worker(
    children: int, *, database: str, redis: int, stripe: str, folder: str
) -> subprocess.Popen:
    """As production does; `stripe` is the address of the server it asks."""
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "thinkrr_billing", "worker"]
    command += ["--concurrency", str(children), "--loglevel", "INFO"]
    more = {"STRIPE_API_BASE": stripe}
    return _in_production(command, database=database, redis=redis, folder=folder, **more)


def _in_production(
    command: list[str], *, database: str, redis: int, folder: str, **more: str
) -> subprocess.Popen:
    env = {name: value for name, value in os.environ.items() if name != "STRIPE_SECRET_KEY"}
    env |= ENVIRONMENT | {"DATABASE_URL": database, "REDIS_URL": f"redis://127.0.0.1:{redis}/0"}
    with Path(folder, "log").open("w") as log:
        return subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=env | more, stdout=log, stderr=log
        )


def start_redis(port: int, folder: str) -> subprocess.Popen:
    if shutil.which("redis-server") is None:
        raise RuntimeError("Served as in production it needs Redis: apt-get install redis-server.")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    wait_for(port, process)
    return process


def wait_for(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args[0]} did not start: see what it said above.")
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
