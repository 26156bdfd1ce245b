"""The admin of people, accounts and keys: looked at by staff, changed by buttons only."""

import pytest

from accounts import models
from accounts.telling.notifications import alert_staff, notify
from accounts.tests.builders import log_in_staff, make_individual, make_key, make_staff, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.journey]

ALL = [
    "user",
    "account",
    "apikey",
    "notification",
    "agencynotice",
    "staffalert",
    "invitation",
    "failedlogin",
    "staffaction",
    "auditentry",
    "jobrun",
]
WRITTEN_BY_CODE = [name for name in ALL if name not in ("user", "account")]


@pytest.fixture
def staff(client):
    return log_in_staff(client, make_staff(email="support@example.com"))


@pytest.mark.parametrize("name", ALL)
def test_every_list_opens_can_be_searched_and_exported(staff, name):
    assert staff.get(f"/admin/accounts/{name}/?q=ada").status_code == 200
    assert staff.get(f"/admin/accounts/{name}/export/?q=ada").status_code == 200


def test_a_keys_secret_and_an_invitations_nonce_are_not_shown(staff):
    key, token = make_key(make_individual())

    page = staff.get(f"/admin/accounts/apikey/{key.pk}/change/").content.decode()

    assert key.prefix in page
    assert key.secret_hash not in page


@pytest.mark.parametrize("name", WRITTEN_BY_CODE)
def test_what_code_wrote_is_not_added_by_hand(staff, name):
    assert staff.get(f"/admin/accounts/{name}/add/").status_code == 403


def test_what_was_told_is_not_rewritten(staff):
    row = notify(account=make_individual(), kind="calls", text="As it was", mail=False)

    staff.post(f"/admin/accounts/notification/{row.pk}/change/", {"text": "Rewritten"})
    staff.post(f"/admin/accounts/notification/{row.pk}/delete/", {"post": "yes"})

    assert models.Notification.objects.get().text == "As it was"


@pytest.mark.parametrize("name", ["account", "user"])
def test_accounts_and_people_are_never_deleted(staff, name):
    account = make_individual()
    pk = account.pk if name == "account" else account.memberships.get().user_id

    assert staff.post(f"/admin/accounts/{name}/{pk}/delete/", {"post": "yes"}).status_code == 403
    assert models.Account.objects.filter(pk=account.pk).exists()
    assert models.Membership.objects.filter(account=account).exists()


@pytest.mark.parametrize("name", ALL)
def test_no_list_changes_rows_in_bulk(staff, name):
    account = make_individual()
    sent = {"action": "delete_selected", "_selected_action": [account.pk], "post": "yes"}

    staff.post(f"/admin/accounts/{name}/", sent)

    assert models.Account.objects.filter(pk=account.pk).exists()


def button(staff, page, **fields):
    """Press a button of the staff: the dialog's form, filled."""
    sent = {
        "_form_submitted": "True",
        "reason": "Asked on the phone",
        "form_key": "0b8f1a52-6c1d-4f0e-9d6b-2f1c6f0a7e11",
    }
    return staff.post(f"/admin/accounts/{page}/", sent | fields)


def test_support_revokes_a_key_and_says_why(staff):
    key, _ = make_key(make_individual())

    assert button(staff, f"apikey/{key.pk}/revoke").status_code == 303

    key.refresh_from_db()
    action = models.StaffAction.objects.get()
    assert key.revoked_at is not None
    assert (action.kind, action.state, action.reason) == ("revoke", "done", "Asked on the phone")
    assert action.account == key.account


def test_a_platform_key_is_revoked_too(staff):
    key, _ = make_key(None)

    button(staff, f"apikey/{key.pk}/revoke")

    key.refresh_from_db()
    assert key.revoked_at is not None


def test_without_a_reason_nothing_is_done(staff):
    key, _ = make_key(make_individual())

    answer = button(staff, f"apikey/{key.pk}/revoke", reason=" ")

    key.refresh_from_db()
    assert "This field is required" in answer.content.decode()
    assert key.revoked_at is None
    assert not models.StaffAction.objects.exists()


def test_a_notification_is_sent_again_once_however_often_the_button_is_pressed(staff):
    told = notify(account=make_individual(), kind="calls", text="Hello", dedupe_key="once")

    button(staff, f"notification/{told.pk}/mail_again")
    button(staff, f"notification/{told.pk}/mail_again")

    again = models.Notification.objects.exclude(pk=told.pk).get()
    assert (again.text, again.mail_due_at is not None) == ("Hello", True)
    assert models.StaffAction.objects.count() == 1


def test_support_closes_an_alert(staff):
    alert = alert_staff(kind="unknown_payment", text="Ask Stripe.")

    button(staff, f"staffalert/{alert.pk}/close")

    alert.refresh_from_db()
    assert alert.closed_at is not None


def test_customers_have_no_admin(client):
    account = make_individual()
    client.force_login(account.memberships.get().user)

    assert client.get("/admin/accounts/account/").status_code == 302
    assert client.get("/admin/login/").status_code == 403


def test_staff_without_a_second_factor_see_nothing(client):
    client.force_login(make_user(is_staff=True, is_superuser=True))

    answer = client.get("/admin/accounts/account/", follow=True)

    assert answer.request["PATH_INFO"] == "/admin/second-factor/set-up/"


def test_those_who_only_look_at_a_person_see_nothing_of_the_password(client):
    person = make_user()
    page = f"/admin/accounts/user/{person.pk}/change/"

    looked = log_in_staff(client, make_staff("Read-only")).get(page).content.decode()
    managed = log_in_staff(client, make_staff()).get(page).content.decode()

    assert "pbkdf2" not in looked
    assert "hash" not in looked.lower()
    assert "pbkdf2" in managed or "md5" in managed


def test_a_list_of_very_many_says_that_it_is_more_than_was_counted(client, monkeypatch):
    monkeypatch.setattr("accounts.admin.base.COUNT_UP_TO", 2)
    for _ in range(3):
        make_user()

    listed = log_in_staff(client, make_staff()).get("/admin/accounts/user/")

    shown = " ".join(listed.content.decode().split())
    assert "more than 2 results" in shown
    assert "more than 2 users" in shown
    assert "2000 results" not in shown
    assert "2000 users" not in shown
