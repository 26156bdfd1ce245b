"""What of an answer is compared by its value, what by its kind, and what a report says."""

import json

import pytest

from thinkrr_billing.sandbox.stripe_check import facts, telling
from thinkrr_billing.sandbox.stripe_check.comparing import Difference, differences
from thinkrr_billing.sandbox.stripe_check.playing import Played, Record
from thinkrr_billing.sandbox.stripe_check.recording import Exchange


def _facts(body: object, *, status: int = 200, **headers: str) -> dict[str, str]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    exchange = Exchange("GET", "/v1/x", status=status, headers=named, content=content)
    return {" ".join(place): token for place, token in facts.of(exchange).items()}


@pytest.mark.parametrize(
    ("name", "value", "token"),
    [
        ("id", "pi_3NqZ7kL2eZvKYlo2C0aBcDeF", "'{pi id}'"),
        ("client_secret", "pi_3NqZ7kL2eZvKYlo2C_secret_9x", "a secret"),
        ("description", "Refund of ch_3NqZ7kL2eZvKYlo2", "'Refund of {ch id}'"),
        ("code", "card_declined", "'card_declined'"),
        ("status", "requires_payment_method", "'requires_payment_method'"),
        ("created", 1_790_000_000, "a moment"),
        ("canceled_at", 1_790_000_000, "a moment"),
        ("canceled_at", None, "null"),
        ("amount", 1_790_000_000, "1790000000"),
        ("amount", 2500, "2500"),
        ("amount", 0, "0"),
        ("exp_year", 2029, "a number"),
        ("exp_year", None, "null"),
        ("fingerprint", "Xt5EWLLDS7FJjR1c", "some text"),
        ("message", "", "empty text"),
        ("url", "https://checkout.stripe.com/c/pay/cs_test_a1", "an address"),
        ("paid", False, "false"),
        ("payment_method_types", ["card"], "list of 1"),
        ("metadata", {}, "object"),
        ("text", "a\x00b\x1b[31m", "'a?b?[31m'"),
    ],
)
def test_a_value_is_compared_unless_it_differs_by_nature(name, value, token):
    assert _facts({"object": "thing", name: value})[f"thing {name}"] == token


def test_a_long_text_is_cut_where_a_table_ends():
    assert _facts({"object": "thing", "text": "x" * 500})["thing text"] == repr("x" * 59 + "…")


def test_every_level_of_an_answer_has_its_facts():
    found = _facts({"object": "list", "data": [{"object": "refund", "amount": 5}]})

    assert found["list data"] == "list of 1"
    assert found["list data [0] amount"] == "5"


def test_an_answer_that_is_nested_without_end_ends():
    deep: dict = {}
    for _ in range(500):
        deep = {"a": deep}

    assert len(_facts(deep)) < 30


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff\xfe", b'{"a": '])
def test_what_cannot_be_read_is_no_json(body):
    assert _facts(body)["answer"] == "no JSON"


def test_the_headers_that_matter_are_facts():
    found = _facts({}, request_id="req_1", stripe_should_retry="false", set_cookie="a")

    assert found["header request-id"] == "present"
    assert found["header stripe-should-retry"] == "false"
    assert found["header idempotent-replayed"] == "absent"
    assert "header set-cookie" not in found


def test_a_header_on_one_side_is_a_difference():
    def record(**headers: str) -> Record:
        exchange = Exchange("POST", "/v1/x", status=429, headers=headers, content=b"{}")
        return Record("a step", "Unexecuted", (exchange.call,), (facts.of(exchange),))

    found = differences([record(**{"stripe-should-retry": "true"})], [record()])

    assert found == [Difference("header stripe-should-retry", "true", "absent", ["a step"])]


def test_one_difference_of_many_steps_is_one_row():
    found = [Difference("customer.tax", "absent", "null", ["one", "two", "three", "four"])]

    said = _report(found, Played(records=[Record("one", "done")]))

    assert "| `customer.tax` | `absent` | `null` | one, two, and 2 more |" in said


def test_a_target_that_stopped_and_what_was_left_there_are_said():
    said = _report([], Played(records=[Record("one", "done")], left_behind=["cus_1"], ended_at="b"))

    assert "1 of 67 steps." in said
    assert "It stopped answering: nothing was asked after *b*." in said
    assert "Could not be deleted there: cus_1." in said
    assert "No difference in what was asked." in said


def _report(found: list[Difference], played: Played) -> str:
    return telling.report(
        found=found, played=played, base="https://a", version="v", sdk="15", of=67
    )
