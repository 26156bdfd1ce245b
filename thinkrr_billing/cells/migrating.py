"""Migrations where there are cells: everybody's tables once in `public`, the others in each cell.

Each place has its own `django_migrations`, so that one that failed goes on by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.db import connection

from accounts.cells import place
from accounts.cells.home import HOME, Home
from accounts.models import Cell
from thinkrr_billing.cells.beginning import Refused
from thinkrr_billing.cells.homes import NoHome, home_of_name
from thinkrr_billing.postgresql import paths

SAY_WHERE = (
    "say whose tables it is about, by hints={HOME: Home.CELL}, GLOBAL or BOTH (accounts.cells)."
)

_here: ContextVar[str | None] = ContextVar("migrating", default=None)


def places() -> list[str | None]:
    """Where migrations are to be applied, one after the other: outside of all cells (""), and in
    each. None where there is only one place.

    Raises Refused where there are cells and this process looks into none.
    """
    with connection.cursor() as cursor:
        known = Cell._meta.db_table in connection.introspection.table_names(cursor)
    cells = list(Cell.objects.values_list("name", flat=True)) if known else []
    if cells and not settings.CELLS:
        raise Refused("All accounts are in cells: set CELLS=True. Nothing was changed.")
    return ["", *cells] if cells else [None]


@contextmanager
def at(where: str | None) -> Iterator[None]:
    """Migrate this place until the block ends: with its path for the session, since some steps can
    be in no transaction. Not behind a pooler."""
    if where is None:
        yield
        return
    token = _here.set(where)
    connection.close()
    try:
        with place.inside(where):
            connection.ensure_connection()
            paths.keep_for_session(connection.connection)
            yield
    finally:
        connection.close()
        _here.reset(token)


class Router:
    """Lets each place have its own tables. Not asked where nobody migrates cells."""

    def allow_migrate(
        self,
        db: str,  # noqa: ARG002
        app_label: str,
        model_name: str | None = None,
        **hints: object,
    ) -> bool | None:
        """Raises NoHome for SQL and Python without a hint, and for a table that is nowhere."""
        if (where := _here.get()) is None:
            return None
        home = hints.get(HOME)
        if home is None and not model_name:
            raise NoHome(f"{app_label} runs SQL or Python: {SAY_WHERE}")
        home = home or home_of_name(app_label, model_name)
        return home is Home.BOTH or home is (Home.CELL if where else Home.GLOBAL)
