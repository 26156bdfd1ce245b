"""Usage is read from a real standby where there is one; what is late, away or left behind costs
a look at the primary, and no page."""

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse

from accounts.runtime import just_changed, standby
from accounts.tests.builders import make_individual, owner_of
from campaigns import calls
from campaigns.tests.builders import make_report, make_wallet
from tests.faults.following import Standby
from thinkrr_billing import database, env
from thinkrr_billing.figures.standby import READS
from thinkrr_billing.tests.processes import wait_until
from wallets.tests.worlds.pages import text_of

pytestmark = [pytest.mark.faults, pytest.mark.redis]

USAGE, FILE = reverse("campaigns:usage"), reverse("campaigns:usage_csv")


@pytest.fixture
def follower(plant, settings, monkeypatch) -> Iterator[Standby]:
    """A standby, and a connection to it as settings.py and wsgi.py make it."""
    # A busy machine takes longer for a test than figures may be old.
    monkeypatch.setattr(standby, "OLDEST", timedelta(minutes=1))
    found = Standby(plant)
    found.start()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{just_changed.__name__}.JustChangedMiddleware"]
    with _connected(found.url):
        yield found
    found.kill()
    shutil.rmtree(found.folder)


@contextmanager
def _connected(url: str) -> Iterator[None]:
    # What limits statements is set for the primary, too, and taken back below.
    before = deepcopy(connections.settings["default"])
    facts = env.database(url, name="DATABASE_STANDBY_URL") | {"CONN_HEALTH_CHECKS": True}
    made = connections.configure_settings({"default": before, standby.STANDBY: facts})
    connections.settings[standby.STANDBY] = made[standby.STANDBY]
    database.limit_statements()
    standby._pause.release()
    try:
        yield
    finally:
        connections[standby.STANDBY].close()
        del connections[standby.STANDBY]
        del connections.settings[standby.STANDBY]
        connections.settings["default"].clear()
        connections.settings["default"].update(before)
        standby._pause.release()


@pytest.fixture
def account(plant):  # noqa: ARG001
    account = make_individual("Dental")
    make_wallet(account=account, credit="50")
    return account


@pytest.fixture
def browser(account) -> Client:
    browser = Client()
    browser.force_login(owner_of(account))
    return browser


def call(account) -> None:
    calls.record(reports=[make_report(account, seconds=60)], reporter=None)


def shown(browser: Client) -> int:
    """How many calls the page says there were."""
    return int(re.search(r"Calls (\d+)", text_of(browser.get(USAGE)))[1])


@contextmanager
def answering() -> Iterator[list[tuple[str, str]]]:
    """Who answered within the block, and why it was not the standby."""
    told: list[tuple[str, str]] = []

    def note(by: str, why: str, **kwargs: object) -> None:
        told.append((by, why))

    standby.answered.connect(note)
    try:
        yield told
    finally:
        standby.answered.disconnect(note)


def test_usage_comes_from_the_standby_and_says_how_old_it_is(plant, follower, browser, account):
    call(account)
    follower.pause(plant.postgres)
    call(account)

    with answering() as told:
        # Old enough to be told, and not too old to be shown.
        wait_until(
            lambda: re.search(r"These figures are \d seconds old", text_of(browser.get(USAGE))),
            seconds=8,
            what="the page says that its figures are old",
        )
        old = shown(browser)
        file = b"".join(browser.get(FILE, {"by": "day"}).streaming_content).decode()
    follower.does("SELECT 1 FROM pg_wal_replay_resume()")
    wait_until(lambda: follower.has_all_of(plant.postgres), seconds=20, what="it has all again")
    page = browser.get(USAGE)

    assert old == 1
    assert {line.split(",")[1] for line in file.splitlines()[1:]} == {"0", "1"}
    assert set(told) == {("standby", "")}
    assert "Calls 2" in text_of(page)
    assert "seconds old" not in text_of(page)


def test_a_late_standby_is_not_shown_and_left_alone_for_a_while(
    plant, follower, browser, account, monkeypatch
):
    call(account)
    follower.pause(plant.postgres)
    call(account)
    monkeypatch.setattr(standby, "OLDEST", timedelta(0))

    with answering() as told:
        assert [shown(browser), shown(browser)] == [2, 2]

    assert told == [("primary", "late"), ("primary", "paused")]


def test_a_dead_standby_costs_one_look_and_is_read_again_when_it_is_back(
    plant, follower, browser, account, caplog
):
    call(account)
    wait_until(lambda: follower.has_all_of(plant.postgres), seconds=20, what="it has all")
    assert shown(browser) == 1
    follower.kill()
    with answering() as told:
        call(account)
        assert [shown(browser), shown(browser)] == [2, 2]
        assert caplog.text.count("standby not read why=away") == 1
        follower.start()
        wait_until(lambda: follower.has_all_of(plant.postgres), seconds=20, what="it has all")
        assert shown(browser) == 2
        standby._pause._until = time.monotonic()
        assert shown(browser) == 2

    paused = ("primary", "paused")
    assert told == [("primary", "away"), paused, paused, ("standby", "")]


def test_a_frozen_standby_is_given_up(plant, follower, browser, account, monkeypatch):
    call(account)
    wait_until(lambda: follower.has_all_of(plant.postgres), seconds=20, what="it has all")
    monkeypatch.setitem(connections.settings[standby.STANDBY], "SILENCE", 0.5)
    assert shown(browser) == 1
    server = connections[standby.STANDBY].connection.info.backend_pid
    os.kill(server, signal.SIGSTOP)
    try:
        with answering() as told:
            assert [shown(browser), shown(browser)] == [1, 1]
    finally:
        os.kill(server, signal.SIGCONT)

    assert told == [("primary", "away"), ("primary", "paused")]


def test_a_server_that_became_a_primary_of_its_own_is_never_read(plant, follower, browser, account):
    call(account)
    wait_until(lambda: follower.has_all_of(plant.postgres), seconds=20, what="it has all")
    follower.does("SELECT pg_promote()")
    call(account)

    with answering() as told:
        assert shown(browser) == 2

    assert told == [("primary", "late")]


def test_who_has_just_changed_something_reads_the_primary(plant, follower, browser, account):
    call(account)
    follower.pause(plant.postgres)
    call(account)
    assert shown(browser) == 1

    changed = browser.post(reverse("accounts:logout"))
    browser.force_login(owner_of(account))
    with answering() as told:
        seen = shown(browser)
        del browser.cookies[just_changed.cookie_name()]
        later = shown(browser)

    cookie = changed.cookies[just_changed.cookie_name()]
    assert (cookie["max-age"], cookie["httponly"]) == (standby.OLDEST.total_seconds(), True)
    assert (seen, later) == (2, 1)
    assert told == [("primary", "fresh"), ("standby", "")]


def test_nothing_can_be_written_there_and_its_statements_are_bounded(follower):  # noqa: ARG001
    one = connections[standby.STANDBY]
    with one.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("5s",)
    with (
        pytest.raises(Exception, match="read-only transaction"),
        transaction.atomic(using=standby.STANDBY),
        one.cursor() as cursor,
    ):
        cursor.execute("UPDATE wallets_wallet SET credit = credit")


def test_answers_are_counted_by_who_gave_them(plant, follower, browser, account):
    def counted(by: str, why: str) -> float:
        return sum(
            sample.value
            for family in READS.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
            and (sample.labels["by"], sample.labels["why"]) == (by, why)
        )

    call(account)
    wait_until(lambda: follower.has_all_of(plant.postgres), seconds=20, what="it has all")
    before = counted("standby", ""), counted("primary", "away")
    shown(browser)
    follower.kill()
    shown(browser)

    assert counted("standby", "") == before[0] + 1
    assert counted("primary", "away") == before[1] + 1
