"""The admin of money: everything can be looked at, nothing can be changed by hand."""

from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts import clock
from accounts.models import Account, User
from accounts.tests.builders import (
    log_in_staff,
    make_agency,
    make_staff,
    make_sub_account,
    make_user,
)
from wallets.charging import parties
from wallets.models import (
    AdjustmentRequest,
    Alert,
    AutoRecharge,
    BillingAddress,
    CardAttempt,
    CatchUp,
    ChargeSwitch,
    CreditNoteSeries,
    LedgerEntry,
    LoggedDecision,
    MinuteAsk,
    MinuteRate,
    PaperMail,
    Reversal,
    Seller,
    SlackHook,
    SlackMessage,
    StripeComparison,
    StripeEvent,
    Wallet,
)
from wallets.tests.worlds.builders import make_wallet, place_hold
from wallets.tests.worlds.histories import allocate, buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world"), pytest.mark.journey]

MODELS = [model._meta.model_name for model in apps.get_app_config("wallets").get_models()]
NEW_RATE = {
    "minute_type": "basic",
    "price": "0.0875",
    "effective_from": "2099-01-01 00:00",
    "_form_submitted": "True",
    "form_key": "0b8f1a52-6c1d-4f0e-9d6b-2f1c6f0a7e11",
    "reason": "The contract changed",
}


@pytest.fixture
def staff() -> User:
    return make_staff(email="support@example.com")


@pytest.fixture
def browser(staff: User, client: Client) -> Client:
    return log_in_staff(client, staff)


@pytest.fixture
def world() -> Wallet:
    """At least one row of every model."""
    wallet = make_wallet(credit="5", account=make_agency("Brightline Agency"))
    Seller.objects.create(name="thinkrr, Inc.", tax_sentence="No tax charged")
    purchase = buy(wallet)
    parties.freeze(purchase)
    Reversal.objects.create(purchase=purchase, kind="refund", amount_cents=100, reason="Asked")
    allocate(make_wallet(account=make_sub_account(agency=wallet.account)))
    AdjustmentRequest.objects.create(
        wallet=wallet,
        pot="credit",
        amount=500,
        note="Asked",
        form_key="asked-1",
        asked_by=make_user(),
    )
    MinuteAsk.objects.create(
        agency=wallet.account,
        account=Account.objects.get(agency=wallet.account),
        premium_minutes=100,
        expires_at=clock.now(),
    )
    CardAttempt.objects.create(account=wallet.account, address="192.0.2.9", purchase=purchase)
    now = clock.now()
    LoggedDecision.objects.create(
        wallet=wallet, subject="autopause", code="low_balance", first_at=now, last_at=now
    )
    place_hold(wallet, call="call-1", seconds=60)
    Alert.objects.create(wallet=wallet, kind="balance", level=25)
    SlackHook.objects.create(wallet=wallet, secret_path="/services/TEAMX/BOTXX/abcdefghijklmnop")
    SlackMessage.objects.create(wallet=wallet, text="Low", dedupe_key="k")
    StripeEvent.objects.create(event_id="evt_1", type="payment_intent.succeeded", payload={})
    ChargeSwitch.objects.create(reason="A restore")
    address = BillingAddress.objects.create(account=wallet.account, email="books@example.com")
    PaperMail.objects.create(address=address, kind="confirmation")
    CreditNoteSeries.objects.create(pk=1, last=1001)
    CatchUp.objects.create(since=now, at=now, until=now, slice_seconds=60)
    StripeComparison.objects.create(since=now, at=now, until=now, slice_seconds=60)
    return wallet


def rows(model_name: str):
    return apps.get_model("wallets", model_name).objects.all()


def page(model_name: str, kind: str, *args: object) -> str:
    return reverse(f"admin:wallets_{model_name}_{kind}", args=args)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_there(name):
    assert apps.get_model("wallets", name) in admin.site._registry


@pytest.mark.parametrize("name", MODELS)
def test_rows_can_be_listed_searched_and_opened(browser, name):
    row = rows(name).first()

    assert str(browser.get(page(name, "changelist")).context["cl"].result_count) != "0"
    assert browser.get(page(name, "change", row.pk)).status_code == 200
    registered = admin.site._registry[type(row)]
    if registered.search_fields:
        for text in ("Brightline", str(row.pk), "evt_1", "42"):
            assert browser.get(page(name, "changelist"), {"q": text}).status_code == 200


@pytest.mark.parametrize("name", MODELS)
def test_nothing_can_be_changed_or_deleted(browser, name):
    before = list(rows(name).order_by("pk").values())
    row = rows(name).first()

    assert browser.post(page(name, "change", row.pk), {"credit_0": "1000"}).status_code == 403
    assert browser.post(page(name, "delete", row.pk), {"post": "yes"}).status_code == 403
    browser.post(
        page(name, "changelist"),
        {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"},
    )
    assert list(rows(name).order_by("pk").values()) == before


@pytest.mark.parametrize("name", MODELS)
def test_nothing_can_be_added(browser, name):
    assert browser.get(page(name, "add")).status_code == 403
    assert browser.post(page(name, "add"), {}).status_code == 403


@pytest.mark.parametrize("name", MODELS)
def test_a_list_costs_the_same_however_many_rows_it_shows(
    browser, name, django_assert_max_num_queries
):
    for _ in range(3):
        other = make_wallet(credit="5", account=make_agency())
        Reversal.objects.create(
            purchase=buy(other), kind="refund", amount_cents=100, reason="Asked"
        )
        allocate(make_wallet(account=make_sub_account(agency=other.account)))

    # The session, the person, their device and account, their right, whether automatic charges
    # are stopped, counting, and the rows.
    with django_assert_max_num_queries(10):
        browser.get(page(name, "changelist"))


def test_a_purchase_shows_its_entries_and_its_reversals(browser):
    purchase = Reversal.objects.get().purchase

    shown = browser.get(page("purchase", "change", purchase.pk)).content.decode()

    assert "Recharge" in shown
    assert "Asked" in shown
    assert LedgerEntry.objects.filter(purchase=purchase).exists()


def set_rate(browser, **changes):
    """Press “Set a new rate”, look at its effect, and press again."""
    address = reverse("admin:wallets_minuterate_set_rate")
    shown = browser.post(address, NEW_RATE | changes)
    form = shown.context["form"]
    return shown, browser.post(address, NEW_RATE | changes | {"shown": form["shown"].value() or ""})


def test_a_rate_shows_its_effect_first_and_is_then_set_through_pricing(browser, staff):
    before = MinuteRate.objects.count()

    shown, response = set_rate(browser)

    made = MinuteRate.objects.latest("effective_from")
    assert "555 → 571 minutes" in shown.content.decode()
    assert response.status_code == 303
    assert MinuteRate.objects.count() == before + 1
    assert (made.minute_type, made.price.amount) == ("basic", Decimal("0.0875"))
    assert (made.effective_from.year, made.created_by) == (2099, staff)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"price": "0"}, "greater than or equal"),
        ({"price": "100.01"}, "less than or equal"),
        ({"price": "NaN"}, "Enter a number"),
        ({"price": "0.0000001"}, "6 decimal places"),
        ({"effective_from": "2020-01-02 00:00"}, "from now on"),
        ({"effective_from": ""}, "required"),
        ({"minute_type": "gold"}, "Select a valid choice"),
        ({"reason": ""}, "required"),
    ],
)
def test_a_rate_that_cannot_be_is_refused_beside_its_field(browser, changes, text):
    before = MinuteRate.objects.count()

    _, response = set_rate(browser, **changes)

    errors = " ".join(map(str, response.context["form"].errors.values()))
    assert response.status_code == 200
    assert text in errors
    assert MinuteRate.objects.count() == before


def test_two_rates_of_a_type_cannot_begin_at_once(browser):
    set_rate(browser)
    before = MinuteRate.objects.count()

    _, response = set_rate(browser, price="0.10", form_key="5d1f0c3e-93a4-4c52-8a37-6a9d8b7b4f22")

    errors = response.context["form"].errors
    assert "already" in str(errors["effective_from"])
    assert MinuteRate.objects.count() == before


def test_a_rate_cannot_be_edited(browser):
    rate = MinuteRate.objects.first()

    response = browser.post(page("minuterate", "change", rate.pk), NEW_RATE | {"price": "0.01"})

    assert response.status_code == 403
    rate.refresh_from_db()
    assert rate.price.amount in (Decimal("0.16"), Decimal("0.09"))


def test_people_who_are_not_support_see_nothing(client):
    client.force_login(make_user())

    assert client.get(page("wallet", "changelist")).status_code == 302


def test_support_without_the_right_sees_nothing(client):
    log_in_staff(client, make_staff("A group that does not exist"))

    assert client.get(page("wallet", "changelist"), follow=True).status_code == 403
    address = reverse("admin:wallets_minuterate_set_rate")
    before = MinuteRate.objects.count()
    assert client.post(address, NEW_RATE, follow=True).status_code == 403
    assert MinuteRate.objects.count() == before


def test_settings_of_auto_recharge_belong_to_the_account_alone(browser, world):
    settings = AutoRecharge.objects.get(wallet=world)

    response = browser.post(page("autorecharge", "change", settings.pk), {"enabled": "on"})

    settings.refresh_from_db()
    assert (response.status_code, settings.enabled) == (403, False)
