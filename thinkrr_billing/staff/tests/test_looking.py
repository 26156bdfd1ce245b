"""Looking as a customer: for those allowed, visible, noted, and nothing can be changed."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.middleware import LOOKING_MAY
from accounts.models import Invitation, Membership, OpenSession, StaffAction, User
from accounts.people import fresh, members
from accounts.tests.authenticator import turn_on
from accounts.tests.builders import add_member, log_in_staff, make_staff, owner_of
from thinkrr_billing.staff.groups import BILLING, READ_ONLY, SUPPORT
from thinkrr_billing.staff.tests.phone import staff_client, url
from thinkrr_billing.staff.tests.routes import routes
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.tests.worlds.builders import make_wallet

pytestmark = pytest.mark.django_db

LOOK, STOP = "/looking/acquire/", "/looking/release/"


@pytest.fixture
def wallet() -> Wallet:
    return make_wallet(credit="20")


def look(client: Client, wallet: Wallet) -> Client:
    answer = client.post(LOOK, {"user_pk": owner_of(wallet.account).pk, "next": "/payments/"})
    assert answer.status_code == 302
    return client


@pytest.mark.parametrize("role", [SUPPORT, BILLING])
def test_those_allowed_see_the_customers_pages_with_a_strip(wallet, role):
    client = look(staff_client(role), wallet)

    shown = client.get("/payments/").content.decode()

    assert "You are looking as" in shown
    assert owner_of(wallet.account).email in shown
    assert "$20.00" in shown


def test_it_is_noted_in_the_accounts_timeline_when_it_begins_and_ends(wallet):
    client = look(staff_client(SUPPORT), wallet)
    client.post(STOP, {"next": "/admin/"})

    noted = StaffAction.objects.filter(account=wallet.account).order_by("pk")
    assert [action.kind for action in noted] == ["look_as_customer", "stop_looking"]


def test_neither_looking_nor_stopping_counts_as_typing_a_password(wallet):
    client = staff_client(SUPPORT)
    assert fresh.TYPED_AT in client.session

    look(client, wallet)
    while_looking = fresh.is_fresh(client.session)
    client.post(STOP, {"next": "/admin/"})

    assert (while_looking, fresh.is_fresh(client.session)) == (False, False)


def test_whoever_stops_looking_is_asked_for_a_code_again(wallet):
    client = look(staff_client(SUPPORT), wallet)

    answer = client.post(STOP, {"next": "/admin/"}, follow=True)

    assert answer.request["PATH_INFO"].startswith("/admin/second-factor/")


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/payments/auto-recharge/", {"enabled": "on", "threshold": "10", "amount": "50"}),
        ("/payments/recharge/", {"amount": "50", "buys": "credit", "form_key": "k"}),
        ("/payments/methods/add/", {}),
        ("/settings/", {"name": "Another"}),
        ("/settings/api-keys/", {"name": "Mine", "scopes": "write"}),
        ("/settings/members/invite/", {"email": "me@example.com", "role": "owner"}),
        ("/settings/profile/", {"name": "Another"}),
        ("/notifications/read/", {}),
        ("/campaigns/resume/", {}),
    ],
)
def test_nothing_is_changed_while_looking(wallet, path, sent):
    client = look(staff_client(BILLING), wallet)
    before = (
        Wallet.objects.values().get(),
        AutoRecharge.objects.values().get(),
        wallet.account.api_keys.count(),
    )

    answer = client.post(path, sent)

    assert answer.status_code == 403
    assert "nothing can be changed" in answer.content.decode()
    after = (
        Wallet.objects.values().get(),
        AutoRecharge.objects.values().get(),
        wallet.account.api_keys.count(),
    )
    assert after == before
    assert not Purchase.objects.exists()


def test_pages_offer_nothing_to_press_while_looking(wallet):
    client = look(staff_client(BILLING), wallet)

    assert client.get("/payments/").wsgi_request.permissions == {"see"}


def test_while_looking_the_admin_is_closed(wallet):
    client = look(staff_client(BILLING), wallet)

    assert client.get("/admin/wallets/purchase/", follow=True).status_code == 403


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(lambda: staff_client(READ_ONLY), id="a role without the right"),
        pytest.param(lambda: _without_second_factor(), id="without the second factor"),
        pytest.param(lambda: _customer(), id="a customer"),
    ],
)
def test_nobody_else_looks(wallet, client):
    answer = client().post(LOOK, {"user_pk": owner_of(wallet.account).pk})

    assert answer.status_code == 403
    assert not StaffAction.objects.exists()


def _without_second_factor() -> Client:
    client = Client()
    client.force_login(make_staff())
    return client


def _customer() -> Client:
    client = Client()
    client.force_login(owner_of(make_wallet().account))
    return client


@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
def test_nobody_looks_as_staff(wallet, rights):
    colleague = add_member(wallet.account)
    type(colleague).objects.filter(pk=colleague.pk).update(**rights)

    answer = log_in_staff(Client(), make_staff()).post(LOOK, {"user_pk": colleague.pk})

    assert answer.status_code == 403


def test_the_account_page_offers_it_for_customers_to_those_allowed(wallet):
    page = url("accounts.account", "change", wallet.account_id)

    assert "Look as this person" in staff_client(SUPPORT).get(page).content.decode()
    assert "Look as this person" not in staff_client(READ_ONLY).get(page).content.decode()


def test_while_looking_nothing_that_writes_is_answered_whatever_the_page(wallet):
    client = look(staff_client(SUPPORT), wallet)
    writing = {path for name, path in routes() if name not in LOOKING_MAY}

    taken = {
        (method, path): answer.status_code
        for path in sorted(writing)
        for method in ("post", "put", "patch", "delete")
        # 405: what machines ask, which nobody can write to.
        if (answer := getattr(client, method)(path)).status_code not in (403, 405)
    }

    assert len(writing) > 150
    assert taken == {}
    assert client.get("/payments/").status_code == 200


def test_while_looking_no_invitation_is_accepted_and_nobody_joins(wallet):
    other = make_wallet().account
    customer = owner_of(wallet.account)
    members.invite(account=other, email=customer.email, role="owner", invited_by=owner_of(other))
    members.invite(account=other, email="new@example.com", role="owner", invited_by=owner_of(other))
    client = look(staff_client(SUPPORT), wallet)
    before = Membership.objects.count(), User.objects.count()

    codes = [
        client.post(
            one.path,
            {"name": "Me", "password": "a long enough sentence 9"},
        ).status_code
        for one in Invitation.objects.order_by("pk")
    ]

    assert codes == [403, 403]
    assert (Membership.objects.count(), User.objects.count()) == before
    assert not Invitation.objects.filter(accepted_at__isnull=False).exists()


@pytest.mark.parametrize("page", ["", "second-factor/", "second-factor/off/", "recovery-codes/"])
def test_while_looking_nobody_sees_how_the_customer_logs_in_or_where(wallet, page):
    customer = owner_of(wallet.account)
    turn_on(customer)
    Client().force_login(customer)
    client = look(staff_client(SUPPORT), wallet)

    answer = client.get(f"/settings/security/{page}")

    assert answer.status_code == 403
    assert "Only the customer sees how they log in, and where." in answer.content.decode()


def test_looking_needs_no_code_of_the_customer_and_is_none_of_their_sessions(wallet):
    customer = owner_of(wallet.account)
    turn_on(customer)
    client = look(staff_client(SUPPORT), wallet)

    assert client.get("/payments/").status_code == 200
    assert not OpenSession.objects.filter(user=customer).exists()


def test_while_looking_no_page_that_is_opened_writes_anything(wallet):
    client = look(staff_client(SUPPORT), wallet)
    paths = [path for name, path in routes() if not name.startswith(("admin:", "djstripe:"))]

    written = {}
    for path in paths:
        if "/login/" in path or "/logout/" in path:
            continue
        with CaptureQueriesContext(connection) as asked:
            client.get(path)
        changes = [one["sql"] for one in asked if _writes(one["sql"])]
        if changes:
            written[path] = changes

    assert len(paths) > 50
    assert written == {}
    assert "You are looking as" in client.get("/payments/").content.decode()


def _writes(sql: str) -> bool:
    return sql.startswith(("INSERT", "UPDATE", "DELETE")) and "django_session" not in sql
