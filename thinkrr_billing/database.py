"""The limits every statement of a web process or worker runs under. Commands have none."""

from django.db import DEFAULT_DB_ALIAS, connection, connections

from accounts.runtime.standby import STANDBY

# Milliseconds. A page or task that waits longer than this holds locks others need; who waits for
# such a lock is told within the five seconds of any 503. A pooler or a host that hangs in a
# transaction holds its locks until the last of these.
LIMITS = {
    "statement_timeout": 30_000,
    "lock_timeout": 4_000,
    "idle_in_transaction_session_timeout": 8_000,
}
# Of a worker's child, which keeps its connection and may wait for long until there is a task. It
# uses none that is older than CONN_MAX_AGE when a task begins, so that PostgreSQL never ends one
# that is about to be used: this is longer than that and the longest task.
UNUSED = {"idle_session_timeout": 180_000}
# Whoever waits for a standby in vain asks the primary afterwards: so much less.
STANDBY_LIMITS = LIMITS | {"statement_timeout": 5_000}
# Seconds of silence after which a standby is given up: more than its statements may take.
STANDBY_SILENCE = 8


def limit_statements(*, more: dict[str, int] | None = None) -> None:
    """Applies to the connections this process opens from now on; `more` to those without a pooler,
    whose sessions of PostgreSQL are its own.

    A pooler in transaction mode refuses what is sent along at the beginning, or drops it without a
    word: there it is told (`connect_query` in deploy/pgbouncer.ini), and `without_limits` sees it.
    """
    for alias, limits in ((DEFAULT_DB_ALIAS, LIMITS), (STANDBY, STANDBY_LIMITS)):
        if (database := connections.settings.get(alias)) is None:
            continue
        database["LIMITED"] = True
        if not database["DISABLE_SERVER_SIDE_CURSORS"]:
            said = " ".join(f"-c {name}={ms}" for name, ms in (limits | (more or {})).items())
            database["OPTIONS"]["options"] = said
        if alias == STANDBY:
            database["SILENCE"] = STANDBY_SILENCE


def without_limits() -> list[str]:
    """The limits this process should run under, and its connection does not. One statement."""
    if not connection.settings_dict.get("LIMITED"):
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM pg_settings WHERE setting = '0' AND name = ANY(%s)", [list(LIMITS)]
        )
        return sorted(name for (name,) in cursor)
