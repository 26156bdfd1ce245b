"""Customers and the cards saved for them."""

import pytest
import stripe


def test_customer_is_created_changed_and_found_again(client):
    created = client.v1.customers.create({"name": "A", "metadata": {"account": "1", "x": "y"}})
    client.v1.customers.update(created.id, {"name": "B", "metadata": {"x": ""}})

    found = client.v1.customers.retrieve(created.id)

    assert (found.name, found.livemode) == ("B", False)
    assert found.metadata.to_dict() == {"account": "1"}


@pytest.mark.parametrize(
    "email", ["nobody", "a@b", "a b@example.com", "a@example.com ", "ä@example.com", "a@b..com"]
)
def test_address_that_is_none_is_refused_wherever_it_is_given(client, email):
    session = {"mode": "setup", "currency": "usd", "success_url": "https://example.test"}
    calls = {
        "email": lambda: client.v1.customers.create({"email": email}),
        "receipt_email": lambda: client.v1.payment_intents.create(
            {"amount": 500, "currency": "usd", "receipt_email": email}
        ),
        "billing_details[email]": lambda: client.v1.payment_methods.create(
            {
                "type": "card",
                "card": {"token": "tok_visa"},
                "billing_details": {"email": email},
            }
        ),
        "customer_email": lambda: client.v1.checkout.sessions.create(
            {**session, "customer_email": email}
        ),
    }
    for param, call in calls.items():
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            call()
        assert (refusal.value.code, refusal.value.param) == ("email_invalid", param)

    assert client.v1.customers.list().data == []
    assert client.v1.payment_intents.list().data == []


def test_refused_address_changes_nothing_and_an_empty_one_takes_it_away(client, customer):
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.update(customer, {"email": "nobody", "name": "Other"})
    assert client.v1.customers.retrieve(customer).name == "Bright Agency"

    assert client.v1.customers.update(customer, {"email": ""}).email is None


@pytest.mark.parametrize("type", ["us_bank_account", "link"])
def test_other_method_is_attached_and_told_apart_but_never_charged(
    client, sandbox, customer, listener, type
):
    card = sandbox.add_card(customer)["id"]
    other = sandbox.add_method(customer, type)["id"]

    found = client.v1.payment_methods.retrieve(other)
    assert (found.type, found.customer, "card" in found) == (type, customer, False)
    listed = client.v1.customers.payment_methods.list(customer)
    assert [one.id for one in listed.data] == [other, card]
    for wanted, ids in (("card", [card]), (type, [other])):
        facts = {"customer": customer, "type": wanted}
        assert [one.id for one in client.v1.payment_methods.list(facts).data] == ids
    facts = {"amount": 500, "currency": "usd", "customer": customer, "payment_method": other}
    with pytest.raises(stripe.InvalidRequestError, match="is not allowed here") as refusal:
        client.v1.payment_intents.create(facts)
    assert (refusal.value.code, refusal.value.param) == (None, "payment_method")
    assert sandbox.truth()["payment_intents"] == []
    listener.wait_for(lambda one: one.types().count("payment_method.attached") == 2)


def test_other_method_may_be_the_default_and_be_detached(client, sandbox, customer):
    other = sandbox.add_method(customer, "link")["id"]
    settings = {"default_payment_method": other}

    changed = client.v1.customers.update(customer, {"invoice_settings": settings})
    assert changed.invoice_settings.default_payment_method == other

    assert client.v1.payment_methods.detach(other).customer is None
    assert client.v1.customers.retrieve(customer).invoice_settings.default_payment_method is None


def test_deleted_customer_answers_deleted_and_loses_its_cards(client, sandbox, customer):
    card = sandbox.add_card(customer)["id"]

    assert client.v1.customers.delete(customer).deleted is True

    assert client.v1.customers.retrieve(customer).deleted is True
    assert client.v1.payment_methods.retrieve(card).customer is None
    assert client.v1.customers.list().data == []


def test_customers_are_listed_newest_first_in_pages(client):
    ids = [client.v1.customers.create({"name": str(n)}).id for n in range(5)]

    first = client.v1.customers.list({"limit": 2})
    second = client.v1.customers.list({"limit": 2, "starting_after": first.data[-1].id})
    back = client.v1.customers.list({"limit": 2, "ending_before": second.data[0].id})

    assert [one.id for one in first.data] == [ids[4], ids[3]]
    assert [one.id for one in second.data] == [ids[2], ids[1]]
    assert [one.id for one in back.data] == [ids[4], ids[3]]
    assert (first.has_more, back.has_more) == (True, False)
    assert [one.id for one in client.v1.customers.list({"limit": 2}).auto_paging_iter()] == ids[
        ::-1
    ]


def test_unknown_customer_is_resource_missing(client):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.retrieve("cus_nobody")

    assert refusal.value.http_status == 404
    assert (refusal.value.code, refusal.value.param) == ("resource_missing", "id")


@pytest.mark.parametrize(
    ("name", "brand", "last4"),
    [
        ("pm_card_visa", "visa", "4242"),
        ("pm_card_mastercard", "mastercard", "4444"),
        ("pm_card_amex", "amex", "0005"),
        ("pm_card_chargeCustomerFail", "visa", "0341"),
    ],
)
def test_predefined_card_becomes_a_fresh_payment_method(client, customer, name, brand, last4):
    first = client.v1.payment_methods.attach(name, {"customer": customer})
    second = client.v1.payment_methods.attach(name, {"customer": customer})

    assert (first.card.brand, first.card.last4, first.customer) == (brand, last4, customer)
    assert first.id != second.id
    assert first.card.fingerprint == second.card.fingerprint


def test_card_from_number_and_from_token_has_the_same_fingerprint(client):
    numbered = client.v1.payment_methods.create(
        {
            "type": "card",
            "card": {"number": "4242 4242 4242 4242", "exp_month": 3, "exp_year": 2031, "cvc": "1"},
        }
    )
    from_token = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})

    assert (numbered.card.exp_month, numbered.card.exp_year) == (3, 2031)
    assert numbered.card.fingerprint == from_token.card.fingerprint


def test_real_card_number_is_refused_and_not_logged(client, sandbox):
    number = "4111111111111111"

    with pytest.raises(stripe.CardError, match="Never enter a real card"):
        client.v1.payment_methods.create(
            {"type": "card", "card": {"number": number, "exp_month": 1, "exp_year": 2031}}
        )

    assert number not in str(sandbox.requests())


@pytest.mark.parametrize(
    ("number", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000009987", "card_declined", "lost_card"),
        ("4000000000009979", "card_declined", "stolen_card"),
        ("4000000000000069", "expired_card", "expired_card"),
    ],
)
def test_declining_card_cannot_be_attached(client, customer, number, code, decline_code):
    card = {"number": number, "exp_month": 1, "exp_year": 2031}
    method = client.v1.payment_methods.create({"type": "card", "card": card})

    with pytest.raises(stripe.CardError) as decline:
        client.v1.payment_methods.attach(method.id, {"customer": customer})

    assert (decline.value.code, decline.value.json_body["error"]["decline_code"]) == (
        code,
        decline_code,
    )
    assert client.v1.customers.payment_methods.list(customer).data == []


def test_detached_card_cannot_be_used_or_attached_again(client, sandbox, customer):
    card = sandbox.add_card(customer)["id"]
    client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})

    client.v1.payment_methods.detach(card)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_methods.attach(card, {"customer": customer})
    assert (refusal.value.code, refusal.value.param) == (None, None)
    assert client.v1.payment_methods.retrieve(card).customer is None
    found = client.v1.customers.retrieve(customer)
    assert found.invoice_settings.default_payment_method is None


def test_card_of_another_customer_cannot_be_attached(client, sandbox, customer):
    card = sandbox.add_card(customer)["id"]
    other = client.v1.customers.create({}).id

    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        client.v1.payment_methods.attach(card, {"customer": other})

    assert client.v1.payment_methods.retrieve(card).customer == customer


def test_cards_are_listed_for_their_customer_only(client, sandbox, customer):
    other = client.v1.customers.create({}).id
    mine = [sandbox.add_card(customer)["id"], sandbox.add_card(customer)["id"]]
    sandbox.add_card(other)

    listed = client.v1.payment_methods.list({"customer": customer, "type": "card"})
    nested = client.v1.customers.payment_methods.list(customer)

    assert [one.id for one in listed.data] == mine[::-1]
    assert [one.id for one in nested.data] == mine[::-1]


def test_saved_card_is_given_a_new_expiry_by_its_owner(client, sandbox, customer):
    card = sandbox.add_card(customer)["id"]

    updated = client.v1.payment_methods.update(
        card, {"card": {"exp_month": 5, "exp_year": 2040}, "metadata": {"nick": "work"}}
    )

    assert (updated.card.exp_month, updated.card.exp_year) == (5, 2040)
    assert updated.card.last4 == "4242"
