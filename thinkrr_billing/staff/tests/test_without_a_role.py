"""Staff without a role: no page, no figure, no search; and nobody finds what they may not see."""

import pytest
from django.contrib.auth.models import Group, Permission

from accounts.tests.builders import add_member, owner_of
from tests.databases import as_owner
from thinkrr_billing.staff.tests.phone import ROLES, staff_client
from thinkrr_billing.staff.tests.routes import routes
from wallets.models import Wallet
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import buy

pytestmark = pytest.mark.django_db

FIND = "/admin/find/"
# What staff open before they are anybody: the way in.
WAYS_IN = {"admin:login", "admin:second_factor", "admin:second_factor_set_up"}


@pytest.fixture
def wallet() -> Wallet:
    return make_wallet(credit="20")


def test_without_a_role_nothing_of_the_admin_opens():
    client = staff_client("No such group")
    closed = [(name, path) for name, path in routes() if name.startswith("admin:")]

    answers = {
        path: (client.get(path, follow=True).status_code, client.post(path).status_code)
        for name, path in closed
        if name not in WAYS_IN and "logout" not in name
    }

    assert len(answers) > 100
    shut = {(403, 302), (403, 403)}
    assert {path: codes for path, codes in answers.items() if codes not in shut} == {}


@pytest.mark.parametrize("asked", ["Brightline", "4242", "ada@example.com", "cus_1"])
def test_without_a_role_nobody_is_found(wallet, asked):
    client = staff_client("No such group")

    shown = client.get(FIND, {"q": asked}, follow=True)

    assert shown.status_code == 403
    assert wallet.account.name not in shown.content.decode()


def test_whoever_has_no_role_reads_how_to_get_one():
    shown = staff_client("No such group").get("/admin/", follow=True)

    assert shown.status_code == 403
    assert "You have no role yet" in shown.content.decode()


def make_role_for_purchases() -> str:
    """Roles are made by `migrate` alone."""
    with as_owner():
        role = Group.objects.create(name="Purchases only")
        role.permissions.add(Permission.objects.get(codename="view_purchase"))
    return role.name


def test_the_search_finds_only_what_a_role_may_see(wallet):
    paid = buy(wallet)
    client = staff_client(make_role_for_purchases())

    found = client.get(FIND, {"q": str(paid.pk)})
    hidden = [
        client.get(FIND, {"q": text}).context["sections"]
        for text in (wallet.account.name, str(wallet.account_id), owner_of(wallet.account).email)
    ]

    assert found.status_code == 302
    assert hidden == [[], [], []]


def test_what_fills_in_a_field_and_the_box_above_the_menu_know_what_a_role_may_see(wallet):
    client = staff_client(make_role_for_purchases())
    name = wallet.account.name
    asked = {"app_label": "wallets", "model_name": "purchase", "field_name": "payer", "term": name}

    filled = client.get("/admin/autocomplete/", asked)
    listed = client.get("/admin/search/", {"s": "a", "extended": "1"}).content.decode()
    pages = client.get("/admin/").content.decode()

    assert filled.status_code == 403
    assert "/admin/accounts/account/" not in listed + pages.replace(FIND, "")
    assert name not in listed


def test_who_may_not_look_is_shown_no_list_of_people_to_look_as(wallet):
    colleague = add_member(wallet.account)
    client = staff_client("No such group")

    answer = client.post("/looking/acquire/", {"user_pk": colleague.pk})

    assert answer.status_code == 403
    assert colleague.email not in answer.content.decode()


@pytest.mark.parametrize("role", [*ROLES, None])
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"app_label": "wallets"},
        {"app_label": "wallets", "model_name": "purchase"},
        {"app_label": "nobody", "model_name": "nothing", "field_name": "none"},
        {"app_label": "wallets", "model_name": "purchase", "field_name": "state"},
    ],
)
def test_what_fills_in_a_field_refuses_to_guess_which(role, asked):
    client = staff_client(*filter(None, [role]))

    assert client.get("/admin/autocomplete/", asked).status_code in (400, 403)
