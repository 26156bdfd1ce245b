"""Idempotency keys, as Stripe's documentation describes them."""

import threading

import pytest
import stripe

from thinkrr_billing.sandbox.stripe.tests.conftest import until

FACTS = {"amount": 5000, "currency": "usd", "payment_method_types": ["card"]}


def _key(value):
    return {"idempotency_key": value}


def test_same_key_and_parameters_answer_the_same_intent(client, sandbox):
    first = client.v1.payment_intents.create(FACTS, _key("a:create"))
    second = client.v1.payment_intents.create(FACTS, _key("a:create"))

    assert first.id == second.id
    assert len(client.v1.payment_intents.list().data) == 1
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert [one["replayed"] for one in sandbox.requests(idempotency_key="a:create")] == [
        False,
        True,
    ]


def test_repeated_answer_and_event_name_the_request_that_was_executed(client):
    first = client.v1.payment_intents.create(FACTS, _key("a:create"))
    second = client.v1.payment_intents.create(FACTS, _key("a:create"))

    executed = first.last_response.request_id
    assert second.last_response.headers["Original-Request"] == executed
    assert second.last_response.request_id != executed
    (event,) = client.v1.events.list({"type": "payment_intent.created"}).data
    assert event["request"].to_dict() == {"id": executed, "idempotency_key": "a:create"}


@pytest.mark.parametrize("change", [{"amount": 5001}, {"metadata": {"a": "b"}}])
def test_same_key_with_other_parameters_is_refused(client, change):
    client.v1.payment_intents.create(FACTS, _key("a:create"))

    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.create({**FACTS, **change}, _key("a:create"))

    assert len(client.v1.payment_intents.list().data) == 1


def test_same_key_on_another_route_is_refused(client):
    client.v1.customers.create({}, _key("a"))

    with pytest.raises(stripe.IdempotencyError):
        client.v1.setup_intents.create({}, _key("a"))


def test_decline_is_stored_and_repeated(client, sandbox, customer):
    card = sandbox.add_card(customer, "4000000000000341")["id"]
    facts = {**FACTS, "customer": customer, "payment_method": card}
    intent = client.v1.payment_intents.create(facts)
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            client.v1.payment_intents.confirm(
                intent.id, {"payment_method": card, "off_session": True}, _key("p:confirm:1")
            )
        sandbox.set_card(card, behaviour="ok")

    charges = client.v1.charges.list({"payment_intent": intent.id}).data
    assert len(charges) == 1
    assert sandbox.truth()["taken"] == 0


def test_refused_parameters_are_not_stored(client):
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({**FACTS, "amount": 1}, _key("a:create"))

    assert client.v1.payment_intents.create(FACTS, _key("a:create")).amount == 5000


def test_keys_are_forgotten_after_a_day(client, sandbox):
    first = client.v1.payment_intents.create(FACTS, _key("a:create"))
    sandbox.advance(24 * 3600 - 60)
    assert client.v1.payment_intents.create(FACTS, _key("a:create")).id == first.id

    sandbox.advance(120)

    assert client.v1.payment_intents.create(FACTS, _key("a:create")).id != first.id


def test_key_in_flight_answers_409(client, sandbox):
    sandbox.fault(kind="slow", method="POST", path="/v1/customers", seconds=1.5)
    slow = threading.Thread(target=lambda: client.v1.customers.create({}, _key("a")))
    slow.start()
    until(lambda: sandbox.faults()[0]["used"])

    with pytest.raises(stripe.APIError) as conflict:
        client.v1.customers.create({}, _key("a"))

    slow.join()
    assert conflict.value.http_status == 409
    assert conflict.value.json_body["error"]["code"] == "idempotency_key_in_use"
    assert len(client.v1.customers.list().data) == 1


def test_many_at_once_with_one_key_make_one_intent(client):
    made, refused = [], []

    def create():
        try:
            made.append(client.v1.payment_intents.create(FACTS, _key("a:create")).id)
        except stripe.APIError as error:
            refused.append(error.http_status)

    threads = [threading.Thread(target=create) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 1
    assert set(refused) <= {409}
    assert len(made) + len(refused) == 20
    assert len(client.v1.payment_intents.list().data) == 1
