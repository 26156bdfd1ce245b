from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts import clock
from accounts.models import Account, ApiKey, FailedLogin, Invitation, Membership, Role, User
from accounts.people import api_keys, members, opening
from accounts.tests.builders import (
    PASSWORD,
    add_member,
    close,
    make_agency,
    make_individual,
    make_key,
    make_sub_account,
    make_user,
    owner_of,
)

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
FACTS = {
    "name": "Ada & Sons",
    "timezone": "Europe/Berlin",
    "billing_name": "Ada Ltd",
    "billing_address": "1 Road, Berlin",
    "tax_id": "DE123",
}


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def account():
    return make_individual()


@pytest.fixture
def owner(account):
    return client_of(owner_of(account))


class TestAccount:
    def test_an_owner_saves_the_settings(self, account, owner):
        response = owner.post("/settings/", FACTS)

        assert response["Location"] == "/settings/"
        account.refresh_from_db()
        assert {name: getattr(account, name) for name in FACTS} == FACTS

    @pytest.mark.parametrize(
        "change", [{"name": ""}, {"name": "x" * 121}, {"timezone": "Mars"}, {"tax_id": "9" * 999}]
    )
    def test_what_cannot_be_used_changes_nothing(self, owner, change):
        response = owner.post("/settings/", {**FACTS, **change})

        assert response.status_code == 422
        assert Account.objects.get().name == "Ada Lovelace"
        assert response.context["current_account"].name == "Ada Lovelace"

    def test_fields_that_are_not_on_the_form_are_ignored(self, account, owner):
        extra = {"included_minutes": "1000", "kind": "agency", "stripe_customer": "cus_x"}
        owner.post("/settings/", {**FACTS, **extra})

        account.refresh_from_db()
        assert (account.included_minutes, account.kind) == (0, "individual")
        assert account.stripe_customer is None


WRITES = [
    ("/settings/", FACTS),
    ("/settings/api-keys/", {"name": "K", "scopes": ["read"], "expires": ""}),
    ("/settings/api-keys/{key}/revoke/", {}),
    ("/settings/api-keys/{key}/rotate/", {}),
    ("/settings/members/invite/", {"email": "x@example.com", "role": "member"}),
    ("/settings/members/{owner}/role/", {"role": "member"}),
    ("/settings/members/{owner}/remove/", {}),
    ("/settings/members/invitations/1/withdraw/", {}),
]


@pytest.mark.parametrize(("path", "form"), WRITES)
@pytest.mark.parametrize("who", ["member", "agency owner", "agency member", "owner when closed"])
def test_whoever_only_sees_is_refused_every_write_and_nothing_changes(path, form, who):
    account = make_sub_account()
    add_member(account, Role.OWNER)
    key, _ = make_key(account)
    people = {
        "member": lambda: add_member(account),
        "agency owner": lambda: owner_of(account.agency),
        "agency member": lambda: add_member(account.agency),
        "owner when closed": lambda: add_member(close(account), Role.OWNER),
    }
    client = client_of(people[who]())
    client.post("/accounts/switch/", {"account": str(account.pk)})
    target = account.memberships.order_by("pk").first().user_id
    before = [list(m.objects.order_by("pk").values()) for m in (Account, ApiKey, Membership)]

    response = client.post(path.format(key=key.pk, owner=target), form)

    assert response.status_code == 403
    assert "may" in response.content.decode() or "closed" in response.content.decode()
    after = [list(m.objects.order_by("pk").values()) for m in (Account, ApiKey, Membership)]
    assert [[{**r, "last_login": 0} for r in rows] for rows in after] == [
        [{**r, "last_login": 0} for r in rows] for rows in before
    ]
    assert not Invitation.objects.exists()
    for page in ["/settings/", "/settings/members/", "/settings/api-keys/"]:
        shown = client.get(page)
        assert shown.status_code == 200
        assert "Make API key" not in shown.content.decode()


class TestMembers:
    def test_inviting_shows_the_invitation_and_withdrawing_removes_it(self, owner):
        owner.post("/settings/members/invite/", {"email": "New@example.com", "role": "admin"})
        page = owner.get("/settings/members/").content.decode()
        assert "new@example.com" in page
        assert "as Admin" in page

        invitation = Invitation.objects.get()
        owner.post(f"/settings/members/invitations/{invitation.pk}/withdraw/")
        assert not Invitation.objects.exists()

    @pytest.mark.parametrize(
        ("form", "sentence"),
        [
            ({"email": "nobody", "role": "admin"}, "Enter a valid email address"),
            ({"email": "x@example.com", "role": "king"}, "Select a valid choice"),
            ({"email": "ADA@example.com", "role": "member"}, "is already in Ada Lovelace"),
        ],
    )
    def test_an_invitation_that_cannot_be_sent_says_why(self, owner, form, sentence):
        User.objects.update(email="ada@example.com")

        response = owner.post("/settings/members/invite/", form)

        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert not Invitation.objects.exists()

    @pytest.fixture
    def awaiting(self):
        return opening.add_sub_account(
            agency=make_agency(), name="Northside", owner_email="old@example.com"
        )

    @pytest.fixture
    def agencys(self, awaiting):
        """The agency's owner, at work in the sub-account."""
        client = client_of(owner_of(awaiting.agency))
        client.post("/accounts/switch/", {"account": str(awaiting.pk)})
        return client

    def test_until_its_owner_joins_the_agency_may_send_again_or_correct(self, agencys):
        page = agencys.get("/settings/members/").content.decode()
        assert "Invite its owner" in page
        assert 'name="role" value="owner"' in page
        form = {"email": "dentist@example.com", "role": "owner"}

        assert agencys.post("/settings/members/invite/", form).status_code == 302
        assert agencys.post("/settings/members/invite/", form).status_code == 302
        assert Invitation.objects.get().email == "dentist@example.com"

    def test_the_agency_invites_nobody_but_the_first_owner(self, agencys):
        for role in ("member", "admin"):
            form = {"email": "mine@example.com", "role": role}
            refused = agencys.post("/settings/members/invite/", form)
            assert refused.status_code == 422
            assert "The first to join Northside is its owner" in refused.content.decode()
        assert Invitation.objects.get().email == "old@example.com"

    def test_once_somebody_has_joined_the_agency_invites_nobody(self, awaiting, agencys):
        add_member(awaiting, Role.OWNER)

        for role in Role:
            late = {"email": "late@example.com", "role": role.value}
            assert agencys.post("/settings/members/invite/", late).status_code == 403
        assert Invitation.objects.get().email == "old@example.com"

    def test_the_page_says_who_invited_whom_and_which_invitation_has_died(self, account, owner):
        person = owner_of(account)
        User.objects.filter(pk=person.pk).update(name="Ada", email="ada@example.com")
        admin = add_member(account, Role.ADMIN, user=make_user("bob@example.com", name="Bob"))
        joins = members.invite(
            account=account, email="c@example.com", role="member", invited_by=person
        )
        members.accept(token=joins.path.split("/")[-2], user=make_user("c@example.com"))
        members.invite(account=account, email="d@example.com", role="member", invited_by=admin)
        User.objects.filter(pk=admin.pk).update(is_active=False)

        page = " ".join(owner.get("/settings/members/").content.decode().split())

        assert "c@example.com · Invited by Ada (ada@example.com)" in page
        assert "Invited by Bob (bob@example.com) · No longer valid: whoever sent it" in page

    def test_roles_change_and_people_go(self, account, owner):
        member = add_member(account)

        owner.post(f"/settings/members/{member.pk}/role/", {"role": "admin"})
        assert member.memberships.get().role == "admin"
        owner.post(f"/settings/members/{member.pk}/remove/")
        assert not member.memberships.exists()

    def test_the_last_owner_can_neither_step_down_nor_leave(self, account, owner):
        user = owner_of(account)

        for path, form in [("role", {"role": "admin"}), ("remove", {})]:
            response = owner.post(f"/settings/members/{user.pk}/{path}/", form)
            assert response.status_code == 409
            assert "Make somebody else an owner first" in response.content.decode()
        assert user.memberships.get().role == "owner"

    def test_a_member_may_leave(self, account):
        member = add_member(account)

        client_of(member).post(f"/settings/members/{member.pk}/remove/")

        assert not member.memberships.exists()

    @pytest.mark.parametrize("user_id", [-0, 10**30, 999_999_999])
    def test_somebody_unknown_is_404(self, owner, user_id):
        response = owner.post(f"/settings/members/{user_id}/role/", {"role": "admin"})

        assert response.status_code == 404


class TestKeys:
    def test_a_new_key_is_shown_once_and_works(self, account, owner):
        form = {"name": "Dialer", "scopes": ["read", "write"], "expires": "30"}
        with clock.at(NOW):
            page = owner.post("/settings/api-keys/", form)

        token = page.context["secret"]
        assert token in page.content.decode()
        key = api_keys.verify(token=token)
        assert (key.account, key.scopes) == (account, ["read", "write"])
        assert key.expires_at == NOW + timedelta(days=30)
        again = owner.get("/settings/api-keys/").content.decode()
        assert token not in again
        assert f"tb_{key.prefix}_…" in again

    @pytest.mark.parametrize(
        "change", [{"scopes": ["calls"]}, {"scopes": []}, {"name": ""}, {"expires": "5"}]
    )
    def test_reporting_calls_is_not_given_here_and_bad_forms_make_nothing(self, owner, change):
        form = {"name": "Dialer", "scopes": ["read"], "expires": "", **change}

        assert owner.post("/settings/api-keys/", form).status_code == 422
        assert not ApiKey.objects.exists()

    def test_a_key_is_revoked(self, account, owner):
        key, token = make_key(account)

        owner.post(f"/settings/api-keys/{key.pk}/revoke/")

        assert api_keys.verify(token=token) is None
        assert "Revoked" in owner.get("/settings/api-keys/").content.decode()

    def test_a_key_of_another_account_is_404(self, owner):
        key, token = make_key(make_agency())

        assert owner.post(f"/settings/api-keys/{key.pk}/revoke/").status_code == 404
        assert owner.post(f"/settings/api-keys/{key.pk}/rotate/").status_code == 404
        assert api_keys.verify(token=token) == key
        assert ApiKey.objects.count() == 1

    def test_a_key_is_rotated_and_the_new_one_shown_once(self, account, owner):
        key, token = make_key(account, "read")

        page = owner.post(f"/settings/api-keys/{key.pk}/rotate/")

        shown = page.context["secret"]
        new = ApiKey.objects.get(prefix=shown.split("_")[1])
        assert shown in page.content.decode()
        assert new.created_by == owner_of(account)
        assert api_keys.verify(token=token) == key
        listed = " ".join(owner.get("/settings/api-keys/").content.decode().split())
        assert shown not in listed
        assert f"replaced by <code>tb_{new.prefix}_…</code>, works until" in listed
        assert f"/settings/api-keys/{new.pk}/rotate/" in listed
        assert f"/settings/api-keys/{key.pk}/rotate/" not in listed
        assert f"/settings/api-keys/{key.pk}/revoke/" in listed

    def test_sending_the_form_twice_rotates_once_and_says_so(self, account, owner):
        key, _ = make_key(account)
        owner.post(f"/settings/api-keys/{key.pk}/rotate/")

        again = owner.post(f"/settings/api-keys/{key.pk}/rotate/", follow=True)

        assert "has been rotated already" in again.content.decode()
        assert again.redirect_chain == [("/settings/api-keys/", 302)]
        assert ApiKey.objects.count() == 2

    def test_a_key_that_has_expired_says_so_and_offers_nothing(self, account, owner):
        key, _ = make_key(account)
        ApiKey.objects.update(expires_at=clock.now() - timedelta(seconds=1))

        page = owner.get("/settings/api-keys/").content.decode()

        assert "Expired" in page
        assert f"/settings/api-keys/{key.pk}/" not in page

    def test_a_key_is_limited_to_addresses(self, owner):
        form = {"name": "Dialer", "scopes": ["read"], "expires": ""}
        owner.post(
            "/settings/api-keys/", {**form, "addresses": "203.0.113.0/24, 2001:db8::1\n10.0.0.7"}
        )

        key = ApiKey.objects.get()
        assert key.addresses == ["203.0.113.0/24", "2001:db8::1/128", "10.0.0.7/32"]
        page = " ".join(owner.get("/settings/api-keys/").content.decode().split())
        assert "Only from 203.0.113.0/24, 2001:db8::1/128, 10.0.0.7/32." in page

    def test_addresses_that_are_none_are_refused_beside_their_field(self, owner):
        form = {"name": "Dialer", "scopes": ["read"], "expires": "", "addresses": "203.0.113"}

        answer = owner.post("/settings/api-keys/", form)

        assert answer.status_code == 422
        assert "“203.0.113” is no IP address or network" in answer.content.decode()
        assert 'value="203.0.113"' in answer.content.decode()
        assert not ApiKey.objects.exists()


class TestProfile:
    def test_name_and_theme_are_saved(self, account, owner):
        response = owner.post("/settings/profile/", {"name": "Ada L.", "theme": "dark"})

        assert response.cookies["theme"].value == "dark"
        user = owner_of(account)
        assert (user.name, user.theme) == ("Ada L.", "dark")

    def test_the_systems_theme_takes_the_cookie_away(self, owner):
        response = owner.post("/settings/profile/", {"name": "", "theme": "system"})

        assert response.cookies["theme"]["max-age"] == 0

    def test_nobody_makes_themselves_staff(self, account, owner):
        form = {"name": "A", "theme": "dark", "is_staff": "on", "is_superuser": "on"}
        owner.post("/settings/profile/", {**form, "email": "x@example.com"})

        user = owner_of(account)
        assert (user.is_staff, user.is_superuser) == (False, False)
        assert user.email != "x@example.com"

    def test_a_new_password_ends_the_other_sessions(self, account, owner):
        elsewhere = client_of(owner_of(account))
        form = {"old_password": PASSWORD, "new_password1": "tulips-in-winter"}

        response = owner.post(
            "/settings/profile/password/", {**form, "new_password2": "tulips-in-winter"}
        )

        assert response["Location"] == "/settings/profile/"
        assert owner.get("/settings/").status_code == 200
        assert elsewhere.get("/settings/")["Location"].startswith("/login/")

    def test_without_the_old_password_nothing_changes(self, account, owner):
        form = {"old_password": "x", "new_password1": "tulips-in-w", "new_password2": "tulips-in-w"}

        assert owner.post("/settings/profile/password/", form).status_code == 422
        assert owner_of(account).check_password(PASSWORD)

    def test_the_old_password_is_guessed_ten_times_and_no_more(self, account, owner):
        form = {"new_password1": "tulips-in-winter", "new_password2": "tulips-in-winter"}
        path = "/settings/profile/password/"
        guesses = [owner.post(path, {**form, "old_password": f"guess {n}"}) for n in range(10)]

        locked = owner.post(path, {**form, "old_password": PASSWORD})

        assert {guess.status_code for guess in guesses} == {422}
        assert locked.status_code == 422
        assert "Too many failed attempts. Wait 15 minutes" in locked.content.decode()
        assert owner_of(account).check_password(PASSWORD)
        # Counted together with log-ins of this person from this machine, and from nowhere else.
        log_in = {"username": owner_of(account).email, "password": PASSWORD}
        assert Client().post("/login/", log_in).status_code == 200
        assert Client().post("/login/", log_in, REMOTE_ADDR="10.0.0.2").status_code == 302

    def test_nine_wrong_old_passwords_are_forgotten_with_the_right_one(self, account, owner):
        path = "/settings/profile/password/"
        form = {"new_password1": "tulips-in-winter", "new_password2": "tulips-in-winter"}
        for number in range(9):
            owner.post(path, {**form, "old_password": f"guess {number}"})

        assert owner.post(path, {**form, "old_password": PASSWORD}).status_code == 302
        assert owner_of(account).check_password("tulips-in-winter")
        assert not FailedLogin.objects.exists()
