"""PgBouncer in transaction mode between a test and its database."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from thinkrr_billing.database import LIMITS
from thinkrr_billing.sandbox.addresses import free_port
from thinkrr_billing.tests.processes import wait_until

# Fewer than whoever asks: what somebody leaves on one, others find, and miss on the other.
SESSIONS = 2
BEGINS = 10


@contextmanager
def pooled(*, limits: bool = True) -> Iterator[None]:
    """Statements of this test, in every thread, go through a pooler until the block ends.

    Without `limits` it sets none on the sessions it opens.
    """
    facts, port = connection.settings_dict, free_port()
    before = {name: facts[name] for name in ("HOST", "PORT", "DISABLE_SERVER_SIDE_CURSORS")}
    connection.close()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), port, limits=limits):
        try:
            facts.update(HOST="127.0.0.1", PORT=str(port), DISABLE_SERVER_SIDE_CURSORS=True)
            yield
        finally:
            connection.close()
            facts.update(before)


@contextmanager
def running(
    folder: Path, port: int, *, limits: bool = True, sessions: int = SESSIONS
) -> Iterator[subprocess.Popen]:
    """A pooler on this port, with so many sessions for each database of this process's server."""
    facts = connection.settings_dict
    said = "; ".join(f"SET {name} = {ms}" for name, ms in LIMITS.items())
    password = f" password='{facts['PASSWORD']}'" if facts["PASSWORD"] else ""
    query = f" connect_query='{said}'" if limits else ""
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"""[databases]
* = host={facts["HOST"]} port={facts["PORT"] or 5432} user={facts["USER"]}{password}{query}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
server_check_delay = 0
ignore_startup_parameters = extra_float_digits
"""
    )
    as_nobody = []
    if os.geteuid() == 0:
        # It refuses to run as root.
        as_nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        folder.chmod(0o755)
        settings.chmod(0o644)
    command = [*as_nobody, shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", str(settings)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: _listens(port), seconds=BEGINS, what="the pooler listens")
        yield process
    finally:
        process.terminate()
        process.wait(BEGINS)


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
