"""The migrations since the last release, each held to three promises: no large table is locked for
long, the code of the last release goes on beside it, and distributed tables (Citus) take it."""

from collections.abc import Iterator

from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from tests.releases import distributed, sql, unseen
from tests.releases.last import last_release

_ROWS = "Python writes rows in one transaction, which stay locked until all are done. Go in "
_ROWS += "batches, each safe to repeat, with atomic = False."
_NARROWER = "Yesterday's code may write what it refuses. Release first the code that writes "
_NARROWER += "nothing else, then this, and say so in `allowed`."
_CHOICES = "Yesterday's code still writes {}. Keep what was chosen; take it away a release later."


def since_the_release(loader: MigrationLoader) -> list[Migration]:
    """In the order in which they are applied."""
    last = last_release()["migrations"]
    known = {
        before for app, name in last.items() for before in loader.graph.forwards_plan((app, name))
    }
    plan = loader.graph._generate_plan(loader.graph.leaf_nodes(), at_end=True)
    return [loader.graph.nodes[key] for key in plan if key[0] in last and key not in known]


def problems(migration: Migration, state: ProjectState) -> tuple[list[str], list[str]]:
    """What is refused, and what is allowed for a reason of its own; a line each.

    `state` is that before the migration. A migration allows itself a kind by
    `allowed = {"the kind": "why no release suffers from it"}`.
    """
    allowed = dict(getattr(migration, "allowed", {}))
    refused, shown, used = [], [], set()
    for kind, sentence in dict.fromkeys(_found(migration, state)):
        if reason := allowed.get(kind, "").strip():
            used.add(kind)
            shown.append(f"{migration}: {kind}, allowed: {reason}")
        else:
            refused.append(f"{migration}: {kind}: {sentence}")
    refused += [
        f"{migration}: {kind} is allowed and not there: take it out of `allowed`."
        for kind in allowed.keys() - used
    ]
    return refused, list(dict.fromkeys(shown))


def _found(migration: Migration, before: ProjectState) -> Iterator[tuple[str, str]]:
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        yield from _of_operations(migration, migration.operations, before, before, editor)
    yield from sql.problems(editor.collected_sql, atomic=migration.atomic)
    yield from unseen.problems(editor.collected_sql, tables=_tables(before))
    yield from distributed.problems(editor.collected_sql, tables=_tables(before))


def _tables(state: ProjectState) -> set[str]:
    models = state.models.items()
    return {model.options.get("db_table") or f"{app}_{name}" for (app, name), model in models}


def _of_operations(
    migration: Migration,
    those: list,
    before: ProjectState,
    state: ProjectState,
    editor: BaseDatabaseSchemaEditor,
) -> Iterator[tuple[str, str]]:
    """Collects their SQL in `editor`. `state` is that before the first of them."""
    for operation in those:
        after = state.clone()
        operation.state_forwards(migration.app_label, after)
        if isinstance(operation, operations.SeparateDatabaseAndState):
            # The state that goes with it is Django's alone.
            inner = operation.database_operations
            yield from _of_operations(migration, inner, before, state, editor)
        else:
            yield from _of_operation(operation, migration, before, state)
            # Python is not run here.
            if operation.reduces_to_sql:
                operation.database_forwards(migration.app_label, editor, state, after)
        state = after


def _of_operation(
    operation: object, migration: Migration, before: ProjectState, state: ProjectState
) -> Iterator[tuple[str, str]]:
    """What no SQL tells. `before` is that before the migration; `state` that before this."""
    app = migration.app_label
    if isinstance(operation, operations.RunPython) and migration.atomic:
        yield "data-in-one-transaction", _ROWS
    is_known = (app, getattr(operation, "model_name_lower", "")) in before.models
    if is_known and isinstance(operation, operations.AddConstraint):
        yield "narrower", _NARROWER
    if is_known and isinstance(operation, operations.AlterField):
        fields = state.models[app, operation.model_name_lower].fields
        gone = _choices(fields[operation.name]) - _choices(operation.field)
        if gone and operation.field.choices:
            yield "narrower-choices", _CHOICES.format(", ".join(sorted(map(str, gone))))


def _choices(field: object) -> set:
    return {value for value, _ in field.flatchoices}
