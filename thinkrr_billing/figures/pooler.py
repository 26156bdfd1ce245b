"""How full the pooler is through which this process asks the database, as its own console says.

Nothing where DATABASE_URL names none (`pool_mode=transaction`). Each host has its own.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import connection
from psycopg.rows import dict_row

from thinkrr_billing.figures.figure import Figure, Sample
from thinkrr_billing.postgresql import silence

# PgBouncer's name of it. Our role may look there: stats_users in deploy/pgbouncer.ini.
CONSOLE = "pgbouncer"
# Seconds. A pooler that says nothing costs these figures.
PATIENCE = 2
# What PgBouncer calls each.
COUNTED = {
    ("clients", "active"): "cl_active",
    ("clients", "waiting"): "cl_waiting",
    ("sessions", "active"): "sv_active",
    ("sessions", "idle"): "sv_idle",
}


def _pools() -> list[dict[str, Any]]:
    """The pools of our database."""
    facts = connection.settings_dict
    if not facts["DISABLE_SERVER_SIDE_CURSORS"]:
        return []
    with psycopg.connect(
        host=facts["HOST"],
        port=facts["PORT"],
        user=facts["USER"],
        password=facts["PASSWORD"],
        dbname=CONSOLE,
        connect_timeout=PATIENCE,
        autocommit=True,
        row_factory=dict_row,
    ) as console:
        silence.bound(console, seconds=PATIENCE)
        pools = console.execute("SHOW POOLS").fetchall()
    return [pool for pool in pools if pool["database"] == facts["NAME"]]


def _connections() -> Iterator[Sample]:
    if pools := _pools():
        for labels, name in COUNTED.items():
            yield labels, sum(pool[name] for pool in pools)


def _oldest() -> Iterator[Sample]:
    if pools := _pools():
        yield (), max(pool["maxwait"] + pool["maxwait_us"] / 1e6 for pool in pools)


FIGURES = [
    Figure(
        name="thinkrr_pooler_connections",
        text="Connections of clients to this host's pooler, and its sessions of PostgreSQL, by "
        "state. SHOW POOLS of PgBouncer's console.",
        read=_connections,
        labels=("of", "state"),
    ),
    Figure(
        name="thinkrr_pooler_waiting_oldest_seconds",
        text="For how long the first client of this host's pooler has waited for a session.",
        read=_oldest,
    ),
]
