"""Real worker processes beside a test: on the test's database, its Stripe and their own broker."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from celery import Celery
from django.conf import settings
from django.db import connection

FOLDER = Path(__file__).resolve().parents[2]


class Workers:
    """Starts workers one after another, and sends them what beat and nudges would send."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "worker.log"
        self._env = os.environ | {
            "DEBUG": "True",
            "DATA_DIR": str(folder),
            "DATABASE_URL": _database_url(),
            "STRIPE_API_BASE": settings.STRIPE_API_BASE,
        }
        # With Redis, workers of two test processes would share one queue.
        self._env.pop("REDIS_URL", None)
        for name in ("queue", "control"):
            (folder / name).mkdir()
        self._process: subprocess.Popen | None = None
        self._sender = Celery(broker="files://localhost/")
        self._sender.conf.broker_transport_options = {
            "data_folder_in": str(folder / "queue"),
            "data_folder_out": str(folder / "queue"),
            "control_folder": str(folder / "control"),
        }

    def start(self) -> None:
        log = self._log.open("ab")
        command = [sys.executable, "-m", "celery", "-A", "thinkrr_billing", "worker"]
        self._process = subprocess.Popen(
            [*command, "--concurrency", "2", "--loglevel", "INFO"],
            cwd=FOLDER,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()

    def kill(self) -> None:
        """As a power cut would: the worker and its children at once, with no last words."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        if self._process:
            self.kill()

    def send(self, task: str, *args: object) -> None:
        self._sender.send_task(task, args=args)
        if self._process and self._process.poll() is not None:
            raise AssertionError("the worker ended: " + self._log.read_text()[-5000:])


def _database_url() -> str:
    """The test's own database, as the environment names it."""
    facts = connection.settings_dict
    login = quote(facts["USER"]) + (f":{quote(facts['PASSWORD'])}" if facts["PASSWORD"] else "")
    host = facts["HOST"]
    if host.startswith("/"):
        return f"postgres://{login}@/{facts['NAME']}?host={quote(host, safe='')}"
    return f"postgres://{login}@{host}:{facts['PORT'] or 5432}/{facts['NAME']}"
