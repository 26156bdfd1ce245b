"""A coordinator and two workers with Citus on loopback, in a folder that goes when they end."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.releases.last import ROOT
from thinkrr_billing.sandbox import addresses, locks

# PostgreSQL refuses to run as root.
USER_FOR_ROOT = "nobody"
DATABASE = "thinkrr"
FIRST, SECOND = "first", "second"
# As `grant_application_role` knows it.
ROLE = "thinkrr_app"
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
"""
OF_COORDINATOR = """
citus.propagate_set_commands = 'local'
citus.local_table_join_policy = 'prefer-distributed'
"""


class Nodes:
    """`binaries` is the folder with postgres and initdb of a server that has Citus. The first node
    coordinates, once they are united. Use as a context manager."""

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

    def sql(
        self,
        statement: str,
        *given: object,
        port: int = 0,
        database: str = DATABASE,
        path: str = "public",
    ) -> list:
        """Of the coordinator, if no other port is given. Each statement is a transaction."""
        with psycopg.connect(
            f"host=127.0.0.1 user=postgres dbname={database} connect_timeout=2",
            port=port or self.coordinator,
            options=f"-c search_path={path}",
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
        self._end(port, signal.SIGINT)

    def kill(self, port: int) -> None:
        """As when the machine loses its power: nothing is written any more, nobody is told."""
        first = self._processes[port].pid
        others = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        self._end(port, signal.SIGKILL)
        for one in map(int, others):
            # Some have seen it, and have ended.
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)

    def unite(self) -> None:
        """Let the first node know the others."""
        self.sql("CREATE EXTENSION citus")
        self.sql("SELECT citus_set_coordinator_host('127.0.0.1', %s)", self.coordinator)
        for port in self.ports[1:]:
            self.sql("CREATE EXTENSION citus", port=port)
            self.sql("SELECT citus_add_node('127.0.0.1', %s)", port)

    def follow(self, port: int) -> int:
        """A standby of this node, which commits only what its standby has written: its port."""
        standby = addresses.free_port()
        subprocess.run(
            [
                self._binaries / "pg_basebackup",
                *("-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c", "fast", "-N", "-R"),
                *("-X", "stream", "-D", self._data(standby)),
            ],
            check=True,
            capture_output=True,
            **_as_user(),
        )
        with (self._data(standby) / "postgresql.conf").open("a") as conf:
            conf.write(f"port = {standby}\n")
        self.start(standby)
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'", port=port)
        self.sql("SELECT pg_reload_conf()", port=port)
        deadline = time.monotonic() + START_SECONDS
        while self.sql("SELECT sync_state FROM pg_stat_replication", port=port) != [("sync",)]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"A standby did not follow: {self.log(standby)[-2000:]}")
            time.sleep(0.1)
        return standby

    def replace(self, port: int, standby: int) -> None:
        """Let a standby be what this node was, which is gone."""
        self.sql("ALTER SYSTEM RESET synchronous_standby_names", port=standby)
        self.sql("SELECT pg_promote()", port=standby)
        self.sql(
            "SELECT citus_update_node(nodeid, '127.0.0.1', %s, force => true)"
            " FROM pg_dist_node WHERE nodeport = %s",
            standby,
            port,
        )
        self.ports[self.ports.index(port)] = standby

    def node_of(self, cell: str) -> int:
        """The port of the node that has this cell."""
        found = self.sql(
            "SELECT DISTINCT nodeport FROM pg_dist_schema JOIN pg_dist_partition USING"
            " (colocationid) JOIN pg_dist_shard USING (logicalrelid) JOIN pg_dist_placement"
            " USING (shardid) JOIN pg_dist_node USING (groupid)"
            " WHERE schemaid = %s::regnamespace",
            f"cell_{cell}",
        )
        ((port,),) = found
        return port

    def manage(self, *arguments: str) -> str:
        """What this command of ours says, which must succeed."""
        done = managed(*arguments)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def refuses(self, sentence: str, *arguments: str) -> None:
        """This command must say so, and every cell stay where it is."""
        before, done = self.manage("cells", "list"), managed(*arguments)
        after = self.manage("cells", "list")
        if not done.returncode or sentence not in done.stderr or before != after:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr[-2000:]}")
        print(f"refused: {done.stderr.strip()}", flush=True)

    def _bring_up(self) -> None:
        for port in self.ports:
            self._make(port)
            self.start(port)
            self.sql(f"CREATE DATABASE {DATABASE}", port=port, database="postgres")

    def _end(self, port: int, number: int) -> None:
        process = self._processes[port]
        if process.poll() is None:
            process.send_signal(number)
            process.wait()

    def _make(self, port: int) -> None:
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-U", "postgres"]
        subprocess.run(
            [self._binaries / "initdb", *options, "--no-sync", "-D", self._data(port)],
            check=True,
            capture_output=True,
            **_as_user(),
        )
        with (self._data(port) / "postgresql.conf").open("a") as conf:
            more = OF_COORDINATOR if port == self.coordinator else ""
            conf.write(f"{SETTINGS}{more}port = {port}\n")

    def _data(self, port: int) -> Path:
        return self.folder / str(port)

    def _answers(self, port: int) -> bool:
        try:
            return self.sql("SELECT 1", port=port, database="postgres") == [(1,)]
        except psycopg.OperationalError:
            return False


def managed(*arguments: str) -> subprocess.CompletedProcess:
    """What became of this command of ours."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def _user() -> dict[str, int]:
    entry = pwd.getpwnam(USER_FOR_ROOT)
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def _as_user() -> dict[str, int | list[int]]:
    """What makes subprocess run as another user when we are root."""
    return {**_user(), "extra_groups": []} if os.geteuid() == 0 else {}
