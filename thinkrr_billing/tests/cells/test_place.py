"""Statements of every kind reach the cell that work is in, and nothing of it is left behind."""

from contextlib import nullcontext
from itertools import groupby
from tempfile import TemporaryFile
from threading import Thread

import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction
from psycopg.pq import Trace

from accounts.cells import place
from accounts.cells.place import InTheMiddle, inside
from accounts.models import Account, User
from accounts.runtime import pipeline, statements
from tests.poolers import pooled
from tests.two_cells import FIRST, SECOND

NAMES = "SELECT name FROM accounts_account ORDER BY name"


def by_queryset():
    return list(Account.objects.order_by("name").values_list("name", flat=True))


def by_cursor():
    with connection.cursor() as cursor:
        cursor.execute(NAMES)
        return [name for (name,) in cursor.fetchall()]


def by_cursor_of_the_server():
    return [one.name for one in Account.objects.order_by("name").iterator(chunk_size=1)]


def by_statement():
    return [name for (name,) in statements.rows(NAMES)]


def by_several_at_once():
    with statements.together():
        first, second = statements.ask(NAMES), statements.ask(NAMES)
        assert first.rows() == second.rows()
        return [name for (name,) in first.rows()]


def by_a_statement_for_many():
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE accounts_account SET tax_id = %s", [("1",), ("2",)])
        assert cursor.rowcount > 0
    return by_queryset()


WAYS = [
    by_queryset,
    by_cursor,
    by_cursor_of_the_server,
    by_statement,
    by_several_at_once,
    by_a_statement_for_many,
]
ways = pytest.mark.parametrize("ask", WAYS, ids=lambda way: way.__name__)
with_and_without = pytest.mark.parametrize("around", [nullcontext, transaction.atomic])


@pytest.fixture(
    params=[nullcontext, pytest.param(pooled, marks=pytest.mark.pooler)],
    ids=["direct", "pooled"],
)
def _cells(kept_cells, request):  # noqa: ARG001
    for cell in (FIRST, SECOND):
        with inside(cell):
            Account.objects.get_or_create(kind="individual", name=f"of {cell}")
    with request.param():
        yield
    assert place.current() == ""


cells = pytest.mark.usefixtures("_cells")


@cells
@ways
@with_and_without
def test_what_is_asked_is_asked_of_the_cell(ask, around):
    for cell in (FIRST, SECOND, FIRST):
        with inside(cell), around():
            assert ask() == [f"of {cell}"]
            assert ask() == [f"of {cell}"]


@cells
@ways
@with_and_without
def test_outside_of_all_cells_a_question_fails(ask, around):
    with inside(FIRST):
        ask()

    with pytest.raises(DatabaseError, match="accounts_account. does not exist"), around():
        ask()


@cells
def test_a_cell_within_a_cell_is_left_for_that():
    with inside(FIRST):
        with inside(SECOND):
            assert by_queryset() == [f"of {SECOND}"]
        assert by_statement() == [f"of {FIRST}"]


@cells
@with_and_without
def test_after_an_error_the_next_cell_is_asked(around):
    for cell in (FIRST, SECOND):
        with inside(cell), pytest.raises(ProgrammingError), around():
            statements.rows("SELECT nothing FROM accounts_account")
        with inside(cell), around():
            assert by_statement() == [f"of {cell}"]


@cells
def test_after_a_savepoint_the_cell_is_still_the_same():
    with inside(SECOND), transaction.atomic():
        with pytest.raises(ProgrammingError), transaction.atomic():
            statements.rows("SELECT nothing FROM accounts_account")

        assert by_queryset() == by_statement() == [f"of {SECOND}"]


@cells
def test_nothing_stays_on_the_connection():
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        before = cursor.fetchone()
    for ask in WAYS:
        with inside(FIRST):
            ask()
        with connection.cursor() as cursor:
            cursor.execute("SHOW search_path")
            assert cursor.fetchone() == before


@cells
def test_what_is_written_in_a_row_is_written_to_the_cell():
    write = "UPDATE accounts_account SET tax_id = %s WHERE name = %s RETURNING 1"
    with inside(SECOND), transaction.atomic(), statements.together(commit=True):
        written = statements.ask(write, ["DE1", f"of {SECOND}"])
        missing = statements.ask(write, ["DE1", f"of {FIRST}"])

    assert (written.rows(), missing.rows()) == ([(1,)], [])
    with inside(FIRST):
        assert not Account.objects.filter(tax_id="DE1").exists()


@cells
def test_what_is_everybodys_is_found_from_everywhere():
    user, _ = User.objects.get_or_create(email="ada@lovelace.test")

    for cell in (FIRST, SECOND):
        with inside(cell):
            assert User.objects.get() == user


@cells
def test_a_transaction_does_not_go_on_in_another_cell():
    with inside(FIRST), transaction.atomic():
        for other in (SECOND, ""):
            with pytest.raises(InTheMiddle, match="of first cannot go on"), inside(other):
                pass
        assert by_queryset() == [f"of {FIRST}"]

    with transaction.atomic(), pytest.raises(InTheMiddle, match="of no cell"), inside(SECOND):
        pass


@cells
def test_a_thread_begins_outside_of_all():
    seen = []
    with inside(FIRST):
        other = Thread(target=lambda: seen.append(place.current()))
        other.start()
        other.join()

    assert seen == [""]


def traced(ask, *, around=nullcontext):
    """What libpq sends and gets, a line a message."""
    connection.ensure_connection()
    sent = connection.connection.pgconn
    with TemporaryFile() as trace:
        sent.trace(trace.fileno())
        sent.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        with around():
            ask()
        sent.untrace()
        trace.seek(0)
        return trace.read().decode().splitlines()


def trips(ask, *, around):
    """How often an answer is waited for."""
    directions = [line[:1] for line in traced(ask, around=around)]
    return len(list(groupby(directions))) // 2


@cells
@ways
@with_and_without
def test_the_path_is_a_statement_of_its_own_within_a_transaction(ask, around):
    with inside(SECOND):
        messages = traced(ask, around=around)

    paths = [line for line in messages if "search_path" in line and line.startswith("F")]
    assert paths
    assert all("accounts_account" not in line for line in paths)
    assert not [line for line in messages if "Notice" in line]


ASKING = [
    lambda model: list(model.objects.all()),
    lambda model: statements.rows(f"SELECT id FROM {model._meta.db_table}"),
]


@cells
@pytest.mark.parametrize("ask", ASKING)
@with_and_without
def test_a_cell_costs_no_round_trip(ask, around):
    everybodys = trips(lambda: ask(User), around=around)

    with inside(SECOND):
        assert trips(lambda: ask(Account), around=around) == everybodys


@pytest.mark.usefixtures("kept_cells")
def test_each_cell_has_statements_of_its_own_prepared():
    with inside(FIRST):
        by_statement()
        by_statement()
    with inside(SECOND):
        by_statement()

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement = %s", [NAMES])
        assert cursor.fetchone() == (2,)


@pytest.mark.usefixtures("kept_cells")
@with_and_without
def test_a_connection_keeps_the_statements_of_few_cells(monkeypatch, around):
    monkeypatch.setattr(pipeline, "CELLS_PREPARED", 2)
    connection.close()

    def ask(cell):
        with inside(cell), around():
            return statements.rows("SELECT current_schema()::text")[0][0]

    def kept():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements")
            return cursor.fetchone()[0]

    asked = ["", FIRST, SECOND, FIRST, "", SECOND, SECOND]
    told = [(ask(cell), kept()) for cell in asked]

    schemas = {"": "public", FIRST: "cell_first", SECOND: "cell_second"}
    assert [schema for schema, _ in told] == [schemas[cell] for cell in asked]
    assert [count for _, count in told] == [1, 2, 2, 2, 2, 2, 2]


@pytest.mark.django_db
def test_where_there_are_no_cells_nobody_enters_one():
    with inside(FIRST):
        assert place.current() == ""
        assert list(Account.objects.all()) == []
