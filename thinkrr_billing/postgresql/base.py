"""Named in the settings as ENGINE: Django looks for `DatabaseWrapper` in this module."""

import select
from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from thinkrr_billing.postgresql import paths, silence


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection:
        connection = super().get_new_connection(conn_params)
        # Only where statements have limits may a long silence be taken for an end.
        if self.settings_dict.get("LIMITED"):
            silence.bound(connection, seconds=self.settings_dict.get("SILENCE"))
        if settings.CELLS:
            paths.follow(connection)
        return connection

    def chunked_cursor(self) -> Any:
        """A cursor on the server outlives the transaction that has the path of a cell: without one
        around it, rows are fetched at once, as behind a pooler."""
        if settings.CELLS:
            if not self.in_atomic_block:
                return self.cursor()
            self.ensure_connection()
            paths.set_path(self.connection)
        return super().chunked_cursor()

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)
        if settings.CELLS:
            self.connection.path.forget()

    @property
    def queries_logged(self) -> bool:
        """Whether a copy of each statement is kept: for whoever asks for it, as tests do.

        With Django's own DEBUG would do, too: the last statements of each thread, of hundreds of
        kilobytes each, that nobody looks at, and none of them prepared.
        """
        return self.force_debug_cursor

    def is_usable(self) -> bool:
        """Whether a kept connection still works, as is asked before the first statement of each
        request and task.

        A server that ends a connection says so on it, and its death closes it: while nothing has
        come there is nothing to ask, which saves a round trip. Otherwise Django sends a statement.
        That fails where an answer is still to come, as after a task that was cut off waiting.
        """
        return self._is_quiet() or super().is_usable()

    def _is_quiet(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        if self.connection.info.transaction_status != TransactionStatus.IDLE:
            return False
        told = select.poll()
        told.register(self.connection.fileno(), select.POLLIN)
        return not told.poll(0)
