"""The limits every statement of a web process or worker runs under. Commands have none."""

from django.db import connections

# Milliseconds. A page or task that waits longer than this holds locks others need.
STATEMENT_TIMEOUT, LOCK_TIMEOUT, IDLE_TIMEOUT = 30_000, 5_000, 30_000


def limit_statements() -> None:
    """Applies to the connections this process opens from now on."""
    connections.settings["default"]["OPTIONS"]["options"] = (
        f"-c statement_timeout={STATEMENT_TIMEOUT} -c lock_timeout={LOCK_TIMEOUT} "
        f"-c idle_in_transaction_session_timeout={IDLE_TIMEOUT}"
    )
