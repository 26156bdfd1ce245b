from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    ProgrammingError,
    connection,
    transaction,
)
from psycopg.pq import TransactionStatus

from accounts.models import Account, Level, Notification
from accounts.runtime import statements
from accounts.runtime.statements import columns
from accounts.runtime.time_limits import TimeIsUp
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from tests.databases import as_owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def _owner(db):  # noqa: ARG001
    """The application may make no tables, not even temporary ones."""
    with as_owner():
        yield


ASKED = "SELECT %s::int + 1 AS asked_of_the_server"
RENAME = "UPDATE accounts_account SET name = %s::text WHERE id = %s::uuid"


def prepared():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%asked_of%'"
        )
        return [text for (text,) in cursor.fetchall()]


def test_a_statement_is_planned_once_a_connection():
    answers = [statements.rows(ASKED, [number]) for number in (1, 2, 3)]

    assert answers == [[(2,)], [(3,)], [(4,)]]
    assert prepared() == ["SELECT $1::int + 1 AS asked_of_the_server"]


def test_a_statement_is_counted_and_logged_like_every_other(django_assert_num_queries):
    with django_assert_num_queries(1) as log:
        assert statements.rows(ASKED, [1]) == [(2,)]

    assert log[0]["sql"] == "SELECT 1::int + 1 AS asked_of_the_server"


@pytest.mark.usefixtures("_owner")
def test_a_statement_that_returns_nothing_is_only_run():
    statements.run("CREATE TEMPORARY TABLE written (at int) ON COMMIT DROP")

    assert statements.rows("SELECT count(*) FROM written") == [(0,)]


def test_what_the_database_refuses_is_one_of_djangos_errors():
    with pytest.raises(DataError), transaction.atomic():
        statements.rows("SELECT 1 / %s::int", [0])

    assert statements.rows(ASKED, [1]) == [(2,)]


WITH_AGENCY = f"""
SELECT {columns(Account, "a")}, {columns(Account, "g")}
FROM accounts_account a LEFT JOIN accounts_account g ON g.id = a.agency_id WHERE a.id = %s
"""


def test_a_row_holds_models_as_a_queryset_would_make_them():
    agency = make_agency()
    account = make_sub_account(agency=agency)

    (row,) = statements.rows(WITH_AGENCY, [account.pk])
    found = list(statements.instances(row, Account, Account))

    same = [Account.objects.get(pk=account.pk), Account.objects.get(pk=agency.pk)]
    assert [_without_state(one) for one in found] == [_without_state(one) for one in same]


def test_what_was_joined_and_is_not_there_is_none():
    account = make_individual()

    (row,) = statements.rows(WITH_AGENCY, [account.pk])

    assert list(statements.instances(row, Account, Account)) == [account, None]


def _without_state(model):
    return {name: value for name, value in vars(model).items() if name != "_state"}


def waits(monkeypatch):
    """How often somebody waits for PostgreSQL from now on."""
    raw, seen = connection.connection, []
    wait = raw.wait
    monkeypatch.setattr(raw, "wait", lambda *args, **more: seen.append(1) or wait(*args, **more))
    return seen


def test_statements_that_are_sent_together_are_waited_for_once(monkeypatch):
    connection.ensure_connection()
    seen = waits(monkeypatch)

    with statements.together():
        first, second = statements.ask(ASKED, [1]), statements.ask(ASKED, [2])
        statements.run("SELECT pg_sleep(%s::int)", [0])

    assert (first.rows(), second.rows()) == ([(2,)], [(3,)])
    assert len(seen) == 1


def test_an_answer_can_be_read_before_the_next_is_sent():
    with statements.together():
        ((next_number,),) = statements.rows(ASKED, [1])
        answer = statements.ask(ASKED, [next_number])
        with statements.together():
            inner = statements.ask(ASKED, [7])

    assert (answer.rows(), inner.rows()) == ([(3,)], [(8,)])


def test_large_values_arrive_whole():
    numbers = ",".join(map(str, range(50_000)))

    with statements.together():
        answers = [
            statements.ask("SELECT sum(n) FROM unnest(%s::bigint[]) AS n", ["{" + numbers + "}"])
            for _ in range(3)
        ]

    assert [answer.rows() for answer in answers] == [[(1_249_975_000,)]] * 3


def test_values_have_places_or_names_and_a_percent_sign_is_one():
    named = "SELECT %(a)s::text || %(b)s::text || %(a)s::text, 7 %% 4"

    assert statements.rows(named, {"b": "%", "a": "é"}) == [("é%é", 3)]


def test_values_come_as_they_are():
    moment = datetime(2026, 11, 28, 12, 30, 15, 250, tzinfo=UTC)
    values = [None, True, Decimal("-1.250000"), UUID(int=5), moment, "a\n'b"]
    places = "SELECT %s::int, %s::boolean, %s::numeric, %s::uuid, %s::timestamptz, %s::text"

    assert statements.rows(places, values) == [tuple(values)]


@pytest.mark.parametrize("value", [[1], b"1", 1.5])
def test_a_value_nobody_has_written_for_postgresql_is_refused(value):
    with pytest.raises(TypeError, match="Write"):
        statements.rows(ASKED, [value])

    assert statements.rows(ASKED, [1]) == [(2,)]


def test_a_text_that_would_be_cut_off_is_refused():
    with pytest.raises(DataError, match="NUL"):
        statements.rows("SELECT %s::text", ["a\0b"])


@pytest.mark.usefixtures("_owner")
def test_what_fails_is_raised_at_the_end_and_what_was_sent_behind_it_is_not_done():
    statements.run("CREATE TEMPORARY TABLE marked (at int) ON COMMIT DROP")
    mark = "INSERT INTO marked VALUES (%s::int)"

    with pytest.raises(DataError) as refused, transaction.atomic(), statements.together():
        statements.run(mark, [1])
        statements.run("SELECT 1 / %s::int", [0])
        statements.run(mark, [2])

    assert refused.value.__cause__.sqlstate == "22012"
    assert statements.rows("SELECT count(*) FROM marked") == [(0,)]
    statements.run(mark, [3])
    assert statements.rows("SELECT at FROM marked") == [(3,)]


def test_what_fails_is_raised_by_the_next_answer_that_is_read():
    with pytest.raises(DataError), transaction.atomic(), statements.together():
        statements.run("SELECT 1 / %s::int", [0])
        statements.rows(ASKED, [1])

    assert statements.rows(ASKED, [1]) == [(2,)]


def test_a_refusal_between_two_statements_is_what_the_caller_hears():
    with pytest.raises(LookupError), transaction.atomic(), statements.together():
        statements.run("SELECT 1 / %s::int", [0])
        raise LookupError

    assert statements.rows(ASKED, [1]) == [(2,)]


def test_a_queryset_in_between_is_answered_as_always():
    account = make_individual()

    with statements.together():
        before = statements.ask(
            "SELECT name FROM accounts_account WHERE id = %s::uuid", [account.pk]
        )
        changed = Account.objects.filter(pk=account.pk).update(name="Other")
        after = statements.ask(
            "SELECT name FROM accounts_account WHERE id = %s::uuid", [account.pk]
        )

    assert changed == 1
    assert (before.rows(), after.rows()) == ([(account.name,)], [("Other",)])


def test_whoever_watches_statements_sees_these_too():
    seen = []

    def watch(execute, sql, params, many, context):
        seen.append((sql, params))
        if sql == ASKED:
            context["cursor"].execute("SELECT 1")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch), statements.together():
        answer = statements.ask(ASKED, [1])

    assert answer.rows() == [(2,)]
    assert seen == [(ASKED, [1]), ("SELECT 1", None)]


def test_statements_that_are_logged_are_sent_one_by_one(django_assert_num_queries):
    with django_assert_num_queries(2) as log, statements.together(commit=True):
        answers = [statements.ask(ASKED, [number]) for number in (1, 2)]
        assert [answer.rows() for answer in answers] == [[(2,)], [(3,)]]

    assert log[1]["sql"] == "SELECT 2::int + 1 AS asked_of_the_server"


def test_a_plan_that_the_server_has_dropped_is_made_anew():
    statements.rows(ASKED, [1])
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")

    with pytest.raises(DatabaseError, match="does not exist"), transaction.atomic():
        statements.rows(ASKED, [1])

    assert statements.rows(ASKED, [1]) == [(2,)]


@pytest.mark.usefixtures("_owner")
def test_a_statement_that_was_refused_once_is_planned_the_next_time():
    asked = "SELECT count(*) FROM comes_later"
    with pytest.raises(ProgrammingError), transaction.atomic():
        statements.rows(asked)

    statements.run("CREATE TEMPORARY TABLE comes_later (at int) ON COMMIT DROP")

    assert statements.rows(asked) == [(0,)]


def test_in_a_broken_transaction_nothing_is_sent():
    with transaction.atomic():
        with pytest.raises(DataError), transaction.atomic(savepoint=False):
            statements.rows("SELECT 1 / %s::int", [0])

        with pytest.raises(transaction.TransactionManagementError):
            statements.rows(ASKED, [1])
        transaction.set_rollback(True)


def test_inside_another_transaction_the_end_is_not_sent():
    account = make_individual()

    with pytest.raises(LookupError), transaction.atomic():
        with transaction.atomic(), statements.together(commit=True):
            statements.run(RENAME, ["Other", account.pk])
        raise LookupError

    assert Account.objects.get().name == account.name


@pytest.mark.django_db(transaction=True)
def test_the_end_of_a_transaction_goes_with_its_last_statement(monkeypatch):
    account = make_individual()
    heard = []

    with transaction.atomic():
        transaction.on_commit(lambda: heard.append(Account.objects.get().name))
        seen = waits(monkeypatch)
        with statements.together(commit=True):
            statements.run(RENAME, ["Other", account.pk])
        assert len(seen) == 1
        assert connection.connection.info.transaction_status == TransactionStatus.IDLE

    assert heard == ["Other"]


@pytest.mark.django_db(transaction=True)
def test_an_end_that_is_refused_leaves_nothing_behind():
    account = make_individual()
    heard = []

    with pytest.raises(IntegrityError), transaction.atomic():
        transaction.on_commit(lambda: heard.append("committed"))
        with statements.together(commit=True):
            statements.run(RENAME, ["Other", account.pk])
            # A foreign key is checked at the end.
            statements.run(
                "UPDATE accounts_account SET agency_id = %s::uuid WHERE id = %s::uuid",
                [uuid4(), account.pk],
            )

    assert heard == []
    assert Account.objects.get().name == account.name


@pytest.mark.django_db(transaction=True)
def test_a_task_whose_time_is_up_does_not_wait_for_what_it_has_sent():
    with pytest.raises(TimeIsUp), transaction.atomic(), statements.together():
        statements.run("SELECT pg_sleep(%s::int)", [600])
        raise TimeIsUp

    assert statements.rows(ASKED, [1]) == [(2,)]


def test_rows_that_are_inserted_are_read_back_as_they_were():
    account, moment = make_individual(), datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    new = [
        Notification(
            account_id=account.pk,
            kind="campaigns_paused",
            title=title,
            text="Zażółć “2”, \\n and {1,2}.",
            data={"campaigns": [7, 8], "name": 'a "b"'},
            dedupe_key=title,
            created_at=moment,
        )
        for title in ("one", "two")
    ]

    written = statements.insert(new, ending="RETURNING id")

    found = list(Notification.objects.order_by("pk"))
    assert [(one.pk,) for one in found] == written.rows()
    for one, row in zip(new, found, strict=True):
        one.pk = row.pk
        assert _without_state(row) == _without_state(one)


def test_one_row_that_is_refused_leaves_out_all_that_were_inserted_with_it():
    account = make_individual()
    new = [
        Notification(account_id=account.pk, kind="test", text="Told.", level=level)
        for level in (Level.INFO, "unknown")
    ]

    with pytest.raises(IntegrityError, match="notification_level_is_known"), transaction.atomic():
        statements.insert(new)

    assert not Notification.objects.exists()


def test_a_setting_of_any_text_holds_until_the_transaction_ends_and_leaves_nothing_prepared():
    def told() -> tuple:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('thinkrr.audit', true), count(*)"
                " FROM pg_prepared_statements WHERE statement LIKE 'SET LOCAL%%thinkrr%%'"
            )
            return cursor.fetchone()

    value = 'it\'s 5 % of \\ "50" %s $1 é'
    with transaction.atomic():
        with statements.together():
            statements.set_local("thinkrr.audit", value)
        assert told() == (value, 0)
        statements.set_local("thinkrr.audit", "")

    assert told() == ("", 0)
