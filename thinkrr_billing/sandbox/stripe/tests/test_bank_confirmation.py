"""The bank's question: a payment waits for its answer, given on the bank's page."""

import urllib.error
import urllib.parse
import urllib.request

import pytest

from thinkrr_billing.sandbox.stripe.tests.browsing import press


@pytest.fixture
def at_the_bank(client, sandbox, customer):
    card = sandbox.add_card(customer, "4000002760003184")["id"]
    intent = client.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "usd",
            "payment_method_types": ["card"],
            "customer": customer,
            "payment_method": card,
        }
    )
    return client.v1.payment_intents.confirm(
        intent.id, {"return_url": "http://shop.test/purchases/1/?a=b"}
    )


def test_bank_confirmation_approved_takes_the_money_and_returns(client, at_the_bank):
    assert at_the_bank.status == "requires_action"
    action = at_the_bank.next_action
    assert action.type == "redirect_to_url"
    with urllib.request.urlopen(action.redirect_to_url.url) as page:
        assert "Approve" in page.read().decode()

    back = press(action.redirect_to_url.url, action="approve")

    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))
    assert back.startswith("http://shop.test/purchases/1/?a=b&")
    assert (query["payment_intent"], query["redirect_status"]) == (at_the_bank.id, "succeeded")
    assert client.v1.payment_intents.retrieve(at_the_bank.id).status == "succeeded"


def test_bank_confirmation_failed_takes_nothing(client, sandbox, at_the_bank):
    back = press(at_the_bank.next_action.redirect_to_url.url, action="fail")

    assert "redirect_status=failed" in back
    intent = client.v1.payment_intents.retrieve(at_the_bank.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert sandbox.truth()["taken"] == 0


def test_bank_page_answered_twice_charges_once(sandbox, at_the_bank):
    url = at_the_bank.next_action.redirect_to_url.url
    press(url, action="approve")

    with pytest.raises(urllib.error.HTTPError) as gone:
        urllib.request.urlopen(url, data=b"action=approve")

    assert gone.value.code == 410
    gone.value.close()
    assert sandbox.truth()["taken"] == 5000
