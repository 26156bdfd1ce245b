"""Support searches across all cells, and works in the one of what it looks at."""

import pytest
from django.contrib import admin
from django.db import OperationalError

from accounts.cells import place
from accounts.cells.place import inside
from accounts.models import StaffAction
from accounts.telling.notifications import alert_staff
from accounts.tests.builders import owner_of
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.cells import homes
from thinkrr_billing.cells.homes import Home
from thinkrr_billing.staff import cells, find
from thinkrr_billing.staff.tests.phone import press, said, staff_client, url
from thinkrr_billing.tests.cells.worlds import wallet_in
from wallets.balances import blocking
from wallets.models import StripeEvent, Wallet

pytestmark = pytest.mark.usefixtures("two_cells")


@pytest.fixture
def support():
    return staff_client()


def shown(response):
    assert response.status_code == 200
    return response.content.decode()


def test_one_search_finds_what_is_in_any_cell(support):
    names = []
    for cell, credit in ((FIRST, "11"), (SECOND, "23")):
        account = wallet_in(cell, credit=credit).account
        with inside(cell):
            account.name = f"Brightline {cell}"
            account.save(update_fields=["name"])
        names.append(account.name)

    page = shown(support.get("/admin/find/", {"q": "Brightline"}))

    assert all(name in page for name in names)


def test_a_search_says_which_cell_is_away_and_shows_what_the_others_have(support, monkeypatch):
    account, kinds = wallet_in(SECOND).account, find._kinds

    def away(text):
        if place.current() == FIRST:
            raise OperationalError("the server closed the connection")
        return kinds(text)

    monkeypatch.setattr(find, "_kinds", away)
    page = shown(support.get("/admin/find/", {"q": str(account)}))

    assert "The cell first cannot be asked" in page
    assert url("accounts.account", "change", account.pk) in page


def test_what_is_everybodys_is_found_once(support):
    StripeEvent.objects.create(event_id="evt_1", type="charge.refunded", payload={})

    answer = support.get("/admin/find/", {"q": "evt_1"})

    # The page of the one hit opens at once.
    assert answer["Location"] == url("wallets.stripeevent", "change", StripeEvent.objects.get().pk)


@pytest.mark.parametrize("cell", [FIRST, SECOND])
def test_an_account_opens_in_its_cell_and_lists_stay_there(support, cell):
    wallet = wallet_in(cell, credit="23")
    other = wallet_in(SECOND if cell == FIRST else FIRST, credit="11")

    page = shown(support.get(url("accounts.account", "change", wallet.account_id)))
    listed = shown(support.get(url("wallets.wallet", "changelist")))

    assert "$23.00" in page
    assert f"In cell <strong>{cell}</strong>" in page
    assert str(wallet.account) in listed
    assert url("wallets.wallet", "change", other.pk) not in listed


def test_a_button_works_in_the_cell_of_its_account_alone(support):
    wallets = [wallet_in(cell) for cell in (FIRST, SECOND)]
    for cell, wallet in zip((FIRST, SECOND), wallets, strict=True):
        with inside(cell):
            blocking.block(wallet_ids=[wallet.pk], reason=Wallet.Blocked.BOOKS)
    support.get("/admin/", {"cell": FIRST})

    answer = press(support, "accounts.account", "unblock", wallets[1].account_id)

    assert "The block is lifted" in said(answer)
    for cell, blocked in ((FIRST, "books"), (SECOND, "")):
        with inside(cell):
            assert [one.blocked_reason for one in Wallet.objects.all()] == [blocked]


def test_a_cell_is_chosen_by_the_address_and_kept(support):
    wallet_in(FIRST, credit="-1")
    assert "In cell <strong>first</strong>" in shown(support.get("/admin/"))

    answer = support.get("/admin/wallets/wallet/?cell=second&balance=debt")

    assert answer["Location"] == "/admin/wallets/wallet/?balance=debt"
    assert "In cell <strong>second</strong>" in shown(support.get("/admin/"))
    assert support.get("/admin/?cell=third").status_code == 400
    assert "In cell <strong>second</strong>" in shown(support.get("/admin/"))


def test_the_dashboard_counts_in_its_cell_and_leads_to_what_is_of_none(support):
    wallet_in(SECOND, credit="-1")
    alert_staff(kind="event_refused", text="Of nobody", dedupe_key="nobody")

    figures = {
        cell: {
            one.title: one
            for one in support.get("/admin/", {"cell": cell}, follow=True).context["figures"]
        }
        for cell in (FIRST, SECOND)
    }

    assert [figures[cell]["Wallets below zero"].value for cell in (FIRST, SECOND)] == ["0", "1"]
    assert figures[FIRST]["Open alerts"].value == "0"
    of_none = figures[FIRST]["Open alerts of no cell"]
    assert of_none.value == "1"
    assert "Of nobody" in shown(support.get(of_none.link, follow=True))


@pytest.mark.parametrize("cell", [SECOND, "-"])
def test_every_list_opens_in_a_cell_and_outside_what_is_kept_there(support, cell):
    wallet_in(SECOND)
    for model in admin.site._registry:
        name = f"{model._meta.app_label}.{model._meta.model_name}"

        page = shown(support.get(url(name, "changelist"), {"cell": cell}, follow=True))

        is_outside = cell == "-" and homes.home_of(model) is Home.BOTH
        where = "no cell" if is_outside else FIRST if cell == "-" else SECOND
        assert f"In cell <strong>{where}</strong>" in page, name


def test_a_page_of_another_cell_opens_while_the_chosen_one_is_away(support, monkeypatch):
    wallet, row = wallet_in(SECOND, credit="23"), cells._row
    support.get("/admin/", {"cell": FIRST})

    def away(model, pk):
        if place.current() == FIRST:
            raise OperationalError("the server closed the connection")
        return row(model, pk)

    monkeypatch.setattr(cells, "_row", away)

    assert "$23.00" in shown(support.get(url("accounts.account", "change", wallet.account_id)))


def test_a_person_opens_where_they_have_a_seat(support):
    wallet = wallet_in(SECOND)
    with inside(SECOND):
        owner = owner_of(wallet.account)

    page = shown(support.get(url("accounts.user", "change", owner.pk)))

    assert "In cell <strong>second</strong>" in page


def test_looking_as_a_customer_is_noted_with_their_account(support):
    wallet = wallet_in(SECOND, credit="23")
    with inside(SECOND):
        owner = owner_of(wallet.account)

    support.post("/looking/acquire/", {"user_pk": owner.pk, "next": "/payments/"})

    assert "$23.00" in shown(support.get("/payments/"))
    support.post("/looking/release/", {"next": "/admin/"})
    noted = StaffAction.objects.order_by("pk").values_list("kind", "account_id")
    assert list(noted) == [
        ("look_as_customer", wallet.account_id),
        ("stop_looking", wallet.account_id),
    ]
