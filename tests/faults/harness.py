"""Real parts for a test to kill, stop, flush and restart: PostgreSQL, Redis, worker, beat, web."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import redis
from celery import Celery
from django.conf import settings
from django.db import connection

from accounts import clock
from tests import oracle
from thinkrr_billing.sandbox import locks, postgres
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from thinkrr_billing.tests.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]

# A loaded machine starts Python slowly.
STARTS_WITHIN = 60
ENDS_WITHIN = 20


class Part:
    """A process of its own with all it starts, and what it said in a log beside it."""

    # The checkout it runs; a release before this one has another.
    code = ROOT

    def __init__(self, name: str, folder: Path, env: dict[str, str] | None = None) -> None:
        self.name, self.folder = name, folder
        self.env = env if env is not None else dict(os.environ)
        self.process: subprocess.Popen | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def log(self) -> str:
        """What it has said since it was started."""
        return self._log_file.read_text(errors="replace")[self._said :]

    @property
    def _log_file(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def launch(self, *command: object, env: dict[str, str] | None = None, **user) -> None:
        with self._log_file.open("a+", errors="replace") as log:
            log.seek(0)
            self._said = len(log.read())
            self.process = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.code,
                env=self.env | (env or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: locks.die_with_parent(signal.SIGKILL),
                **user,
            )

    def signal(self, signum: int) -> None:
        if self.is_running:
            os.killpg(self.process.pid, signum)

    def kill(self) -> None:
        """As a power cut would: the process and all it started, with no last words."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self.wait_for_end()

    def freeze(self) -> None:
        """It hangs: connections stay open, nothing answers."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def wait_for_end(self, within: float = ENDS_WITHIN) -> int:
        if self.process is None:
            return 0
        return self.process.wait(within)

    def wait_for(self, condition, what: str, seconds: float = STARTS_WITHIN) -> None:
        def met() -> object:
            assert self.is_running, f"{self.name} ended: {self.log[-2000:]}"
            return condition()

        wait_until(met, seconds=seconds, what=f"{self.name}: {what}")


class Postgres(Part):
    """A throw-away cluster of the embedded wheel: works for root and for anybody else."""

    def __init__(self, folder: Path) -> None:
        super().__init__("postgres", folder)
        self.port = free_port()
        self._cluster, self._sockets = folder / "cluster", folder / "s"
        postgres._make_cluster(self._cluster, self._sockets)

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{postgres.DATABASE}"

    def start(self, *options: str) -> None:
        self.is_usual = not options
        given = [part for option in options for part in ("-c", option)]
        self.launch(
            postgres._program("postgres"),
            "-D",
            self._cluster,
            "-k",
            self._sockets,
            "-h",
            "127.0.0.1",
            "-p",
            self.port,
            *given,
            **postgres._as_server_user(),
        )
        self.wait_for(self.answers, "accepts connections")

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url.rpartition("/")[0] + "/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self) -> None:
        import psycopg

        with psycopg.connect(self.url.rpartition("/")[0] + "/postgres", autocommit=True) as db:
            db.execute(f"CREATE DATABASE {postgres.DATABASE}")

    def copy_tables_of(self, database: dict) -> None:
        """Migrating takes twenty times as long as this. A newer server's are not copied."""
        source = ("-h", database["HOST"], "-U", database["USER"], database["NAME"])
        port = ("-p", str(database["PORT"])) if database["PORT"] else ()
        dump = subprocess.run(
            [postgres._program("pg_dump"), *port, *source], capture_output=True, check=False
        )
        if dump.returncode == 0:
            subprocess.run(
                [postgres._program("psql"), "-q", "-v", "ON_ERROR_STOP=1", self.url],
                input=dump.stdout,
                stdout=subprocess.DEVNULL,
                check=True,
            )

    def stop_now(self) -> None:
        """Immediate shutdown: every client is cut off, and the next start recovers."""
        if self.is_running:
            self.process.send_signal(signal.SIGQUIT)
            self.wait_for_end()

    def restart(self, *options: str) -> None:
        self.stop_now()
        self.start(*options)


class Redis(Part):
    def __init__(self, folder: Path) -> None:
        super().__init__("redis", folder)
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=2)

    def start(self) -> None:
        self.launch(
            "redis-server",
            "--port",
            self.port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            self.folder,
        )
        self.wait_for(self.answers, "answers")

    def answers(self) -> bool:
        try:
            return self.client.ping()
        except redis.RedisError:
            return False


class App(Part):
    """One of our own processes, on the plant's parts."""

    def __init__(self, name: str, plant: "Plant") -> None:
        super().__init__(name, plant.folder / "app", plant.env)
        self.plant = plant


class Worker(App):
    """`solo` dies as a whole where it is told to die; otherwise two children do the work."""

    def command(self, *options: str, solo: bool = True) -> tuple[str, ...]:
        pool = ("--pool", "solo") if solo else ("--concurrency", "2")
        return (
            sys.executable,
            "-m",
            "celery",
            "--quiet",
            "-A",
            "thinkrr_billing",
            "worker",
            *pool,
            "--loglevel",
            "INFO",
            "--hostname",
            f"{self.name}@plant",
            "--without-mingle",
            "--without-gossip",
            *options,
        )

    def start(self, *options: str, crash: str = "", solo: bool = True) -> None:
        self.launch(*self.command(*options, solo=solo), env={"CRASH_POINTS": crash})
        self.wait_for(lambda: " ready." in self.log, "is ready")


class Beat(App):
    def start(self) -> None:
        self.launch(
            sys.executable,
            "-m",
            "celery",
            "-A",
            "thinkrr_billing.beat",
            "beat",
            "--pidfile",
            "",
            "--loglevel",
            "INFO",
        )


class Web(App):
    def start_on(self, listening: socket.socket) -> None:
        """Beside whoever takes from the same socket already."""
        self.port, given = listening.getsockname()[1], listening.fileno()
        command = (sys.executable, "-m", "gunicorn", "thinkrr_billing.wsgi", "--threads", "8")
        # gunicorn reads PORT before it looks at what it was given, and make hands on an empty one.
        env = {"PORT": str(self.port)}
        handed = (sys.executable, ROOT / "tests/hand_over.py", given)
        self.launch(*handed, *command, pass_fds=[given], env=env)
        self.wait_for(lambda: "Booting worker" in self.log, "takes requests")

    def start(self, crash: str = "") -> None:
        self.start_at(free_port(), crash=crash)

    def start_at(self, port: int, *, crash: str = "") -> None:
        self.port = port
        self.launch(
            sys.executable,
            "-m",
            "gunicorn",
            "thinkrr_billing.wsgi",
            "--threads",
            "8",
            "--bind",
            f"127.0.0.1:{self.port}",
            env={"CRASH_POINTS": crash},
        )
        self.wait_for(self._listens, "listens")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Plant:
    """All parts of one test process. PostgreSQL and Redis live as long as it does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = Postgres(folder / "postgres")
        self.redis = Redis(folder / "redis")
        self.apps: list[App] = []

    @property
    def env(self) -> dict[str, str]:
        return os.environ | {
            "DEBUG": "True",
            "DATA_DIR": str(self.folder / "data"),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "STRIPE_API_BASE": settings.STRIPE_API_BASE,
        }

    def worker(self, name: str = "worker") -> Worker:
        return self._added(Worker(name, self))

    def beat(self, name: str = "beat") -> Beat:
        return self._added(Beat(name, self))

    def web(self, name: str = "web") -> Web:
        return self._added(Web(name, self))

    def _added(self, app):
        self.apps.append(app)
        return app

    def send(self, task: str, *args: object, **options: object) -> None:
        """As a nudge or beat would."""
        self.send_all([(task, args)], **options)

    def send_all(self, pieces: Iterable[tuple[str, tuple]], **options: object) -> None:
        """Over a connection of its own, closed at once."""
        with Celery(broker=self.redis.url, set_as_current=False) as sender:
            for task, args in pieces:
                sender.send_task(task, args=args, **options)

    def waiting_messages(self) -> int:
        return self.redis.client.llen("celery")

    @contextmanager
    def database(self) -> Iterator[None]:
        """This test's connections go to the plant's PostgreSQL."""
        before = dict(connection.settings_dict)
        connection.close()
        connection.settings_dict.update(
            NAME=postgres.DATABASE,
            HOST="127.0.0.1",
            PORT=str(self.postgres.port),
            USER="postgres",
            PASSWORD="",
            CONN_MAX_AGE=0,
        )
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict.update(before)

    def stop_apps(self) -> None:
        for app in self.apps:
            app.kill()
        self.apps.clear()

    def stop(self) -> None:
        self.stop_apps()
        self.redis.kill()
        self.postgres.stop_now()


def come_to_rest(stripe: StripeSandbox) -> None:
    """The sweeps in virtual time until quiet, then every invariant, and ledger = Stripe's truth."""

    def move(step: timedelta) -> None:
        clock._moment.set(clock.now() + step)
        stripe.advance(step.total_seconds())

    stripe.clear_faults()
    with clock.at(clock.now()):
        oracle.run_until_quiet(stripe=stripe, move=move)
        oracle.check(stripe)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
