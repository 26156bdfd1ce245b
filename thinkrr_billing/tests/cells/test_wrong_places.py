"""Who is sent to a place that is not there, or looks where nobody is, is told so and may come
again: nothing is lost, and nothing done elsewhere."""

import uuid

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client

from accounts import clock
from accounts.cells import directory, place
from accounts.cells.directory import NoCell
from accounts.cells.place import inside
from accounts.models import (
    Account,
    Cell,
    CellOfAccount,
    CellOfCustomer,
    CellOfPerson,
    JobRun,
    Scope,
    StaffAlert,
)
from accounts.people import opening
from accounts.tests.builders import make_user
from campaigns import batches, tasks
from campaigns.models import Call
from campaigns.tests.builders import make_report
from tests.two_cells import FIRST, SECOND
from thinkrr_billing import celery, health
from thinkrr_billing.celery import CELL
from thinkrr_billing.celery import app as celery_app
from thinkrr_billing.tests.cells.test_ways_in import take
from thinkrr_billing.tests.cells.worlds import wallet_in
from wallets.tests.worlds.api_clients import client_of, refusal

pytestmark = pytest.mark.usefixtures("two_cells")

NONE_THERE = "CELLS is True, and there are no cells: leave it out."
NOT_TOLD = "All accounts are in cells, and CELLS is not True: set it."


def report(wallet):
    return make_report(wallet.account_id, seconds=60)


def codes(reports):
    told = batches.record(reports=reports, reporter=None)
    return [one.error.code if one.error else one.status for one in told]


def calls_of(cell):
    with inside(cell):
        return Call.objects.count()


@pytest.fixture
def no_cells():
    """A process with CELLS whose database has none."""
    for noted in (CellOfAccount, CellOfCustomer, CellOfPerson, Cell):
        noted.objects.all().delete()


@pytest.fixture
def not_told(settings):
    """A process without CELLS whose database has some."""
    settings.CELLS = False


@pytest.mark.parametrize(("wrong", "said"), [("no_cells", NONE_THERE), ("not_told", NOT_TOLD)])
def test_a_process_that_was_started_wrong_says_so(request, client, monkeypatch, wrong, said):
    # The test's transaction is on it.
    monkeypatch.setattr(connection, "close", lambda: None)
    ready = client.get("/readyz").json()
    assert (ready["cells"], health.why_not_to_start()) == ("ok", "")

    request.getfixturevalue(wrong)

    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["cells"]) == (503, said)
    with pytest.raises(SystemExit, match=said):
        celery._refuse_another_database()


def test_where_there_are_no_cells_nobody_hears_that_they_are_unknown(no_cells):  # noqa: ARG001
    person = Client(raise_request_exception=False)
    person.force_login(make_user())
    platform = client_of(None, Scope.READ, Scope.CALLS)
    unknown = uuid.uuid4()
    call = {"id": "c1", "account": str(unknown), "minute_type": "premium", "seconds": 60}
    sent = {"calls": [call | {"ended_at": clock.now().isoformat()}]}

    answers = [
        person.get("/payments/"),
        platform.get(f"/api/v1/wallet?account={unknown}"),
        platform.post("/api/v1/calls", sent),
    ]

    assert [one.status_code for one in answers] == [503] * 3
    with pytest.raises(NoCell, match=NONE_THERE):
        batches.record(reports=[make_report(unknown)], reporter=None)
    with pytest.raises(NoCell, match=NONE_THERE):
        opening.open_agency(name="New", owner=make_user())


@pytest.mark.parametrize("command", ["verify_books", "run_allocations", "seed_demo"])
def test_a_command_that_finds_no_cell_does_not_say_that_all_is_well(no_cells, command):  # noqa: ARG001
    with pytest.raises(NoCell, match=NONE_THERE):
        call_command(command)


BAD_NAMES = ["gone", "First", "-", "first, public", "first; DROP SCHEMA cell_second CASCADE; --"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_message_for_a_cell_that_is_not_there_is_left_out(caplog, name):
    take(tasks.tick, **{CELL: name})

    assert f"there is no cell {name!r}" in caplog.text
    for cell in ("", FIRST, SECOND):
        with inside(cell):
            assert not JobRun.objects.exists()
    assert place.current() == ""


# Tasks of one row of an account, each with the kind of its key.
OF_A_ROW = {
    name: kind
    for name, task in celery_app.tasks.items()
    if name.startswith(("accounts.", "wallets."))
    for key, kind in list(task.run.__annotations__.items())[:1]
    if key.endswith("_id") and name not in ("wallets.catch_up", "wallets.compare_stripe")
}


@pytest.mark.parametrize("name", sorted(OF_A_ROW))
def test_a_message_about_what_has_moved_away_ends_well(name):
    """Where it is now, the sweeps find it."""
    assert len(OF_A_ROW) > 15

    with inside(FIRST):
        celery_app.tasks[name](str(uuid.uuid4()) if OF_A_ROW[name] is str else 2**50)

        assert not StaffAlert.objects.exists()


def test_a_cell_that_was_added_meanwhile_is_found_by_whoever_works(monkeypatch):
    monkeypatch.setattr(directory, "_seen", set())
    before = directory.is_there("third")

    Cell.objects.create(number=3, name="third")

    assert (before, directory.is_there("third")) == (False, True)


class TestNotedNowhere:
    """As after `public` was restored from before an account was opened."""

    @pytest.fixture
    def wallet(self):
        wallet = wallet_in(SECOND, credit="10")
        CellOfAccount.objects.filter(pk=wallet.account_id).delete()
        return wallet

    def test_its_calls_may_come_again_and_those_of_nobody_may_not(self, wallet):
        other, nobodys = wallet_in(FIRST, credit="10"), make_report(uuid.uuid4())
        reports = [report(wallet), nobodys, report(other)]

        assert codes(reports) == ["unavailable", "unknown_account", "charged"]
        assert (calls_of(FIRST), calls_of(SECOND)) == (1, 0)

        with inside(SECOND):
            directory.note_account(wallet.account_id)
        assert codes(reports) == ["charged", "unknown_account", "duplicate"]
        assert (calls_of(FIRST), calls_of(SECOND)) == (1, 1)

    def test_while_a_cell_is_away_nobody_knows_who_is_unknown(self, wallet, monkeypatch):
        other, find = report(wallet_in(FIRST, credit="10")), Account.objects.filter

        def away(**lookups):
            if place.current() == SECOND:
                raise OperationalError("the server closed the connection")
            return find(**lookups)

        monkeypatch.setattr(Account.objects, "filter", away)

        assert codes([report(wallet), make_report(uuid.uuid4()), other]) == [
            "unavailable",
            "unavailable",
            "charged",
        ]

    @pytest.mark.parametrize("kept", [{}, {"HTTP_IDEMPOTENCY_KEY": "one"}])
    def test_programs_that_name_it_may_come_again(self, wallet, kept):
        client = client_of(None)
        asked = f"account={wallet.account_id}"
        call = {"minute_type": "premium", "account": str(wallet.account_id)}

        answers = [
            client.get(f"/api/v1/wallet?{asked}"),
            client.post(f"/api/v1/wallet/recharges?{asked}", {"amount": "50.00"}, **kept),
            client.post("/api/v1/calls/authorize", call, **kept),
        ]

        assert [refusal(one, 503)["code"] for one in answers[:2]] == ["unavailable"] * 2
        assert answers[2].status_code == 503
