"""Cards, Auto-Recharge, keys and members change only for whoever typed the password lately."""

import re
import time

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from accounts.models import ApiKey, FailedLogin, Invitation, Membership
from accounts.people import fresh
from accounts.tests.authenticator import next_code, turn_on, wrong_code
from accounts.tests.builders import PASSWORD, add_member, make_individual, make_key, owner_of

pytestmark = pytest.mark.django_db

KEYS = "/settings/api-keys/"
FORM = {"name": "Dialer & Co", "scopes": ["read", "write"], "expires": "30", "addresses": ""}
ASKS = "You typed your password more than 15 minutes ago."


@pytest.fixture
def account():
    return make_individual()


@pytest.fixture
def owner(account):
    client = Client()
    client.force_login(owner_of(account))
    return client


def typed_long_ago(client: Client, *, seconds: float = fresh.SECONDS + 1) -> Client:
    session = client.session
    session[fresh.TYPED_AT] = int(time.time() - seconds)
    session.save()
    return client


def hidden(page: str) -> list[tuple[str, str]]:
    """What the page would send again, but for what every form has."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    ours = ("csrfmiddlewaretoken", "page_account")
    return [(name, value) for name, value in found if name not in ours]


def test_within_fifteen_minutes_nobody_is_asked(owner):
    typed_long_ago(owner, seconds=fresh.SECONDS - 5)

    assert owner.post(KEYS, FORM).context["secret"]


def test_afterwards_the_password_is_asked_in_the_place_and_what_was_typed_is_kept(owner):
    asked = typed_long_ago(owner).post(f"{KEYS}?page=2", FORM)

    page = asked.content.decode()
    assert asked.status_code == 422
    assert ASKS in page
    assert f'action="{KEYS}?page=2"' in page
    assert hidden(page) == [
        ("name", "Dialer &amp; Co"),
        ("scopes", "read"),
        ("scopes", "write"),
        ("expires", "30"),
        ("addresses", ""),
    ]
    assert not ApiKey.objects.exists()


def test_with_the_password_the_form_is_carried_out_and_the_next_one_is_not_asked(owner):
    typed_long_ago(owner)

    done = owner.post(KEYS, {**FORM, "password_again": PASSWORD})

    assert done.context["secret"]
    key = ApiKey.objects.get()
    assert (key.name, key.scopes) == ("Dialer & Co", ["read", "write"])
    assert owner.post(KEYS, FORM).context["secret"]
    assert not FailedLogin.objects.exists()


@pytest.mark.parametrize("wrong", ["", "guess", PASSWORD.upper()])
def test_with_a_wrong_password_nothing_changes_and_all_is_asked_again(owner, wrong):
    asked = typed_long_ago(owner).post(KEYS, {**FORM, "password_again": wrong})

    page = asked.content.decode()
    assert asked.status_code == 422
    assert len(hidden(page)) == 5
    assert ("This field is required." if not wrong else "This is not your password.") in page
    assert not ApiKey.objects.exists()


def test_guesses_are_counted_together_with_log_ins(account, owner):
    typed_long_ago(owner)
    for number in range(10):
        owner.post(KEYS, {**FORM, "password_again": f"guess {number}"})

    locked = owner.post(KEYS, {**FORM, "password_again": PASSWORD})

    assert "Too many failed attempts. Wait 15 minutes" in locked.content.decode()
    assert not ApiKey.objects.exists()
    log_in = {"username": owner_of(account).email, "password": PASSWORD}
    assert Client().post("/login/", log_in).status_code == 200


def test_a_session_that_does_not_say_when_is_asked(owner):
    session = owner.session
    del session[fresh.TYPED_AT]
    session.save()

    assert ASKS in owner.post(KEYS, FORM).content.decode()


def test_the_log_in_page_and_a_changed_password_count_as_typed(account):
    client = Client()
    client.post("/login/", {"username": owner_of(account).email, "password": PASSWORD})
    assert fresh.is_fresh(client.session)

    typed_long_ago(client)
    new = {"new_password1": "tulips-in-winter", "new_password2": "tulips-in-winter"}
    client.post("/settings/profile/password/", {**new, "old_password": PASSWORD})

    assert fresh.is_fresh(client.session)


def test_a_dialog_is_asked_inside_itself(owner):
    htmx = {"HX-Request": "true"}

    asked = typed_long_ago(owner).post("/payments/auto-recharge/", {"enabled": "on"}, headers=htmx)

    page = asked.content.decode()
    assert asked.status_code == 422
    assert "<html" not in page
    assert 'hx-post="/payments/auto-recharge/" hx-target="#dialog-body"' in " ".join(page.split())
    assert hidden(page) == [("enabled", "on")]


# Their own forms ask for the password each time.
ASK_THEMSELVES = {
    "accounts:second_factor",
    "accounts:turn_off_second_factor",
    "accounts:recovery_codes",
}
# What takes something away at once is asked for nothing: nobody is kept from being charged less.
NOT_ASKED = {
    "accounts:members",
    "accounts:security",
    *ASK_THEMSELVES,
    "wallets:auto_recharge_off",
    "wallets:auto_recharge_preview",
    "wallets:auto_recharge_retry",
    "wallets:methods_added",
    # Nothing goes to an address that was not added by somebody who was asked.
    "wallets:billing",
    "wallets:choose_billing_address",
    "wallets:billing_address_link",
    "wallets:remove_billing_address",
    # These send nothing to an address that was not there before.
    "accounts:webhook_pause",
    "accounts:webhook_resume",
    "accounts:webhook_test",
    "accounts:webhook_remove",
    "accounts:webhook_delivery",
    "accounts:webhook_resend",
}
ABOUT = (
    "settings/api-keys/",
    "settings/webhooks/",
    "settings/members/",
    "settings/security/",
    "payments/methods/",
    "payments/auto-recharge/",
    "settings/billing/",
)


def test_every_route_about_them_asks_or_says_why_not():
    found = {
        f"{app}:{pattern.name}"
        for app in ("accounts", "wallets")
        for pattern in get_resolver(f"{app}.urls").url_patterns
        if str(pattern.pattern).startswith(ABOUT) or "/invite/" in str(pattern.pattern)
    }

    assert found - NOT_ASKED == fresh.asked()


@pytest.mark.parametrize(
    "path",
    [
        KEYS,
        KEYS + "{key}/rotate/",
        KEYS + "{key}/revoke/",
        "/settings/members/invite/",
        "/settings/members/{member}/role/",
        "/settings/members/{member}/remove/",
        "/settings/members/invitations/1/withdraw/",
        "/settings/security/sessions/1/end/",
        "/settings/security/sessions/end-others/",
        "/payments/methods/add/",
        "/payments/methods/pm_1/default/",
        "/payments/methods/pm_1/backup/",
        "/payments/methods/pm_1/remove/",
        "/payments/auto-recharge/",
    ],
)
def test_without_the_password_nothing_of_it_changes(account, owner, path):
    key, _ = make_key(account)
    member = add_member(account)
    form = {**FORM, "email": "x@example.com", "role": "admin"}
    before = [list(m.objects.order_by("pk").values()) for m in (ApiKey, Membership)]

    asked = typed_long_ago(owner).post(path.format(key=key.pk, member=member.pk), form)

    assert asked.status_code == 422
    assert ASKS in asked.content.decode()
    assert [list(m.objects.order_by("pk").values()) for m in (ApiKey, Membership)] == before
    assert not Invitation.objects.exists()


def test_reading_and_switching_off_ask_for_nothing(owner):
    typed_long_ago(owner)

    assert owner.get(KEYS).status_code == 200
    assert owner.get("/payments/auto-recharge/").status_code == 200
    off = owner.post(reverse("wallets:auto_recharge_off"))
    assert (off.status_code, off["Location"]) == (302, "/payments/")


class TestWithASecondFactor:
    @pytest.fixture(autouse=True)
    def codes(self, account):
        return turn_on(owner_of(account))

    def test_the_password_alone_is_not_enough(self, owner):
        asked = typed_long_ago(owner).post(KEYS, {**FORM, "password_again": PASSWORD})

        page = asked.content.decode()
        assert asked.status_code == 422
        assert 'name="code_again"' in page
        assert "This field is required." in page
        assert not ApiKey.objects.exists()

    def test_a_wrong_code_says_so_and_nothing_changes(self, account, owner):
        wrong = wrong_code(owner_of(account))
        form = {**FORM, "password_again": PASSWORD, "code_again": wrong}

        page = typed_long_ago(owner).post(KEYS, form).content.decode()

        assert "This code is wrong or was used before." in page
        assert wrong not in [value for _, value in hidden(page)]
        assert not ApiKey.objects.exists()

    def test_with_both_it_is_carried_out(self, account, owner):
        code = next_code(owner_of(account))
        form = {**FORM, "password_again": PASSWORD, "code_again": code}

        assert typed_long_ago(owner).post(KEYS, form).context["secret"]
        assert ApiKey.objects.count() == 1
        assert owner.post(KEYS, FORM).context["secret"]

    def test_a_recovery_code_does_as_well_once(self, owner, codes):
        form = {**FORM, "password_again": PASSWORD, "code_again": codes[0]}

        assert typed_long_ago(owner).post(KEYS, form).context["secret"]
        assert typed_long_ago(owner).post(KEYS, form).status_code == 422
        assert ApiKey.objects.count() == 1

    def test_beside_a_wrong_password_no_code_is_used_up(self, account, owner):
        code = next_code(owner_of(account))
        form = {**FORM, "password_again": "guess", "code_again": code}

        assert typed_long_ago(owner).post(KEYS, form).status_code == 422
        assert owner.post(KEYS, {**form, "password_again": PASSWORD}).context["secret"]
