"""A cell whose schema is not there, as while it is restored: whoever is in it may come again."""

import uuid

import pytest
from django.db import connection
from django.test import Client

from accounts.cells.place import inside
from accounts.models import Cell, CellOfAccount, Scope
from accounts.tests.builders import owner_of
from campaigns import batches
from campaigns.models import Call
from campaigns.tests.builders import make_report
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.tests.cells.worlds import wallet_in
from wallets.books import checking
from wallets.tests.worlds.api_clients import client_of

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("kept_cells")]


@pytest.fixture
def while_gone():
    """Do something while the second cell is not there; returns what that was answered."""

    def during(do):
        _rename("cell_second", "gone")
        try:
            return do()
        finally:
            _rename("gone", "cell_second")

    return during


def _rename(name, to):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SCHEMA {name} RENAME TO {to}")


def test_people_and_programs_in_it_may_come_again_and_the_others_go_on(while_gone):
    wallets = {cell: wallet_in(cell, credit="10") for cell in (FIRST, SECOND)}
    person, own = Client(raise_request_exception=False), {}
    for cell, wallet in wallets.items():
        with inside(cell):
            own[cell] = client_of(wallet.account, Scope.READ)
    with inside(SECOND):
        person.force_login(owner_of(wallets[SECOND].account))
    platform = client_of(None, Scope.READ)

    def ask():
        return [
            person.get("/payments/"),
            own[SECOND].get("/api/v1/wallet"),
            platform.get(f"/api/v1/wallet?account={wallets[SECOND].account_id}"),
            platform.get(f"/api/v1/wallet?account={uuid.uuid4()}"),
            own[FIRST].get("/api/v1/wallet"),
        ]

    assert [one.status_code for one in while_gone(ask)] == [503, 503, 503, 503, 200]
    assert [one.status_code for one in ask()] == [200, 200, 200, 404, 200]


def test_its_calls_may_come_again_and_are_charged_once(while_gone):
    first, second = wallet_in(FIRST, credit="10"), wallet_in(SECOND, credit="10")
    named = (second.account_id, first.account_id, uuid.uuid4())
    reports = [make_report(account, seconds=60) for account in named]

    def send():
        told = batches.record(reports=reports, reporter=None)
        return [one.error.code if one.error else one.status for one in told]

    assert while_gone(send) == ["unavailable", "charged", "unavailable"]
    assert send() == ["charged", "duplicate", "unknown_account"]
    assert send() == ["duplicate", "duplicate", "unknown_account"]
    for cell in (FIRST, SECOND):
        with inside(cell):
            assert checking.check_all() == []


@pytest.mark.usefixtures("two_cells")
def test_an_account_that_its_cell_has_lost_is_not_unknown():
    """As after the cell was restored from before it was opened."""
    wallet = wallet_in(SECOND, credit="10")
    CellOfAccount.objects.filter(pk=wallet.account_id).update(cell=Cell.objects.get(name=FIRST))

    [told] = batches.record(reports=[make_report(wallet.account_id)], reporter=None)

    assert told.error.code == "unavailable"
    for cell in (FIRST, SECOND):
        with inside(cell):
            assert not Call.objects.filter(account=wallet.account_id).exists()
