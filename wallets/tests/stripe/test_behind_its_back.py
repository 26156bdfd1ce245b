"""Nothing asks Stripe but the gateway: with its patience, its errors, and no open transaction."""

import json
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import stripe as stripe_sdk
from django.urls import reverse
from djstripe.models import Account as AtStripe
from djstripe.models import APIKey, Customer, PaymentMethod

from accounts import clock
from accounts.models import Account
from accounts.tests.builders import log_in_staff, make_staff
from thinkrr_billing.sandbox.stripe.tests.browsing import press
from thinkrr_billing.stripe_env import SANDBOX_KEY
from wallets import inbox
from wallets.books import against_stripe, recovering
from wallets.cards import keeping, mirror, payment_methods
from wallets.cards.payment_methods import Card
from wallets.charging import switch
from wallets.models import Reversal, StripeEvent
from wallets.reversals import catching_up
from wallets.stripe import gateway, permissions, sealed
from wallets.tests.worlds.builders import GOOD_CARD, OTHER_GOOD_CARD, add_card, make_wallet
from wallets.tests.worlds.reversal_world import buy, dispute, drive, refund, refunded_outside

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

RESTRICTED = "rk_test_" + "0" * 24 + "some"
ROLLED = "sk_test_" + "3" * 24
BY_THE_TEST = ("GET", "/v1/events")
ALLOWED = {one.resource: one.access for one in permissions.needed()}


@pytest.fixture(params=["secret", "rolled", "restricted"])
def key(request, stripe, settings) -> str:
    """dj-stripe knows nobody, or another key; the account has pictures, which it would ask for."""
    APIKey.objects.all().delete()
    AtStripe.objects.all().delete()
    stripe.set_branding(icon="file_icon", logo="file_logo")
    if request.param == "rolled":
        account = AtStripe.objects.create(id="acct_1SandboxThinkrr0")
        APIKey.objects.create(
            secret=settings.STRIPE_SECRET_KEY,
            type="secret",
            livemode=False,
            djstripe_owner_account=account,
        )
        settings.STRIPE_SECRET_KEY = settings.STRIPE_TEST_SECRET_KEY = ROLLED
    if request.param == "restricted":
        settings.STRIPE_SECRET_KEY = settings.STRIPE_TEST_SECRET_KEY = RESTRICTED
        stripe.describe_key(RESTRICTED, permissions=ALLOWED)
    return request.param


@pytest.fixture(autouse=True)
def only_the_gateway(stripe, monkeypatch) -> Iterator[None]:
    """Whatever the test does: what reached Stripe is what the gateway sent, request by request."""
    sent = []
    real = gateway._Requests.request

    def noted(client: object, method: str, url: str, *rest: object, **more: object) -> object:
        sent.append((method.upper(), urlsplit(url).path))
        return real(client, method, url, *rest, **more)

    monkeypatch.setattr(gateway._Requests, "request", noted)
    stripe.clear_requests()
    yield
    reached = [(one["method"], one["path"]) for one in stripe.requests()]
    assert [one for one in reached if one != BY_THE_TEST] == sent
    assert APIKey.objects.filter(secret=RESTRICTED).count() == 0


def events_of(stripe) -> list[dict]:
    """All that Stripe would deliver, oldest first; asked by the test itself."""
    client = stripe_sdk.StripeClient(SANDBOX_KEY, base_addresses={"api": stripe.base_url})
    found = client.v1.events.list({"limit": 100}).auto_paging_iter()
    return [json.loads(str(one)) for one in found][::-1]


def apply_all(stripe) -> set[str]:
    """Apply each event that Stripe has and we have not applied. Returns the kinds there were."""
    for told in events_of(stripe):
        row, _ = StripeEvent.objects.get_or_create(
            event_id=told["id"], defaults={"type": told["type"], "payload": told}
        )
        if not row.applied_at:
            inbox.apply(event_pk=row.pk)
            row.refresh_from_db()
            assert row.error == "", (row.type, row.error)
    return set(StripeEvent.objects.values_list("type", flat=True))


def save_card(browser, number: str = GOOD_CARD) -> str:
    """As a person does it: the button, Stripe's page, and back. What the page then says."""
    page = browser.post(reverse("wallets:methods_add"))
    back = press(page.headers["Location"], action="save", card=number)
    return browser.get(back, follow=True).content.decode()


def cards_of(wallet) -> list[Card]:
    return payment_methods.cards(Account.objects.get(pk=wallet.account_id))


@pytest.fixture
def wallet():
    return make_wallet()


@pytest.mark.usefixtures("key")
def test_a_person_saves_the_first_card(wallet, browser):
    said = save_card(browser)

    assert "Visa •••• 4242 added." in said
    assert [card.last4 for card in cards_of(wallet)] == ["4242"]


@pytest.mark.usefixtures("key")
def test_a_card_is_charged_refunded_disputed_renewed_and_taken_away(stripe, wallet):
    first, second = (add_card(stripe, wallet, number) for number in (GOOD_CARD, OTHER_GOOD_CARD))
    refunded, disputed = buy(wallet), buy(wallet)
    drive(refund(refunded, 1000))
    refunded_outside(refunded, 500)
    at_bank = dispute(stripe, disputed)
    stripe.set_card(first.id, exp_month=1, exp_year=2040)
    apply_all(stripe)
    stripe.move_dispute(at_bank, "win")
    keeping.remove(account=wallet.account, card_id=second.id, agreed=True)
    told = apply_all(stripe)

    assert {
        "payment_intent.succeeded",
        "refund.created",
        "charge.dispute.created",
        "charge.dispute.closed",
        "payment_method.automatically_updated",
        "payment_method.detached",
    } <= told
    assert [card.exp_year for card in cards_of(wallet)] == [2040]
    assert Reversal.objects.count() == 3


@pytest.mark.usefixtures("key")
def test_a_person_who_closes_the_window_has_the_card_by_its_event(stripe, wallet, browser):
    page = browser.post(reverse("wallets:methods_add"))
    press(page.headers["Location"], action="save", card=GOOD_CARD)

    told = apply_all(stripe)

    assert {"checkout.session.completed", "setup_intent.succeeded"} <= told
    assert [card.last4 for card in cards_of(wallet)] == ["4242"]


@pytest.mark.usefixtures("key")
def test_a_customer_is_deleted_and_made_anew(stripe, wallet, browser):
    add_card(stripe, wallet)
    gateway._stripe().customers.delete(wallet.account.stripe_customer)
    told = apply_all(stripe)

    said = save_card(browser)

    assert "customer.deleted" in told
    assert "Visa •••• 4242 added." in said
    assert len(cards_of(wallet)) == 1


@pytest.mark.usefixtures("key")
def test_what_no_event_told_is_caught_up_compared_and_recovered(stripe, wallet):
    add_card(stripe, wallet)
    refunded_outside(buy(wallet), 1500)
    PaymentMethod.objects.all().delete()
    since = clock.now() - timedelta(days=1)

    assert catching_up.catch_up(since=since) == 1
    assert list(against_stripe.compare(since=since)) == []
    switch.stop(reason="after a restore", actor=None)
    list(recovering.recover(since=since, apply=True))
    keeping.renew_customer(account=wallet.account)

    assert len(cards_of(wallet)) == 1


@pytest.mark.usefixtures("key")
def test_supports_pages_of_the_mirror_ask_nobody(stripe, wallet, client, settings):
    card = add_card(stripe, wallet)
    log_in_staff(client, make_staff())
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    shown = {Customer: wallet.account.stripe_customer, PaymentMethod: card.id}

    for kind, found in shown.items():
        model, pk = kind._meta.model_name, kind.objects.get(id=found).pk
        assert found in client.get(reverse(f"admin:djstripe_{model}_changelist")).content.decode()
        answer = client.get(reverse(f"admin:djstripe_{model}_change", args=[pk]))
        assert (answer.status_code, found in answer.content.decode()) == (200, True)


ODD_CUSTOMERS = {
    "a default payment method": {"invoice_settings": {"default_payment_method": "pm_elsewhere"}},
    "a default source": {"default_source": "card_elsewhere"},
    "a discount": {"discount": {"id": "di_1", "object": "discount", "source": {"coupon": "c"}}},
    "a coupon": {"discount": {"id": "di_1", "object": "discount", "coupon": "one"}},
    "sources": {"sources": {"object": "list", "data": [{"id": "src_1", "object": "source"}]}},
    "nothing but its id": {"id_only": True},
}


@pytest.mark.parametrize("odd", ODD_CUSTOMERS.values(), ids=ODD_CUSTOMERS)
def test_what_a_customer_names_is_not_asked_for(stripe, wallet, monkeypatch, odd):
    """dj-stripe fetches each of these, or fails at it, inside our transaction."""
    real = gateway.retrieve_customer

    def dressed(*, customer: str) -> dict:
        found = real(customer=customer)
        if "id_only" in odd:
            return {"id": found["id"], "object": "customer"}
        return found | odd

    monkeypatch.setattr(gateway, "retrieve_customer", dressed)

    card = add_card(stripe, wallet)

    assert cards_of(wallet) == [card]


def test_an_object_that_is_mirrored_again_is_the_same_row(stripe, wallet):
    card = add_card(stripe, wallet)
    before = PaymentMethod.objects.get(id=card.id)
    stripe.set_card(card.id, exp_month=2, exp_year=2041)

    mirror.keep_card(gateway.retrieve_card(card_id=card.id))

    after = PaymentMethod.objects.get(id=card.id)
    assert (after.pk, after.created, after.livemode) == (before.pk, before.created, False)
    assert after.customer_id == wallet.account.stripe_customer
    assert after.stripe_data["card"]["exp_year"] == 2041


def test_whoever_asks_stripe_without_the_gateway_is_stopped():
    """The SDK's own module has no way to the network in our processes."""
    with pytest.raises(sealed.AskedBehindTheGateway, match=r"GET https?://.*/v1/customers/cus_1"):
        stripe_sdk.Customer.retrieve("cus_1", api_key=SANDBOX_KEY)


def test_dj_stripe_cannot_ask_either():
    APIKey.objects.all().delete()

    with pytest.raises(sealed.AskedBehindTheGateway):
        AtStripe.get_or_retrieve_for_api_key(SANDBOX_KEY)

    assert not APIKey.objects.exists()
