"""The checker notices each kind of difference that is planted, and nothing in what is right."""

import copy

import pytest

from thinkrr_billing.sandbox.stripe.tests.official import checking, words
from thinkrr_billing.sandbox.stripe.wire.messages import Answer, json_answer

REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 500,
    "balance_transaction": "txn_1",
    "charge": "ch_1",
    "created": 1_800_000_000,
    "currency": "usd",
    "customer": "cus_1",
    "customer_account": None,
    "destination_details": {
        "card": {"reference_status": "pending", "reference_type": "arn", "type": "refund"},
        "type": "card",
    },
    "metadata": {"reversal": "7"},
    "payment_intent": "pi_1",
    "payment_method": "pm_1",
    "reason": "requested_by_customer",
    "receipt_number": None,
    "source_transfer_reversal": None,
    "status": "succeeded",
    "transfer_reversal": None,
}
EVENT = {
    "id": "evt_1",
    "object": "event",
    "api_version": words.VERSION,
    "created": 1_800_000_000,
    "data": {"object": REFUND, "previous_attributes": {"metadata": {"reversal": "6"}}},
    "livemode": False,
    "pending_webhooks": 1,
    "request": {"id": None, "idempotency_key": None},
    "type": "refund.updated",
}
DECLINE = {
    "error": {
        "advice_code": "do_not_try_again",
        "charge": "ch_1",
        "code": "card_declined",
        "decline_code": "lost_card",
        "doc_url": "https://docs.stripe.com/error-codes/card-declined",
        "message": "Your card was declined.",
        "request_log_url": "https://example.test/req_1",
        "type": "card_error",
    }
}
GONE = object()


def planted(original, path, value):
    """A copy in which one thing is wrong."""
    copied = copy.deepcopy(original)
    *way, last = path
    node = copied
    for step in way:
        node = node[step]
    if value is GONE:
        del node[last]
    else:
        node[last] = value
    return copied


def test_right_object_has_no_difference():
    assert checking.of_object(REFUND) == []
    assert checking.of_object({"id": "cus_1", "object": "customer", "deleted": True}) == []


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (["amount"], GONE, "refund.amount: missing"),
        (["receipt_number"], GONE, "refund.receipt_number: missing"),
        (["amount"], None, "refund.amount: null"),
        (["destination_details"], None, "refund.destination_details: null"),
        (["amount"], "500", "refund.amount: '500' is no int"),
        (["amount"], True, "refund.amount: True is no int"),
        (["amount"], 5.5, "refund.amount: 5.5 is no int"),
        (["charge"], 7, "refund.charge: 7 is no str"),
        (["metadata"], {"a": 1}, "refund.metadata[a]: 1 is no str"),
        (["metadata"], [], "refund.metadata: [] is no dict"),
        (["reason"], "bored", "refund.reason: 'bored' is not one of the official values"),
        (["colour"], "red", "refund.colour: no such field"),
        (["destination_details"], "card", "refund.destination_details: 'card' is of no "),
        (
            ["destination_details", "card", "type"],
            GONE,
            "refund.destination_details.card.type: missing",
        ),
        (
            ["destination_details", "card", "type"],
            "gift",
            "refund.destination_details.card.type: 'gift' is not one of the official values",
        ),
        (["object"], "unicorn", ".object: 'unicorn' is nothing the sandbox holds"),
    ],
)
def test_planted_difference_is_told_with_its_path(path, value, told):
    (difference,) = checking.of_object(planted(REFUND, path, value))

    assert difference.startswith(told)


def test_expanded_object_is_checked_like_any_other():
    wrong = planted(REFUND, ["charge"], {"object": "charge", "id": "ch_1"})

    assert "refund.charge.amount: missing" in checking.of_object(wrong)


def test_expanded_object_of_another_kind_is_a_difference():
    assert checking.of_object(planted(REFUND, ["charge"], REFUND)) != []


def test_deleted_object_has_nothing_else():
    gone = {"id": "cus_1", "object": "customer", "deleted": True, "email": None}

    assert checking.of_object(gone) == [
        "customer: a deleted object has only id, object and deleted"
    ]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (["has_more"], GONE, ".has_more: missing"),
        (["url"], None, ".url: null"),
        (["total"], 5, ".total: no such field"),
        (["data"], [{"object": "refund"}], ".data[0] refund.amount: missing"),
        (["data"], GONE, ".data[0]: 'missing' is no stripe_object"),
    ],
)
def test_list_is_checked_with_what_is_in_it(path, value, told):
    listed = {"object": "list", "data": [REFUND], "has_more": False, "url": "/v1/refunds"}

    assert checking.of_object(listed) == []
    found = checking.of_object(planted(listed, path, value))

    assert any(one.startswith(told.split(" is no ")[0]) for one in found), found


def test_right_event_has_no_difference():
    assert list(words.event(EVENT)) == []


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (["type"], "refund.exploded", "'refund.exploded' is not one of the official values"),
        (["type"], "charge.refunded", "'refund' is not its object"),
        (["api_version"], "2020-08-27", "event.api_version: '2020-08-27'"),
        (["data", "object", "status"], GONE, "event refund.updated.data.object.status: missing"),
        (["data", "previous_attributes"], {"colour": "red"}, ".colour: no such field"),
        (["data", "previous_attributes"], {"status": "succeeded"}, ".status: has not changed"),
        (["data", "previous_attributes"], {"amount": "5"}, ".amount: '5' is no int"),
        (["request"], GONE, "event.request: missing"),
        (["pending_webhooks"], None, "event.pending_webhooks: null"),
    ],
)
def test_event_is_checked_with_its_object_and_old_values(path, value, told):
    found = list(words.event(planted(EVENT, path, value)))

    assert any(told in one for one in found), found


def test_right_error_has_no_difference():
    assert list(words.error(DECLINE, status=402)) == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("code", "card_exploded", "error.code: 'card_exploded' is on no official list"),
        ("decline_code", "bad_mood", "error.decline_code: 'bad_mood' is on no official list"),
        ("advice_code", "try_harder", "error.advice_code: 'try_harder' is on no official list"),
        ("type", "rate_limit_error", "error.type: 'rate_limit_error' is on no official list"),
        ("type", GONE, "error.type: missing"),
        ("message", GONE, "error.message: missing"),
        ("param", None, "error.param: null, where Stripe leaves the field away"),
        ("doc_url", "https://example.test", "error.doc_url: 'https://example.test' is not that"),
        ("colour", "red", "error.colour: no such field"),
        ("charge", 7, "error.charge: 7 is no str"),
        ("payment_intent", {"object": "payment_intent"}, "error.payment_intent.amount: missing"),
    ],
)
def test_error_is_checked_by_the_official_lists(name, value, told):
    found = list(words.error(planted(DECLINE, ["error", name], value), status=402))

    assert any(one.startswith(told) for one in found), found


@pytest.mark.parametrize(
    ("type", "code", "right", "wrong"),
    [
        ("card_error", "card_declined", 402, 400),
        ("invalid_request_error", "lock_timeout", 429, 409),
        ("invalid_request_error", "rate_limit", 429, 400),
        ("idempotency_error", "idempotency_key_in_use", 409, 400),
        ("api_error", None, 500, 400),
        ("invalid_request_error", None, 404, 500),
    ],
)
def test_error_comes_with_its_status(type, code, right, wrong):
    told = {"type": type, "message": "No.", "request_log_url": "https://example.test"}
    if code:
        told |= {"code": code, "doc_url": words._doc_url(code)}

    assert list(words.error({"error": told}, status=right)) == []
    (difference,) = words.error({"error": told}, status=wrong)
    assert difference == f"error: {type} {code or ''} with status {wrong}"


HEADERS = {"Request-Id": "req_1", "Stripe-Version": words.VERSION}


def test_right_answer_has_no_difference():
    given = json_answer(200, REFUND, HEADERS)

    assert words.answer(given, method="GET", route="/v1/refunds/{}") == []
    assert words.answer(json_answer(402, DECLINE, HEADERS), method="POST", route="/v1/x") == []


@pytest.mark.parametrize(
    ("given", "route", "told"),
    [
        (json_answer(200, REFUND, {"Stripe-Version": "x"}), "refunds/{}", "Request-Id: missing"),
        (json_answer(200, REFUND, {"Request-Id": "x"}), "refunds/{}", "Stripe-Version: missing"),
        (Answer(status=200, body=b"<html>", headers=HEADERS), "refunds/{}", "is no JSON"),
        (json_answer(200, REFUND, HEADERS), "charges/{}", "'refund' is no Charge"),
        (json_answer(200, REFUND, HEADERS), "refunds", "'refund' is no list"),
        (json_answer(200, REFUND, HEADERS), "unicorns", "the SDK knows no such route"),
        (json_answer(200, "[]", HEADERS), "refunds", "[] is no object"),
        (json_answer(400, REFUND, HEADERS), "refunds", "is no error of Stripe's"),
        (
            json_answer(402, DECLINE, HEADERS | {"Request-Id": "req_2"}),
            "refunds",
            "error.request_log_url: of another request",
        ),
        (
            json_answer(402, DECLINE, HEADERS | {"Stripe-Should-Retry": "maybe"}),
            "refunds",
            "header Stripe-Should-Retry: 'maybe'",
        ),
    ],
)
def test_answer_is_checked_as_a_whole(given, route, told):
    found = words.answer(given, method="GET", route=f"/v1/{route}")

    assert any(told in one for one in found), found


def test_error_kept_in_an_intent_is_checked_by_the_lists():
    body = {"last_payment_error": {"type": "card_error", "decline_code": "bad_mood"}}

    assert list(words._kept_errors([body])) == [
        "error.decline_code: 'bad_mood' is on no official list"
    ]
