"""Migrations that a distributed table would refuse, and the ways that it takes, of the table of
`examples`."""

from django.db import models
from django.db.migrations import operations

from tests.releases.examples import sql

IN_SQL = "CREATE FUNCTION s(call bigint) RETURNS void LANGUAGE sql AS $$ {} $$"
JOINS = """CREATE FUNCTION j() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
UPDATE shop_call c SET seconds = 1 FROM {added} a WHERE a.id = c.id; RETURN NULL; END $$"""
COPIES = """CREATE FUNCTION j() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
INSERT INTO shop_kept SELECT id FROM added; RETURN NULL; END $$"""
READS_ALONE = """CREATE FUNCTION j() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE ids bigint[]; BEGIN
SELECT array_agg(a.id) INTO ids FROM added a;
WITH added AS (SELECT unnest(ids)) UPDATE shop_call SET seconds = 1 FROM added;
FOR id IN SELECT a.id FROM added a LOOP UPDATE shop_call c SET seconds = 1; END LOOP;
RETURN NULL; END $$"""
JOINED = """CREATE TRIGGER j AFTER INSERT ON shop_call REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION j()"""

REFUSED = {
    "a column that is positive": (
        operations.AddField("call", "price", models.PositiveIntegerField(null=True)),
        "constraint-in-column",
        "by name in a statement of its own",
    ),
    "a column that is unique": (
        operations.AddField("call", "code", models.IntegerField(null=True, unique=True)),
        "constraint-in-column",
        "a unique index CONCURRENTLY",
    ),
    "a column that refers, by hand": (
        sql('ALTER TABLE ONLY "shop_call" ADD "to" bigint REFERENCES "shop_call"'),
        "constraint-in-column",
        "by name in a statement of its own",
    ),
    "a column that is checked, the second of two": (
        sql("ALTER TABLE shop_call ADD COLUMN a numeric(9, 2), ADD COLUMN b int CHECK (b > 0)"),
        "constraint-in-column",
        "by name in a statement of its own",
    ),
    "a column that numbers itself": (
        sql("ALTER TABLE shop_call ADD COLUMN lot int GENERATED ALWAYS AS IDENTITY"),
        "constraint-in-column",
        "No column numbers itself",
    ),
    "a constraint beside a column": (
        sql("ALTER TABLE c ADD COLUMN a int, ADD CONSTRAINT k CHECK (a > 0) NOT VALID"),
        "constraint-beside-changes",
        "a statement of its own",
    ),
    "a function in SQL": (
        sql(IN_SQL.format("UPDATE shop_call SET seconds = 1 WHERE id = call")),
        "function-in-sql",
        "in plpgsql",
    ),
    "a trigger that reads its rows beside a table": (
        sql(f"{JOINS.format(added='added')}; {JOINED}"),
        "transition-beside-table",
        "with unnest",
    ),
    "a trigger of before that reads its rows beside a table": (
        sql(JOINS.format(added="written")),
        "transition-beside-table",
        "with unnest",
    ),
    "a trigger that copies its rows into a table of the same migration": (
        sql(f"CREATE TABLE shop_kept (id bigint); {COPIES}; {JOINED}"),
        "transition-beside-table",
        "with unnest",
    ),
}

PASSES = {
    "a column that is positive, in steps": (
        [
            operations.SeparateDatabaseAndState(
                [operations.AddField("call", "price", models.IntegerField(null=True))],
                [operations.AddField("call", "price", models.PositiveIntegerField(null=True))],
            ),
            sql("ALTER TABLE shop_call ADD CONSTRAINT positive CHECK (price >= 0) NOT VALID"),
        ],
        True,
    ),
    "a column whose name sounds like a constraint": (
        [sql('ALTER TABLE shop_call ADD COLUMN "unique" integer NULL')],
        True,
    ),
    "a function in SQL that reads no table": ([sql(IN_SQL.format("SELECT call + 1"))], True),
    "a trigger that reads its rows alone": ([sql(f"{READS_ALONE}; {JOINED}")], True),
}
