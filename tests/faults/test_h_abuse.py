"""Guessed passwords, stolen sessions, forged hosts and frames: what strangers try on the pages."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts import clock
from accounts.models import FailedLogin, User
from accounts.people import logins
from accounts.telling import mails
from accounts.tests.builders import PASSWORD, make_individual, make_user, owner_of

pytestmark = [pytest.mark.faults, pytest.mark.django_db, pytest.mark.usefixtures("account")]

LOGIN = "/login/"
INSIDE = "/settings/profile/"


@pytest.fixture
def account():
    return make_individual(owner=make_user("ada@example.com"))


def log_in(client: Client, password: str = PASSWORD, *, ip: str = "10.0.0.1", **form):
    form = {"username": "ada@example.com", "password": password} | form
    return client.post(LOGIN, form, REMOTE_ADDR=ip)


def is_in(client: Client) -> bool:
    return client.get(INSIDE).status_code == 200


def test_f101_a_hundred_guesses_get_nowhere_and_do_not_lock_the_owner_out():
    stranger = Client()
    answers = [log_in(stranger, f"guess {number}") for number in range(100)]

    assert not is_in(stranger)
    locked = [one for one in answers if "Too many failed attempts" in one.content.decode()]
    assert len(locked) >= 100 - logins.MAX_FAILURES
    # While locked, not even the right password gets in, and no guess is looked at or counted.
    log_in(stranger)
    assert not is_in(stranger)
    assert FailedLogin.objects.count() <= logins.MAX_FAILURES
    owner = Client()
    assert log_in(owner, ip="10.0.0.2").status_code == 302
    assert is_in(owner)
    with clock.at(clock.now() + logins.WINDOW + timedelta(seconds=1)):
        assert log_in(stranger).status_code == 302


def test_f101_a_hundred_stolen_pairs_from_one_machine_lock_that_machine():
    stuffing = Client()
    for number in range(logins.MAX_FAILURES_OF_ONE_MACHINE):
        log_in(stuffing, username=f"person{number}@example.com")

    assert "Too many failed attempts" in log_in(stuffing).content.decode()
    assert not is_in(stuffing)


def test_f106_a_session_given_by_a_stranger_is_not_the_one_that_gets_in():
    victim = Client()
    victim.cookies["sessionid"] = "a" * 32
    log_in(victim)

    stranger = Client()
    stranger.cookies["sessionid"] = "a" * 32

    assert is_in(victim)
    assert not is_in(stranger)


def _log_out(client: Client, *_: object) -> None:
    client.post("/logout/")


def _change_password(client: Client, *_: object) -> None:
    form = {"old_password": PASSWORD, "new_password1": "tulips-in-winter"}
    client.post(f"{INSIDE}password/", form | {"new_password2": "tulips-in-winter"})


def _reset_password(_: Client, user: User) -> None:
    user.set_password("tulips-in-winter")
    user.save()


def _switch_off(_: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize("end", [_log_out, _change_password, _reset_password, _switch_off])
def test_f106_a_copied_session_is_dead_after(end, account):
    client = Client()
    log_in(client)
    copied = Client()
    copied.cookies["sessionid"] = client.cookies["sessionid"].value
    assert is_in(copied)

    end(client, owner_of(account))

    assert not is_in(copied)


def test_f106_sessions_beside_each_other_end_by_themselves():
    first, second = Client(), Client()
    for client in (first, second):
        log_in(client)

    first.post("/logout/")

    assert not is_in(first)
    assert is_in(second)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost:80@evil.example", "a b", ""]
)
def test_f108_a_forged_host_is_400(host, settings):
    settings.ALLOWED_HOSTS = ["localhost"]

    assert Client().get(LOGIN, HTTP_HOST=host or "\x00").status_code == 400


def test_f108_the_link_of_a_reset_never_follows_the_host_that_asked(settings, mailoutbox):
    settings.SITE_URL = "https://billing.example"
    settings.ALLOWED_HOSTS = ["*"]
    forged = {"HTTP_HOST": "evil.example", "HTTP_X_FORWARDED_HOST": "evil.example"}
    Client().post("/password-reset/", {"email": "ada@example.com"}, **forged)
    mails.mail_due()

    [mail] = mailoutbox
    assert "https://billing.example/" in mail.body
    assert "evil.example" not in mail.body


@pytest.mark.parametrize(
    "away",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "/%09/evil.example",
        " https://evil.example",
    ],
)
def test_f108_a_log_in_leads_to_our_own_pages_only(away):
    client = Client()

    location = log_in(client, next=away)["Location"]

    assert location.startswith("/")
    assert not location.replace("\\", "/").startswith("//")
    assert is_in(client)


@pytest.mark.parametrize("page", [LOGIN, INSIDE, "/payments/", "/nowhere/", "/admin/login/"])
def test_f108_no_page_can_be_framed(page):
    client = Client()
    log_in(client)

    answer = client.get(page)

    assert answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
