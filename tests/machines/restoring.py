"""docs/backup.md: a backup machine, a lost database, a moment put back. Stripe has gone on."""

import shutil
import time
from datetime import UTC, datetime

from tests.machines import paying
from tests.machines.document import BACKUP, ROOT, commands
from tests.machines.machine import Machine
from tests.machines.stranger import RELEASE, Stranger, carry_certificate, carry_code, ours

FOLDER = "var/backups/billing"
TRUE_WITHIN = 30
RECHARGES = "SELECT count(*) FROM wallets_purchase"
RECEIVED = """
SELECT count(*) = 1 FROM pg_stat_replication
WHERE application_name = 'pg_receivewal' AND flush_lsn >= pg_current_wal_lsn()
"""


def restore(stranger: Stranger, token: str) -> None:
    """RuntimeError unless all that was paid is there again, and the books are silent."""
    told = commands(BACKUP.read_text(), "Making them")
    db, work, web, backup = stranger.db, stranger.work, stranger.web, stranger.backup
    known = {"BACKUP_PASSWORD": stranger.passwords["backup"], "RELEASE": RELEASE}
    stranger.step("`db`: who makes backups", lambda: db.type(*told["db"], **known))
    carry_code(backup, RELEASE)
    programs, first = told["backup"]
    stranger.step("`backup`: packages", lambda: backup.type(programs, **known))
    carry_certificate(db, backup)
    stranger.step("`backup`: log and base backup", lambda: backup.type(first))
    before, recharges = paying.credit(web, token), _asked(db, RECHARGES)
    time.sleep(1)
    moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}+00"
    time.sleep(1)
    paying.recharge(web, token, "after the moment")
    _wait_until_true(db, RECEIVED)
    for machine in (work, web):
        machine.type("systemctl stop 'billing-*'")
    # The disk is lost, and whatever is on it.
    backup.type("systemctl stop billing-log")
    shutil.copytree(backup.root / FOLDER, db.root / FOLDER)
    shutil.copy(ROOT / "deploy/backup/restore.sh", db.root / "var/backups/restore.sh")
    (again,) = commands(BACKUP.read_text(), "Putting back a moment")[""]
    stranger.step("`db`: the moment is put back", lambda: db.type(again, MOMENT=moment))
    _wait_until_true(db, "SELECT NOT pg_is_in_recovery()")
    if _asked(db, RECHARGES) != recharges:
        raise RuntimeError("what happened after the moment is there")
    stranger.step("what Stripe knows comes back", lambda: _recover(stranger))
    if paying.credit(web, token) != before + 5:
        raise RuntimeError(f"{before} and 5 dollars are {paying.credit(web, token)}")


def _wait_until_true(db: Machine, query: str) -> None:
    """TimeoutError when it does not come true."""
    deadline = time.monotonic() + TRUE_WITHIN
    while _asked(db, query) != "t":
        if time.monotonic() > deadline:
            raise TimeoutError(f"in vain waited {TRUE_WITHIN} s: {query}")
        time.sleep(0.2)


def _asked(db: Machine, query: str) -> str:
    return db.type(f'su postgres -c "psql -At thinkrr" <<END\n{query}\nEND').strip()


def _recover(stranger: Stranger) -> None:
    """What the runbook says, from `charges stop` on."""
    work, web = stranger.work, stranger.web
    given = {"OWNER_URL": stranger.url("owner")}
    since = f"{datetime.now(UTC):%Y-%m-%d}"
    for command in (
        "python manage.py grant_application_role --check",
        "python manage.py charges stop --reason 'Restored the backup'",
        f"python manage.py recover_from_stripe --since {since} --apply",
        "python manage.py verify_books --stripe",
    ):
        work.type(ours(command), **given)
    work.type("systemctl start billing-worker billing-beat")
    web.type("systemctl start billing-web.socket billing-web-held billing-web@green")
    work.type(ours("python manage.py charges start --reason 'The books are silent'"))
