"""Another sandbox whose answers a test changes: each change is noticed, and named."""

from collections.abc import Iterator

import pytest

from thinkrr_billing.sandbox.stripe.process import StripeSandbox, start
from thinkrr_billing.sandbox.stripe_check import comparing, playing
from thinkrr_billing.sandbox.stripe_check.comparing import Difference
from thinkrr_billing.sandbox.stripe_check.steps import ALL, Step, reversals, story
from thinkrr_billing.sandbox.stripe_check.tests.different import KEY, Change, Changing, different

pytestmark = pytest.mark.journey

CONFIRM = "POST /v1/payment_intents/{id}/confirm"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeSandbox]:
    with start(state=tmp_path_factory.mktemp("check") / "state.sqlite3") as running:
        yield running


@pytest.fixture(scope="module")
def ours(sandbox: StripeSandbox) -> playing.Played:
    return playing.play(key=KEY, base=sandbox.base_url, pause_seconds=0.01)


def _against(sandbox: StripeSandbox, change: Change, **options: object) -> playing.Played:
    with different(sandbox.base_url, change) as base:
        return playing.play(key=KEY, base=base, **{"pause_seconds": 0.01} | options)


def _found(ours: playing.Played, theirs: playing.Played) -> list[tuple[str, str, str]]:
    found = comparing.differences(ours.records, theirs.records)
    return [(one.place, one.ours, one.theirs) for one in found]


def _nothing(answer: Changing) -> None:
    """Change nothing."""


def test_a_server_that_answers_the_same_differs_in_nothing(sandbox, ours):
    theirs = _against(sandbox, _nothing)

    assert _found(ours, theirs) == []
    assert [one.title for one in theirs.records] == [step.title for step in ALL]
    assert (theirs.left_behind, theirs.ended_at) == ([], "")


def test_every_step_finds_what_it_needs_in_the_sandbox(ours):
    assert [one.title for one in ours.records if one.meaning.startswith("not played")] == []
    assert [one.title for one in ours.records if one.meaning.startswith("cannot be")] == []


def _lacks_a_field(answer: Changing) -> None:
    if answer.body.get("object") == "payment_intent":
        del answer.body["amount_received"]


def _has_a_field_more(answer: Changing) -> None:
    if answer.body.get("object") == "customer" and not answer.body.get("deleted"):
        answer.body["tax"] = {"ip_address": None}


def _has_a_null(answer: Changing) -> None:
    if answer.body.get("object") == "setup_intent":
        answer.body["usage"] = None


def _has_another_code(answer: Changing) -> None:
    error = answer.body.get("error", {})
    if error.get("decline_code") == "lost_card":
        error["decline_code"] = "pickup_card"


def _has_another_amount(answer: Changing) -> None:
    if answer.method == "POST" and answer.path == "/v1/refunds" and answer.status == 200:
        answer.body["amount"] -= 1


def _misses_a_header(answer: Changing) -> None:
    answer.headers.pop("Idempotent-Replayed", None)


@pytest.mark.parametrize(
    ("change", "place", "mine", "theirs", "step"),
    [
        (
            _lacks_a_field,
            "payment_intent.amount_received",
            "2500",
            "absent",
            "threshold recharge, off-session",
        ),
        (_has_a_field_more, "customer.tax", "absent", "object", "make a customer"),
        (_has_a_null, "setup_intent.usage", "'off_session'", "null", "save a card"),
        (
            _has_another_code,
            "error.decline_code",
            "'lost_card'",
            "'pickup_card'",
            "charge is declined: lost card",
        ),
        (_has_another_amount, "refund.amount", "2500", "2499", "refund in full"),
        (
            _misses_a_header,
            "header idempotent-replayed",
            "true",
            "absent",
            "the same key, the same parameters",
        ),
    ],
)
def test_a_change_is_noticed_and_named(sandbox, ours, change, place, mine, theirs, step):
    played = _against(sandbox, change)

    found = comparing.differences(ours.records, played.records)
    (one,) = [one for one in found if (one.place, one.ours, one.theirs) == (place, mine, theirs)]
    assert step in one.steps


def test_below_what_is_missing_nothing_more_is_told(sandbox, ours):
    def lacks_a_card(answer: Changing) -> None:
        if answer.body.get("object") == "payment_method":
            del answer.body["card"]

    played = _against(sandbox, lacks_a_card)

    assert _found(ours, played) == [("payment_method.card", "object", "absent")]


def test_another_status_is_named_with_what_the_gateway_makes_of_it(sandbox, ours):
    def declines_with_400(answer: Changing) -> None:
        if answer.path.endswith("/confirm") and answer.status == 402:
            answer.status = 400
            answer.body["error"]["type"] = "invalid_request_error"

    played = _against(sandbox, declines_with_400)

    found = _found(ours, played)
    assert ("what our gateway makes of it", "Declined", "Impossible") in found
    assert (f"{CONFIRM}: status", "402", "400") in found
    assert ("error.type", "'card_error'", "'invalid_request_error'") in found


def test_a_call_is_named_by_its_path_without_ids(ours):
    called = {call for record in ours.records for call in record.calls}

    assert "POST /v1/setup_intents" in called
    assert "POST /v1/payment_methods/{id}/attach" in called
    assert [call for call in called if "_card" in call or call.startswith("POST /v1/{id}")] == []


def test_an_error_in_place_of_an_object_is_told_by_its_codes(sandbox, ours):
    def knows_no_refunds(answer: Changing) -> None:
        if answer.path == "/v1/refunds" and answer.method == "POST" and answer.status == 200:
            answer.status = 403
            answer.body = {"error": {"type": "invalid_request_error", "code": "no_permission"}}

    played = _against(sandbox, knows_no_refunds)

    found = _found(ours, played)
    assert ("POST /v1/refunds: answer", "refund", "error") in found
    assert ("POST /v1/refunds: status", "200", "403") in found
    assert ("error.code", "absent", "'no_permission'") in found
    assert (
        "what our gateway makes of it",
        "done",
        "not played: needs the refund in part of an earlier step",
    ) in found


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"<html>Bad gateway</html>", "no JSON"),
        (b"", "empty"),
        (b"[]", "JSON, but list"),
        (b"{}", "an object without a kind"),
    ],
)
def test_what_is_no_object_of_stripes_is_told(sandbox, ours, raw, kind):
    def answers_nonsense(answer: Changing) -> None:
        if answer.path.startswith("/v1/disputes"):
            answer.raw = raw

    played = _against(sandbox, answers_nonsense)

    found = comparing.differences(ours.records, played.records)
    (one,) = [one for one in found if one.place == "GET /v1/disputes: answer"]
    assert (one.ours, one.theirs, one.steps) == ("list", kind, ["read the dispute"])


def test_an_answer_that_never_comes_is_told_and_the_next_step_goes_on(sandbox, ours):
    def hangs_at_the_page(answer: Changing) -> None:
        answer.hang = answer.method == "POST" and answer.path == "/v1/checkout/sessions"

    played = _against(sandbox, hangs_at_the_page, step_seconds=1.5, steps=story.STEPS)

    found = comparing.differences(ours.records, played.records)
    told = Difference(
        "POST /v1/checkout/sessions: answer",
        "checkout.session",
        "none in time",
        ["open the page that saves a card"],
    )
    assert told in found
    assert played.records[5].meaning == "done"
    assert (len(played.records), played.ended_at) == (12, "")


def test_a_server_that_falls_silent_is_left_alone_after_three_steps(sandbox):
    def hangs_after_the_first(answer: Changing) -> None:
        answer.hang = answer.path != "/v1/customers"

    played = _against(sandbox, hangs_after_the_first, step_seconds=0.4)

    assert [one.silent for one in played.records] == [False, True, True, True]
    assert played.ended_at == "read the page before anybody filled it in"
    assert len(played.left_behind) == 1


def test_a_server_that_refuses_the_key_is_not_compared(sandbox):
    def refuses(answer: Changing) -> None:
        answer.status = 401
        answer.body = {"error": {"type": "invalid_request_error", "message": "Invalid API Key"}}

    with pytest.raises(playing.CannotPlay, match="refuses STRIPE_SECRET_KEY"):
        _against(sandbox, refuses)


def test_a_dispute_that_comes_a_moment_later_is_waited_for(sandbox, ours):
    asked: list[str] = []

    def has_it_at_the_third_time(answer: Changing) -> None:
        if answer.path == "/v1/disputes":
            asked.append(answer.path)
            if len(asked) < 3:
                answer.body["data"] = []

    played = _against(sandbox, has_it_at_the_third_time)

    assert _found(ours, played) == []
    assert len(asked) == 3


def test_the_customers_are_deleted_behind_it(sandbox):
    played = _against(sandbox, _nothing, steps=(*story.STEPS, *reversals.STEPS))

    assert played.left_behind == []
    made = [one for one in sandbox.requests(path="/v1/customers") if one["method"] == "DELETE"]
    assert made[-1]["status"] == 200


def test_who_interrupts_it_leaves_no_customer_behind(sandbox):
    class ByHand(BaseException):
        """Ctrl-C, for one test."""

    def steps() -> Iterator[Step]:
        yield story.STEPS[0]
        raise ByHand

    sandbox.clear_requests()

    with pytest.raises(ByHand):
        playing.play(key=KEY, base=sandbox.base_url, steps=steps())

    asked = [(one["method"], one["status"]) for one in sandbox.requests(path="/v1/customers")]
    assert asked == [("POST", 200), ("DELETE", 200)]
