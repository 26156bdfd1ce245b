"""Links for a new password are mailed a few times an hour, and no more."""

import pytest
from django.test import Client

from accounts.people import resets
from accounts.tests.builders import make_user

pytestmark = pytest.mark.django_db


def ask(client: Client, email: str):
    return client.post("/password-reset/", {"email": email})


def test_the_fourth_request_within_an_hour_looks_the_same_and_mails_nothing(client, mailoutbox):
    make_user("ada@example.com")
    make_user("bob@example.com")

    answers = [ask(client, "Ada@example.com") for _ in range(resets.MOST_PER_ADDRESS + 1)]
    ask(client, "bob@example.com")

    assert len({(answer.status_code, answer["Location"]) for answer in answers}) == 1
    readers = [mail.to for mail in mailoutbox]
    assert readers == [["ada@example.com"]] * resets.MOST_PER_ADDRESS + [["bob@example.com"]]


def test_one_machine_cannot_ask_for_many_addresses(client, mailoutbox):
    make_user("ada@example.com")
    for number in range(resets.MOST_PER_MACHINE):
        ask(client, f"person{number}@example.net")

    ask(client, "ada@example.com")

    assert mailoutbox == []


def test_another_machine_still_may():
    for _ in range(resets.MOST_PER_MACHINE + 1):
        last = resets.may_mail(email="x@example.com", ip="192.0.2.1")

    assert not last
    assert resets.may_mail(email="ada@example.com", ip="192.0.2.2")


@pytest.mark.usefixtures("no_cache")
def test_a_cache_that_is_down_keeps_nobody_from_a_new_password(client, mailoutbox):
    make_user("ada@example.com")

    ask(client, "ada@example.com")

    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]]
