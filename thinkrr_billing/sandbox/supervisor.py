"""`make run`: prepares the database, then keeps web, worker, beat and the Stripe sandbox running
until Ctrl-C, SIGTERM or SIGHUP, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from importlib.util import cache_from_source
from pathlib import Path

from thinkrr_billing.sandbox import addresses, locks, logins, postgres
from thinkrr_billing.sandbox.children import Child
from thinkrr_billing.sandbox.console import Console
from thinkrr_billing.sandbox.held import Gate
from thinkrr_billing.sandbox.preparing import NO_DEMO_DATA, PEOPLE_ONLY, TWO_ROLES

FOLDER = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("DATA_DIR") or FOLDER / ".data").resolve()
HELD = "thinkrr_billing.sandbox.held"
# A worker in the middle of a charge gets this long; the rows finish what it could not.
GRACE_SECONDS = 12.0
LOOK_EVERY_SECONDS = 0.2
READY_ASKED_EVERY_SECONDS = 0.5
SANDBOX_START_SECONDS = 20.0


class CannotRun(SystemExit):
    """Stops `make run` with the sentence alone."""


class Supervisor:
    def __init__(self, console: Console, *, demo_data: bool = True) -> None:
        self._console = console
        self._demo_data = demo_data
        self._children: list[Child] = []
        self._preparing: subprocess.Popen | None = None
        self._signals = 0
        self._announced = False
        self._asked_at = 0.0
        # Whom the parts are, unlike what prepares the database.
        self._role: dict[str, str] = {}

    def run(self) -> None:
        """Blocks until told to stop. Raises CannotRun when the preparation fails."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._note_signal)
        # What is written from here on is nobody else's.
        os.umask(0o077)
        try:
            self._set_environment()
            self._start()
            while not self._stopping:
                self._look_after()
                time.sleep(LOOK_EVERY_SECONDS)
        finally:
            self._stop()

    @property
    def _stopping(self) -> bool:
        return self._signals > 0 or self._console.gone

    def _note_signal(self, *_: object) -> None:
        self._signals += 1
        if self._preparing:
            self._preparing.terminate()

    def _set_environment(self) -> None:
        self._embedded = not os.environ.get("DATABASE_URL")
        if self._embedded:
            os.environ.setdefault("DEBUG", "True")
            if os.environ["DEBUG"] == "True":
                os.environ["DATABASE_URL"] = postgres.address(DATA)
                self._role["DATABASE_URL"] = postgres.address(DATA, postgres.APPLICATION)
        os.environ["PYTHONUNBUFFERED"] = "1"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
        # Reading them is the check: a bad value stops us here with its sentence.
        from django.conf import settings

        self._port = settings.PORT
        self._debug = settings.DEBUG
        self._sandbox = settings.STRIPE_SANDBOX
        self._webhook_secret = settings.STRIPE_WEBHOOK_SECRET
        _refuse_busy_port(self._port)

    def _start(self) -> None:
        """Let all parts load together; each begins when there is what it needs."""
        database, everything = Gate(), Gate()
        self._start_stripe()
        loaded = self._begin_preparing(database)
        if _is_compiled():
            self._start_children(everything)
        self._start_database()
        self._wait_for_stripe()
        database.open()
        # Until one process has compiled for all, or failed.
        os.read(loaded, 1)
        self._start_children(everything)
        self._finish("Preparing the database")
        if not self._debug:
            collect = ["manage.py", "collectstatic", "--no-input", "-v", "0"]
            self._begin("collecting static files", *collect)
            self._finish("Collecting static files")
        if not self._stopping:
            everything.open()

    def _begin_preparing(self, gate: Gate) -> int:
        """Answers a descriptor that ends when the application is loaded."""
        loaded, telling = os.pipe()
        command = ["-m", HELD, "thinkrr_billing.sandbox.preparing", str(telling)]
        if not (self._demo_data and self._debug):
            command.append(NO_DEMO_DATA)
        elif not self._sandbox:
            # Another Stripe cannot be told what it took in the last ninety days.
            command.append(PEOPLE_ONLY)
        if self._role:
            command.append(TWO_ROLES)
        options = {"stdin": gate.stdin, "pass_fds": [telling]}
        self._begin("loading the application", *command, **options)
        os.close(telling)
        return loaded

    def _start_database(self) -> None:
        if self._embedded and not self._stopping:
            self._say("starting the embedded PostgreSQL")
            postgres.database_url(DATA)

    def _begin(
        self,
        what: str,
        *arguments: str,
        stdin: int = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Let Python run this, its output in our log."""
        if self._stopping:
            return
        self._say(what)
        self._began = time.monotonic()
        self._preparing = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=FOLDER,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=locks.die_with_parent,
            pass_fds=pass_fds,
        )
        self._reader = self._console.follow("prepare", self._preparing.stdout)

    def _finish(self, what: str) -> None:
        """Wait for the end of what was begun."""
        if not self._preparing:
            return
        code = self._preparing.wait()
        self._reader.join()
        self._preparing = None
        if code and not self._stopping:
            raise CannotRun(f"{what} failed; the message is above.")
        if not code:
            self._say(f"done in {time.monotonic() - self._began:.1f} s")

    def _start_stripe(self) -> None:
        if not self._sandbox:
            return
        port = addresses.stripe_port(DATA)
        if not addresses.is_free(port):
            raise CannotRun(
                f"Port {port}, the Stripe sandbox's, is taken: stop what listens there, or delete "
                ".data/stripe-sandbox.json to have another port chosen."
            )
        webhook = f"http://127.0.0.1:{self._port}/stripe/webhook/"
        state = str(DATA / "stripe-sandbox.sqlite3")
        options = ["--port", str(port), "--state", state, "--webhook-url", webhook]
        # As an argument every user of the machine could read it.
        secret = {"STRIPE_WEBHOOK_SECRET": self._webhook_secret}
        self._add("stripe", "thinkrr_billing.sandbox.stripe", *options, "--quiet", **secret)
        self._children[-1].start()

    def _wait_for_stripe(self) -> None:
        if not self._sandbox:
            return
        port, deadline = addresses.stripe_port(DATA), time.monotonic() + SANDBOX_START_SECONDS
        while addresses.is_free(port) and not self._stopping:
            if time.monotonic() > deadline or not self._children[0].is_running:
                raise CannotRun("The Stripe sandbox did not start; its own message is above.")
            time.sleep(0.05)

    def _start_children(self, gate: Gate) -> None:
        """Once: what is there already stays."""
        if self._stopping or any(child.name == "web" for child in self._children):
            return
        celery = (HELD, "celery", "-A")
        self._add(
            "web",
            *(HELD, "gunicorn", "thinkrr_billing.wsgi", "--bind", f"127.0.0.1:{self._port}"),
            *("--worker-class", "gthread", "--workers", "1", "--threads", "8"),
            *("--graceful-timeout", "5", "--log-level", "warning", "--access-logfile", "-"),
            *("--access-logformat", "%(m)s %(U)s %(s)s %(M)s ms", "--no-control-socket"),
        )
        self._add(
            "worker",
            *celery,
            "thinkrr_billing",
            "worker",
            "--concurrency",
            "2",
            "--loglevel",
            "INFO",
        )
        self._add(
            "beat",
            *celery,
            "thinkrr_billing.beat",
            "beat",
            "--loglevel",
            "WARNING",
            "--pidfile",
            "",
        )
        for child in self._children:
            if not child.is_running:
                child.start(stdin=gate.stdin)

    def _add(self, name: str, module: str, *arguments: str, **variables: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        env = os.environ | self._role | variables
        self._children.append(
            Child(name=name, command=command, env=env, folder=FOLDER, console=self._console)
        )

    def _look_after(self) -> None:
        for child in self._children:
            child.watch()
        if self._embedded:
            self._look_after_database()
        if not self._announced and time.monotonic() > self._asked_at + READY_ASKED_EVERY_SECONDS:
            self._asked_at = time.monotonic()
            if _is_ready(self._port):
                self._announced = True
                self._announce()

    def _look_after_database(self) -> None:
        try:
            postgres.database_url(DATA)
        except postgres.EmbeddedPostgresFailed as failure:
            # What is left of a killed server may need a moment to go; the next look tries again.
            self._say(str(failure))

    def _announce(self) -> None:
        self._say(f"Ready: http://127.0.0.1:{self._port}/")
        if self._demo_data and self._debug:
            self._say(f"Log in with the password {logins.PASSWORD} as")
            for login in logins.LOGINS:
                self._say(f"  {login.email:<28} {login.who}")
        self._say("Ctrl-C stops everything.")

    def _stop(self) -> None:
        """Ask, wait, then force: one after another would take longer than anybody waits."""
        self._say("stopping")
        if self._preparing:
            self._preparing.terminate()
        for child in self._children:
            child.ask_to_stop()
        asked_before, deadline = self._signals, time.monotonic() + GRACE_SECONDS
        while any(child.is_running for child in self._children):
            if time.monotonic() > deadline or self._signals > asked_before:
                break
            time.sleep(0.05)
        for child in self._children:
            child.stop_by_force()
        postgres.release(DATA)
        self._say("stopped")

    def _say(self, line: str) -> None:
        self._console.say("run", line)


def main() -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    # One per checkout: the lock is on the folder itself and ends with this process.
    if locks.hold(DATA.parent, exclusive=True, wait=False) is None:
        raise CannotRun(
            "`make run` is running in this checkout already: stop it with Ctrl-C there, or use "
            "another checkout with another PORT for a second one."
        )
    Supervisor(Console(), demo_data=NO_DEMO_DATA not in sys.argv[1:]).run()


def _refuse_busy_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise CannotRun(
                f"Port {port} needs root: choose one above 1023, as in `make run PORT=8001`."
            ) from None
        except OSError:
            raise CannotRun(
                f"Port {port} is taken: stop what listens there, or choose another, as in "
                f"`make run PORT={port + 1}`."
            ) from None


def _is_compiled() -> bool:
    """Whether our modules have been loaded before, so that it is quick now."""
    return Path(cache_from_source(str(FOLDER / "thinkrr_billing" / "urls.py"))).exists()


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
