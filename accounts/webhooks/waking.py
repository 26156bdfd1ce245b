"""Waking whoever sends: a trigger that writes an event says so to the connection that caused it.

So no place of the product that changes a row has to think of webhooks. A sweep finds what such a
message lost.
"""

from functools import partial

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from psycopg.errors import Diagnostic

from accounts.runtime.nudges import nudge

TASK = "accounts.send_webhooks"
# As `accounts_tell_webhooks` raises it.
WAITS = "WH001"


@receiver(connection_created)
def listen(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    if connection.alias == DEFAULT_DB_ALIAS:
        connection.connection.add_notice_handler(partial(_told, connection))


def _told(connection: BaseDatabaseWrapper, diagnostic: Diagnostic) -> None:
    """One message for all events of a transaction, once it has committed."""
    if diagnostic.sqlstate != WAITS:
        return
    if any(hook is _wake for _, hook, *_ in connection.run_on_commit):
        return
    transaction.on_commit(_wake)


def _wake() -> None:
    nudge(TASK)
