"""Logging in, its throttle, forgotten passwords and invitations, as pages."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import pytest
import time_machine
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import clock
from accounts.models import FailedLogin, Membership, Role, User
from accounts.people import logins, members
from accounts.telling import mails
from accounts.tests.builders import PASSWORD, make_individual, make_user, owner_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("account")]

LOGIN = "/login/"


@pytest.fixture
def account():
    return make_individual(owner=make_user("ada@example.com"))


def log_in(client, email="ada@example.com", password=PASSWORD, ip="10.0.0.1", **form):
    return client.post(LOGIN, {"username": email, "password": password, **form}, REMOTE_ADDR=ip)


def fail(*, email: str, ip: str) -> None:
    with pytest.raises(ValidationError), logins.trying(email=email, ip=ip):
        raise ValidationError("wrong")


def is_in(client) -> bool:
    return "_auth_user_id" in client.session


def test_the_address_logs_in_in_any_case(client):
    response = log_in(client, "ADA@Example.com")

    assert (response.status_code, response["Location"]) == (302, "/")
    assert is_in(client)


@pytest.mark.parametrize(
    ("email", "password"),
    [("ada@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("a\x00@b.c", "x")],
)
def test_a_wrong_log_in_does_not_say_what_was_wrong(client, email, password):
    page = log_in(client, email, password).content.decode()

    assert not is_in(client)
    if "\x00" not in email:
        assert "The e-mail address or the password is not right." in page


def test_somebody_switched_off_cannot_log_in(client):
    User.objects.update(is_active=False)

    log_in(client)

    assert not is_in(client)


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_log_in_only_leads_to_our_own_pages(client, away):
    assert log_in(client, next="/settings/")["Location"] == "/settings/"
    client.logout()
    assert log_in(client, next=away)["Location"] == "/"


def test_ten_failures_lock_the_address_on_that_machine_only(client):
    for _ in range(9):
        log_in(client, password="wrong")
    assert log_in(client).status_code == 302  # The tenth try, and right: the count starts anew.
    client.logout()
    for _ in range(10):
        log_in(client, password="wrong")

    locked = log_in(client)
    assert "Too many failed attempts. Wait 15 minutes" in locked.content.decode()
    assert not is_in(client)
    assert log_in(client, ip="10.0.0.2").status_code == 302


def test_the_lock_ends_after_fifteen_minutes(client):
    for _ in range(10):
        log_in(client, password="wrong")

    with clock.at(clock.now() + logins.WINDOW - timedelta(seconds=5)):
        log_in(client)
        assert not is_in(client)
    with clock.at(clock.now() + logins.WINDOW):
        assert log_in(client).status_code == 302


def test_one_machine_that_tries_many_addresses_is_locked(client):
    for number in range(100):
        fail(email=f"person{number}@example.com", ip="10.0.0.1")

    log_in(client)

    assert not is_in(client)


def test_one_machine_has_a_whole_64_of_ipv6_addresses_and_is_counted_as_one(client):
    for number in range(10):
        log_in(client, password="wrong", ip=f"2001:db8:1:2::{number}")

    locked = log_in(client, ip="2001:db8:1:2:aaaa:bbbb:cccc:dddd")

    assert "Too many failed attempts" in locked.content.decode()
    assert set(FailedLogin.objects.values_list("ip", flat=True)) == {"2001:db8:1:2::"}
    assert log_in(client, ip="2001:db8:1:3::1").status_code == 302


def test_an_old_address_in_the_clothes_of_a_new_one_is_counted_as_the_old_one(client):
    for ip in ["10.0.0.1", "::ffff:10.0.0.1"]:
        log_in(client, password="wrong", ip=ip)

    assert list(FailedLogin.objects.values_list("ip", flat=True)) == ["10.0.0.1", "10.0.0.1"]


@pytest.mark.django_db(transaction=True)
def test_twenty_guesses_at_once_are_no_more_than_ten():
    def guess(number: int) -> str:
        try:
            return log_in(Client(), password=f"guess {number}").content.decode()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=20) as pool:
        pages = list(pool.map(guess, range(20)))

    assert sum("the password is not right" in page for page in pages) == 10
    assert sum("Too many failed attempts" in page for page in pages) == 10
    assert FailedLogin.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_a_guess_is_counted_before_its_password_is_looked_at(client, monkeypatch):
    counted = []

    def look(*args: object, **kwargs: object) -> None:
        counted.append(FailedLogin.objects.count())

    monkeypatch.setattr("django.contrib.auth.forms.authenticate", look)
    log_in(client)

    assert counted == [1]


def test_failures_are_forgotten_after_a_day():
    fail(email="Ada@example.com", ip="::1")

    logins.forget_old_failures()
    assert FailedLogin.objects.count() == 1
    with clock.at(clock.now() + logins.KEPT_FOR):
        logins.forget_old_failures()
    assert not FailedLogin.objects.exists()


def test_forwarded_addresses_count_only_behind_our_proxy(client, settings):
    client.post(LOGIN, {"username": "x", "password": "y"}, headers={"X-Forwarded-For": "6.6.6.6"})
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    spoofed = {"X-Forwarded-For": "6.6.6.6, 7.7.7.7"}
    client.post(LOGIN, {"username": "x", "password": "y"}, headers=spoofed)
    garbage = {"X-Forwarded-For": "nonsense"}
    client.post(LOGIN, {"username": "x", "password": "y"}, headers=garbage)

    found = FailedLogin.objects.order_by("pk").values_list("ip", flat=True)
    assert list(found) == ["127.0.0.1", "7.7.7.7", "127.0.0.1"]


def test_the_session_is_a_new_one_after_log_in_and_dead_after_log_out(client):
    client.get(LOGIN)
    client.session.save()
    before = client.session.session_key
    log_in(client)
    inside = client.session.session_key
    assert inside != before

    response = client.post("/logout/")

    assert response["Location"] == LOGIN
    assert not Session.objects.filter(session_key=inside).exists()


def test_log_out_is_a_post(client, account):
    client.force_login(owner_of(account))

    assert client.get("/logout/").status_code == 405
    assert is_in(client)


def test_the_theme_comes_with_the_log_in(client):
    User.objects.update(theme="dark")

    assert log_in(client).cookies["theme"].value == "dark"


def test_a_forgotten_password_is_replaced_by_mail(client, mailoutbox, settings):
    settings.SITE_URL = "https://billing.example"
    client.post("/password-reset/", {"email": "Ada@example.com"}, HTTP_HOST="localhost")
    mails.mail_due()

    [mail] = mailoutbox
    path = mail.body.split("https://billing.example")[1].split()[0]
    form = client.get(path, follow=True)
    wanted = {"new_password1": "tulips-in-winter", "new_password2": "tulips-in-winter"}
    done = client.post(form.redirect_chain[-1][0], wanted)

    assert done["Location"] == reverse("accounts:password_reset_complete")
    log_in(client, password="tulips-in-winter")
    assert is_in(client)
    assert "used already" in client.get(path, follow=True).content.decode()


@pytest.mark.parametrize(
    ("seconds_later", "sentence"), [(7199, "Choose a new password"), (7201, "used already")]
)
def test_a_link_for_a_new_password_lives_two_hours_and_says_so(
    client, mailoutbox, settings, seconds_later, sentence
):
    settings.SITE_URL = "https://billing.example"
    asked = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with time_machine.travel(asked, tick=False):
        client.post("/password-reset/", {"email": "ada@example.com"})
        mails.mail_due()
    [mail] = mailoutbox
    path = mail.body.split("https://billing.example")[1].split()[0]

    with time_machine.travel(asked + timedelta(seconds=seconds_later), tick=False):
        page = client.get(path, follow=True).content.decode()

    assert sentence in page
    assert "The link works once, within two hours." in mail.body


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("tulips-in-w", "This password is too short. It must contain at least 12 characters."),
        ("iloveyouforever", "This password is known from leaks. Choose one that nobody has used."),
        ("ILoveYouForever", "This password is known from leaks. Choose one that nobody has used."),
        (" qwertyuiop123 ", "This password is known from leaks. Choose one that nobody has used."),
        ("192837465564738291", "This password is entirely numeric."),
        ("Thinkrr-Billing-2026!", "This password is little more than words of this product."),
    ],
)
def test_a_short_or_leaked_password_is_refused_wherever_one_is_chosen(
    client, account, mailoutbox, password, sentence
):
    owner = owner_of(account)
    wanted = {"new_password1": password, "new_password2": password}
    client.post("/password-reset/", {"email": owner.email})
    mails.mail_due()
    path = next(word for word in mailoutbox[0].body.split() if "/password-reset/" in word)
    reset = client.get(urlsplit(path).path, follow=True).redirect_chain[-1][0]
    joining = members.invite(
        account=account, email="new@example.com", role=Role.MEMBER, invited_by=owner
    )

    pages = [
        client.post(reset, wanted),
        client.post(joining.path, {"name": "New", "password": password}),
    ]
    client.force_login(owner)
    pages.append(client.post("/settings/profile/password/", {**wanted, "old_password": PASSWORD}))

    assert [sentence in page.content.decode() for page in pages] == [True, True, True]
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)
    assert not User.objects.filter(email="new@example.com").exists()


@pytest.mark.parametrize("unknown", ["nobody@example.com", "off@example.com", "new@example.com"])
def test_a_wrong_log_in_takes_the_same_way_whoever_it_is(client, monkeypatch, unknown):
    """One hash and the same queries: time does not tell whether somebody logs in with it."""
    make_user("off@example.com", is_active=False)
    User.objects.create_user("new@example.com")  # Has not chosen a password yet.
    hashed = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher, "encode", lambda *args, **kw: hashed.append(1) or encode(*args, **kw)
    )
    log_in(client, "first@example.com", "wrong")

    def way(email: str) -> tuple[int, list[str]]:
        hashed.clear()
        with CaptureQueriesContext(connection) as asked:
            log_in(client, email, "wrong")
        return len(hashed), [re.sub(r"'[^']*'|\d+", "", query["sql"]) for query in asked]

    known = way("ada@example.com")

    assert known[0] == 1
    assert way(unknown) == known


class TestInvitationPage:
    @pytest.fixture
    def path(self, account):
        invitation = members.invite(
            account=account, email="new@example.com", role=Role.MEMBER, invited_by=owner_of(account)
        )
        return invitation.path

    def test_a_new_person_chooses_a_password_and_is_inside(self, client, account, path):
        page = client.get(path).content.decode()
        assert "Join Ada Lovelace" in page

        response = client.post(path, {"name": "New", "password": PASSWORD})

        assert response["Location"] == "/"
        assert is_in(client)
        assert Membership.objects.get(user__email="new@example.com").account == account

    @pytest.mark.parametrize("password", ["short", "password123", "1234567890123", ""])
    def test_a_weak_password_is_refused_and_nobody_is_made(self, client, path, password):
        response = client.post(path, {"name": "New", "password": password})

        assert response.status_code == 422
        assert not User.objects.filter(email="new@example.com").exists()

    def test_a_known_person_logs_in_and_then_joins(self, client, account, path):
        user = make_user("new@example.com")
        assert f"/login/?next={quote(path)}" in client.get(path).content.decode()
        assert client.post(path).status_code == 200  # Not logged in: nothing happens.
        assert not user.memberships.exists()

        client.force_login(user)
        assert client.post(path)["Location"] == "/"
        assert user.memberships.get().account == account

    def test_another_person_is_told_whose_it_is(self, client, path):
        other = make_user("other@example.com")
        client.force_login(other)

        assert "you are logged in as other@example.com" in client.get(path).content.decode()
        assert client.post(path).status_code == 403
        assert not other.memberships.exists()

    def test_a_spoilt_link_is_404_with_what_to_do(self, client, path):
        response = client.get(path[:-2] + "x/")

        assert response.status_code == 404


def test_every_form_needs_its_csrf_token(account):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner_of(account))

    for path in [LOGIN, "/logout/", "/accounts/switch/", "/settings/", "/settings/profile/"]:
        assert client.post(path, {}).status_code == 403, path
