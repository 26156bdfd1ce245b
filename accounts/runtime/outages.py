"""When PostgreSQL cannot be asked: which errors say so, and when to ask again."""

from django.db import InterfaceError, InternalError, OperationalError

from accounts.cells import place

# Seconds. Standbys take over within about ten (docs/deploy.md): who comes again each five loses the
# least, and finds a server that is back after a restart at the second try.
RETRY_AFTER = 5

# Django calls them errors of the database's inside: a server that is a standby, still or again,
# and transactions that the server ended because we did not go on with them.
READ_ONLY, IDLE_TOO_LONG, OPEN_TOO_LONG = "25006", "25P03", "25P04"
# Within a cell: it is not there, or not any more.
NO_TABLE = "42P01"
_INTERNAL = frozenset({READ_ONLY, IDLE_TOO_LONG, OPEN_TOO_LONG})


def is_outage(error: BaseException | None) -> bool:
    """Whether the same may work when it is asked again: the server is away, full, too slow, or
    nothing can be written there. Whether what was sent has been done is not known."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return True
    sqlstate = getattr(error.__cause__, "sqlstate", None) if error is not None else None
    if sqlstate == NO_TABLE and place.of_error(error):
        return True
    return isinstance(error, InternalError) and sqlstate in _INTERNAL
