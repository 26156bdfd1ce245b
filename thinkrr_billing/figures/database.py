"""What PostgreSQL says of itself: its connections, transactions and standbys.

Of other roles' sessions, and of standbys, it tells those who may read all statistics only
(docs/objectives.md)."""

from collections.abc import Iterator

from django.db import connection

from thinkrr_billing import database_role
from thinkrr_billing.figures.figure import Figure, Sample, number

CONNECTIONS = "SELECT COALESCE(sum(numbackends), 0) FROM pg_stat_database"
MOST_CONNECTIONS = """
SELECT current_setting('max_connections')::int
     - current_setting('superuser_reserved_connections')::int
"""
OLDEST_TRANSACTION = """
SELECT COALESCE(max(EXTRACT(epoch FROM clock_timestamp() - xact_start)), 0)
FROM pg_stat_activity WHERE datname = current_database()
"""
# What copies the log and replays nothing is no standby. After a quiet while there is no lag to
# measure any more.
STANDBYS = """
SELECT application_name, COALESCE(max(EXTRACT(epoch FROM replay_lag)), 0),
       max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))
FROM pg_stat_replication WHERE replay_lsn IS NOT NULL AND NOT pg_is_in_recovery() GROUP BY 1
"""


def _ask(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _only(sql: str) -> float:
    [(value,)] = _ask(sql)
    return float(value)


def _lag_seconds() -> Iterator[Sample]:
    for standby, seconds, _ in _ask(STANDBYS):
        yield (standby,), float(seconds)


def _lag_bytes() -> Iterator[Sample]:
    for standby, _, size in _ask(STANDBYS):
        yield (standby,), float(size)


FIGURES = [
    number(
        "thinkrr_database_rights_wrong",
        "Rights that our database role has and should not, or the other way round.",
        lambda: len(database_role.differences()),
    ),
    number(
        "thinkrr_database_connections",
        "Connections the database's server has, of everybody. pg_stat_activity says whose.",
        lambda: _only(CONNECTIONS),
    ),
    number(
        "thinkrr_database_connections_most",
        "Connections the database's server takes, without those kept for superusers.",
        lambda: _only(MOST_CONNECTIONS),
    ),
    number(
        "thinkrr_database_transaction_oldest_seconds",
        "For how long the oldest transaction that our role may see is open. pg_stat_activity says "
        "whose.",
        lambda: _only(OLDEST_TRANSACTION),
    ),
    Figure(
        name="thinkrr_database_replication_lag_seconds",
        text="How late each standby replayed what it last said it had. pg_stat_replication.",
        read=_lag_seconds,
        labels=("standby",),
    ),
    Figure(
        name="thinkrr_database_replication_lag_bytes",
        text="What each standby has not replayed yet of the log, in bytes. pg_stat_replication.",
        read=_lag_bytes,
        labels=("standby",),
    ),
]
