"""Every table is at home in one place, and no key leads out of `public` into a cell by itself."""

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations import RunPython, RunSQL
from django.db.migrations.loader import MigrationLoader

from thinkrr_billing.cells import homes, migrating
from thinkrr_billing.cells.homes import Home


def test_every_model_has_one_home():
    for model in homes.kept():
        homes.home_of(model)


def test_every_name_is_of_a_model_and_stands_once():
    for app, places in homes.MODELS.items():
        named = [name for names in places.values() for name in names.split()]
        known = {
            model._meta.object_name
            for model in apps.get_app_config(app).get_models(include_auto_created=True)
        }
        assert sorted(named) == sorted(known)


def test_an_app_that_is_not_ours_is_listed():
    labels = {model._meta.app_label for model in homes.kept()}

    assert labels == {*homes.APPS, *homes.MODELS}


def test_a_model_without_a_home_is_refused(monkeypatch):
    monkeypatch.setitem(homes.MODELS, "campaigns", {Home.CELL: "Call"})

    with pytest.raises(homes.NoHome, match=r"campaigns\.Campaign stands 0 times"):
        homes.tables()


@pytest.mark.django_db
def test_the_database_has_no_table_without_a_home():
    with connection.cursor() as cursor:
        assert set(homes.tables()) == set(connection.introspection.table_names(cursor))


@pytest.mark.django_db
def test_keys_lead_from_public_into_a_cell_only_where_begin_cuts_them():
    """And from what is in both places only to what is seen from both."""
    assert _keys(lambda its, named: its is not Home.CELL and named is not Home.GLOBAL) == homes.CUT


# Made before cells were distributed: `prepare` drops them. No other may be added where it did.
_INTO_PUBLIC = {
    ("accounts_agencynotice", "person_id"),
    ("accounts_invitation", "invited_by_id"),
    ("accounts_keptanswer", "api_key_id"),
    ("accounts_membership", "user_id"),
    ("accounts_webhookendpoint", "created_by_id"),
    ("djstripe_customer", "subscriber_id"),
    ("wallets_adjustmentrequest", "asked_by_id"),
    ("wallets_adjustmentrequest", "decided_by_id"),
    ("wallets_alert", "created_by_id"),
    ("wallets_billingaddress", "added_by_id"),
    ("wallets_cardattempt", "person_id"),
    ("wallets_ledgerentry", "actor_id"),
    ("wallets_minuteask", "answered_by_id"),
    ("wallets_minuteask", "asked_by_id"),
    ("wallets_purchase", "requested_by_id"),
    ("wallets_reversal", "actor_id"),
    ("wallets_slackhook", "added_by_id"),
}


@pytest.mark.django_db
def test_no_more_keys_lead_from_a_cell_into_public():
    """A new one says `db_constraint=False`: on Citus the cell may be on another server."""
    out = _keys(lambda its, named: its is not Home.GLOBAL and named is Home.GLOBAL)

    assert out == _INTO_PUBLIC


def _keys(lead):
    """Foreign keys of which this is true, given the homes of their table and of what they name."""
    its = homes.tables()
    found = _foreign_keys()
    return {(table, column) for table, column, named in found if lead(its[table], its[named])}


def _foreign_keys():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, attname::text, confrelid::regclass::text"
            " FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY(conkey)"
            " WHERE contype = 'f'"
        )
        return cursor.fetchall()


# The last that were written while all accounts were in one place: `begin` asks for them.
BEFORE_CELLS = {"accounts": "0022", "wallets": "0047", "campaigns": "0018"}


def test_migrations_say_whose_tables_their_sql_and_python_are_about():
    silent = [
        f"{app}.{name}"
        for (app, name), migration in MigrationLoader(None).disk_migrations.items()
        if name[:4] > BEFORE_CELLS.get(app, "9999")
        for operation in migration.operations
        if isinstance(operation, (RunSQL, RunPython))
        and not isinstance(operation.hints.get(migrating.HOME), Home)
    ]

    assert silent == [], migrating.SAY_WHERE
