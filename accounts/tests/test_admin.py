import pytest

from accounts import models
from accounts.notifications import alert_staff, notify
from accounts.tests.builders import make_individual, make_key, make_user

pytestmark = pytest.mark.django_db

ALL = ["user", "account", "apikey", "notification", "staffalert", "invitation", "failedlogin"]


@pytest.fixture
def staff(client):
    client.force_login(make_user("support@example.com", is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("name", ALL)
def test_every_list_opens_and_can_be_searched(staff, name):
    assert staff.get(f"/admin/accounts/{name}/?q=ada").status_code == 200


def test_a_keys_secret_and_an_invitations_nonce_are_not_shown(staff):
    key, token = make_key(make_individual())

    page = staff.get(f"/admin/accounts/apikey/{key.pk}/change/").content.decode()

    assert key.prefix in page
    assert key.secret_hash not in page


@pytest.mark.parametrize("name", ["notification", "staffalert", "invitation", "failedlogin"])
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


def test_support_revokes_keys_and_closes_alerts(staff):
    key, _ = make_key(make_individual())
    alert = alert_staff(kind="unknown_payment", text="Ask Stripe.")

    for name, action, pk in [("apikey", "revoke", key.pk), ("staffalert", "close", alert.pk)]:
        staff.post(
            f"/admin/accounts/{name}/", {"action": action, "_selected_action": [pk]}, follow=True
        )

    key.refresh_from_db()
    alert.refresh_from_db()
    assert key.revoked_at is not None
    assert alert.closed_at is not None


def test_customers_have_no_admin(client):
    account = make_individual()
    client.force_login(account.memberships.get().user)

    assert client.get("/admin/accounts/account/").status_code == 302
