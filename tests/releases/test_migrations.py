"""What the check of migrations refuses, what it lets pass, and what it says to do instead."""

import subprocess
import sys

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader

from tests.releases import distributed_examples, migrations
from tests.releases.examples import LISTED, PASSES, REFUSED, sql, yesterday
from tests.releases.last import last_release

REFUSALS = REFUSED | distributed_examples.REFUSED
WAYS = PASSES | distributed_examples.PASSES

# Nothing is done concurrently inside a transaction.
pytestmark = pytest.mark.django_db(transaction=True)


def told(*those, atomic: bool = True, **attributes) -> tuple[list[str], list[str]]:
    class New(Migration):
        operations = list(those)

    New.atomic = atomic
    for name, value in attributes.items():
        setattr(New, name, value)
    return migrations.problems(New("0002_new", "shop"), yesterday())


@pytest.mark.parametrize(("operation", "kind", "instead"), REFUSALS.values(), ids=REFUSALS)
def test_what_locks_for_long_or_breaks_yesterdays_code_is_refused_with_the_way_to_do_it(
    operation, kind, instead
):
    refused, shown = told(operation)

    assert shown == []
    (line,) = [one for one in refused if one.startswith(f"shop.0002_new: {kind}: ")]
    assert instead in line


@pytest.mark.parametrize(("those", "atomic"), WAYS.values(), ids=WAYS)
def test_the_ways_to_do_it_pass(those, atomic):
    assert told(*those, atomic=atomic) == ([], [])


def test_a_lock_that_nothing_limits_is_refused():
    (line,), _ = told(
        AddIndexConcurrently("call", LISTED),
        operations.AddField("call", "price", models.IntegerField(null=True)),
        atomic=False,
    )

    assert line.startswith("shop.0002_new: require-lock-timeout: ")
    assert "without atomic = False" in line


def test_one_statement_that_changes_every_row_is_refused_outside_of_a_transaction_too():
    (line,), _ = told(sql("UPDATE shop_call SET seconds = 1"), atomic=False)

    assert line.startswith("shop.0002_new: data-in-one-transaction: ")


def test_what_a_migration_allows_itself_is_shown_with_its_reason():
    refused, shown = told(
        operations.RemoveField("call", "note"),
        allowed={"ban-drop-column": "no release since 0.2 reads it"},
    )

    assert refused == []
    assert shown == ["shop.0002_new: ban-drop-column, allowed: no release since 0.2 reads it"]


@pytest.mark.parametrize("reason", ["", "  "])
def test_nothing_is_allowed_without_a_reason(reason):
    refused, _ = told(operations.RemoveField("call", "note"), allowed={"ban-drop-column": reason})

    assert [line.split(": ")[1] for line in refused] == [
        "ban-drop-column",
        "ban-drop-column is allowed and not there",
    ]


def test_only_what_is_there_can_be_allowed():
    refused, shown = told(allowed={"renaming-table": "once upon a time"})

    assert shown == []
    assert refused == [
        "shop.0002_new: renaming-table is allowed and not there: take it out of `allowed`."
    ]


def test_the_migrations_of_the_last_release_are_not_judged_any_more():
    loader = MigrationLoader(None)
    new = [(one.app_label, one.name) for one in migrations.since_the_release(loader)]
    last = last_release()["migrations"]

    assert set(last.items()) <= loader.graph.nodes.keys()
    assert [key for key in new if key[0] not in last] == []
    assert all(name > last[app] for app, name in new)


def test_a_missing_tool_is_no_praise(monkeypatch):
    monkeypatch.setattr("tests.releases.sql.SQUAWK", "/bin/false")

    with pytest.raises(RuntimeError, match="squawk does not work"):
        told(sql("SELECT 1"))


def test_make_lint_asks():
    done = subprocess.run([sys.executable, "-m", "tests.releases"], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
