"""Whoever comes works in the cell of their account: people, programs, Stripe, and the clock."""

import uuid
from datetime import timedelta

import pytest
from celery.signals import before_task_publish
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client

from accounts import clock
from accounts import tasks as accounts_tasks
from accounts.cells import directory, place
from accounts.cells.place import inside
from accounts.models import CellOfAccount, JobRun, KeptAnswer, Role, Scope
from accounts.people import access, members, opening
from accounts.runtime.nudges import nudge
from accounts.tests.builders import make_individual, make_user
from campaigns import batches, calls
from campaigns import tasks as campaigns_tasks
from campaigns.models import Call
from campaigns.tests.builders import make_report
from tests.cells import FIRST, SECOND
from thinkrr_billing.celery import CELL
from thinkrr_billing.celery import app as celery_app
from wallets import sweeps
from wallets import tasks as wallets_tasks
from wallets.models import Wallet
from wallets.tests.worlds.api_clients import client_of
from wallets.tests.worlds.books_world import plant
from wallets.tests.worlds.builders import make_wallet

pytestmark = pytest.mark.usefixtures("two_cells")


def wallet_in(cell, **pots):
    with inside(cell):
        wallet = make_wallet(**pots)
        # Read while it can be.
        assert wallet.account.agency is None
        return wallet


def pots(cell):
    with inside(cell):
        return [str(wallet.credit.amount) for wallet in Wallet.objects.order_by("pk")]


def test_a_new_account_is_noted_in_the_cell_it_is_opened_in():
    with inside(SECOND):
        account = make_individual(owner=(owner := make_user()))

    assert directory.of_account(account.pk) == SECOND
    assert directory.of_person(owner.pk) == [SECOND]
    assert directory.of_account(uuid.uuid4()) == ""


def test_somebody_new_is_opened_where_there_are_fewest():
    for cell in (FIRST, SECOND, SECOND):
        with inside(cell):
            make_individual()

    account = opening.open_agency(name="New", owner=make_user())

    assert directory.of_account(account.pk) == FIRST


def test_a_sub_account_is_where_its_agency_is():
    with inside(SECOND):
        agency = opening.open_agency(name="Agency", owner=make_user())
        sub = opening.add_sub_account(agency=agency, name="Sub", owner_email="sub@example.com")

    assert directory.of_accounts([agency.pk, sub.pk]) == {agency.pk: SECOND, sub.pk: SECOND}


def test_a_person_works_in_the_account_they_chose_in_whichever_cell():
    person = make_user()
    with inside(FIRST):
        first = make_individual(owner=person)
    with inside(SECOND):
        second = make_individual(owner=person)

    stands = [access.standing(user=person, account_id=pk) for pk in (first.pk, second.pk, None)]

    assert [(one.account, one.cell) for one in stands] == [
        (first, FIRST),
        (second, SECOND),
        (first, FIRST),
    ]
    assert access.standing(user=make_user(), account_id=second.pk) is None


@pytest.mark.parametrize("cell", [FIRST, SECOND])
def test_a_page_shows_the_balance_of_its_account(cell):
    wallet_in(FIRST, credit="11.00")
    wallet = wallet_in(cell, credit="23.00")
    with inside(cell):
        owner = wallet.account.memberships.get().user
    client = Client()
    client.force_login(owner)

    page = client.get("/payments/").content.decode()

    assert "$23.00" in page
    assert "$11.00" not in page
    assert place.current() == ""


def test_a_key_of_an_account_opens_its_cell():
    wallet_in(FIRST, credit="11.00")
    wallet = wallet_in(SECOND, credit="23.00")
    with inside(SECOND):
        client = client_of(wallet.account, Scope.READ)

    assert client.get("/api/v1/wallet").json()["credit"] == "23.000000"
    assert place.current() == ""


def test_the_platforms_key_is_led_to_each_account_it_names():
    wallets = [wallet_in(FIRST, credit="11.00"), wallet_in(SECOND, credit="23.00")]
    client = client_of(None, Scope.READ)

    found = [client.get(f"/api/v1/wallet?account={one.account_id}").json() for one in wallets]

    assert [one["credit"] for one in found] == ["11.000000", "23.000000"]
    assert client.get(f"/api/v1/wallet?account={uuid.uuid4()}").status_code == 404


def test_a_key_whose_account_is_nowhere_may_come_again():
    wallet = wallet_in(SECOND)
    with inside(SECOND):
        client = client_of(wallet.account, Scope.READ)
    CellOfAccount.objects.filter(pk=wallet.account_id).delete()

    answer = client.get("/api/v1/wallet")

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["error"]["code"] == "unavailable"


def test_a_batch_is_split_by_cell_and_answered_in_order():
    first, second = wallet_in(FIRST, credit="10"), wallet_in(SECOND, credit="10")
    named = [second.account_id, first.account_id, uuid.uuid4(), second.account_id]
    reports = [make_report(pk, seconds=60, id=f"c{at}") for at, pk in enumerate(named)]

    told = batches.record(reports=reports, reporter=None)
    again = batches.record(reports=reports, reporter=None)

    assert [one.id for one in told] == ["c0", "c1", "c2", "c3"]
    assert [one.status for one in told] == ["charged", "charged", "rejected", "charged"]
    assert told[2].error.code == "unknown_account"
    assert [one.status for one in again] == ["duplicate", "duplicate", "rejected", "duplicate"]
    for cell, recorded in ((FIRST, ["c1"]), (SECOND, ["c0", "c3"])):
        with inside(cell):
            assert sorted(call.external_id for call in Call.objects.all()) == recorded


def test_a_cell_that_is_away_rejects_its_own_calls_only(monkeypatch):
    first, second = wallet_in(FIRST, credit="10"), wallet_in(SECOND, credit="10")
    before, record = pots(FIRST), calls.record

    def away(**batch):
        if place.current() == FIRST:
            raise OperationalError("the server closed the connection")
        return record(**batch)

    monkeypatch.setattr(calls, "record", away)
    reports = [make_report(one.account_id, seconds=60) for one in (first, second)]
    told = batches.record(reports=reports, reporter=None)

    assert [one.status for one in told] == ["rejected", "charged"]
    assert told[0].error.code == "unavailable"
    assert pots(FIRST) == before


def test_a_kept_answer_of_the_platform_is_found_again():
    wallet = wallet_in(SECOND, credit="10")
    client = client_of(None, Scope.CALLS)
    call = {
        "id": "c1",
        "account": str(wallet.account_id),
        "minute_type": "premium",
        "seconds": 60,
        "ended_at": (clock.now() - timedelta(minutes=1)).isoformat(),
    }
    sent = {"data": {"calls": [call]}, "HTTP_IDEMPOTENCY_KEY": "one"}

    told = [client.post("/api/v1/calls", **sent) for _ in range(2)]

    assert [one.json()["results"][0]["status"] for one in told] == ["charged", "charged"]
    assert told[1]["Idempotency-Replayed"] == "true"
    assert KeptAnswer.objects.count() == 1


def test_what_is_sent_from_a_cell_says_so(django_capture_on_commit_callbacks):
    sent = []
    before_task_publish.connect(note := lambda headers, **_: sent.append(headers.get(CELL)))
    for cell in (SECOND, ""):
        with inside(cell), django_capture_on_commit_callbacks(execute=True):
            nudge("accounts.mail_staff_alert", 1)
    before_task_publish.disconnect(note)

    assert sent == [SECOND, None]


def take(task, **headers):
    """As a worker takes its message."""
    task.push_request(**headers)
    try:
        task()
    finally:
        task.pop_request()


def test_a_task_is_done_in_the_cell_of_its_message():
    seen = []

    @celery_app.task(name="tests.where", shared=False)
    def where():
        seen.append(place.current())

    take(where, **{CELL: SECOND})
    take(where)
    with inside(FIRST):
        where()

    assert seen == [SECOND, "", FIRST]
    assert place.current() == ""


def test_a_job_of_the_clock_is_done_in_every_cell(monkeypatch):
    sent = []
    task = campaigns_tasks.tick
    monkeypatch.setattr(task, "apply_async", lambda **_: sent.append(place.current()))

    take(task, from_beat=True)
    take(task, from_beat=True, **{CELL: SECOND})

    assert sent == [FIRST, SECOND]
    for cell, runs in (("", 1), (FIRST, 0), (SECOND, 1)):
        with inside(cell):
            assert JobRun.objects.filter(pk="campaigns.tick", ok=True).count() == runs


@pytest.mark.parametrize(
    ("cell", "found"),
    [("", {"events", "refunds and disputes", "comparisons"}), (SECOND, None)],
)
def test_a_sweep_looks_for_what_can_be_here(monkeypatch, cell, found):
    looked = []
    finders = {name: lambda name=name: looked.append(name) or () for name in sweeps.FINDERS}
    expected = found or set(finders) - sweeps.EVERYBODYS
    monkeypatch.setattr(sweeps, "FINDERS", finders)

    with inside(cell):
        assert sweeps.find_work() == []

    assert set(looked) == expected


@pytest.mark.parametrize("cell", ["", SECOND])
@pytest.mark.parametrize(
    "tick",
    [accounts_tasks.tick, campaigns_tasks.tick, campaigns_tasks.keep_usage, wallets_tasks.tick],
)
def test_every_tick_ends_well_in_a_cell_and_outside(tick, cell):
    with inside(cell):
        tick()

        assert JobRun.objects.get(pk=tick.name).ok


def test_an_invitation_leads_to_the_cell():
    with inside(SECOND):
        account = make_individual(owner=(owner := make_user()))
        invitation = members.invite(
            account=account, email="new@example.com", role=Role.ADMIN, invited_by=owner
        )
        user = make_user("new@example.com")
        members.accept(token=invitation.path.split("/")[-2], user=user)

    assert access.standing(user=user, account_id=None).account == account


def test_whoever_follows_an_invitation_is_led_to_its_cell():
    with inside(SECOND):
        account = make_individual(name="Harbor Yoga", owner=(owner := make_user()))
        path = members.invite(
            account=account, email="new@example.com", role=Role.ADMIN, invited_by=owner
        ).path
    client = Client()
    client.force_login(make_user("new@example.com"))

    assert "Harbor Yoga" in client.get(path).content.decode()
    assert client.post(path).status_code == 302
    assert client.get("/payments/").status_code == 200
    assert client.get(path).status_code == 404
    assert Client().get(path.replace(path[-3], "x")).status_code == 404


def test_the_books_of_every_cell_are_proved(capsys):
    for cell in (FIRST, SECOND):
        wallet_in(cell, credit="10")
    call_command("verify_books")
    with inside(SECOND):
        plant("UPDATE wallets_wallet SET credit = 11")

    with pytest.raises(SystemExit):
        call_command("verify_books")

    told = capsys.readouterr().out.splitlines()
    assert told
    assert all(line.startswith("cell second: ") for line in told)


def test_what_breaks_in_one_cell_leaves_nobody_there():
    def breaks(cell):
        if cell == FIRST:
            raise ValueError(cell)

    with inside(SECOND), pytest.raises(ValueError, match=FIRST) as kept:
        directory.in_every(breaks)

    assert kept.tb
    assert place.current() == ""
