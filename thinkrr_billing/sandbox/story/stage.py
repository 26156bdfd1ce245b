"""The story's stage: the parts of `make run` on free ports and in a folder of their own."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from thinkrr_billing.sandbox import addresses, locks, postgres
from thinkrr_billing.sandbox.stripe.process import StripeSandbox, start

FOLDER = Path(__file__).resolve().parents[3]
READY_SECONDS = 120
STOP_SECONDS = 30
LOG_LINES_SHOWN = 30
# The stage has its own; what the terminal sets is meant for `make run`.
NOT_OURS = (
    "REDIS_URL",
    "STRIPE_SECRET_KEY",
    "EMAIL_URL",
    "SITE_URL",
    "SENTRY_DSN",
    "LOG_FORMAT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "ALLOWED_HOSTS",
    "SECRET_KEY",
    "DATABASE_URL",
)


class NoStage(Exception):
    """The parts did not start. The text is the end of their log."""


class Stage:
    """Use as a context manager: everything it made is stopped and deleted at the end."""

    sandbox: StripeSandbox

    def __enter__(self) -> "Stage":
        self.folder = Path(tempfile.mkdtemp(prefix="thinkrr-demo-"))
        self._data = self.folder / "data"
        self._data.mkdir()
        self._supervisor: subprocess.Popen | None = None
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._supervisor:
            self._supervisor.send_signal(signal.SIGTERM)
            try:
                self._supervisor.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._supervisor.kill()
        if hasattr(self, "sandbox"):
            self.sandbox.stop()
        self._close_database()
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run a management command; its exit code and everything it said."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    def _build(self) -> None:
        port = addresses.free_port()
        self.site = f"http://127.0.0.1:{port}"
        webhook_secret = f"whsec_{secrets.token_hex(16)}"
        self.sandbox = start(
            self.folder / "stripe.sqlite3",
            webhook_url=f"{self.site}/stripe/webhook/",
            webhook_secret=webhook_secret,
        )
        for name in NOT_OURS:
            os.environ.pop(name, None)
        os.environ |= {
            "DATA_DIR": str(self._data),
            "PORT": str(port),
            "DEBUG": "True",
            "STRIPE_API_BASE": self.sandbox.base_url,
            "STRIPE_WEBHOOK_SECRET": webhook_secret,
            "DATABASE_URL": postgres.database_url(self._data),
            "DJANGO_SETTINGS_MODULE": "thinkrr_billing.settings",
        }
        self._start_parts()

    def _start_parts(self) -> None:
        log = self.folder / "log"
        with log.open("wb") as output:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "thinkrr_billing.sandbox", "--no-demo-data"],
                cwd=FOLDER,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=locks.die_with_parent,
            )
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(f"{self.site}/readyz"):
            if self._supervisor.poll() is not None or time.monotonic() > deadline:
                lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
                raise NoStage("The parts did not start:\n" + "\n".join(lines))
            time.sleep(0.2)

    def _close_database(self) -> None:
        if "django" in sys.modules:
            from django.conf import settings
            from django.db import connections

            if settings.configured:
                connections.close_all()
        postgres.release(self._data)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
