"""`expand[]`: what the official types say can be expanded, and Stripe's refusal of the rest."""

import pytest
import stripe
from djstripe import models


@pytest.fixture
def paid(pay, sandbox, customer):
    return pay(sandbox.add_card(customer)["id"])


def test_object_stands_where_its_id_stood(client, paid, customer):
    paths = ["latest_charge.balance_transaction.source", "customer", "payment_method"]

    found = client.v1.payment_intents.retrieve(paid.id, {"expand": paths})

    assert found.latest_charge.balance_transaction.source.id == found.latest_charge.id
    assert (found.customer.id, found.customer.object) == (customer, "customer")
    assert found.payment_method.card.last4 == "4242"


@pytest.mark.usefixtures("paid")
def test_objects_of_a_list_are_expanded(client):
    (found,) = client.v1.charges.list({"expand": ["data.balance_transaction"]}).data

    assert found.balance_transaction.amount == 5000


def test_field_within_a_hash_is_expanded(client, sandbox, customer):
    card = sandbox.add_card(customer)["id"]
    client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})
    path = "invoice_settings.default_payment_method"

    found = client.v1.customers.retrieve(customer, {"expand": [path]})

    assert found.invoice_settings.default_payment_method.card.brand == "visa"
    listed = client.v1.customers.list({"expand": [f"data.{path}"]}).data
    assert listed[0].invoice_settings.default_payment_method.id == card


def test_list_that_is_asked_for_is_there(client, paid, customer):
    refund = client.v1.refunds.create({"payment_intent": paid.id, "amount": 100})

    charge = client.v1.charges.retrieve(paid.latest_charge, {"expand": ["refunds"]})
    found = client.v1.customers.retrieve(customer, {"expand": ["sources", "subscriptions"]})

    assert [one.id for one in charge.refunds.data] == [refund.id]
    assert (found.sources.data, found.subscriptions.data) == ([], [])
    assert "refunds" not in client.v1.charges.retrieve(paid.latest_charge)


@pytest.mark.parametrize("path", ["review", "amount_details", "transfer_data.destination"])
def test_what_is_null_or_a_hash_may_be_asked_for(client, paid, path):
    found = client.v1.payment_intents.retrieve(paid.id, {"expand": [path]})

    assert found.to_dict() == client.v1.payment_intents.retrieve(paid.id).to_dict()


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (model, path)
        for model in (models.Charge, models.Customer, models.Session)
        for path in model.expand_fields
    ],
)
def test_what_djstripe_expands_may_be_asked_for(client, paid, customer, model, path):
    facts = {"mode": "setup", "currency": "usd", "success_url": "https://example.test"}
    session = client.v1.checkout.sessions.create(facts)
    service, id = {
        "Charge": (client.v1.charges, paid.latest_charge),
        "Customer": (client.v1.customers, customer),
        "Session": (client.v1.checkout.sessions, session.id),
    }[model.__name__]

    assert service.retrieve(id, {"expand": [path]}).id == id
    assert service.list({"expand": [f"data.{path}"]}).data[0].id == id


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("amount", "This property cannot be expanded (amount)."),
        ("unicorn", "This property cannot be expanded (unicorn)."),
        ("customer.email", "This property cannot be expanded (customer.email)."),
        ("amount_details.horn", "This property cannot be expanded (amount_details.horn)."),
        ("data.customer", "This property cannot be expanded (data)."),
    ],
)
def test_anything_else_is_refused_with_its_path(client, paid, path, told):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.retrieve(paid.id, {"expand": [path]})

    assert refusal.value.user_message == told
    assert (refusal.value.http_status, refusal.value.code) == (400, None)


def test_list_wants_its_data_named(client):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.charges.list({"expand": ["customer"]})

    assert refusal.value.user_message == (
        "This property cannot be expanded (customer). You may want to try expanding "
        "'data.customer' instead."
    )
