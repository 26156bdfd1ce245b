"""What people read while Stripe refuses our key, or the key lacks a permission: a true sentence.

Support is told once an hour, whoever asked, and nothing has changed.
"""

import html
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts import clock
from accounts.models import Account, StaffAlert
from thinkrr_billing.sandbox.stripe.tests.browsing import press
from wallets import inbox
from wallets.cards import keeping, payment_methods
from wallets.charging import purchases, resolving
from wallets.errors import OurKeyRefused, Refused
from wallets.models import Purchase, StripeEvent
from wallets.recharges import by_hand
from wallets.stripe import permissions
from wallets.tests.worlds.builders import BANK_ASKS_CARD, add_card, make_wallet
from wallets.tests.worlds.reversal_world import buy, drive, refund

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

KEY = "rk_test_" + "0" * 24 + "some"
URLS = {"success_url": "http://testserver/ok", "cancel_url": "http://testserver/no"}
REFUSED = "The payment service does not accept our requests at the moment. Support has been told. "


@pytest.fixture
def lacking(stripe, settings):
    """From now on the key may do what README lists, but for one resource."""

    def taken(resource: str) -> None:
        allowed = {one.resource: one.access for one in permissions.needed()}
        settings.STRIPE_SECRET_KEY = stripe.describe_key(
            KEY, permissions=allowed | {resource: "none"}
        )

    return taken


@pytest.fixture
def wallet():
    return make_wallet()


def told() -> str:
    return StaffAlert.objects.get(kind="stripe_refuses_our_key").text


@pytest.mark.parametrize("resource", ["customer", "checkout_session"])
def test_a_card_cannot_be_added(wallet, lacking, resource):
    lacking(resource)

    with pytest.raises(OurKeyRefused) as refusal:
        keeping.start_adding(account=wallet.account, **URLS)

    assert str(refusal.value) == REFUSED + "No card was added. Try again later."
    assert f"rak_{resource}_write" in told()


@pytest.mark.parametrize("resource", ["checkout_session", "setup_intent", "payment_method"])
def test_a_card_that_was_just_saved_cannot_be_read(wallet, lacking, browser, resource):
    page = browser.post(reverse("wallets:methods_add"))
    back = press(page.headers["Location"], action="save", card="4242424242424242")
    lacking(resource)

    page = browser.get(back, follow=True)

    assert page.status_code == 200
    assert (
        REFUSED + "If your card was saved there, it appears here once that is mended."
        in page.content.decode()
    )
    assert payment_methods.cards(Account.objects.get(pk=wallet.account_id)) == []
    assert f"rak_{resource}_read" in told()


def test_a_card_cannot_be_removed(stripe, wallet, lacking):
    card = add_card(stripe, wallet)
    lacking("payment_method")

    with pytest.raises(OurKeyRefused) as refusal:
        keeping.remove(account=wallet.account, card_id=card.id, agreed=True)

    assert str(refusal.value) == REFUSED + "The card was not removed. Try again later."
    assert payment_methods.cards(wallet.account) == [card]
    assert "rak_payment_method_write" in told()


def test_support_reads_which_permission_keeps_the_link_from_being_renewed(stripe, wallet, lacking):
    add_card(stripe, wallet)
    lacking("customer")

    with pytest.raises(Refused, match="rak_customer_read"):
        keeping.renew_customer(account=wallet.account)


def test_a_payment_that_waits_for_the_bank_is_neither_confirmed_nor_canceled(
    stripe, wallet, lacking
):
    add_card(stripe, wallet, BANK_ASKS_CARD)
    purchase = buy(wallet)
    assert purchase.state == "requires_action"
    lacking("payment_intent")

    with pytest.raises(OurKeyRefused) as confirming:
        by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/")
    with pytest.raises(OurKeyRefused) as canceling:
        by_hand.cancel_waiting(purchase_id=purchase.pk)
    with pytest.raises(Refused, match="Stripe refuses our key: The key lacks the permission"):
        resolving.give_up(purchase_id=purchase.pk)

    assert str(confirming.value) == REFUSED + "Nothing was confirmed. Try again later."
    assert str(canceling.value) == REFUSED + "The payment was not canceled. Try again later."
    assert Purchase.objects.get().state == "requires_action"


def test_a_recharge_is_not_charged_and_ends_once_the_key_is_mended(
    stripe, wallet, browser, lacking, settings
):
    add_card(stripe, wallet)
    right = settings.STRIPE_SECRET_KEY
    lacking("payment_intent")

    purchase = buy(wallet)
    page = browser.get(reverse("wallets:purchase", args=[purchase.pk]), {"poll": 99})

    assert purchase.state == "created"
    assert "Don't pay again." in html.unescape(page.content.decode())
    assert "PaymentIntents: Write (rak_payment_intent_write)" in told()
    settings.STRIPE_SECRET_KEY = right
    with clock.at(clock.now() + timedelta(hours=1)):
        assert purchases.drive(purchase_id=purchase.pk).state == "canceled"
    assert stripe.truth()["payment_intents"] == []


def test_a_refund_waits_until_the_key_is_mended(stripe, wallet, lacking, settings):
    add_card(stripe, wallet)
    reversal, right = refund(buy(wallet), 2000), settings.STRIPE_SECRET_KEY
    lacking("charge")

    assert drive(reversal) == "submitted"

    assert "Charges and Refunds: " in told()
    settings.STRIPE_SECRET_KEY = right
    assert drive(reversal) == "succeeded"


@pytest.mark.outside_of_cells("an event of nobody known is tried in the first cell")
def test_an_event_waits_until_the_key_is_mended(wallet, browser, lacking, settings):
    right = settings.STRIPE_SECRET_KEY
    page = browser.post(reverse("wallets:methods_add"))
    press(page.headers["Location"], action="save", card="4242424242424242")
    session = page.headers["Location"].rpartition("/")[2]
    found = {"id": session, "object": "checkout.session"}
    event = StripeEvent.objects.create(
        event_id="evt_1", type="checkout.session.completed", payload={"data": {"object": found}}
    )
    lacking("checkout_session")
    now = clock.now()
    for hours in range(0, 15 * 6, 6):
        with clock.at(now + timedelta(hours=hours)):
            inbox.apply(event_pk=event.pk)
    event.refresh_from_db()
    assert event.given_up_at is None
    assert "Checkout Sessions: Read" in event.error

    settings.STRIPE_SECRET_KEY = right
    with clock.at(now + timedelta(hours=96)):
        assert inbox.apply(event_pk=event.pk)

    assert len(payment_methods.cards(Account.objects.get(pk=wallet.account_id))) == 1


def test_support_is_told_once_an_hour(wallet, lacking):
    lacking("customer")
    now = clock.now().replace(minute=0)

    for moment in (now, now + timedelta(minutes=59), now + timedelta(hours=1)):
        with clock.at(moment), pytest.raises(OurKeyRefused):
            keeping.start_adding(account=wallet.account, **URLS)

    assert StaffAlert.objects.filter(kind="stripe_refuses_our_key").count() == 2


@pytest.mark.parametrize(("live", "shown"), [(False, True), (True, False)])
def test_test_mode_is_said_with_a_restricted_key_as_well(
    wallet,  # noqa: ARG001
    browser,
    settings,
    live,
    shown,
):
    settings.STRIPE_SECRET_KEY = KEY
    settings.STRIPE_LIVE_MODE = live

    page = browser.get(reverse("wallets:payments")).content.decode()

    assert ("Test mode" in page) is shown
