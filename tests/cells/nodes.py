"""A coordinator and two workers with Citus on loopback, in a folder that goes when they end."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from thinkrr_billing.sandbox import addresses, locks

# PostgreSQL refuses to run as root.
USER_FOR_ROOT = "nobody"
DATABASE = "thinkrr"
START_SECONDS = 60
SETTINGS = """
shared_preload_libraries = 'citus'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
timezone = 'UTC'
wal_level = logical
max_prepared_transactions = 100
citus.node_conninfo = 'sslmode=disable'
citus.enable_unsafe_triggers = on
citus.propagate_set_commands = 'local'
"""


class Nodes:
    """`binaries` is the folder with postgres and initdb of a server that has Citus. The first node
    coordinates. Use as a context manager."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._processes: dict[int, subprocess.Popen] = {}
        self.ports = [addresses.free_port() for _ in range(3)]

    def __enter__(self) -> "Nodes":
        self.folder = Path(tempfile.mkdtemp(prefix="thinkrr-cells-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, **_user())
        try:
            self._bring_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for port in self._processes:
            self.stop(port)
        shutil.rmtree(self.folder)

    @property
    def coordinator(self) -> int:
        return self.ports[0]

    @property
    def url(self) -> str:
        return f"postgres://postgres:none@127.0.0.1:{self.coordinator}/{DATABASE}"

    def log(self, port: int) -> str:
        return (self.folder / f"{port}.log").read_text()

    def sql(self, statement: str, *given: object, port: int = 0, database: str = DATABASE) -> list:
        """Of the coordinator, if no other port is given. Each statement is a transaction."""
        with psycopg.connect(
            f"host=127.0.0.1 user=postgres dbname={database} connect_timeout=2",
            port=port or self.coordinator,
            autocommit=True,
        ) as node:
            done = node.execute(statement, given or None)
            return done.fetchall() if done.description else []

    def start(self, port: int) -> None:
        """Returns when it answers."""
        with (self.folder / f"{port}.log").open("a") as log:
            self._processes[port] = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data(port)],
                stdout=log,
                stderr=log,
                preexec_fn=lambda: locks.die_with_parent(signal.SIGINT),
                **_as_user(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers(port):
            if self._processes[port].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"A node did not start: {self.log(port)[-2000:]}")
            time.sleep(0.1)

    def stop(self, port: int) -> None:
        """Its clients are cut off."""
        process = self._processes[port]
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait()

    def _bring_up(self) -> None:
        for port in self.ports:
            self._make(port)
            self.start(port)
            self.sql(f"CREATE DATABASE {DATABASE}", port=port, database="postgres")
            self.sql("CREATE EXTENSION citus", port=port)
        self.sql("SELECT citus_set_coordinator_host('127.0.0.1', %s)", self.coordinator)
        for port in self.ports[1:]:
            self.sql("SELECT citus_add_node('127.0.0.1', %s)", port)

    def _make(self, port: int) -> None:
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-U", "postgres"]
        subprocess.run(
            [self._binaries / "initdb", *options, "--no-sync", "-D", self._data(port)],
            check=True,
            capture_output=True,
            **_as_user(),
        )
        with (self._data(port) / "postgresql.conf").open("a") as conf:
            conf.write(f"{SETTINGS}port = {port}\n")

    def _data(self, port: int) -> Path:
        return self.folder / str(port)

    def _answers(self, port: int) -> bool:
        try:
            return self.sql("SELECT 1", port=port, database="postgres") == [(1,)]
        except psycopg.OperationalError:
            return False


def _user() -> dict[str, int]:
    entry = pwd.getpwnam(USER_FOR_ROOT)
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def _as_user() -> dict[str, int | list[int]]:
    """What makes subprocess run as another user when we are root."""
    return {**_user(), "extra_groups": []} if os.geteuid() == 0 else {}
