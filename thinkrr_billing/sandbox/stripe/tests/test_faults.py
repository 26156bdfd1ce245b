"""Scripted faults: what reached Stripe, and what the caller was told."""

import json
import time
import urllib.request

import pytest
import stripe

from thinkrr_billing.sandbox.stripe.process import SandboxError
from thinkrr_billing.sandbox.stripe.tests.conftest import KEY, new_client

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
        ("lock_timeout", stripe.RateLimitError, 0),
        ("500_saved", stripe.APIError, 0),
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


def test_saved_500_is_replayed_under_its_key_and_nothing_was_done(client, sandbox, intent):
    sandbox.fault(kind="500_saved", path=PATH)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as refusal:
            _confirm(client, intent)

    assert refusal.value.headers["Idempotent-Replayed"] == "true"
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_confirmation"
    assert sandbox.truth()["taken"] == 0
    assert _confirm(client, intent, key="p:confirm:2").status == "succeeded"


@pytest.mark.parametrize(
    ("kind", "status", "code", "advice"),
    [
        ("lock_timeout", 429, "lock_timeout", "true"),
        ("429", 429, "rate_limit", None),
        ("409", 409, "idempotency_key_in_use", None),
        ("500_before", 500, None, None),
        ("500_after", 500, None, "false"),
        ("500_saved", 500, None, "false"),
    ],
)
def test_refusal_says_whether_to_try_again(client, sandbox, intent, kind, status, code, advice):
    sandbox.fault(kind=kind, path=PATH)

    with pytest.raises(stripe.StripeError) as refusal:
        _confirm(client, intent)

    # The SDK leaves the code of these in the body only.
    assert (refusal.value.http_status, refusal.value.error.code) == (status, code)
    assert refusal.value.headers.get("Stripe-Should-Retry") == advice


@pytest.mark.parametrize("kind", ["500_after", "500_saved"])
def test_sdk_does_not_try_a_kept_500_again(sandbox, intent, kind):
    sandbox.fault(kind=kind, path=PATH)

    with pytest.raises(stripe.APIError):
        _confirm(new_client(sandbox, retries=2), intent)

    assert len(sandbox.requests(path=f"/v1/payment_intents/{intent.id}/confirm")) == 1


@pytest.mark.parametrize(("kind", "taken"), [("answer_before", 0), ("answer_after", 5000)])
def test_scripted_answer_has_any_status_headers_and_body(client, sandbox, intent, kind, taken):
    sandbox.fault(
        kind=kind,
        path=PATH,
        status=403,
        headers={"X-Proxy": "yes", "Content-Type": "text/html"},
        body="<html>Not here</html>",
    )

    with pytest.raises(stripe.StripeError) as refusal:
        _confirm(client, intent)

    assert refusal.value.http_status == 403
    assert refusal.value.http_body == "<html>Not here</html>"
    # Of an answer that is no JSON the SDK has the headers there.
    headers = refusal.value.json_body
    assert (headers["X-Proxy"], headers["Content-Type"]) == ("yes", "text/html")
    assert sandbox.truth()["taken"] == taken


@pytest.mark.parametrize("body", [{}, [], None, {"object": "payment_intent"}, ""])
def test_scripted_body_is_sent_as_it_is(sandbox, body):
    sandbox.fault(kind="answer_before", path="/v1/account", body=body)
    request = urllib.request.Request(f"{sandbox.base_url}/v1/account")
    request.add_header("Authorization", f"Bearer {KEY}")

    with urllib.request.urlopen(request) as answer:
        text = answer.read().decode()

    assert text == (body if body == "" else json.dumps(body))
    assert answer.headers["Content-Type"] == "application/json"


def test_scripted_body_may_be_shorter_than_it_says(client, sandbox):
    lie = {"Content-Length": "500"}
    sandbox.fault(kind="answer_before", path="/v1/customers", headers=lie, body="{")

    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.list()


def test_scripted_body_may_trickle(client, sandbox):
    body = {"object": "list", "data": [], "has_more": False, "url": "/v1/customers"}
    sandbox.fault(kind="answer_before", path="/v1/customers", body=body, seconds=0.4)
    started = time.monotonic()

    assert client.v1.customers.list().data == []

    assert time.monotonic() - started >= 0.4


@pytest.mark.parametrize(
    "kind", ["reset_before", "reset_after", "500_before", "409", "lock_timeout"]
)
def test_sdk_retry_with_the_same_key_takes_the_money_once(sandbox, intent, kind):
    sandbox.fault(kind=kind, path=PATH)

    assert _confirm(new_client(sandbox, retries=2), intent).status == "succeeded"

    assert sandbox.truth()["taken"] == 5000


def test_scripted_decline_has_its_code(client, sandbox, intent):
    codes = {"decline_code": "insufficient_funds", "advice_code": "try_again_later"}
    sandbox.fault(kind="decline", path=PATH, **codes)

    with pytest.raises(stripe.CardError) as decline:
        _confirm(client, intent)

    found = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    for told in (decline.value.error, found.last_payment_error):
        assert (told.decline_code, told.advice_code) == tuple(codes.values())
    assert found.latest_charge.outcome.advice_code == "try_again_later"
    assert sandbox.truth()["taken"] == 0


def test_scripted_decline_of_a_set_up_has_its_codes(client, sandbox):
    codes = {"decline_code": "do_not_honor", "advice_code": "do_not_try_again"}
    sandbox.fault(kind="decline", path=r"/v1/setup_intents/\w+/confirm", **codes)
    setup = client.v1.setup_intents.create({"payment_method": "pm_card_visa"})

    with pytest.raises(stripe.CardError) as decline:
        client.v1.setup_intents.confirm(setup.id)

    kept = client.v1.setup_intents.retrieve(setup.id).last_setup_error
    for told in (decline.value.error, kept):
        assert (told.decline_code, told.advice_code) == tuple(codes.values())


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


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"status": 99}, "a whole number from 200 to 599"),
        ({"status": "200"}, "a whole number from 200 to 599"),
        ({"headers": {"X": "a\r\nB: c"}}, "each text on one line"),
        ({"headers": {"X Y": "a"}}, "each text on one line"),
        ({"headers": ["X"]}, "each text on one line"),
    ],
)
def test_answer_that_cannot_be_sent_is_refused(sandbox, fields, problem):
    with pytest.raises(SandboxError, match=problem):
        sandbox.fault(kind="answer_before", **fields)

    assert sandbox.faults() == []


def test_unreadable_fault_is_refused_with_the_choices(sandbox):
    with pytest.raises(Exception, match="use one of ok, decline"):
        sandbox.fault(kind="earthquake")

    assert sandbox.faults() == []
