"""The way in for staff: password, then a code; without both, nothing."""

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import clock
from accounts.models import RecoveryCode
from accounts.people import logins
from accounts.tests.authenticator import code_of_device
from accounts.tests.builders import (
    PASSWORD,
    log_in_staff,
    make_individual,
    make_staff,
    make_user,
    owner_of,
)

pytestmark = pytest.mark.django_db

DASHBOARD = reverse("admin:index")
ASK = reverse("admin:second_factor")
SET_UP = reverse("admin:second_factor_set_up")


def enrol(client, user) -> list[str]:
    """Log in and set up the second factor. Returns the recovery codes."""
    client.force_login(user)
    client.get(SET_UP)
    device = TOTPDevice.objects.get(user=user)
    answer = client.post(SET_UP, {"code": code_of_device(device)})
    return answer.context["codes"]


def log_in_anew(client, user) -> None:
    """A new session, which has passed the password only."""
    client.logout()
    client.force_login(user)


def test_the_admin_asks_by_our_own_log_in_and_comes_back(client):
    make_staff(email="sam@example.com")

    asked = client.get("/admin/wallets/purchase/", follow=True)
    sent = {
        "username": "sam@example.com",
        "password": PASSWORD,
        "next": asked.context["next"],
    }
    answer = client.post(asked.request["PATH_INFO"], sent, follow=True)

    assert asked.request["PATH_INFO"] == "/login/"
    assert [path for path, _ in answer.redirect_chain][0] == "/admin/wallets/purchase/"
    assert answer.request["PATH_INFO"] == SET_UP


def test_a_device_is_set_up_once_and_gives_ten_recovery_codes(client):
    codes = enrol(client, make_staff())

    assert len(set(codes)) == 10
    assert client.get(DASHBOARD).status_code == 200
    assert client.get(SET_UP).url == ASK


def test_each_view_of_the_set_up_has_a_secret_of_its_own_until_one_is_confirmed(client):
    user = make_staff()
    client.force_login(user)

    shown = [client.get(SET_UP).context["secret"] for _ in range(3)]

    assert len(set(shown)) == 3
    assert TOTPDevice.objects.filter(user=user, confirmed=False).count() == 1


def test_what_somebody_saw_on_an_earlier_page_confirms_nothing(client):
    user = make_staff()
    client.force_login(user)
    client.get(SET_UP)
    seen = TOTPDevice.objects.get(user=user)
    client.get(SET_UP)

    answer = client.post(SET_UP, {"code": code_of_device(seen)})

    assert answer.status_code == 422
    assert not TOTPDevice.objects.filter(user=user, confirmed=True).exists()


def test_a_wrong_code_shows_no_secret_of_before(client):
    client.force_login(make_staff())
    before = client.get(SET_UP).context["secret"]

    answer = client.post(SET_UP, {"code": "000000"})

    assert answer.context["secret"] != before
    assert "Scan this one" in answer.content.decode()


def test_a_code_before_any_secret_was_shown_is_refused(client):
    user = make_staff()
    client.force_login(user)

    assert client.post(SET_UP, {"code": "000000"}).status_code == 422
    assert not TOTPDevice.objects.filter(user=user, confirmed=True).exists()


def test_the_session_that_was_there_before_the_code_is_no_longer_one(client):
    user = make_staff()
    client.force_login(user)
    client.get(SET_UP)
    before = client.session.session_key
    codes = client.post(
        SET_UP, {"code": code_of_device(TOTPDevice.objects.get(user=user))}
    ).context["codes"]
    set_up = client.session.session_key
    log_in_anew(client, user)
    password_only = client.session.session_key
    client.post(ASK, {"code": codes[0]})
    entered = client.session.session_key

    assert len({before, set_up, password_only, entered}) == 4
    stolen = Client()
    stolen.cookies[settings.SESSION_COOKIE_NAME] = password_only
    assert stolen.get(DASHBOARD).status_code == 302
    assert not Session.objects.filter(session_key__in=[before, password_only]).exists()
    assert client.get(DASHBOARD).status_code == 200


def test_a_wrong_first_code_turns_nothing_on(client):
    user = make_staff()
    client.force_login(user)
    client.get(SET_UP)

    answer = client.post(SET_UP, {"code": "000000"})

    assert answer.status_code == 422
    assert not TOTPDevice.objects.get(user=user).confirmed
    assert client.get(DASHBOARD).status_code == 302


def test_a_new_session_needs_a_new_code_and_no_code_works_twice(client):
    user = make_staff()
    enrol(client, user)
    device = TOTPDevice.objects.get(user=user)
    used = code_of_device(device)
    log_in_anew(client, user)

    assert client.get(DASHBOARD).status_code == 302
    assert client.post(ASK, {"code": used}).status_code == 422
    assert client.get(DASHBOARD).status_code == 302


def test_the_next_code_lets_in_and_leads_on_within_the_admin_only(client):
    user = make_staff()
    enrol(client, user)
    log_in_anew(client, user)
    device = TOTPDevice.objects.get(user=user)

    sent = {"code": code_of_device(device, steps=1), "next": "https://evil.example/admin/"}
    answer = client.post(ASK, sent)

    assert (answer.status_code, answer.url) == (302, "/admin/")
    assert client.get(DASHBOARD).status_code == 200


def test_a_recovery_code_lets_in_once(client):
    user = make_staff()
    code = enrol(client, user)[0]
    log_in_anew(client, user)

    assert client.post(ASK, {"code": code, "next": "/admin/wallets/"}).status_code == 302
    log_in_anew(client, user)
    assert client.post(ASK, {"code": code}).status_code == 422
    assert RecoveryCode.objects.filter(user=user).count() == 9


def test_ten_wrong_codes_are_the_most_and_then_a_right_one_waits_fifteen_minutes(client):
    user = make_staff()
    code = enrol(client, user)[0]
    log_in_anew(client, user)
    pages = [client.post(ASK, {"code": "wrong"}).content.decode() for _ in range(10)]

    locked = client.post(ASK, {"code": code})

    assert all("This code is wrong or was used before." in page for page in pages)
    assert locked.status_code == 422
    assert "Too many failed attempts. Wait 15 minutes" in locked.content.decode()
    assert client.get(DASHBOARD).status_code == 302
    with clock.at(clock.now() + logins.WINDOW):
        assert client.post(ASK, {"code": code}).status_code == 302


def test_who_logs_in_with_a_code_is_asked_for_no_second_one(client):
    user = make_staff(email="sam@example.com")
    enrol(client, user)
    client.logout()
    form = {"username": "sam@example.com", "password": PASSWORD, "next": "/admin/wallets/purchase/"}

    asked = client.post("/login/", form)
    device = TOTPDevice.objects.get(user=user)
    answer = client.post(asked.url, {"code": code_of_device(device, steps=1)})

    assert (asked.url, answer.url) == ("/login/code/", "/admin/wallets/purchase/")
    assert client.get(answer.url).status_code == 200


def test_new_recovery_codes_end_the_old_ones(client):
    user = make_staff()
    old = enrol(client, user)

    new = client.post(reverse("admin:second_factor_codes")).context["codes"]

    log_in_anew(client, user)
    assert client.post(ASK, {"code": old[0]}).status_code == 422
    assert not set(old) & set(new)


@pytest.mark.parametrize("page", [ASK, SET_UP, DASHBOARD, "/admin/login/"])
def test_customers_are_never_let_in(client, page):
    client.force_login(owner_of(make_individual()))

    answer = client.get(page, follow=True)

    assert answer.status_code == 403


def test_who_is_no_longer_staff_is_out_at_once(client):
    user = make_staff()
    enrol(client, user)
    type(user).objects.filter(pk=user.pk).update(is_staff=False)

    assert client.get("/admin/wallets/purchase/", follow=True).status_code == 403


def test_somebody_elses_device_proves_nothing(client):
    theirs = enrol(client, make_staff())
    mine = make_staff()
    enrol(client, mine)
    log_in_anew(client, mine)

    assert client.post(ASK, {"code": theirs[0]}).status_code == 422


def test_one_without_a_device_is_not_asked_for_a_code_but_to_set_one_up(client):
    client.force_login(make_user(is_staff=True))

    assert client.get(ASK).url == SET_UP


def test_without_an_app_new_recovery_codes_lead_to_setting_one_up(client):
    user = make_staff()
    log_in_staff(client, user)

    response = client.post("/admin/second-factor/codes/")

    assert (response.status_code, response.headers["Location"]) == (302, SET_UP)
    assert not RecoveryCode.objects.exists()
