"""Typing passwords: hidden, by hand or by a password manager, of any length and letters."""

import re

import pytest
import time_machine
from django.test import Client

from accounts.models import Role, User
from accounts.people import members
from accounts.telling import mails
from accounts.tests.builders import PASSWORD, make_individual, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

INPUT = re.compile(r"<input[^>]*password[^>]*>")
# Spaces at both ends, capitals, letters of many scripts and more of them than anybody types.
ODD = " Ünïcode ключ 鍵 with Spaces, " + "and so on " * 20 + " "


@pytest.fixture
def user():
    user = make_user("ada@example.com")
    make_individual(owner=user)
    return user


def inputs(page) -> list[str]:
    return INPUT.findall(page.content.decode())


def reset_page(client: Client, mailoutbox) -> str:
    client.post("/password-reset/", {"email": "ada@example.com"})
    mails.mail_due()
    link = re.search(r"/password-reset/\S+/", "".join(mail.body for mail in mailoutbox))[0]
    return client.get(link, follow=True).redirect_chain[-1][0]


def log_in(password: str) -> bool:
    client = Client()
    client.post("/login/", {"username": "ada@example.com", "password": password})
    return client.get("/settings/profile/").status_code == 200


def test_they_are_hidden_and_managers_are_told_what_is_asked(client, user, mailoutbox):
    inside = Client()
    inside.force_login(user)
    joining = members.invite(
        account=user.memberships.get().account,
        email="new@example.com",
        role=Role.MEMBER,
        invited_by=user,
    )
    pages = {
        "log-in": client.get("/login/"),
        "profile": inside.get("/settings/profile/"),
        "reset": client.get(reset_page(client, mailoutbox)),
        "joining": Client().get(joining.path),
    }

    asked = {
        name: re.findall(r'autocomplete="([\w-]+)"', "".join(inputs(page)))
        for name, page in pages.items()
    }
    assert asked == {
        "log-in": ["current-password"],
        "profile": ["current-password", "new-password", "new-password"],
        "reset": ["new-password", "new-password"],
        "joining": ["new-password"],
    }
    for field in (field for page in pages.values() for field in inputs(page)):
        assert 'type="password"' in field
        assert "onpaste" not in field
        assert "maxlength" not in field


def test_a_long_one_of_any_letters_is_kept_exactly_as_it_was_typed(client, user, mailoutbox):
    form = {"new_password1": ODD, "new_password2": ODD}

    client.post(reset_page(client, mailoutbox), form)

    assert len(ODD) > 200
    assert User.objects.get(pk=user.pk).check_password(ODD)
    assert log_in(ODD)
    assert [log_in(other) for other in (ODD.strip(), ODD.lower(), ODD[:72], ODD[:128])] == [
        False,
        False,
        False,
        False,
    ]


@pytest.mark.usefixtures("user")
def test_one_stays_valid_for_as_long_as_nobody_changes_it():
    with time_machine.travel("2036-01-01T00:00:00Z"):
        assert log_in(PASSWORD)


@pytest.mark.usefixtures("user")
def test_nothing_is_asked_that_others_may_know(client, mailoutbox):
    for page in (client.get("/password-reset/"), client.get(reset_page(client, mailoutbox))):
        text = page.content.decode().lower()

        assert [word for word in ("question", "hint", "maiden", "birthday") if word in text] == []
