"""Scripted faults: what reached Stripe, and what the caller was told."""

import pytest
import stripe

from thinkrr_billing.sandbox.stripe.tests.conftest import new_client

PATH = r"/v1/payment_intents/\w+/confirm"


@pytest.fixture
def intent(client, sandbox, customer):
    card = sandbox.add_card(customer)["id"]
    return client.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "usd",
            "customer": customer,
            "payment_method": card,
            "payment_method_types": ["card"],
        }
    )


def _confirm(client, intent, key="p:confirm:1"):
    return client.v1.payment_intents.confirm(
        intent.id, {"off_session": True}, {"idempotency_key": key}
    )


@pytest.mark.parametrize(
    ("kind", "error", "taken"),
    [
        ("reset_before", stripe.APIConnectionError, 0),
        ("reset_after", stripe.APIConnectionError, 5000),
        ("500_before", stripe.APIError, 0),
        ("500_after", stripe.APIError, 5000),
        ("429", stripe.RateLimitError, 0),
        ("409", stripe.APIError, 0),
    ],
)
def test_fault_decides_whether_the_money_was_taken(client, sandbox, intent, kind, error, taken):
    sandbox.fault(kind=kind, path=PATH)

    with pytest.raises(error):
        _confirm(client, intent)

    assert sandbox.truth()["taken"] == taken
    (logged,) = sandbox.requests(path=f"/v1/payment_intents/{intent.id}/confirm")
    assert (logged["fault"], logged["idempotency_key"]) == (kind, "p:confirm:1")


@pytest.mark.parametrize(("kind", "taken"), [("hang_before", 0), ("hang_after", 5000)])
def test_hang_ends_without_an_answer(client, sandbox, intent, kind, taken):
    sandbox.fault(kind=kind, path=PATH, seconds=0.1)

    with pytest.raises(stripe.APIConnectionError):
        _confirm(client, intent)

    assert sandbox.truth()["taken"] == taken


def test_500_after_is_replayed_for_ever_under_its_key(client, sandbox, intent):
    sandbox.fault(kind="500_after", path=PATH)

    for _ in range(3):
        with pytest.raises(stripe.APIError):
            _confirm(client, intent)

    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert sandbox.truth()["taken"] == 5000


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "500_before", "409"])
def test_sdk_retry_with_the_same_key_takes_the_money_once(sandbox, intent, kind):
    sandbox.fault(kind=kind, path=PATH)

    assert _confirm(new_client(sandbox, retries=2), intent).status == "succeeded"

    assert sandbox.truth()["taken"] == 5000


def test_scripted_decline_has_its_code(client, sandbox, intent):
    sandbox.fault(kind="decline", path=PATH, decline_code="insufficient_funds")

    with pytest.raises(stripe.CardError) as decline:
        _confirm(client, intent)

    assert decline.value.json_body["error"]["decline_code"] == "insufficient_funds"
    assert sandbox.truth()["taken"] == 0


@pytest.mark.parametrize("kind", ["processing", "requires_action"])
def test_scripted_status(client, sandbox, intent, kind):
    sandbox.fault(kind=kind, path=PATH)

    assert _confirm(client, intent).status == kind


def test_bank_asked_by_script_is_answered_by_control(client, sandbox, intent):
    sandbox.fault(kind="requires_action", path=PATH)
    _confirm(client, intent)

    assert sandbox.answer_bank(intent.id, approved=True)["status"] == "succeeded"


def test_faults_are_used_in_order_with_skip_and_times(client, sandbox):
    sandbox.fault(kind="429", method="GET", path="/v1/customers", skip=1, times=2)

    results = []
    for _ in range(4):
        try:
            client.v1.customers.list()
            results.append("ok")
        except stripe.RateLimitError:
            results.append("429")

    assert results == ["ok", "429", "429", "ok"]


def test_ok_lets_one_request_pass_before_the_next_fault(client, sandbox):
    sandbox.fault(kind="ok", path="/v1/customers")
    sandbox.fault(kind="429", path="/v1/customers")

    client.v1.customers.list()

    with pytest.raises(stripe.RateLimitError):
        client.v1.customers.list()


def test_fault_can_be_meant_for_one_customer(client, sandbox, customer, intent):
    sandbox.fault(kind="429", path="/v1/payment_intents", customer=customer, times=None)
    other = client.v1.customers.create({}).id

    client.v1.payment_intents.create({"amount": 50, "currency": "usd", "customer": other})

    with pytest.raises(stripe.RateLimitError):
        _confirm(client, intent)
    sandbox.clear_faults()
    assert _confirm(client, intent).status == "succeeded"


def test_lost_answer_can_hide_a_decline(client, sandbox, intent):
    sandbox.fault(kind="reset_after", path=PATH, outcome="decline", decline_code="lost_card")

    with pytest.raises(stripe.APIConnectionError):
        _confirm(client, intent)

    found = client.v1.payment_intents.retrieve(intent.id)
    assert (found.status, found.last_payment_error.decline_code) == (
        "requires_payment_method",
        "lost_card",
    )


def test_unreadable_fault_is_refused_with_the_choices(sandbox):
    with pytest.raises(Exception, match="use one of ok, decline"):
        sandbox.fault(kind="earthquake")

    assert sandbox.faults() == []
