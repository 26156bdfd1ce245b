"""The limits every statement of a web process or worker runs under. Commands have none."""

from django.db import connection, connections

# Milliseconds. A page or task that waits longer than this holds locks others need; who waits for
# such a lock is told within the five seconds of any 503. A pooler or a host that hangs in a
# transaction holds its locks until the last of these.
LIMITS = {
    "statement_timeout": 30_000,
    "lock_timeout": 4_000,
    "idle_in_transaction_session_timeout": 8_000,
}


def limit_statements() -> None:
    """Applies to the connections this process opens from now on.

    A pooler in transaction mode refuses what is sent along at the beginning, or drops it without a
    word: there it is told (`connect_query` in deploy/pgbouncer.ini), and `without_limits` sees it.
    """
    database = connections.settings["default"]
    database["LIMITED"] = True
    if not database["DISABLE_SERVER_SIDE_CURSORS"]:
        database["OPTIONS"]["options"] = " ".join(f"-c {name}={ms}" for name, ms in LIMITS.items())


def without_limits() -> list[str]:
    """The limits this process should run under, and its connection does not. One statement."""
    if not connection.settings_dict.get("LIMITED"):
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM pg_settings WHERE setting = '0' AND name = ANY(%s)", [list(LIMITS)]
        )
        return sorted(name for (name,) in cursor)
