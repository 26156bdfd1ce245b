"""Events: what is sent, how it is signed, and how deliveries go wrong on demand."""

import time
from collections import Counter

import pytest
import stripe

from thinkrr_billing.sandbox.stripe.tests.conftest import SECRET, until


def _verified(received, *, tolerance=300):
    _, headers, body = received
    return stripe.Webhook.construct_event(
        body, headers.get("Stripe-Signature"), SECRET, tolerance=tolerance
    )


def test_every_step_of_a_payment_is_told_and_signed(listener, pay, sandbox, customer):
    intent = pay(sandbox.add_card(customer)["id"])

    expected = {
        "payment_method.attached",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    }
    listener.wait_for(lambda one: expected <= set(one.types()))
    (found,) = [one for one in listener.received if one[0]["type"] == "payment_intent.succeeded"]
    event = _verified(found)
    assert event.data.object.id == intent.id
    assert event.api_version == "2026-08-26.dahlia"
    assert found[0]["request"]["id"].startswith("req_")
    assert event.livemode is False
    assert "_sandbox" not in str(found[0])


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (lambda c, s, p, cus: c.v1.customers.update(cus, {"name": "New"}), "customer.updated"),
        (lambda c, s, p, cus: c.v1.customers.delete(cus), "customer.deleted"),
        (
            lambda c, s, p, cus: s.set_card(s.add_card(cus)["id"], exp_year=2044),
            "payment_method.automatically_updated",
        ),
        (
            lambda c, s, p, cus: c.v1.payment_methods.detach(s.add_card(cus)["id"]),
            "payment_method.detached",
        ),
        (
            lambda c, s, p, cus: c.v1.payment_intents.cancel(
                c.v1.payment_intents.create({"amount": 50, "currency": "usd"}).id
            ),
            "payment_intent.canceled",
        ),
        (
            lambda c, s, p, cus: p(s.add_card(cus, behaviour="processing")["id"]),
            "payment_intent.processing",
        ),
        (
            lambda c, s, p, cus: c.v1.setup_intents.create(
                {"customer": cus, "payment_method": "pm_card_visa", "confirm": True}
            ),
            "setup_intent.succeeded",
        ),
        (
            lambda c, s, p, cus: c.v1.refunds.create(
                {"payment_intent": p(s.add_card(cus)["id"]).id}
            ),
            "refund.created",
        ),
        (
            lambda c, s, p, cus: s.set_refund(
                c.v1.refunds.create({"payment_intent": p(s.add_card(cus)["id"]).id}).id, "failed"
            ),
            "refund.failed",
        ),
        (
            lambda c, s, p, cus: s.dispute(p(s.add_card(cus)["id"]).id),
            "charge.dispute.funds_withdrawn",
        ),
    ],
)
def test_event_is_sent(client, sandbox, pay, customer, listener, steps, expected):
    steps(client, sandbox, pay, customer)

    listener.wait_for(lambda one: expected in one.types())


def test_decline_is_told(listener, pay, sandbox, customer):
    with pytest.raises(stripe.CardError):
        pay(sandbox.add_card(customer, "4000000000000341")["id"])

    listener.wait_for(
        lambda one: {"charge.failed", "payment_intent.payment_failed"} <= set(one.types())
    )


def test_refused_delivery_is_repeated_until_2xx(listener, client, sandbox):
    listener.answers = [500, 302, 204]

    client.v1.customers.create({})
    listener.wait_for(lambda one: len(one.received) == 1)
    for count in (2, 3):
        sandbox.advance(60)
        listener.wait_for(lambda one, count=count: len(one.received) == count)

    assert len({event["id"] for event, _, _ in listener.received}) == 1
    until(lambda: sandbox.deliveries()[-1]["status"] == "delivered")
    assert sandbox.deliveries()[-1]["attempts"] == 3


def test_nobody_listening_is_quietly_tried_again_later(listener, client, sandbox):
    url = listener.url
    sandbox.webhooks(url="http://127.0.0.1:9/nobody")
    client.v1.customers.create({})
    until(lambda: sandbox.deliveries()[-1]["attempts"] >= 1)
    assert "Refused" in sandbox.deliveries()[-1]["error"]

    sandbox.webhooks(url=url)
    sandbox.advance(60)

    listener.wait_for(lambda one: "customer.created" in one.types())


def test_delivery_is_given_up_after_three_days(listener, client, sandbox):
    listener.answers = [500] * 10
    client.v1.customers.create({})
    until(lambda: sandbox.deliveries()[-1]["attempts"] >= 1)

    sandbox.advance(3 * 24 * 3600 + 60)

    until(lambda: sandbox.deliveries()[-1]["status"] == "failed")


def test_dropped_events_never_arrive_but_can_be_read(listener, client, sandbox):
    sandbox.webhooks(mode="drop")
    client.v1.customers.create({"name": "silent"})
    sandbox.webhooks(mode="normal")
    client.v1.customers.create({"name": "loud"})

    listener.wait_for(lambda one: one.received)

    assert [event["data"]["object"]["name"] for event, _, _ in listener.received] == ["loud"]
    events = client.v1.events.list({"type": "customer.created"}).data
    assert [event.data.object.name for event in events] == ["loud", "silent"]


def test_held_events_arrive_when_released(listener, client, sandbox):
    sandbox.webhooks(mode="hold")
    client.v1.customers.create({})
    assert sandbox.deliveries()[-1]["status"] == "held"
    assert listener.received == []

    sandbox.webhooks(mode="normal", release=True)

    listener.wait_for(lambda one: one.types() == ["customer.created"])


@pytest.mark.parametrize("mode", ["duplicate", "parallel"])
def test_copies_of_one_event(listener, client, sandbox, mode):
    sandbox.webhooks(mode=mode, n=5)

    client.v1.customers.create({})

    listener.wait_for(lambda one: len(one.received) == 5)
    assert Counter(event["id"] for event, _, _ in listener.received).most_common(1)[0][1] == 5


def test_reordered_events_arrive_newest_first(listener, client, sandbox):
    sandbox.webhooks(mode="reorder")

    for name in ("1", "2", "3"):
        client.v1.customers.create({"name": name})

    listener.wait_for(lambda one: len(one.received) == 3)
    assert [one["data"]["object"]["name"] for one, _, _ in listener.received] == ["3", "2", "1"]


def test_delayed_event_waits_for_the_clock(listener, client, sandbox):
    sandbox.webhooks(mode="delay", seconds=3600)
    client.v1.customers.create({})
    assert sandbox.deliveries()[-1]["status"] == "pending"
    assert listener.received == []

    sandbox.advance(3601)

    listener.wait_for(lambda one: len(one.received) == 1)


@pytest.mark.parametrize(
    ("mode", "problem"),
    [
        ("bad_signature", "No signatures found"),
        ("old_signature", "outside the tolerance"),
        ("missing_signature", "No Stripe-Signature"),
    ],
)
def test_bad_signatures_are_refused_by_the_sdk(listener, client, sandbox, mode, problem):
    sandbox.webhooks(mode=mode)

    client.v1.customers.create({})

    listener.wait_for(lambda one: one.received)
    with pytest.raises(stripe.SignatureVerificationError, match=problem):
        _verified(listener.received[0])


def test_future_signature_is_good_but_an_hour_early(listener, client, sandbox):
    sandbox.webhooks(mode="future_signature")

    client.v1.customers.create({})

    listener.wait_for(lambda one: one.received)
    stamp = int(listener.received[0][1]["Stripe-Signature"].split(",")[0][2:])
    assert stamp > time.time() + 3000
    _verified(listener.received[0])


def test_events_can_be_signed_with_the_sandbox_time(listener, client, sandbox):
    sandbox.webhooks(sign_time="sandbox")
    sandbox.advance(-600)

    client.v1.customers.create({})

    listener.wait_for(lambda one: one.received)
    with pytest.raises(stripe.SignatureVerificationError, match="outside the tolerance"):
        _verified(listener.received[0])


def test_misbehaviour_can_be_limited_to_some_types(listener, pay, sandbox, customer):
    sandbox.webhooks(mode="drop", types=["payment_intent.succeeded"])

    pay(sandbox.add_card(customer)["id"])

    listener.wait_for(lambda one: "charge.succeeded" in one.types())
    assert [one["status"] for one in sandbox.deliveries(type="payment_intent.succeeded")] == [
        "dropped"
    ]


def test_event_is_sent_again_on_request(listener, client, sandbox):
    client.v1.customers.create({})
    listener.wait_for(lambda one: len(one.received) == 1)

    sandbox.webhooks(resend=listener.received[0][0]["id"])

    listener.wait_for(lambda one: len(one.received) == 2)
    assert listener.received[0][0]["id"] == listener.received[1][0]["id"]


def test_registered_endpoint_gets_what_it_asked_for_with_its_own_secret(client, listener, sandbox):
    sandbox.webhooks(url="", mode="normal")
    endpoint = client.v1.webhook_endpoints.create(
        {"url": listener.url, "enabled_events": ["customer.deleted"]}
    )
    customer = client.v1.customers.create({}).id
    client.v1.customers.delete(customer)

    listener.wait_for(lambda one: one.types() == ["customer.deleted"])

    _, headers, body = listener.received[0]
    stripe.Webhook.construct_event(body, headers["Stripe-Signature"], endpoint.secret)
    assert not hasattr(client.v1.webhook_endpoints.retrieve(endpoint.id), "secret")
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    assert client.v1.webhook_endpoints.list().data[0].status == "disabled"
    assert client.v1.webhook_endpoints.delete(endpoint.id).deleted is True


def test_events_are_listed_by_type_and_time(client, sandbox):
    client.v1.customers.create({"name": "old"})
    later = int(sandbox.advance(100))
    new = client.v1.customers.create({"name": "new"})
    client.v1.customers.update(new.id, {"name": "newer"})

    events = client.v1.events.list({"types": ["customer.created"], "created": {"gte": later}}).data

    assert [event.data.object.name for event in events] == ["new"]
    changed = client.v1.events.list({"type": "customer.updated"}).data[0]
    assert changed.data.previous_attributes.to_dict() == {"name": "new"}
    assert client.v1.events.retrieve(changed.id).id == changed.id


def test_the_endpoint_of_the_command_line_is_listed_as_any_other(client, sandbox, listener):
    own = client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/other", "enabled_events": ["customer.created"]}
    )

    main = client.v1.webhook_endpoints.list().data[-1]

    assert (main.url, main.status, main.enabled_events) == (listener.url, "enabled", ["*"])
    assert client.v1.webhook_endpoints.retrieve(main.id).url == listener.url
    assert [one.id for one in client.v1.webhook_endpoints.list().data] == [own.id, main.id]
    sandbox.webhooks(url="")
    assert [one.id for one in client.v1.webhook_endpoints.list().data] == [own.id]
