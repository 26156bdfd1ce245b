"""What the application's database role may do: what the rows of each table allow, and no more.

Another role owns the tables and migrates. So nobody who gets at the application, or at its
password, changes what the ledger says or turns a trigger off (docs/deploy.md)."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from psycopg import sql

from accounts.cells import directory, place
from accounts.kept import Rows
from accounts.runtime import reachable
from thinkrr_billing import database_rights
from thinkrr_billing.cells import nodes
from thinkrr_billing.database_rights import AT_FIRST

USUAL_NAME = "thinkrr_app"
# Of tables that are not ours. What stands nowhere is only read until somebody decides.
OTHERS = {
    "admin": Rows.WRITTEN_ONCE,
    # Permissions, roles and the names of tables come with the migrations.
    "auth": Rows.MIGRATED,
    "contenttypes": Rows.MIGRATED,
    # A copy of what Stripe knows better.
    "djstripe": Rows.MAY_GO,
    "otp_static": Rows.MAY_GO,
    "otp_totp": Rows.MAY_GO,
    "sessions": Rows.MAY_GO,
}
OURS = ("accounts", "wallets", "campaigns")
MIGRATIONS = "django_migrations"
# Two of these at once would end in PostgreSQL's “tuple concurrently updated”.
_LOCK = 0x7468696E6B7272

# PUBLIC is everybody, the application's role too. Who may make temporary tables could put one
# before the wallets that the triggers move.
_ALL_BUT_TABLES = (
    "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}, PUBLIC",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {role}, PUBLIC",
    "REVOKE ALL ON SCHEMA {schema} FROM {role}",
    "REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
    "REVOKE ALL ON DATABASE {database} FROM {role}",
    "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
)
_ON_NODES = """
DO $$ BEGIN
    SET LOCAL citus.enable_ddl_propagation = off;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
END $$
"""
_TABLES = "GRANT {rights} ON {tables} TO {role}"
# So that what a migration makes is not forgotten; `grant` after it says the rest.
_NEW_TABLES = "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} "
_NEW = (
    _NEW_TABLES + "REVOKE ALL ON TABLES FROM {role}",
    _NEW_TABLES + "REVOKE ALL ON SEQUENCES FROM {role}",
    _NEW_TABLES + "GRANT {rights} ON TABLES TO {role}",
    _NEW_TABLES + "GRANT USAGE ON SEQUENCES TO {role}",
)


class BadRole(Exception):
    """It is not there, or cannot be kept from anything. The text says what to do."""


def tables() -> dict[str, Rows]:
    """What becomes of the rows of every table."""
    found = {MIGRATIONS: Rows.MIGRATED}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            found[model._meta.db_table] = _rows_of(model)
    return found


def grant(role: str) -> None:
    """Give the role what the application needs and take everything else. Safe to repeat, and while
    the application runs.

    Raises BadRole. Refused for what is everybody's, nothing is changed; a cell that fails keeps
    what it had, the others have theirs, and repeating it does the rest.
    """
    with place.inside(""):
        _grant_here(role)
    # One after the other, as their lock has it.
    told = reachable.in_each(directory.names(), lambda cell: _grant_in(cell, role))
    _, failed = reachable.told_apart(told)
    if failed:
        raise BadRole("\n".join([*failed, "The others are done. Run it again for the rest."]))


def _grant_in(cell: str, role: str) -> None:
    _grant_here(role)
    # Only when that is committed: another connection of the node's waits for the same rows.
    with connection.cursor() as cursor:
        _grant_on_nodes(cursor, role, place.schema_of(cell))


def _grant_here(role: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        owners = _owners(cursor)
        _refuse_useless(cursor, role, owners)
        for statement in _statements(cursor, role, owners):
            cursor.execute(statement)


def _grant_on_nodes(cursor: Any, role: str, schema: str) -> None:
    """Rows that triggers write are numbered where they are. Citus forgets those sequences, and a
    cell may be placed on any node."""
    if not nodes.is_distributed(cursor, schema):
        return
    text = sql.SQL(_ON_NODES).format(role=sql.Identifier(role), schema=sql.Identifier(schema))
    for node in nodes.workers(cursor):
        nodes.run(cursor, node, text.as_string(connection.connection))


def differences(role: str = "") -> list[str]:
    """What the role (of this connection, if none is named) may and should not, and what it must
    and may not, in the order of the alphabet: “may UPDATE wallets_ledgerentry”.

    What it may do by becoming another role counts. Raises BadRole when it is not there, or a cell
    cannot be asked.
    """
    told = reachable.in_each(directory.places(), lambda _: _differences_here(role))
    found, failed = reachable.told_apart(told)
    if failed:
        raise BadRole("\n".join(failed))
    return sorted(set().union(*found))


def _differences_here(role: str) -> list[str]:
    with connection.cursor() as cursor:
        name = role or _one(cursor, "SELECT current_user::text")
        if _is_superuser(cursor, name):
            return ["is a superuser, who may do everything"]
        its = tables()
        if not place.has_accounts():
            its = {table: its[table] for table in its.keys() & _present(cursor)}
        wanted = [(table, right) for table, rows in its.items() for right in rows.value]
        return database_rights.differences(cursor, role=name, wanted=wanted)


def _rows_of(model: type[models.Model]) -> Rows:
    app = model._meta.app_label
    if app not in OURS:
        return OTHERS.get(app, Rows.MIGRATED)
    # What links two of our tables is set anew as a whole.
    usual = Rows.MAY_GO if model._meta.auto_created else Rows.NEVER_DELETED
    return getattr(model, "rows", usual)


def _refuse_useless(cursor: Any, role: str, owners: list[str]) -> None:
    if _is_superuser(cursor, role):
        raise BadRole(
            f"“{role}” is a superuser, who cannot be kept from anything: create a role for the "
            "application alone, as docs/deploy.md shows. Nothing was changed."
        )
    if MIGRATIONS not in _present(cursor):
        raise BadRole("There are no tables yet: run `manage.py migrate` first.")
    for owner in owners:
        if _may_become(cursor, role, owner):
            raise BadRole(
                f"“{role}” is, or may become, “{owner}”, who owns tables and may always change "
                "them: create a role for the application alone, as docs/deploy.md shows. Nothing "
                "was changed."
            )
        if not _may_become(cursor, _one(cursor, "SELECT current_user::text"), owner):
            raise BadRole(
                f"“{owner}” owns the tables, and only who owns them may say who else uses them: "
                "run this with the owner's DATABASE_URL. Nothing was changed."
            )


def _is_superuser(cursor: Any, role: str) -> bool:
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [role])
    found = cursor.fetchone()
    if found is None:
        raise BadRole(
            f"PostgreSQL knows no role “{role}”: create it first, as docs/deploy.md shows. "
            "Nothing was changed."
        )
    return found[0]


def _owners(cursor: Any) -> list[str]:
    cursor.execute(
        "SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class"
        " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'S')"
        " ORDER BY 1"
    )
    return [name for (name,) in cursor.fetchall()]


def _may_become(cursor: Any, role: str, other: str) -> bool:
    return _one(cursor, "SELECT pg_has_role(%s, %s, 'MEMBER')", [role, other])


def _present(cursor: Any) -> set[str]:
    return set(connection.introspection.table_names(cursor))


def _one(cursor: Any, query: str, values: Iterable[object] = ()) -> Any:
    cursor.execute(query, list(values))
    return cursor.fetchone()[0]


def _statements(cursor: Any, role: str, owners: list[str]) -> Iterator[sql.Composed]:
    present, its = _present(cursor), tables()
    names = {
        "role": sql.Identifier(role),
        "schema": sql.Identifier(_one(cursor, "SELECT current_schema()::text")),
        "database": sql.Identifier(_one(cursor, "SELECT current_database()::text")),
    }
    yield from (sql.SQL(text).format(**names) for text in _ALL_BUT_TABLES)
    for rows in Rows:
        chosen = [sql.Identifier(name) for name in present if its.get(name) is rows]
        if chosen:
            some = sql.SQL(", ").join(chosen)
            yield sql.SQL(_TABLES).format(rights=_rights(rows.value), tables=some, **names)
    for owner in owners:
        new = names | {"owner": sql.Identifier(owner), "rights": _rights(AT_FIRST)}
        yield from (sql.SQL(text).format(**new) for text in _NEW)


def _rights(rights: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.SQL, rights))
