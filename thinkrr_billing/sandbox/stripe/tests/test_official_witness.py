"""The sandbox process of the tests tells what it sends that is not of Stripe's types."""

import pytest
import stripe

from thinkrr_billing.sandbox.stripe.process import start
from thinkrr_billing.sandbox.stripe.tests.conftest import SECRET, new_client
from thinkrr_billing.sandbox.stripe.tests.official import witness

pytestmark = pytest.mark.journey
WRONG = "error.decline_code: 'bad_mood' is on no official list"


@pytest.fixture
def own(tmp_path):
    with start(state=tmp_path / "state.sqlite3", module=witness.__name__) as sandbox:
        yield sandbox


def test_wrong_word_in_an_answer_and_a_webhook_is_told_once(own, listener):
    own.webhooks(url=listener.url, secret=SECRET)
    client = new_client(own)
    customer = client.v1.customers.create({}).id
    card = own.add_card(customer, behaviour={"decline_code": "bad_mood"})["id"]
    assert witness.told(own.state) == []

    with pytest.raises(stripe.CardError):
        client.v1.payment_intents.create(
            {
                "amount": 5000,
                "currency": "usd",
                "customer": customer,
                "payment_method": card,
                "payment_method_types": ["card"],
                "confirm": True,
            }
        )

    listener.wait_for(lambda one: "payment_intent.payment_failed" in one.types())
    found = witness.told(own.state)
    assert f"POST /v1/payment_intents 402: {WRONG}" in found
    assert f"webhook {WRONG}" in found
    assert witness.told(own.state) == []


def test_scripted_answer_is_not_held_against_the_sandbox(own):
    own.fault(kind="answer_before", path="/v1/customers", status=200, body={})

    new_client(own).v1.customers.list()

    assert witness.told(own.state) == []
