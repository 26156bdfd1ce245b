"""Saving a card: setup intents through the API, and Checkout's hosted page."""

import urllib.error

import pytest
import stripe

from thinkrr_billing.sandbox.stripe.tests.browsing import look, press

BACK = "http://shop.test/payments/?session={CHECKOUT_SESSION_ID}"


@pytest.fixture
def session(client, customer):
    return client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "customer": customer,
            "success_url": BACK,
            "cancel_url": "http://shop.test/canceled/",
            "payment_method_types": ["card"],
            "metadata": {"account": "12"},
            "setup_intent_data": {"metadata": {"account": "12"}},
        }
    )


def _cards(client, customer):
    return client.v1.customers.payment_methods.list(customer).data


def test_setup_intent_saves_a_card(client, customer):
    setup = client.v1.setup_intents.create({"customer": customer, "payment_method_types": ["card"]})
    assert setup.status == "requires_payment_method"

    setup = client.v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_mastercard"})

    assert setup.status == "succeeded"
    assert [card.id for card in _cards(client, customer)] == [setup.payment_method]


def test_setup_intent_with_a_declining_card_saves_nothing(client, customer):
    setup = client.v1.setup_intents.create({"customer": customer})

    with pytest.raises(stripe.CardError) as decline:
        client.v1.setup_intents.confirm(
            setup.id, {"payment_method": "pm_card_chargeDeclinedInsufficientFunds"}
        )

    error = decline.value.json_body["error"]
    assert (error["decline_code"], error["setup_intent"]["id"]) == ("insufficient_funds", setup.id)
    assert client.v1.setup_intents.retrieve(setup.id).status == "requires_payment_method"
    assert _cards(client, customer) == []


def test_canceled_setup_intent_cannot_be_confirmed(client, customer):
    setup = client.v1.setup_intents.create({"customer": customer})
    assert client.v1.setup_intents.cancel(setup.id).status == "canceled"

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})

    assert refusal.value.code == "setup_intent_unexpected_state"


def test_open_session_shows_a_page_in_test_mode(session):
    assert (session.status, session.mode, session.setup_intent[:5]) == ("open", "setup", "seti_")

    page = look(session.url)

    assert "Test mode" in page
    assert "Bright Agency" in page
    assert "4242 4242 4242 4242" in page
    assert "<script" not in page


def test_hosted_page_saves_the_card_and_returns(client, customer, session):
    back = press(session.url, action="save", card="4242424242424242")

    assert back == BACK.replace("{CHECKOUT_SESSION_ID}", session.id)
    done = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["setup_intent.payment_method"]}
    )
    assert (done.status, done.url) == ("complete", None)
    assert done.metadata.to_dict() == {"account": "12"}
    assert done.setup_intent.status == "succeeded"
    assert done.setup_intent.metadata.to_dict() == {"account": "12"}
    assert done.setup_intent.payment_method.card.last4 == "4242"
    assert [card.id for card in _cards(client, customer)] == [done.setup_intent.payment_method.id]


def test_declined_card_keeps_the_session_open_for_another(client, customer, session):
    page = press(session.url, action="save", number="4000 0000 0000 9995")

    assert "Your card has insufficient funds." in page
    assert _cards(client, customer) == []
    assert press(session.url, action="save", card="5555555555554444").startswith("http://shop.test")
    assert [card.card.last4 for card in _cards(client, customer)] == ["4444"]


def test_typed_real_number_is_refused(client, customer, session):
    page = press(session.url, action="save", number="4111 1111 1111 1111")

    assert "Never enter a real card" in page
    assert "4111 1111" not in page
    assert _cards(client, customer) == []


def test_cancel_returns_without_a_card(client, customer, session):
    assert press(session.url, action="cancel") == "http://shop.test/canceled/"

    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert _cards(client, customer) == []


def test_card_that_needs_the_bank_is_saved_after_it_and_charged_later(
    client, customer, session, pay
):
    bank = press(session.url, action="save", card="4000002500003155")
    assert "/bank/seti_" in bank
    assert _cards(client, customer) == []

    back = press(bank, action="approve")

    assert back == BACK.replace("{CHECKOUT_SESSION_ID}", session.id)
    (card,) = _cards(client, customer)
    assert pay(card.id).status == "succeeded"


def test_bank_refusing_to_save_leads_back_to_the_cards(client, customer, session):
    bank = press(session.url, action="save", card="4000002500003155")

    assert press(bank, action="fail") == session.url

    assert "unable to authenticate" in look(session.url)
    assert _cards(client, customer) == []
    press(session.url, action="save", card="4242424242424242")
    assert [card.card.last4 for card in _cards(client, customer)] == ["4242"]


def test_card_can_be_saved_to_decline_later(client, customer, session, pay):
    press(session.url, action="save", card="4242424242424242", later="insufficient_funds")
    (card,) = _cards(client, customer)

    with pytest.raises(stripe.CardError) as decline:
        pay(card.id)

    assert decline.value.json_body["error"]["decline_code"] == "insufficient_funds"


def test_session_saves_only_one_card(client, customer, session):
    press(session.url, action="save", card="4242424242424242")

    with pytest.raises(urllib.error.HTTPError) as gone:
        press(session.url, action="save", card="5555555555554444")

    assert gone.value.code == 410
    assert len(_cards(client, customer)) == 1


def test_session_expires_after_a_day(client, sandbox, session):
    sandbox.advance(24 * 3600 + 1)

    expired = client.v1.checkout.sessions.retrieve(session.id)

    assert (expired.status, expired.url) == ("expired", None)
    assert client.v1.setup_intents.retrieve(session.setup_intent).status == "canceled"


def test_session_is_expired_on_request_and_listed(client, customer, session):
    expired = client.v1.checkout.sessions.expire(session.id)

    listed = client.v1.checkout.sessions.list({"customer": customer, "status": "expired"})
    assert expired.status == "expired"
    assert [one.id for one in listed.data] == [session.id]


def test_setup_intent_of_a_session_is_left_to_checkout(client, session):
    with pytest.raises(stripe.InvalidRequestError, match="created by Checkout"):
        client.v1.setup_intents.cancel(session.setup_intent)


def test_other_modes_are_refused(client):
    with pytest.raises(stripe.InvalidRequestError, match="mode=setup"):
        client.v1.checkout.sessions.create({"mode": "payment", "success_url": "http://shop.test"})


def test_unknown_page_is_a_plain_404(sandbox):
    for path in ("/c/pay/cs_test_unknown", "/bank/pi_unknown"):
        with pytest.raises(urllib.error.HTTPError) as missing:
            look(sandbox.base_url + path)
        assert missing.value.code == 404
        missing.value.close()
