"""What operators ask (figures, probes, commands) is answered for all cells together."""

import logging
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from accounts import clock
from accounts.cells import directory, place
from accounts.cells.place import inside
from accounts.models import Account, ApiKey, JobRun, StaffAlert, User
from accounts.telling.notifications import alert_staff
from tests.two_cells import FIRST, SECOND
from thinkrr_billing import health, late_jobs
from thinkrr_billing.figures import money
from thinkrr_billing.tests.cells.worlds import wallet_in
from wallets import tasks
from wallets.books import checking
from wallets.models import StripeEvent, Wallet
from wallets.tests.worlds.books_world import plant

pytestmark = pytest.mark.usefixtures("two_cells")


@pytest.fixture
def figures(client):
    def read():
        lines = client.get("/metrics").content.decode().splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

    return read


def alert(text):
    alert_staff(kind="event_refused", text=text, dedupe_key=text)


def run_job(name, *, ago):
    began = clock.now() - ago
    JobRun.objects.create(name=name, started_at=began, ended_at=began, ok=True)


def test_what_cells_have_is_added_up_and_the_oldest_is_told(figures):
    for cell in (FIRST, SECOND):
        wallet_in(cell, credit="-1")
    for cell, ago in (("", 1), (FIRST, 2), (SECOND, 3)):
        with inside(cell):
            alert(f"In {cell}")
            run_job("wallets.tick", ago=timedelta(minutes=ago))
    received = clock.now() - timedelta(minutes=7)
    StripeEvent.objects.create(
        event_id="evt_1", type="x", payload={}, received_at=received, look_at=received
    )

    told = figures()

    assert told["thinkrr_wallets_in_debt"] == "2.0"
    assert told['thinkrr_staff_alerts_open{kind="event_refused"}'] == "3.0"
    assert told["thinkrr_stripe_events_waiting"] == "1.0"
    assert 180 <= float(told['thinkrr_task_since_begun_seconds{task="wallets.tick"}']) < 190
    assert 420 <= float(told['thinkrr_waiting_oldest_seconds{kind="event"}']) < 430
    assert told['thinkrr_figures_unread{source="database"}'] == "0.0"


def test_a_cell_that_is_away_is_missing_and_the_others_are_told(figures, monkeypatch):
    for cell in (FIRST, SECOND):
        wallet_in(cell, credit="-1")
    find, asked = Wallet.objects.filter, []

    def away(**lookups):
        if "credit__lt" in lookups and place.current() == FIRST:
            asked.append(1)
            raise OperationalError("the server closed the connection")
        return find(**lookups)

    monkeypatch.setattr(money.Wallet.objects, "filter", away)
    told = figures()

    assert asked == [1]
    assert told["thinkrr_wallets_in_debt"] == "1.0"
    assert float(told['thinkrr_figures_unread{source="database"}']) > 0


def test_a_host_is_not_ready_while_one_cell_is_not_migrated(monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    assert health._migrations() == "ok"
    monkeypatch.setattr(health, "_migrated", False)
    with inside(SECOND), connection.cursor() as cursor:
        last = "SELECT max(id) FROM django_migrations WHERE app = 'wallets'"
        cursor.execute(f"DELETE FROM django_migrations WHERE id = ({last})")

    assert health._migrations() == "pending"


def test_a_cell_that_is_away_keeps_no_host_from_the_others(monkeypatch):
    away, is_behind = [FIRST], health._is_behind

    def reached(cell):
        if cell in away:
            raise OperationalError("the server closed the connection")
        return is_behind(cell)

    monkeypatch.setattr(health, "_is_behind", reached)
    monkeypatch.setattr(health, "_migrated", False)

    assert health._migrations() == "ok"
    assert health._migrated is False
    away.clear()
    assert health._migrations() == "ok"
    assert health._migrated is True


def test_a_cell_whose_books_cannot_be_read_is_named_and_the_others_are_proved(monkeypatch, capsys):
    for cell in (FIRST, SECOND):
        wallet_in(cell, credit="10")
    check_all = checking.check_all

    def reached(**asked):
        if place.current() == FIRST:
            raise OperationalError("the server closed the connection")
        return check_all(**asked)

    monkeypatch.setattr(checking, "check_all", reached)
    unread = "cell first: its books could not be proved: the server closed the connection\n"

    with pytest.raises(SystemExit) as ended:
        call_command("verify_books")
    assert (ended.value.code, *capsys.readouterr()) == (1, "", unread)

    with inside(SECOND):
        plant("UPDATE wallets_wallet SET credit = 11")
    with pytest.raises(SystemExit) as ended:
        call_command("verify_books")
    out, err = capsys.readouterr()
    assert out.startswith("cell second: ")
    assert (ended.value.code, err) == (1, unread)


def test_a_job_that_stands_still_in_one_cell_is_told_there():
    for cell, ago in ((FIRST, 1), (SECOND, 30)):
        with inside(cell):
            run_job("wallets.tick", ago=timedelta(minutes=ago))
            late_jobs.tell()

    for cell, told in ((FIRST, 0), (SECOND, 1), ("", 0)):
        with inside(cell):
            assert StaffAlert.objects.filter(kind="job_unfinished").count() == told


def test_an_event_that_is_overdue_is_told_outside_of_all_cells_alone():
    long_ago = clock.now() - timedelta(hours=2)
    StripeEvent.objects.create(
        event_id="evt_1", type="x", payload={}, received_at=long_ago, look_at=long_ago
    )

    for cell in ("", FIRST, SECOND):
        with inside(cell):
            tasks.check_books()

    for cell, told in ((FIRST, []), (SECOND, []), ("", ["I12", "I8"])):
        with inside(cell):
            alerts = StaffAlert.objects.filter(kind="books")
            assert sorted(one.data["rule"] for one in alerts) == told


def said(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_commands_find_an_account_in_any_cell():
    wallet = wallet_in(SECOND, credit="23")

    journal = said("export_journal", f"--account={wallet.account_id}", "--format=hledger")
    said("create_api_key", f"--account={wallet.account_id}", "--scopes=read")

    assert "23.00" in journal
    assert ApiKey.objects.get().account_id == wallet.account_id
    assert place.current() == ""
    with pytest.raises(CommandError, match="There is no account with the id"):
        said("export_journal", f"--account={ApiKey.objects.get().pk}", "--format=hledger")


def test_a_name_that_accounts_of_two_cells_have_needs_the_id():
    for cell in (FIRST, SECOND):
        wallet_in(cell)

    with pytest.raises(CommandError, match="Several accounts are named"):
        said("create_api_key", f"--account={wallet_in(FIRST).account}")
    assert not ApiKey.objects.exists()


def test_a_platform_key_is_made_outside_of_all_cells():
    said("create_api_key", "--platform")

    assert ApiKey.objects.get().account_id is None


def test_the_checks_of_all_apps_pass_where_there_are_cells(caplog):
    with caplog.at_level(logging.WARNING):
        said("check", "--database", "default")

    assert "does not exist" not in caplog.text


def test_the_demo_data_are_in_the_first_cell(settings):
    settings.DEBUG = True

    said("seed_demo", "--people-only", "--quiet")

    for person in User.objects.filter(is_staff=False):
        assert directory.of_person(person.pk) == [FIRST], person
    with inside(FIRST):
        assert Account.objects.count() > 5
    with inside(SECOND):
        assert not Account.objects.exists()
