import pytest
from django.db import DataError, connection, transaction

from accounts.models import Account
from accounts.runtime import statements
from accounts.runtime.statements import columns
from accounts.tests.builders import make_agency, make_individual, make_sub_account

pytestmark = pytest.mark.django_db

ASKED = "SELECT %s::int + 1 AS asked_of_the_server"


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
