"""Each fact of money becomes an event with its row, as the API shows it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock
from accounts.models import Account, WebhookDelivery, WebhookEvent, WebhookSender
from accounts.tests.builders import make_sub_account
from accounts.webhooks import catalogue, endpoints, outbox
from accounts.webhooks.endpoints import Terms
from wallets import links
from wallets.models import MinuteRate, Purchase
from wallets.recharges import by_hand, suspensions
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.api_clients import client_of
from wallets.tests.worlds.auto_recharge_world import decline, run, suspend_by_declining
from wallets.tests.worlds.builders import add_card, fill, make_wallet, set_auto_recharge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


def listen(account: Account, *events: str) -> None:
    terms = Terms(url="https://hooks.example.com/", events=events)
    endpoints.add(account=account, terms=terms, actor=None)


def told() -> list[tuple[str, dict]]:
    """What would be sent: the types and their objects, in order."""
    WebhookSender.objects.get_or_create(pk=1, defaults={"until": clock.now()})
    outbox.accept()
    return [(one.kind, one.data["object"]) for one in WebhookEvent.objects.order_by("sequence")]


def kinds() -> list[str]:
    return [kind for kind, _ in told()]


def same(shown: dict, answered: dict) -> bool:
    """Whether each field is as the API answers it; there may be more of those."""
    return {name: answered[name] for name in shown} == shown


@pytest.fixture
def wallet(stripe):
    wallet = make_wallet(credit="30")
    add_card(stripe, wallet)
    listen(wallet.account)
    return wallet


def recharge(wallet, **facts):
    return by_hand.recharge(
        wallet_id=wallet.pk,
        actor=None,
        form_key=str(clock.now()),
        amount=Decimal(50),
        buys="premium",
        **facts,
    )


def test_a_recharge_that_is_paid_is_told_as_the_api_shows_it(wallet):
    purchase = recharge(wallet)

    ((kind, shown),) = told()
    answer = client_of(wallet.account, "read").get(f"/api/v1/wallet/recharges/{purchase.pk}")
    assert kind == "wallet.recharge.succeeded"
    assert same(shown, answer.json())
    assert shown["amount"] == "50.00"
    assert shown["receipt_number"] == purchase.receipt_number
    assert set(answer.json()) - set(shown) == {"credited"}


def test_a_recharge_that_is_declined_is_told_with_its_reason(stripe, wallet):
    decline(stripe, wallet)

    purchase = recharge(wallet)

    ((kind, shown),) = told()
    assert kind == "wallet.recharge.failed"
    assert (shown["state"], shown["error_text"]) == ("declined", purchase.error_text)


def test_a_recharge_the_bank_asks_about_is_told_with_its_page(stripe, wallet, settings):
    stripe.set_card(wallet.default_payment_method, behaviour="authentication_required")

    purchase = recharge(wallet)

    ((kind, shown),) = told()
    assert purchase.state == Purchase.State.REQUIRES_ACTION
    assert kind == "wallet.recharge.action_required"
    assert shown["action_url"] == settings.SITE_URL + links.purchase(purchase.pk)


def test_an_automatic_recharge_tells_the_low_balance_and_then_the_payment(wallet):
    set_auto_recharge(wallet)
    WebhookEvent.objects.all().delete()

    fill(wallet, credit="-25")
    run(wallet)

    assert kinds() == ["wallet.low_balance", "wallet.recharge.succeeded"]


def test_a_low_balance_is_told_once_as_the_api_shows_it(wallet):
    fill(wallet, credit="-25")
    fill(wallet, credit="-1")

    ((kind, shown),) = told()
    fill(wallet, credit="1")
    answer = client_of(wallet.account, "read").get("/api/v1/wallet").json()
    assert kind == "wallet.low_balance"
    assert same(shown, answer)
    assert shown["credit"] == "5.000000"


def test_metering_writes_events_within_its_own_statements(wallet, django_assert_num_queries):
    silent = make_wallet(credit="30")

    with django_assert_num_queries(count_of(lambda: fill(silent, credit="-25"))):
        fill(wallet, credit="-25")

    assert kinds() == ["wallet.low_balance"]


def count_of(work) -> int:
    with CaptureQueriesContext(connection) as seen:
        work()
    return len(seen)


def test_a_suspension_and_its_end_are_told_as_the_api_shows_them(stripe, wallet):
    fill(wallet, credit="-25")
    suspend_by_declining(stripe, wallet)
    suspended = told()[-1]
    answer = client_of(wallet.account, "read").get("/api/v1/wallet/auto-recharge").json()

    with_card = wallet.auto_recharge
    with_card.refresh_from_db()
    suspensions.start_afresh(with_card)

    assert suspended[0] == "wallet.auto_recharge.suspended"
    assert same(suspended[1], answer)
    assert suspended[1]["status"] == "suspended"
    assert kinds()[-1] == "wallet.auto_recharge.resumed"


def test_the_daily_ceiling_is_told_when_it_stops_a_charge(wallet):
    set_auto_recharge(wallet, daily_ceiling=Decimal(50))
    fill(wallet, credit="-25")
    run(wallet)
    fill(wallet, credit="-60")

    with clock.at(clock.now() + timedelta(minutes=11)):
        run(wallet)
        last, shown = told()[-1]
        answer = client_of(wallet.account, "read").get("/api/v1/wallet/auto-recharge").json()

    assert last == "wallet.auto_recharge.ceiling_reached"
    assert same(shown, answer)
    assert shown["reason"] == "Daily ceiling reached"


@pytest.fixture
def running(stripe):
    """An allocation whose agency listens to all, and whose sub-account does, too."""
    world = make_world(stripe)
    listen(world.agency)
    listen(world.sub)
    with clock.at(moment("2026-11-14T09:00:00")):
        world.save()
    return world


def months() -> list[tuple[str, dict]]:
    return [one for one in told() if one[0].startswith("allocation")]


def test_a_month_that_is_charged_is_told_to_the_agency_alone(running):
    running.run_at("2026-11-14T10:00:00")

    ((kind, shown),) = months()
    assert kind == "allocation.charged"
    assert shown == {
        "account": str(running.sub.pk),
        "period": "2026-11-14",
        "state": "paid",
        "basic_minutes": 500,
        "premium_minutes": 1000,
        "charge": f"{running.run('2026-11-14').charged_cents / 100:.2f}",
        "currency": "USD",
        "error_text": "",
    }
    answer = client_of(running.agency, "read").get(
        f"/api/v1/sub-accounts/{running.sub.pk}/auto-allocation"
    )
    assert same(
        {name: shown[name] for name in shown if name not in ("account", "currency")},
        answer.json()["latest_run"],
    )
    assert {one.endpoint.account_id for one in deliveries(kind)} == {running.agency.pk}


def test_a_month_that_is_declined_for_good_is_told(running):
    running.decline_with()

    for at in ("14T10:00:00", "14T12:00:00", "15T13:00:00", "18T14:00:00"):
        running.run_at(f"2026-11-{at}")

    ((kind, shown),) = months()
    assert (kind, shown["state"]) == ("allocation.failed", "failed")
    assert shown["error_text"] == running.run("2026-11-14").error_text != ""


def test_a_month_that_nobody_charged_is_told_as_missed(running):
    running.run_at("2026-11-14T10:00:00")

    running.run_at("2027-01-14T10:00:00")

    assert [(kind, one["period"]) for kind, one in months()] == [
        ("allocation.charged", "2026-11-14"),
        ("allocation.missed", "2026-12-14"),
        ("allocation.charged", "2027-01-14"),
    ]


def deliveries(kind):
    return WebhookDelivery.objects.filter(event__kind=kind).select_related("endpoint")


def test_a_new_rate_is_told_to_everybody_who_listens():
    accounts = [make_wallet().account, make_sub_account()]
    for account in accounts:
        listen(account, "rate.announced")
    listen(make_wallet().account, "campaign.paused")
    soon = clock.now() + timedelta(days=30)

    MinuteRate.objects.create(minute_type="basic", price="0.10", effective_from=soon)

    ((kind, shown),) = told()
    history = client_of(accounts[0], "read").get("/api/v1/rates").json()["history"]
    assert kind == "rate.announced"
    assert shown in history
    assert {one.endpoint.account_id for one in deliveries(kind)} == {one.pk for one in accounts}


@pytest.mark.parametrize("type", catalogue.every(), ids=lambda one: one.name)
def test_each_type_has_a_meaning_that_ends_as_a_sentence(type):
    assert type.meaning.endswith(".")
    assert type.route
