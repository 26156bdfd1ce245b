"""Two-factor log-in as pages: turning it on and off, recovery codes, and logging in with it."""

import time
from urllib.parse import urlsplit

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import Membership, RecoveryCode, Role, SecurityMail, User
from accounts.people import fresh, halfway, members, second_factor
from accounts.telling import mails
from accounts.tests.authenticator import (
    code_of,
    enter_password,
    next_code,
    turn_on,
    wrong_code,
)
from accounts.tests.builders import (
    PASSWORD,
    make_individual,
    make_key,
    make_staff,
    make_user,
    owner_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

SECURITY = "/settings/security/"
TURN_ON = f"{SECURITY}second-factor/"
TURN_OFF = f"{SECURITY}second-factor/off/"
CODES = f"{SECURITY}recovery-codes/"
LOGIN, CODE = "/login/", "/login/code/"


@pytest.fixture
def account():
    return make_individual(owner=make_user("ada@example.com"))


@pytest.fixture
def ada(account) -> User:
    return owner_of(account)


@pytest.fixture
def here(ada) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def secret_on(page) -> str:
    return page.wsgi_request.session["second_factor_secret"]


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


class TestTurningOn:
    def test_a_secret_is_shown_as_a_picture_and_in_letters(self, here):
        page = here.get(TURN_ON)

        letters = second_factor.in_letters(secret=secret_on(page))
        assert len(letters) == 39
        assert f"<code>{letters}</code>" in text(page)
        assert 'src="data:image/svg+xml' in text(page)
        assert not TOTPDevice.objects.exists()

    def test_with_the_password_and_its_code_it_is_on_and_ten_codes_are_shown_once(self, here, ada):
        code = code_of(secret_on(here.get(TURN_ON)))

        done = here.post(TURN_ON, {"password_again": PASSWORD, "code_again": code})

        codes = done.context["codes"]
        assert [done.content.decode().count(f"<code>{code}</code>") for code in codes] == [1] * 10
        assert "Two-factor log-in is on" in text(done)
        assert second_factor.is_on(user=ada)
        assert "10 recovery codes are left" in text(here.get(SECURITY))
        assert not [code for code in codes if code in text(here.get(SECURITY))]
        assert SecurityMail.objects.get().kind == "turned_on"

    def test_each_look_at_the_page_has_another_secret(self, here):
        assert len({secret_on(here.get(TURN_ON)) for _ in range(3)}) == 3

    def test_what_was_seen_on_an_earlier_page_confirms_nothing(self, here, ada):
        seen = secret_on(here.get(TURN_ON))
        here.get(TURN_ON)

        answer = here.post(TURN_ON, {"password_again": PASSWORD, "code_again": code_of(seen)})

        assert answer.status_code == 422
        assert "This is not the code of the secret above." in text(answer)
        assert not second_factor.is_on(user=ada)

    def test_the_secret_of_one_browser_is_not_that_of_another(self, here, ada):
        other = Client()
        other.force_login(ada)
        other.get(TURN_ON)
        code = code_of(secret_on(here.get(TURN_ON)))

        other.post(TURN_ON, {"password_again": PASSWORD, "code_again": code})

        assert not second_factor.is_on(user=ada)

    def test_a_code_before_any_secret_was_shown_turns_nothing_on(self, here, ada):
        answer = here.post(TURN_ON, {"password_again": PASSWORD, "code_again": "123456"})

        assert "This is not the code of the secret above." in text(answer)
        assert not second_factor.is_on(user=ada)

    def test_after_a_slip_the_same_secret_is_there_to_try_again(self, here, ada):
        secret = secret_on(here.get(TURN_ON))
        wrong = next(code for code in ("000000", "000001") if code != code_of(secret))

        slip = here.post(TURN_ON, {"password_again": PASSWORD, "code_again": wrong})
        done = here.post(TURN_ON, {"password_again": PASSWORD, "code_again": code_of(secret)})

        assert slip.status_code == 422
        assert secret_on(slip) == secret
        assert done.status_code == 200
        assert second_factor.is_on(user=ada)

    @pytest.mark.parametrize(
        ("password", "sentence"), [("", "This field is required."), ("x", "not your password")]
    )
    def test_without_the_password_nothing_is_turned_on(self, here, ada, password, sentence):
        code = code_of(secret_on(here.get(TURN_ON)))

        answer = here.post(TURN_ON, {"password_again": password, "code_again": code})

        assert answer.status_code == 422
        assert sentence in text(answer)
        assert not second_factor.is_on(user=ada)

    def test_what_is_on_is_not_replaced_and_shows_no_secret(self, here, ada):
        turn_on(ada)
        key = TOTPDevice.objects.get().key

        for answer in (here.get(TURN_ON), here.post(TURN_ON, {"password_again": PASSWORD})):
            assert answer["Location"] == SECURITY
        assert "Two-factor log-in is on already." in text(here.get(SECURITY))
        assert TOTPDevice.objects.get().key == key


class TestTurningOff:
    def test_with_the_password_and_a_code_it_is_off(self, here, ada):
        turn_on(ada)
        form = {"password_again": PASSWORD, "code_again": next_code(ada)}

        answer = here.post(TURN_OFF, form, follow=True)

        assert "Two-factor log-in is off." in text(answer)
        assert not second_factor.is_on(user=ada)
        assert not RecoveryCode.objects.exists()

    @pytest.mark.parametrize("typed_long_ago", [0, fresh.SECONDS + 1])
    @pytest.mark.parametrize("path", [TURN_OFF, CODES])
    def test_either_alone_does_nothing_however_fresh_the_log_in(
        self, here, ada, path, typed_long_ago
    ):
        codes = turn_on(ada)
        before = set(RecoveryCode.objects.values_list("pk", flat=True))
        session = here.session
        session[fresh.TYPED_AT] = int(time.time()) - typed_long_ago
        session.save()
        tries = (
            {},
            {"password_again": PASSWORD},
            {"code_again": codes[0]},
            {"password_again": "x", "code_again": codes[0]},
            {"password_again": PASSWORD, "code_again": wrong_code(ada)},
        )

        answers = [here.post(path, form).status_code for form in tries]

        assert answers == [422] * 5
        assert second_factor.is_on(user=ada)
        assert set(RecoveryCode.objects.values_list("pk", flat=True)) == before

    def test_what_is_off_cannot_be_turned_off(self, here):
        assert "Two-factor log-in is off." in text(here.get(TURN_OFF, follow=True))
        assert "Two-factor log-in is off." in text(
            here.post(TURN_OFF, {"password_again": PASSWORD}, follow=True)
        )

    def test_staff_are_told_that_they_keep_it(self):
        sam = make_staff()
        turn_on(sam)
        client = Client()
        client.force_login(sam)
        form = {"password_again": PASSWORD, "code_again": next_code(sam)}

        answer = client.post(TURN_OFF, form, follow=True)

        assert "Support staff cannot be without a second factor." in text(answer)
        assert TURN_OFF not in text(answer)
        assert second_factor.is_on(user=sam)


class TestRecoveryCodes:
    def test_new_ones_are_shown_once_and_the_old_ones_are_void(self, here, ada):
        old = turn_on(ada)
        form = {"password_again": PASSWORD, "code_again": next_code(ada)}

        done = here.post(CODES, form)

        assert len(set(done.context["codes"]) - set(old)) == 10
        assert done.headers["Cache-Control"] == (
            "max-age=0, no-cache, no-store, must-revalidate, private"
        )
        assert here.post(CODES, form).status_code == 422
        assert here.get(CODES).status_code == 200

    @pytest.mark.parametrize(
        ("left", "sentence"),
        [
            (10, "10 recovery codes are left"),
            (4, "4 recovery codes are left"),
            (3, "Only 3 recovery codes left."),
            (1, "Only 1 recovery code left."),
            (0, "You have no recovery codes left."),
        ],
    )
    def test_the_page_says_how_many_are_left(self, here, ada, left, sentence):
        turn_on(ada)
        gone = RecoveryCode.objects.values_list("pk", flat=True)[left:]
        RecoveryCode.objects.filter(pk__in=list(gone)).delete()

        assert sentence in text(here.get(SECURITY))


class TestLoggingIn:
    def test_after_the_password_a_code_is_asked_and_nobody_is_in_before_it(self, client, ada):
        turn_on(ada)

        asked = enter_password(client, ada)

        assert (asked.status_code, asked["Location"]) == (302, CODE)
        assert not is_in(client)
        page = text(client.get(CODE))
        assert 'autocomplete="one-time-code"' in page
        assert 'inputmode="numeric"' in page
        assert client.get("/settings/")["Location"].startswith(LOGIN)

    def test_the_code_logs_in_leads_on_and_is_fresh(self, client, ada):
        turn_on(ada)
        User.objects.update(theme="dark")
        enter_password(client, ada, next="/settings/members/")

        done = client.post(CODE, {"code": next_code(ada)})

        assert done["Location"] == "/settings/members/"
        assert done.cookies["theme"].value == "dark"
        assert client.get("/settings/members/").status_code == 200
        assert fresh.is_fresh(client.session)
        assert halfway.KEY not in client.session

    def test_it_leads_to_our_own_pages_only(self, client, ada):
        turn_on(ada)
        enter_password(client, ada, next="https://evil.example/")

        assert client.post(CODE, {"code": next_code(ada)})["Location"] == "/"

    def test_the_session_is_a_new_one_after_each_step(self, client, ada):
        turn_on(ada)
        client.get(LOGIN)
        client.session.save()
        before = client.session.session_key
        enter_password(client, ada)
        between = client.session.session_key
        client.post(CODE, {"code": next_code(ada)})

        assert len({before, between, client.session.session_key}) == 3
        assert not Session.objects.filter(session_key__in=[before, between]).exists()

    def test_a_wrong_code_says_so_and_logs_nobody_in(self, client, ada):
        turn_on(ada)
        enter_password(client, ada)

        answer = client.post(CODE, {"code": wrong_code(ada)})

        assert answer.status_code == 422
        assert "This code is wrong or was used before." in text(answer)
        assert not is_in(client)

    def test_a_code_is_not_taken_twice(self, client, ada):
        turn_on(ada)
        code = next_code(ada)
        enter_password(client, ada)
        client.post(CODE, {"code": code})
        thief = Client()
        enter_password(thief, ada)

        assert thief.post(CODE, {"code": code}).status_code == 422
        assert not is_in(thief)

    def test_a_recovery_code_logs_in_once_and_the_person_is_told(self, client, ada):
        codes = turn_on(ada)
        enter_password(client, ada)
        client.post(CODE, {"code": codes[0]})
        thief = Client()
        enter_password(thief, ada)

        assert is_in(client)
        assert thief.post(CODE, {"code": codes[0]}).status_code == 422
        assert SecurityMail.objects.filter(kind="code_used").count() == 1

    def test_after_ten_wrong_codes_a_right_one_waits(self, client, ada):
        turn_on(ada)
        enter_password(client, ada)
        for _ in range(10):
            client.post(CODE, {"code": wrong_code(ada)})

        locked = client.post(CODE, {"code": next_code(ada)})

        assert "Too many failed attempts. Wait 15 minutes" in text(locked)
        assert not is_in(client)

    def test_typing_the_password_anew_gives_no_more_tries(self, client, ada):
        turn_on(ada)
        for _ in range(10):
            enter_password(client, ada)
            client.post(CODE, {"code": wrong_code(ada)})
        enter_password(client, ada)

        assert client.post(CODE, {"code": next_code(ada)}).status_code == 422

    @pytest.mark.parametrize(("seconds", "in_time"), [(595, True), (605, False)])
    def test_the_code_comes_within_ten_minutes_of_the_password(self, client, ada, seconds, in_time):
        turn_on(ada)
        enter_password(client, ada)

        with time_machine.travel(time.time() + seconds):
            answer = client.post(CODE, {"code": next_code(ada, steps=0)})

        assert is_in(client) == in_time
        assert answer["Location"] == ("/" if in_time else LOGIN)

    def test_without_a_password_before_it_the_page_leads_to_the_log_in(self, client, ada):
        turn_on(ada)

        answer = client.post(CODE, {"code": next_code(ada)}, follow=True)

        assert answer.redirect_chain == [(LOGIN, 302)]
        assert "Enter your password once more" in text(answer)
        assert not is_in(client)

    @pytest.mark.parametrize("change", ["password", "switched off", "factor removed"])
    def test_what_changed_meanwhile_ends_it(self, client, ada, change):
        turn_on(ada)
        code = next_code(ada)
        enter_password(client, ada)
        if change == "password":
            ada.set_password("tulips-in-winter")
            ada.save()
        elif change == "switched off":
            User.objects.update(is_active=False)
        else:
            second_factor.remove_for(user=ada)

        assert client.post(CODE, {"code": code})["Location"] == LOGIN
        assert not is_in(client)

    def test_halfway_as_somebody_else_nobody_stays_logged_in(self, ada):
        client = Client()
        client.force_login(owner_of(make_individual()))
        turn_on(ada)

        enter_password(client, ada)

        assert not is_in(client)

    def test_without_a_second_factor_the_password_is_enough(self, client, ada):
        assert enter_password(client, ada)["Location"] == "/"
        assert is_in(client)

    def test_a_secret_that_was_never_confirmed_is_not_asked_for(self, client, ada, here):
        here.get(TURN_ON)
        TOTPDevice.objects.create(user=ada, confirmed=False)

        assert enter_password(client, ada)["Location"] == "/"


class TestWaysAroundIt:
    def test_a_new_password_by_mail_does_not_get_around_it(self, client, ada, mailoutbox):
        turn_on(ada)
        client.post("/password-reset/", {"email": ada.email})
        SecurityMail.objects.update(mail_due_at=None)
        mails.mail_due()
        link = next(word for word in mailoutbox[0].body.split() if "/password-reset/" in word)
        form = client.get(urlsplit(link).path, follow=True).redirect_chain[-1][0]
        new = {"new_password1": "tulips-in-winter", "new_password2": "tulips-in-winter"}
        client.post(form, new)
        inside = is_in(client)

        answer = client.post(LOGIN, {"username": ada.email, "password": "tulips-in-winter"})

        assert not inside
        assert answer["Location"] == CODE
        assert not is_in(client)

    def test_an_invitation_does_not_get_around_it(self, client, ada):
        turn_on(ada)
        other = make_individual()
        invitation = members.invite(
            account=other, email=ada.email, role=Role.ADMIN, invited_by=owner_of(other)
        )

        # Signed with the second it is asked for.
        link = invitation.path

        client.post(link, {"name": "Ada", "password": PASSWORD})
        enter_password(client, ada, next=link)
        before = Membership.objects.filter(account=other, user=ada).exists()
        client.post(link, {"name": "Ada", "password": PASSWORD})

        assert not before
        assert not is_in(client)
        assert not Membership.objects.filter(account=other, user=ada).exists()
        led_to = client.post(CODE, {"code": next_code(ada)})["Location"]
        assert led_to == link
        assert client.post(led_to)["Location"] == "/"

    def test_a_key_of_the_api_is_asked_for_no_code(self, client, account, ada):
        turn_on(ada)
        _, secret = make_key(account)

        answer = client.get("/api/v1/campaigns", headers={"Authorization": f"Bearer {secret}"})

        assert answer.status_code == 200


def test_every_page_of_it_is_shut_for_whoever_is_not_logged_in(client):
    for path in (SECURITY, TURN_ON, TURN_OFF, CODES):
        assert client.get(path)["Location"].startswith(LOGIN)


def test_somebody_without_an_account_turns_it_on_as_well(client):
    person = make_user()
    client.force_login(person)

    code = code_of(secret_on(client.get(TURN_ON)))
    client.post(TURN_ON, {"password_again": PASSWORD, "code_again": code})

    assert second_factor.is_on(user=person)


def test_profile_settings_and_the_menu_lead_there(here):
    assert here.get("/settings/profile/").content.decode().count(f'href="{SECURITY}"') == 3
