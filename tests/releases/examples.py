"""Migrations that are refused, with the kind and the words that say what to do, and the good ways.
All are of one table that the code of yesterday knows."""

from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import models
from django.db.migrations import operations
from django.db.migrations.state import ModelState, ProjectState
from django.db.models.functions import Random

ABOVE_ZERO = models.CheckConstraint(condition=models.Q(seconds__gt=0), name="above_zero")
LISTED = models.Index(fields=["seconds"], name="listed")
ADD_COLUMN = 'ALTER TABLE "shop_call" ADD COLUMN "to_id" bigint NULL'
FOREIGN_KEY = (
    'ALTER TABLE "shop_call" ADD CONSTRAINT "to" FOREIGN KEY ("to_id") REFERENCES "shop_call"'
)

GUARD = """CREATE OR REPLACE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
IF NEW.seconds = 0 THEN RAISE 'No call is that short.' USING ERRCODE = 'check_violation'; END IF;
RETURN NEW; END $$"""
GUARDED = """
CREATE TRIGGER guard BEFORE INSERT ON "shop_call" FOR EACH ROW EXECUTE FUNCTION guard()"""
FOLLOWS = """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
UPDATE shop_call SET seconds = 1; RAISE NOTICE 'done'; RETURN NULL; END $body$"""
FOLLOWED = "CREATE TRIGGER t AFTER INSERT ON shop_call FOR EACH ROW EXECUTE FUNCTION f()"


def yesterday() -> ProjectState:
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("seconds", models.IntegerField()),
        ("note", models.CharField(max_length=20, null=True)),
        ("kind", models.CharField(max_length=20, choices=[("a", "A"), ("b", "B")])),
        ("named", models.IntegerField(db_default=0)),
    ]
    options = {"indexes": [models.Index(fields=["note"], name="by_note")]}
    state.add_model(ModelState("shop", "Call", fields, options))
    return state


def sql(text: str) -> operations.RunSQL:
    return operations.RunSQL(text, "SELECT 1")


def python(*_) -> None:
    raise AssertionError("a check runs no migration")


REFUSED = {
    "an index that blocks writers": (
        operations.AddIndex("call", LISTED),
        "require-concurrent-index-creation",
        "AddIndexConcurrently",
    ),
    "an index by hand": (
        sql("CREATE INDEX by_kind ON shop_call (kind)"),
        "require-concurrent-index-creation",
        "AddIndexConcurrently",
    ),
    "an index dropped under a lock": (
        operations.RemoveIndex("call", "by_note"),
        "require-concurrent-index-deletion",
        "RemoveIndexConcurrently",
    ),
    "CONCURRENTLY in a transaction": (
        sql("CREATE INDEX CONCURRENTLY by_kind ON shop_call (kind)"),
        "ban-concurrent-index-creation-in-transaction",
        "atomic = False",
    ),
    "NOT NULL in one step": (
        operations.AlterField("call", "note", models.CharField(max_length=20)),
        "adding-not-nullable-field",
        "CHECK (… IS NOT NULL) NOT VALID",
    ),
    "a check validated at once": (
        operations.AddConstraint("call", ABOVE_ZERO),
        "constraint-missing-not-valid",
        "AddConstraintNotValid",
    ),
    "a check validated in the transaction that added it": (
        sql(
            "ALTER TABLE c ADD CONSTRAINT k CHECK (a > 0) NOT VALID;"
            "ALTER TABLE c VALIDATE CONSTRAINT k"
        ),
        "constraint-missing-not-valid",
        "in the migration after",
    ),
    "a unique constraint": (
        operations.AddConstraint("call", models.UniqueConstraint(fields=["note"], name="one_note")),
        "disallowed-unique-constraint",
        "USING INDEX",
    ),
    "a foreign key validated at once": (
        operations.AddField(
            "call", "to", models.ForeignKey("shop.Call", models.PROTECT, null=True)
        ),
        "adding-foreign-key-constraint",
        "db_constraint=False",
    ),
    "another type": (
        operations.AlterField(
            "call", "seconds", models.DecimalField(max_digits=9, decimal_places=2)
        ),
        "changing-column-type",
        "second column",
    ),
    "a default of each row's own": (
        operations.AddField("call", "lot", models.FloatField(db_default=Random())),
        "adding-field-with-default",
        "in batches",
    ),
    "a column yesterday's code does not fill": (
        operations.AddField("call", "price", models.IntegerField(default=0)),
        "ban-drop-default",
        "db_default",
    ),
    "a column whose default of the database goes": (
        operations.AlterField("call", "named", models.IntegerField(default=0)),
        "ban-drop-default",
        "db_default",
    ),
    "a column without any default": (
        sql("ALTER TABLE shop_call ADD COLUMN price integer NOT NULL"),
        "adding-required-field",
        "db_default",
    ),
    "a dropped column": (
        operations.RemoveField("call", "note"),
        "ban-drop-column",
        "Expand, migrate, contract",
    ),
    "a dropped table": (
        operations.DeleteModel("Call"),
        "ban-drop-table",
        "Expand, migrate, contract",
    ),
    "a renamed column": (
        operations.RenameField("call", "note", "words"),
        "renaming-column",
        "db_column",
    ),
    "a renamed table": (operations.RenameModel("Call", "Talk"), "renaming-table", "db_table"),
    "a narrower constraint": (
        AddConstraintNotValid("call", ABOVE_ZERO),
        "narrower",
        "Release first the code",
    ),
    "fewer choices": (
        operations.AlterField(
            "call", "kind", models.CharField(max_length=20, choices=[("a", "A")])
        ),
        "narrower-choices",
        "still writes b",
    ),
    "rows changed in one transaction": (
        sql("UPDATE shop_call SET seconds = 1"),
        "data-in-one-transaction",
        "in batches",
    ),
    "rows copied in one transaction": (
        sql("SELECT 1; INSERT INTO shop_kept SELECT * FROM shop_call"),
        "data-in-one-transaction",
        "in batches",
    ),
    "rows changed behind a comment": (
        sql("-- all of them\nUPDATE shop_call SET seconds = 1"),
        "data-in-one-transaction",
        "in batches",
    ),
    "rows changed in a block": (
        sql("DO $$ BEGIN UPDATE shop_call SET seconds = 1; END $$"),
        "statements-nobody-reads",
        "as they are",
    ),
    "a table locked": (
        sql("LOCK TABLE shop_call"),
        "table-emptied-or-locked",
        "Do without",
    ),
    "a table emptied": (
        sql("TRUNCATE shop_call"),
        "table-emptied-or-locked",
        "Do without",
    ),
    "a table written anew": (
        sql('ALTER TABLE "shop_call" SET UNLOGGED'),
        "table-written-anew",
        "no part of a release",
    ),
    "a column worked out for each row": (
        sql("ALTER TABLE c ADD COLUMN d integer GENERATED ALWAYS AS (a * 2) STORED"),
        "adding-field-with-default",
        "in batches",
    ),
    "a right taken away": (
        sql("REVOKE UPDATE ON shop_call FROM app"),
        "right-taken-away",
        "grant_application_role",
    ),
    "a unique index on what yesterday's code fills": (
        sql('CREATE UNIQUE INDEX one_note ON "shop_call" (note)'),
        "narrower",
        "Release first the code",
    ),
    "a trigger that refuses": (
        sql(f"{GUARD};{GUARDED}"),
        "narrower",
        "Release first the code",
    ),
    "a trigger of a function that nobody shows": (
        sql(GUARDED),
        "narrower",
        "Release first the code",
    ),
    "a guard that refuses more": (sql(GUARD), "narrower", "Release first the code"),
    "a guard that goes": (
        sql("DROP TRIGGER guard ON shop_call"),
        "trigger-dropped",
        "in the same migration",
    ),
    "a guard switched off": (
        sql("ALTER TABLE shop_call DISABLE TRIGGER guard"),
        "trigger-dropped",
        "in the same migration",
    ),
    "a function that goes": (
        sql("DROP FUNCTION guard()"),
        "ban-drop-function",
        "Expand, migrate, contract",
    ),
    "Python in one transaction": (
        operations.RunPython(python),
        "data-in-one-transaction",
        "atomic = False",
    ),
    "Python in one transaction, hidden": (
        operations.SeparateDatabaseAndState([operations.RunPython(python)]),
        "data-in-one-transaction",
        "atomic = False",
    ),
}


PASSES = {
    "an index made beside its writers": ([AddIndexConcurrently("call", LISTED)], False),
    "an index dropped beside its readers": ([RemoveIndexConcurrently("call", "by_note")], False),
    "a check validated later": ([ValidateConstraint("call", "above_zero")], True),
    "a column that may be empty": (
        [operations.AddField("call", "price", models.IntegerField(null=True))],
        True,
    ),
    "a column with a default of the database": (
        [operations.AddField("call", "price", models.IntegerField(db_default=0))],
        True,
    ),
    "a foreign key in steps": ([sql(ADD_COLUMN), sql(f"{FOREIGN_KEY} NOT VALID")], True),
    "more choices": (
        [
            operations.AlterField(
                "call", "kind", models.CharField(max_length=20, choices=[(x, x) for x in "abc"])
            )
        ],
        True,
    ),
    "a new table with all it has": (
        [
            operations.CreateModel(
                "Hold",
                [
                    ("id", models.BigAutoField(primary_key=True)),
                    ("call", models.ForeignKey("shop.Call", models.PROTECT)),
                    ("seconds", models.IntegerField(unique=True)),
                ],
                {"constraints": [ABOVE_ZERO], "indexes": [LISTED]},
            )
        ],
        True,
    ),
    "a trigger that writes": ([sql(FOLLOWS), sql(FOLLOWED)], True),
    "a trigger in a new form": (
        [sql("DROP TRIGGER t ON shop_call"), sql(f"{FOLLOWS}; {FOLLOWED}")],
        True,
    ),
    "a guard of a table that is new, too": (
        [sql(f"{GUARD}; {GUARDED.replace('shop_call', 'shop_hold')}")],
        True,
    ),
    "a foreign key looked up later": (
        [sql('ALTER TABLE "shop_call" VALIDATE CONSTRAINT "to"')],
        True,
    ),
    "rows in batches": ([operations.RunPython(python)], False),
}
