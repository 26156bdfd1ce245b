"""Links for a new password: asked for on one way by everybody, a few times, mailed by a worker."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import clock, limits, tasks
from accounts.errors import TooMany
from accounts.models import PasswordReset, User
from accounts.people import resets
from accounts.telling import mails
from accounts.tests.builders import make_user

pytestmark = pytest.mark.django_db

KNOWN, UNKNOWN = "ada@example.com", "nobody@example.net"
OF_ADDRESS = (
    "Links for this address were asked for as often as we send them. Look among unwanted mail, "
    "or try again in an hour. Nothing was changed."
)


def ask(client: Client, email: str):
    return client.post("/password-reset/", {"email": email})


def asks_until_refused(email: str, *, ips: Iterator[str]) -> int:
    for number, ip in enumerate(ips):
        try:
            resets.ask(email=email, ip=ip)
        except TooMany:
            return number
    return -1


def machines(count: int = 100) -> Iterator[str]:
    return (f"192.0.2.{number}" for number in range(count))


@pytest.fixture(autouse=True)
def ada() -> User:
    return make_user(KNOWN)


@pytest.mark.usefixtures("nudges")
def test_nothing_is_mailed_while_the_person_waits(client, mailoutbox):
    with CaptureQueriesContext(connection) as asked:
        ask(client, KNOWN)

    assert mailoutbox == []
    [row] = PasswordReset.objects.all()
    assert (row.email, row.ip) == (KNOWN, "127.0.0.1")
    assert not any("accounts_user" in query["sql"] for query in asked)


def test_a_worker_is_nudged_and_mails_the_link(
    client, mailoutbox, nudges, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        ask(client, "ADA@example.com")

    row = PasswordReset.objects.get()
    assert nudges == [("accounts.mail_password_reset", (row.pk,))]
    tasks.mail_password_reset(row.pk)
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == ([KNOWN], "Choose a new password for thinkrr billing")


def test_known_and_unknown_addresses_are_answered_on_the_same_way(client):
    ask(client, "first@example.com")  # What is asked once, such as the session's table, is asked.

    with CaptureQueriesContext(connection) as known:
        answer = ask(client, KNOWN)
    with CaptureQueriesContext(connection) as unknown:
        other = ask(client, UNKNOWN)

    def shapes(captured: CaptureQueriesContext) -> list[str]:
        # Only values and the numbers of rows and savepoints differ.
        return [re.sub(r"'[^']*'|\d+", "", query["sql"]) for query in captured]

    assert shapes(known) == shapes(unknown)
    assert (answer.status_code, answer["Location"]) == (other.status_code, other["Location"])


@pytest.mark.parametrize("who", ["unknown", "switched off", "without a password"])
def test_nobody_is_mailed_who_cannot_log_in(client, mailoutbox, ada, who):
    if who == "switched off":
        User.objects.filter(pk=ada.pk).update(is_active=False)
    elif who == "without a password":
        ada.set_unusable_password()
        ada.save()
    ask(client, UNKNOWN if who == "unknown" else KNOWN)

    assert mails.mail_due() == 0
    assert mailoutbox == []
    assert PasswordReset.objects.get().mail_due_at is None


@pytest.mark.parametrize("email", [KNOWN, UNKNOWN])
def test_the_fourth_request_within_an_hour_is_refused_with_a_sentence(client, mailoutbox, email):
    answers = [ask(client, email) for _ in range(4)]
    mails.mail_due()

    assert [answer.status_code for answer in answers] == [302, 302, 302, 429]
    assert OF_ADDRESS in answers[-1].content.decode()
    assert len(mailoutbox) == (3 if email == KNOWN else 0)
    assert PasswordReset.objects.count() == 3


def test_an_hour_later_three_more_are_sent_and_then_none_until_tomorrow():
    now = clock.now()
    with clock.at(now):
        assert asks_until_refused(KNOWN, ips=machines()) == limits.RESETS_TO_ADDRESS_AN_HOUR
    with clock.at(now + limits.HOUR):
        assert asks_until_refused(KNOWN, ips=machines()) == limits.RESETS_TO_ADDRESS_AN_HOUR
    with clock.at(now + 2 * limits.HOUR), pytest.raises(TooMany, match="try again tomorrow"):
        resets.ask(email=KNOWN, ip="192.0.2.1")
    with clock.at(now + limits.DAY):
        resets.ask(email=KNOWN, ip="192.0.2.1")
    assert PasswordReset.objects.count() == 7


def test_one_machine_cannot_ask_for_many_addresses():
    for number in range(limits.RESETS_OF_MACHINE_AN_HOUR):
        resets.ask(email=f"person{number}@example.net", ip="192.0.2.1")

    with pytest.raises(TooMany, match="from your network. Try again in an hour"):
        resets.ask(email=KNOWN, ip="192.0.2.1")
    resets.ask(email=KNOWN, ip="192.0.2.2")

    assert PasswordReset.objects.filter(email=KNOWN).count() == 1


def test_an_ipv6_network_is_one_machine():
    for number in range(limits.RESETS_OF_MACHINE_AN_HOUR):
        resets.ask(email=f"person{number}@example.net", ip=f"2001:db8:0:1::{number + 1:x}")

    with pytest.raises(TooMany, match="from your network"):
        resets.ask(email=KNOWN, ip="2001:db8:0:1:ffff::1")
    resets.ask(email=KNOWN, ip="2001:db8:0:2::1")

    assert PasswordReset.objects.get(email=KNOWN).ip == "2001:db8:0:2::"


def test_one_machine_asks_sixty_times_a_day_and_no_more():
    now = clock.now()
    for hour in range(3):
        with clock.at(now + timedelta(hours=hour)):
            for number in range(limits.RESETS_OF_MACHINE_AN_HOUR):
                resets.ask(email=f"person{hour}-{number}@example.net", ip="192.0.2.1")

    late = clock.at(now + timedelta(hours=3))
    with late, pytest.raises(TooMany, match="from your network. Try again tomorrow"):
        resets.ask(email=KNOWN, ip="192.0.2.1")
    assert PasswordReset.objects.count() == limits.RESETS_OF_MACHINE_A_DAY == 60


def test_what_was_asked_for_is_forgotten_after_a_day():
    now = clock.now()
    with clock.at(now):
        resets.ask(email=KNOWN, ip="192.0.2.1")

    with clock.at(now + limits.DAY - timedelta(microseconds=1)):
        resets.forget_old()
    assert PasswordReset.objects.count() == 1
    with clock.at(now + limits.DAY):
        resets.forget_old()
    assert not PasswordReset.objects.exists()


@pytest.mark.usefixtures("no_cache")
def test_a_cache_that_is_down_keeps_nobody_from_a_new_password(client, mailoutbox):
    ask(client, KNOWN)
    mails.mail_due()

    assert [mail.to for mail in mailoutbox] == [[KNOWN]]
