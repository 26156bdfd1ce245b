"""Every way of paying behaves alike: recharge, Configure, allocation, retry, the bank."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from accounts.tests.builders import make_agency, make_sub_account, owner_of
from wallets.balances.opening import open_wallet
from wallets.models import AutoAllocation, AutoRecharge, Purchase
from wallets.tests.worlds.builders import add_card, make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

HTMX = {"HX-Request": "true", "HX-Target": "dialog-body"}
RECHARGE = reverse("wallets:recharge")
CONFIGURE = reverse("wallets:auto_recharge")


@pytest.fixture
def wallet():
    return make_wallet(credit="8.20")


@pytest.fixture
def agency() -> Account:
    return make_agency()


@pytest.fixture
def dental(agency) -> Account:
    account = make_sub_account("Northside Dental", agency=agency)
    make_wallet(account=account)
    return account


@pytest.fixture
def agency_browser(agency) -> Client:
    client = Client()
    client.force_login(owner_of(agency))
    return client


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split()).replace("&#x27;", "'")


def recharging(wallet, **changes) -> dict[str, str]:
    """The form as the page would send it for $50 of Premium minutes."""
    facts = {
        "amount": "50.00",
        "buys": "premium",
        "payment_method": wallet.default_payment_method,
        "form_key": str(uuid.uuid4()),
        "quoted_amount": "50.00",
        "quoted_rate": "0.16",
        "quoted_debt": "0",
    }
    return facts | changes


def configuring(**changes) -> dict[str, str]:
    """Auto-Recharge on, $10 and $50; the page named the charge of $50."""
    facts = {"enabled": "on", "threshold": "10", "amount": "50", "quoted_charge": "50"}
    return facts | changes


def allocating(card, **changes) -> dict[str, str]:
    """500 Basic and 1,000 Premium minutes, with the charge the page named for today."""
    facts = {
        "basic_minutes": "500",
        "premium_minutes": "1,000",
        "payment_method": card.id,
        "start_date": "",
        "quoted_charge": "205",
    }
    return facts | changes


# --- a figure that cannot be charged ---------------------------------------------------------


@pytest.mark.parametrize("amount", ["0", "4", "4.99", "10,000.01", "999999999999"])
@pytest.mark.parametrize("quoted", ["", "50.00"])
def test_an_amount_that_cannot_be_recharged_names_the_limits(
    stripe, browser, wallet, amount, quoted
):
    add_card(stripe, wallet)
    form = recharging(wallet, amount=amount, quoted_amount=quoted)
    limits = "Amount must be between $5.00 and $10,000.00"

    typed = browser.get(
        reverse("wallets:recharge_quote"), {"amount": amount, "buys": form["buys"]}, headers=HTMX
    )
    undecided = browser.get(reverse("wallets:recharge_quote"), {"amount": amount}, headers=HTMX)
    paid = browser.post(RECHARGE, form, headers=HTMX)
    again = browser.post(RECHARGE, form)

    for answer in (typed, undecided, paid, again):
        assert limits in text_of(answer)
        assert "will be charged now" not in text_of(answer)
    assert paid.status_code == again.status_code == 422
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("amount", ["ten", "5.005", "1e3", "$"])
def test_an_amount_that_is_none_says_how_to_write_one(stripe, browser, wallet, amount):
    add_card(stripe, wallet)
    form = recharging(wallet, amount=amount)

    typed = browser.get(reverse("wallets:recharge_quote"), form, headers=HTMX)
    paid = browser.post(RECHARGE, form, headers=HTMX)

    for answer in (typed, paid):
        assert "Enter an amount in dollars and cents, like 50.00" in text_of(answer)
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threshold": "0"}, "Minimum Threshold must be between $1.00"),
        ({"amount": "1"}, "Auto-Recharge Amount must be between $"),
        ({"amount": "ten"}, "Enter an amount in dollars and cents, like 50.00"),
        ({"monthly_limit": "1"}, "Monthly limit"),
        ({"daily_ceiling": "x"}, "Enter an amount in dollars and cents, like 500.00"),
    ],
)
def test_settings_that_cannot_be_saved_say_why_while_they_are_typed(
    stripe, browser, wallet, changes, said
):
    add_card(stripe, wallet)
    form = configuring(**changes)

    typed = browser.get(reverse("wallets:auto_recharge_preview"), form, headers=HTMX)
    saved = browser.post(CONFIGURE, form, headers=HTMX)

    assert said in text_of(typed)
    assert said in text_of(saved)
    assert saved.status_code == 422
    assert not AutoRecharge.objects.get(wallet=wallet).enabled
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"basic_minutes": "1.5"}, "Enter a whole number of minutes, 0 or more"),
        ({"premium_minutes": "1000001"}, "Enter at most 1,000,000 minutes."),
        ({"basic_minutes": "1", "premium_minutes": "0"}, "must be at least $0.50"),
        ({"start_date": "soon"}, "Enter a date, like 2026-12-01"),
    ],
)
def test_an_allocation_that_cannot_be_says_why_while_it_is_typed(
    stripe, agency_browser, agency, dental, changes, said
):
    form = allocating(add_card(stripe, open_wallet(account=agency)), **changes)

    typed = agency_browser.get(
        reverse("wallets:auto_allocation_estimate", args=[dental.pk]), form, headers=HTMX
    )
    saved = agency_browser.post(
        reverse("wallets:auto_allocation", args=[dental.pk]), form, headers=HTMX
    )

    assert said in text_of(typed)
    assert said in text_of(saved)
    assert "Save and charge" not in text_of(typed)
    assert not AutoAllocation.objects.exists()
