"""An operation that makes many tables together."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddField, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class CreateModels(Operation):
    """Create models that refer to each other, each table complete from the beginning.

    One after another, Django builds all models anew that are related to the one just made, which
    in dj-stripe are all of them.
    """

    def __init__(self, operations: list[CreateModel | AddField]) -> None:
        self.operations = operations
        self._models = [one for one in operations if isinstance(one, CreateModel)]

    def describe(self) -> str:
        return f"Create {len(self._models)} models"

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        # Built when they are next asked for, once.
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for model in self._models:
            model.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for model in reversed(self._models):
            model.database_backwards(app_label, schema_editor, from_state, to_state)
