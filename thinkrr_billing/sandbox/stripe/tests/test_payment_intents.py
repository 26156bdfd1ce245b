"""Taking money: what every kind of card does to a payment intent."""

import pytest
import stripe


def _create(client, **facts):
    full = {"amount": 5000, "currency": "usd", "payment_method_types": ["card"], **facts}
    return client.v1.payment_intents.create(full)


def test_unconfirmed_intent_is_created_confirmed_and_leaves_a_charge(client, sandbox, customer):
    card = sandbox.add_card(customer)["id"]

    intent = _create(client, customer=customer, payment_method=card, metadata={"purchase": "7"})
    assert (intent.status, intent.amount_received) == ("requires_confirmation", 0)
    intent = client.v1.payment_intents.confirm(
        intent.id, {"off_session": True, "expand": ["latest_charge.balance_transaction"]}
    )

    assert (intent.status, intent.amount_received) == ("succeeded", 5000)
    assert intent.latest_charge.payment_intent == intent.id
    assert intent.latest_charge.metadata.to_dict() == {"purchase": "7"}
    line = intent.latest_charge.balance_transaction
    assert (line.amount, line.fee, line.net) == (5000, 175, 4825)


def test_intent_can_be_created_and_confirmed_in_one_call(client, sandbox, customer):
    card = sandbox.add_card(customer)["id"]

    intent = _create(client, customer=customer, payment_method=card, confirm=True, off_session=True)

    assert intent.status == "succeeded"


def test_statuses_before_a_card_is_given(client, customer):
    intent = _create(client, customer=customer)
    assert intent.status == "requires_payment_method"

    updated = client.v1.payment_intents.update(intent.id, {"payment_method": "pm_card_visa"})

    assert updated.status == "requires_confirmation"


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (0, "parameter_invalid_integer"),
        (-1, "parameter_invalid_integer"),
        (49, "amount_too_small"),
        (100_000_000, "amount_too_large"),
    ],
)
def test_amount_out_of_range_is_refused(client, amount, code):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        _create(client, amount=amount)

    assert (refusal.value.code, refusal.value.param) == (code, "amount")
    assert client.v1.payment_intents.list().data == []


@pytest.mark.parametrize("amount", [50, 99_999_999])
def test_amounts_at_the_limits_are_taken(pay, sandbox, customer, amount):
    card = sandbox.add_card(customer)["id"]

    assert pay(card, amount=amount).amount_received == amount


def test_decline_answers_402_with_the_intent_and_keeps_it_open(client, pay, sandbox, customer):
    card = sandbox.add_card(customer, "4000000000009995")["id"]

    with pytest.raises(stripe.CardError) as decline:
        pay(card)

    error = decline.value.json_body["error"]
    assert decline.value.http_status == 402
    assert (error["type"], error["code"], error["decline_code"]) == (
        "card_error",
        "card_declined",
        "insufficient_funds",
    )
    assert error["payment_method"]["id"] == card
    intent = client.v1.payment_intents.retrieve(error["payment_intent"]["id"])
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error.decline_code == "insufficient_funds"
    assert intent.last_payment_error.payment_method.id == card
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, "card_declined")
    assert sandbox.truth()["taken"] == 0


def test_declined_intent_succeeds_with_another_card(client, pay, sandbox, customer):
    bad, good = sandbox.add_card(customer, "4000000000000341"), sandbox.add_card(customer)
    with pytest.raises(stripe.CardError) as decline:
        pay(bad["id"])
    intent = decline.value.json_body["error"]["payment_intent"]["id"]

    again = client.v1.payment_intents.confirm(
        intent, {"payment_method": good["id"], "off_session": True}
    )

    assert (again.status, again.last_payment_error) == ("succeeded", None)


@pytest.mark.parametrize(
    ("behaviour", "code", "decline_code"),
    [
        ({"decline_code": "lost_card"}, "card_declined", "lost_card"),
        ({"decline_code": "a_brand_new_code"}, "card_declined", "a_brand_new_code"),
        ({"decline_code": "expired_card"}, "expired_card", None),
        ("authentication_required", "authentication_required", "authentication_required"),
    ],
)
def test_behaviour_of_a_saved_card_can_be_changed(
    pay, sandbox, customer, behaviour, code, decline_code
):
    card = sandbox.add_card(customer)["id"]
    sandbox.set_card(card, behaviour=behaviour)

    with pytest.raises(stripe.CardError) as decline:
        pay(card)

    assert decline.value.code == code
    assert decline.value.json_body["error"].get("decline_code") == decline_code
    sandbox.set_card(card, behaviour="ok")
    assert pay(card).status == "succeeded"


def test_card_past_its_expiry_is_declined(pay, sandbox, customer):
    card = sandbox.add_card(customer, exp_month=1, exp_year=2020)["id"]

    with pytest.raises(stripe.CardError) as decline:
        pay(card)

    assert decline.value.code == "expired_card"


def test_authentication_required_off_session_is_a_card_error(pay, sandbox, customer):
    card = sandbox.add_card(customer, "4000002760003184")["id"]

    with pytest.raises(stripe.CardError) as decline:
        pay(card)

    assert decline.value.code == "authentication_required"
    intent = decline.value.json_body["error"]["payment_intent"]
    assert intent["status"] == "requires_payment_method"


@pytest.mark.parametrize(
    ("number", "status"),
    [("4000002500003155", "succeeded"), ("4000003800000446", "succeeded")],
)
def test_three_d_secure_card_that_was_set_up_is_charged_off_session(
    pay, sandbox, customer, number, status
):
    card = sandbox.add_card(customer, number)["id"]

    assert pay(card).status == status


def test_card_needing_set_up_is_refused_off_session_before_it(pay, sandbox, customer):
    card = sandbox.add_card(customer, "4000002500003155", set_up=False)["id"]

    with pytest.raises(stripe.CardError) as decline:
        pay(card)

    assert decline.value.code == "authentication_required"


def test_processing_payment_ends_when_told(client, pay, sandbox, customer):
    card = sandbox.add_card(customer, behaviour="processing")["id"]
    first, second = pay(card), pay(card)
    assert (first.status, first.amount_received) == ("processing", 0)

    sandbox.finish(first.id, "succeeded")
    sandbox.finish(second.id, "failed", decline_code="insufficient_funds")

    assert client.v1.payment_intents.retrieve(first.id).status == "succeeded"
    failed = client.v1.payment_intents.retrieve(second.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error.decline_code == "insufficient_funds"
    assert sandbox.truth()["taken"] == 5000


@pytest.mark.parametrize("verb", ["confirm", "cancel"])
def test_closed_intent_refuses_with_itself_in_the_error(client, pay, sandbox, customer, verb):
    intent = pay(sandbox.add_card(customer)["id"])

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        getattr(client.v1.payment_intents, verb)(intent.id)

    assert refusal.value.code == "payment_intent_unexpected_state"
    assert refusal.value.json_body["error"]["payment_intent"]["status"] == "succeeded"
    assert sandbox.truth()["taken"] == 5000


def test_canceled_intent_can_never_be_confirmed(client, sandbox, customer):
    card = sandbox.add_card(customer)["id"]
    intent = _create(client, customer=customer, payment_method=card)
    canceled = client.v1.payment_intents.cancel(
        intent.id, {"cancellation_reason": "requested_by_customer"}
    )
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "requested_by_customer")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.confirm(intent.id)

    assert refusal.value.code == "payment_intent_unexpected_state"


def test_detached_card_cannot_be_charged(client, pay, sandbox, customer):
    card = sandbox.add_card(customer)["id"]
    intent = _create(client, customer=customer, payment_method=card)
    client.v1.payment_methods.detach(card)

    for attempt in (lambda: pay(card), lambda: client.v1.payment_intents.confirm(intent.id)):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            attempt()
        assert (refusal.value.code, refusal.value.param) == (None, None)


def test_card_of_another_customer_cannot_be_charged(client, pay, sandbox):
    card = sandbox.add_card(client.v1.customers.create({}).id)["id"]

    with pytest.raises(stripe.InvalidRequestError, match="does not belong to the customer"):
        pay(card)


def test_intents_are_listed_by_customer_and_time(client, pay, sandbox, customer):
    card = sandbox.add_card(customer)["id"]
    old = pay(card)
    later = int(sandbox.advance(3600))
    new = pay(card)
    _create(client)

    by_customer = client.v1.payment_intents.list({"customer": customer})
    since = client.v1.payment_intents.list({"customer": customer, "created": {"gte": later}})

    assert [one.id for one in by_customer.data] == [new.id, old.id]
    assert [one.id for one in since.data] == [new.id]


def test_return_url_is_asked_for_when_redirects_are_allowed(client):
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.create(
            {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
        )


def test_unexpandable_property_is_refused(client, pay, sandbox, customer):
    intent = pay(sandbox.add_card(customer)["id"])

    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.payment_intents.retrieve(intent.id, {"expand": ["amount"]})


def test_charges_of_an_intent_are_listed(client, pay, sandbox, customer):
    intent = pay(sandbox.add_card(customer)["id"])

    charges = client.v1.charges.list({"payment_intent": intent.id})

    assert [charge.id for charge in charges.data] == [intent.latest_charge]
