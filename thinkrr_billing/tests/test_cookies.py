"""Every cookie there is, and what of it browsers tell whom."""

import re

import pytest
from django.test import Client

from accounts.models import Membership
from accounts.runtime import just_changed
from accounts.tests.builders import PASSWORD, make_individual, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges", "over_https")]

NAMES = {"__Host-sessionid", "__Host-csrftoken", "__Host-theme"}
# The menu's script writes it, too: it holds one word and lets nobody in.
READ_BY_SCRIPTS = {"__Host-theme"}
HTTPS = {"secure": True}


@pytest.fixture
def over_https(settings) -> None:
    """As settings.py names and marks them in production."""
    settings.SESSION_COOKIE_NAME = "__Host-sessionid"
    settings.CSRF_COOKIE_NAME = "__Host-csrftoken"
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True


@pytest.fixture
def client() -> Client:
    user = make_user("ada@example.com")
    make_individual(owner=user)
    user.theme = "dark"
    user.save()
    client = Client()
    client.get("/login/", **HTTPS)
    client.post("/login/", {"username": user.email, "password": PASSWORD}, **HTTPS)
    return client


def test_every_cookie_is_this_hosts_alone_and_hidden_from_scripts(client):
    client.post("/settings/members/invite/", {"email": "b@example.com", "role": "admin"}, **HTTPS)

    cookies = {name: cookie for name, cookie in client.cookies.items() if cookie.value}
    assert cookies.keys() == NAMES
    for name, cookie in cookies.items():
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        assert cookie["samesite"] == "Lax"
        assert bool(cookie["httponly"]) is (name not in READ_BY_SCRIPTS)


def test_who_has_just_changed_something_is_marked_where_a_standby_is_read(client, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{just_changed.__name__}.JustChangedMiddleware"]
    browser = Client()
    browser.cookies = client.cookies

    looked = browser.get("/settings/profile/", **HTTPS)
    changed = browser.post("/logout/", **HTTPS)
    program = Client().post("/api/v1/calls", **HTTPS)

    assert "__Host-changed" not in looked.cookies | program.cookies
    cookie = changed.cookies["__Host-changed"]
    assert (cookie.value, cookie["max-age"], cookie["path"], cookie["domain"]) == ("1", 10, "/", "")
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")


def test_what_happened_is_told_without_a_cookie_of_its_own(client):
    answer = client.post(
        "/settings/members/invite/", {"email": "b@example.com", "role": "admin"}, **HTTPS
    )

    assert "messages" not in answer.cookies
    assert (
        "Invitation sent to b@example.com."
        in client.get(answer["Location"], **HTTPS).content.decode()
    )
    assert Membership.objects.count() == 1


def test_the_theme_is_read_from_the_cookie_of_this_host_alone(client):
    assert 'data-theme="dark"' in client.get("/settings/profile/", **HTTPS).content.decode()
    client.cookies["__Host-theme"] = ""
    client.cookies["theme"] = "light"

    assert "data-theme=" not in client.get("/settings/profile/", **HTTPS).content.decode()


def test_a_made_up_theme_is_none(client):
    client.cookies["__Host-theme"] = 'dark" onload="x'

    assert "data-theme=" not in client.get("/settings/profile/", **HTTPS).content.decode()


def test_a_session_is_named_by_32_letters_that_nobody_can_guess(client):
    names = {client.cookies["__Host-sessionid"].value}
    for _ in range(20):
        other = Client()
        other.post("/login/", {"username": "ada@example.com", "password": PASSWORD}, **HTTPS)
        names.add(other.cookies["__Host-sessionid"].value)

    # 32 of 36 letters and figures: 165 bits.
    assert len(names) == 21
    assert all(re.fullmatch(r"[0-9a-z]{32}", name) for name in names)
