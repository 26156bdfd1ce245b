"""The database's machine is lost; it is put back to a moment from a base backup and the log that
another machine received (docs/backup.md). Stripe has gone on, and nobody pays twice or for nothing.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from tests.faults.harness import ROOT, Part, Postgres
from tests.faults.people import automatic, by_hand, monthly, taken
from tests.faults.test_e_restored import REASON, nobody_pays_again, of, recover
from thinkrr_billing.sandbox import postgres
from thinkrr_billing.tests.processes import wait_until
from wallets.models import Purchase

pytestmark = [pytest.mark.faults, pytest.mark.redis]

SCRIPTS = ROOT / "deploy/backup"
# What the end of recovery names when it came to the moment and not only to the log's end.
REACHED = "recovery stopping before commit of transaction"


class BackupMachine(Part):
    """Receives the log as it is written, and base backups."""

    def __init__(self, folder: Path, server: Postgres) -> None:
        programs = Path(postgres._program("pg_basebackup")).parent
        login = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres"}
        path = f"{programs}:{os.environ['PATH']}"
        super().__init__("receivewal", folder, os.environ | login | {"PATH": path})
        self.server, self.received = server, folder / "log"
        self.received.mkdir()

    def start(self) -> None:
        slot = ["pg_receivewal", "--slot", "backup"]
        self.run(*slot, "--create-slot", "--if-not-exists")
        self.launch(*slot, "--synchronous", "--no-password", "-D", self.received)
        self.wait_for(lambda: list(self.received.iterdir()), "receives the log")

    def run(self, *command: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            list(map(str, command)), env=self.env, capture_output=True, text=True, check=False
        )

    def bases(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "base").iterdir())

    def take_base(self, keep: int = 14) -> None:
        done = self.run(SCRIPTS / "base.sh", self.folder, keep)
        assert done.returncode == 0, done.stderr

    def has_all(self) -> bool:
        """Whether it has what is committed until now."""
        with psycopg.connect(self.server.url, autocommit=True) as db:
            has = (
                "SELECT bool_and(flush_lsn >= pg_current_wal_flush_lsn()) FROM pg_stat_replication"
            )
            return db.execute(has).fetchone()[0]

    def put_back(self, moment: str) -> None:
        """In the place of the lost cluster, up to the moment."""
        cluster = self.server._cluster
        shutil.rmtree(cluster)
        done = self.run(SCRIPTS / "restore.sh", self.folder, cluster, moment)
        assert done.returncode == 0, done.stderr
        if postgres._as_server_user():
            for path in (cluster, self.folder, *cluster.rglob("*"), *self.folder.rglob("*")):
                shutil.chown(path, postgres.USER_FOR_ROOT)
        self.server.start()
        self.server.is_usual = False
        self.server.wait_for(self._is_primary, "takes writes")

    def _is_primary(self) -> bool:
        with psycopg.connect(self.server.url) as db:
            return not db.execute("SELECT pg_is_in_recovery()").fetchone()[0]


@pytest.fixture
def backup(plant) -> Iterator[BackupMachine]:
    machine = BackupMachine(plant.folder / "backup", plant.postgres)
    machine.start()
    yield machine
    machine.kill()
    shutil.rmtree(machine.folder)


def test_f111_charges_after_the_moment_come_back_from_stripe_exactly_once(plant, stripe, backup):
    people = [by_hand(stripe), automatic(stripe), monthly(stripe)]
    backup.take_base()
    # Bases are told apart by the second.
    time.sleep(1.1)
    people[0].trigger()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()::text")
        [moment] = cursor.fetchone()
    people[1].trigger()
    people[2].trigger()
    paid, before = taken(stripe), [of(person.wallet) for person in people]
    wait_until(backup.has_all, seconds=20, what="the backup machine has the log")

    connection.close()
    plant.postgres.kill()
    backup.kill()
    backup.put_back(moment)

    assert REACHED in plant.postgres.log
    assert Purchase.objects.count() == 1
    call_command("charges", "stop", reason=REASON)
    recovered = recover(apply=True)
    assert len(recovered) == 2
    assert recover(apply=True) == ["Nothing is missing."]
    assert [of(person.wallet) for person in people] == before
    nobody_pays_again(stripe, people, paid)


def test_only_the_newest_bases_are_kept_and_what_their_log_needs(plant, backup):
    def first() -> str:
        return min(path.name for path in backup.received.glob("0*[0-9A-F]"))

    backup.take_base()
    oldest, needed = backup.bases(), first()
    for _ in range(2):
        time.sleep(1.1)
        with psycopg.connect(plant.postgres.url, autocommit=True) as db:
            db.execute("SELECT pg_switch_wal()")
        backup.take_base(keep=2)

    assert len(backup.bases()) == 2
    assert oldest[0] not in backup.bases()
    assert first() > needed


def test_what_cannot_be_put_back_is_refused_and_nothing_is_overwritten(backup, tmp_path):
    backup.take_base()
    (tmp_path / "kept").touch()
    restore = SCRIPTS / "restore.sh"

    early = backup.run(restore, backup.folder, tmp_path / "new", "2020-01-01 00:00:00+00")
    over = backup.run(restore, backup.folder, tmp_path, "2099-01-01 00:00:00+00")

    assert (early.returncode, over.returncode) == (1, 1)
    assert "No base backup" in early.stderr
    assert "is not empty" in over.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
