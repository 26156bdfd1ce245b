"""Whoever comes works in the cell of their account: people, messages, and the clock."""

import uuid

import pytest
from celery.signals import before_task_publish
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client

from accounts import limits
from accounts import tasks as accounts_tasks
from accounts.cells import directory, place
from accounts.cells.place import inside
from accounts.errors import TooMany
from accounts.models import Invitation, InvitationSent, JobRun, Role
from accounts.people import access, members, opening
from accounts.runtime.nudges import nudge
from accounts.tests.builders import make_individual, make_user
from campaigns import tasks as campaigns_tasks
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.celery import CELL
from thinkrr_billing.celery import app as celery_app
from thinkrr_billing.tests.cells.worlds import wallet_in
from wallets import sweeps
from wallets import tasks as wallets_tasks
from wallets.tests.worlds.books_world import plant

pytestmark = pytest.mark.usefixtures("two_cells")


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


def test_a_person_sees_and_opens_their_accounts_of_every_cell():
    person = make_user()
    names = {FIRST: ["Ada", "Bea"], SECOND: ["Cleo", "Dora", "Eve"]}
    accounts = {}
    for cell, called in names.items():
        with inside(cell):
            accounts |= {name: make_individual(name, owner=person) for name in called}
            make_individual("Of nobody they know")
    client = Client()
    client.force_login(person)

    shown = access.switchable(user=person)
    page = client.get("/accounts/switch/").content.decode()
    answer = client.post("/accounts/switch/", {"account": accounts["Dora"].pk})

    assert shown.count() == 5
    assert [one.name for one in shown[:4]] == ["Ada", "Bea", "Cleo", "Dora"]
    assert [one.name for one in shown[1:5]] == ["Bea", "Cleo", "Dora", "Eve"]
    assert [one.name for one in access.switchable(user=person, named="e")[:9]] == [
        "Bea",
        "Cleo",
        "Eve",
    ]
    assert all(name in page for name in accounts)
    assert "Of nobody" not in page
    assert answer.status_code == 302
    assert client.session["account"] == str(accounts["Dora"].pk)
    with inside(SECOND):
        stranger = make_individual()
    assert client.post("/accounts/switch/", {"account": stranger.pk}).status_code == 404
    assert access.switchable(user=make_user()).count() == 0


def test_invitations_to_one_address_are_counted_over_all_cells():
    guest, person = "guest@example.net", make_user()
    with inside(FIRST):
        account = make_individual(owner=person)
        for _ in range(limits.INVITATIONS_TO_ADDRESS_A_DAY):
            InvitationSent.objects.create(account=account, email=guest, person=person)
    with inside(SECOND):
        account = make_individual(owner=person)

        with pytest.raises(TooMany, match=f"{guest} was sent as many"):
            members.invite(account=account, email=guest, role=Role.MEMBER, invited_by=person)

        assert not Invitation.objects.exists()


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


def test_an_invitation_is_found_while_another_cell_is_away(monkeypatch):
    with inside(SECOND):
        account = make_individual(owner=(owner := make_user()))
        path = members.invite(
            account=account, email="new@example.com", role=Role.ADMIN, invited_by=owner
        ).path
    away, find = {FIRST}, Invitation.objects.filter

    def reached(**lookups):
        if place.current() in away:
            raise OperationalError("the server closed the connection")
        return find(**lookups)

    monkeypatch.setattr(Invitation.objects, "filter", reached)
    client = Client(raise_request_exception=False)
    client.force_login(make_user("new@example.com"))

    assert client.get(path).status_code == 200
    away.add(SECOND)
    assert client.get(path).status_code == 503


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
