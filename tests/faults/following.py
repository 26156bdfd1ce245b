"""A second PostgreSQL that follows the plant's."""

import shutil
import subprocess

import psycopg

from tests.faults.harness import Part, Plant, Postgres, free_port
from thinkrr_billing.sandbox import postgres
from thinkrr_billing.tests.processes import wait_until


class Standby(Postgres):
    """Follows the plant's PostgreSQL by streaming replication, from a base backup on."""

    def __init__(self, plant: Plant) -> None:
        Part.__init__(self, "standby", plant.folder / "standby")
        self.port = free_port()
        self._cluster, self._sockets = self.folder / "cluster", self.folder / "s"
        self._sockets.mkdir()
        base = [postgres._program("pg_basebackup"), "-h", "127.0.0.1", "-U", "postgres"]
        base += [
            "-p",
            str(plant.postgres.port),
            "-D",
            str(self._cluster),
            "-R",
            "-c",
            "fast",
            "--no-sync",
        ]
        subprocess.run(base, check=True, capture_output=True)
        if postgres._as_server_user():
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, postgres.USER_FOR_ROOT)

    def does(self, statement: str) -> object:
        with psycopg.connect(self.url, autocommit=True) as db:
            return db.execute(statement).fetchone()[0]

    def has_all_of(self, primary: Postgres) -> bool:
        with psycopg.connect(primary.url, autocommit=True) as db:
            place = db.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()[0]
        return self.does(f"SELECT pg_last_wal_replay_lsn() >= '{place}'::pg_lsn")

    def pause(self, primary: Postgres) -> None:
        """It has all until now, answers, and takes no more."""
        wait_until(lambda: self.has_all_of(primary), seconds=20, what="the standby has all")
        self.does("SELECT pg_wal_replay_pause()::text")
        paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
        wait_until(lambda: self.does(paused), seconds=20, what="the standby takes no more")
