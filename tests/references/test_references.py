"""Entries and calls name only what is there, and that stays."""

import os
import subprocess

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from campaigns.models import Campaign
from tests.databases import as_owner
from tests.references.relations import RELATIONS, checked_by, make_examples, numbers
from thinkrr_billing.sandbox import postgres
from thinkrr_billing.tests.roles import sql

pytestmark = pytest.mark.django_db

MISSING = "which (is|are) not (both )?there"


@pytest.fixture(params=RELATIONS, ids=lambda one: one.column)
def relation(request, db):  # noqa: ARG001
    make_examples()
    return request.param


def rows(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def run(program, *arguments):
    settings = connection.settings_dict
    facts = {f"PG{name}": str(settings[name]) for name in ("HOST", "PORT", "USER", "PASSWORD")}
    command = [postgres._program(program), *map(str, arguments)]
    # An older server does not know all that a newer program sets first, which is an error to it.
    subprocess.run(command, check=False, env=os.environ | facts)


def count(table):
    return rows(f"SELECT count(*) FROM {table}")


def test_what_names_a_missing_row_is_not_written(relation):
    before = count(relation.child)

    with pytest.raises(IntegrityError, match=MISSING), transaction.atomic():
        sql(relation.insert_child(next(numbers)))

    assert count(relation.child) == before


def test_one_wrong_row_of_a_statement_refuses_all_of_them(relation):
    number, before = next(numbers), count(relation.child)
    sql(relation.insert(number))
    right, wrong = relation.insert_child(number), relation.insert_child(next(numbers))
    both = right.rstrip(";") + " UNION ALL " + wrong.removeprefix(f"INSERT INTO {relation.child}")

    with pytest.raises(IntegrityError, match=MISSING), transaction.atomic():
        sql(both)

    assert count(relation.child) == before
    sql(right)
    assert count(relation.child) == [(before[0][0] + 1,)]


def test_a_call_of_no_campaign_is_written():
    make_examples()
    of_accounts = RELATIONS[1]
    number = next(numbers)

    sql(of_accounts.insert(number), of_accounts.insert_child(number))

    key = of_accounts.key(number)
    assert rows(f"SELECT campaign_id FROM campaigns_call WHERE account_id = '{key}'") == [(None,)]


def test_a_call_needs_its_account_where_its_campaign_is_there_too():
    """And that it is of another account is the books' to say, as it was of keys."""
    make_examples()
    of_accounts, campaign, number = RELATIONS[1], Campaign.objects.get(), next(numbers)
    wrong, right = (of_accounts.insert_child(number, campaign_id=campaign.pk) for _ in "12")

    with pytest.raises(IntegrityError, match=MISSING), transaction.atomic():
        sql(wrong)
    assert campaign.calls.count() == 0

    sql(of_accounts.insert(number), right)
    assert str(campaign.calls.get().account_id) == of_accounts.key(number)


@pytest.mark.parametrize("removal", ["delete", "change_key", "truncate"])
def test_what_may_be_named_is_not_removed_even_before_anything_names_it(relation, removal):
    number = next(numbers)
    sql(relation.insert(number), "SET CONSTRAINTS ALL IMMEDIATE")
    before = rows(f"SELECT id FROM {relation.parent} ORDER BY id")

    with (
        pytest.raises(IntegrityError, match="stay and keep their keys"),
        transaction.atomic(),
        as_owner(),
    ):
        sql(getattr(relation, removal)(number))

    assert rows(f"SELECT id FROM {relation.parent} ORDER BY id") == before


def test_what_is_named_still_changes_otherwise(relation):
    number = next(numbers)
    sql(relation.insert(number), relation.insert_child(number))

    sql(relation.touch(number))

    changed = (
        f"SELECT {relation.unimportant} FROM {relation.parent} WHERE id = '{relation.key(number)}'"
    )
    assert rows(changed)[0][0].endswith(".")


KEYS = """
SELECT conname FROM pg_constraint
WHERE contype = 'f' AND convalidated AND conrelid = '{}'::regclass AND confrelid = '{}'::regclass
"""


@pytest.mark.usefixtures("owner")
@pytest.mark.django_db(transaction=True)
def test_the_way_back_brings_the_keys_and_takes_the_triggers(relation):
    keys = KEYS.format(relation.child, relation.parent)
    sql(relation.insert(number := next(numbers)))

    with checked_by("keys"):
        assert len(rows(keys)) == 1
        sql(relation.delete(number))
        with pytest.raises(IntegrityError, match="violates foreign key"):
            sql(relation.insert_child(number))

    assert rows(keys) == []


TRIGGERS = """
SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger
WHERE NOT tgisinternal AND tgenabled = 'O' AND tgfoid IN (
    'wallets_check_references'::regproc, 'campaigns_check_references'::regproc,
    'wallets_forbid_removal'::regproc)
ORDER BY 1, 2
"""


@pytest.mark.journey
def test_what_is_dumped_and_put_back_is_checked_as_before(tmp_path):
    facts = connection.get_connection_params()
    name, dump = f"{facts['dbname']}_put_back", tmp_path / "dump"
    with psycopg.connect(**facts, autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name}")
        try:
            run("pg_dump", "-Fc", "--schema-only", "-f", dump, facts["dbname"])
            run("pg_restore", "-d", name, dump)
            with psycopg.connect(**facts | {"dbname": name}) as restored:
                found = restored.execute(TRIGGERS).fetchall()
        finally:
            owner.execute(f"DROP DATABASE {name}")

    assert found == rows(TRIGGERS)
    assert len(found) == 2 + 3 * 3
