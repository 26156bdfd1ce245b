"""The embedded PostgreSQL: one server for all who ask, and none when nobody does."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from thinkrr_billing.sandbox import postgres
from thinkrr_billing.tests.environments import FOLDER
from thinkrr_billing.tests.processes import that_mention, wait_until

pytestmark = pytest.mark.journey

HOLD = (
    "import sys; from pathlib import Path; from thinkrr_billing.sandbox import postgres\n"
    "print(postgres.database_url(Path(sys.argv[1])), flush=True); sys.stdin.read()\n"
)


@pytest.fixture
def data():
    """Not tmp_path: its parents are closed to the user PostgreSQL runs as under root."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    yield folder / ".data"
    for holder in _holders:
        holder.kill()
        holder.wait()
    _holders.clear()
    wait_until(lambda: not that_mention(str(folder)), seconds=30, what="the server's end")
    shutil.rmtree(folder)


_holders: list[subprocess.Popen] = []


def hold(data):
    """A process that uses the server until it is ended."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data)],
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    _holders.append(holder)
    return holder


def connect(url):
    parts = urlsplit(url)
    return psycopg.connect(
        host=parse_qs(parts.query)["host"][0],
        user="postgres",
        password=parts.password,
        dbname="thinkrr",
        autocommit=True,
    )


def test_it_keeps_what_was_written_and_speaks_utc_and_unicode(data):
    url = hold(data).stdout.readline().strip()

    with connect(url) as connection:
        ask = "SELECT current_setting('TimeZone'), current_setting('server_encoding'), "
        found = connection.execute(ask + "current_setting('fsync')").fetchone()

    assert found == ("UTC", "UTF8", "on")


def test_everybody_in_a_checkout_shares_one_server(data):
    holders = [hold(data) for _ in range(4)]
    urls = {holder.stdout.readline().strip() for holder in holders}

    assert len(urls) == 1
    with connect(urls.pop()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert (
        len([pid for pid in that_mention("postgres_keeper") if pid in that_mention(str(data))]) == 1
    )


def test_it_ends_when_the_last_who_used_it_is_killed(data):
    first, second = hold(data), hold(data)
    url = first.stdout.readline().strip()
    second.stdout.readline()

    first.kill()
    first.wait()
    with connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS figure")
    second.kill()
    second.wait()

    wait_until(lambda: not that_mention(str(data)), seconds=30, what="the end of keeper and server")
    with connect(hold(data).stdout.readline().strip()) as connection:
        assert connection.execute("SELECT figure FROM kept").fetchone() == (7,)


def test_a_deep_checkout_gets_its_socket_in_the_temporary_folder(data):
    deep = data / ("a" * 100) / ".data"

    sockets = postgres._socket_folder(deep)

    assert sockets.parent == Path(tempfile.gettempdir())
    assert len(os.fsencode(sockets / ".s.PGSQL.5432")) < 107
    assert sockets != postgres._socket_folder(data / ("b" * 100) / ".data")


def stop(holder, data):
    holder.stdin.close()
    holder.wait()
    wait_until(lambda: not (data / "postgres.ready").exists(), seconds=30, what="the server's end")


def refused(url, password):
    parts = urlsplit(url)
    with pytest.raises(psycopg.OperationalError) as refusal:
        psycopg.connect(
            host=parse_qs(parts.query)["host"][0],
            user="postgres",
            password=password,
            dbname="thinkrr",
        )
    return str(refusal.value)


def test_nobody_enters_without_the_password_which_only_its_owner_may_read(data):
    url = hold(data).stdout.readline().strip()

    assert "no password supplied" in refused(url, None)
    assert "password authentication failed" in refused(url, "postgres")
    kept = data / "postgres.password"
    assert kept.read_text() == urlsplit(url).password
    assert kept.stat().st_mode & 0o777 == 0o600
    assert len(kept.read_text()) == 64


def test_a_cluster_that_let_everybody_in_is_closed_and_keeps_what_it_holds(data):
    holder = hold(data)
    with connect(holder.stdout.readline().strip()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    stop(holder, data)
    (data / "postgres" / "pg_hba.conf").write_text("local all all trust\n")
    (data / "postgres" / postgres.PASSWORD_IS).unlink()

    url = hold(data).stdout.readline().strip()

    assert "no password supplied" in refused(url, None)
    with connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_a_password_that_was_deleted_is_made_anew(data):
    holder = hold(data)
    first = holder.stdout.readline().strip()
    stop(holder, data)
    (data / "postgres.password").unlink()

    url = hold(data).stdout.readline().strip()

    assert url != first
    assert "password authentication failed" in refused(first, urlsplit(first).password)
    with connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
