"""The trial's own judge notices what it is there for: each promise is broken once by hand."""

from dataclasses import replace

import pytest

from tests.cluster.judge import Bounds, Facts, Purchase, broken, figures, missed_beats

FAULT = 100.0


def attempt(name: str, at: float, status: int = 200, **facts: object) -> dict:
    usual = {"kind": "call", "client": 1, "id": name, "at": at, "status": status}
    usual |= {"seconds": 0.1, "retry_after": None, "taken": status == 200, "state": ""}
    return usual | facts


def recharge(name: str, **facts: object) -> dict:
    return attempt(name, 99.0, kind="recharge", client=100, state="succeeded", **facts)


def event(name: str, account: str, sequence: int, **facts: object) -> dict:
    usual = {"id": name, "at": 104.0, "account": account, "sequence": sequence}
    usual |= {"kind": "campaign.paused", "object": "c", "happened": "1970-01-01T00:01:40+00:00"}
    return usual | facts


REFUSED = attempt("b", 101.0, 503, retry_after="5")
PAUSED, RESUMED = (attempt(one, 99.0, kind="switch", client=200) for one in ("p", "q"))
TOLD = [
    event("m1", "Ada", 4),
    event("m2", "Bob", 2, kind="wallet.recharge.succeeded", object="7"),
    event("m1", "Ada", 4, at=105.0),
    event("m3", "Ada", 5, kind="campaign.resumed", at=106.5),
]
GOOD = Facts(
    attempts=[attempt("a", 99.0), REFUSED, attempt("b", 103.0), recharge("r"), PAUSED, RESUMED],
    fault_at=FAULT,
    calls={"a": 1, "b": 1},
    purchases={"r": Purchase("succeeded", 500, "pi_1", "7")},
    credited={"r": 500},
    charged={"pi_1": 500, "pi_0": 700},
    known={"pi_1": 500, "pi_0": 700},
    events=TOLD,
    switchers={200: "Ada"},
)
TARGET = Bounds(again_within=8)


def test_a_trial_that_kept_its_promises_is_not_blamed():
    assert broken(GOOD, TARGET) == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"calls": {"a": 1}}, "the call b was taken and is lost"),
        ({"calls": {"a": 2, "b": 1}}, "the call a stands there 2 times"),
        ({"calls": {"a": 1, "b": 1, "c": 1}}, "nobody sent the call c"),
        (
            {"attempts": [attempt("a", 99.0), attempt("b", 101.0, 0)], "calls": {"a": 1, "b": 1}},
            "the call b was never taken",
        ),
        ({"attempts": [], "calls": {}}, "no call was sent"),
        ({"purchases": {}, "credited": {}}, "the recharge r was answered and is lost"),
        (
            {"charged": {"pi_1": 1000, "pi_0": 700}},
            "the recharge r is succeeded: of 500 cents 1000 were charged and 500 credited",
        ),
        (
            {"charged": {"pi_0": 700}},
            "the recharge r is succeeded: of 500 cents 0 were charged and 500 credited",
        ),
        (
            {"credited": {}},
            "the recharge r is succeeded: of 500 cents 500 were charged and 0 credited",
        ),
        (
            {"purchases": {"r": Purchase("declined", 500, "pi_1", "7")}, "credited": {}},
            "the recharge r is declined: of 500 cents 500 were charged and 0 credited",
        ),
        (
            {"charged": GOOD.charged | {"pi_2": 500}},
            "Stripe charged 500 cents by pi_2 that nobody knows",
        ),
        (
            {"attempts": [*GOOD.attempts, recharge("s", status=409, taken=False)]},
            "the recharge s has no outcome",
        ),
        ({"books": ["wallet 1: 3 is not 4"]}, "the books: wallet 1: 3 is not 4"),
        ({"workers_down": ["worker1"]}, "the worker of worker1 stays down"),
        ({"backwards": 3}, "3 entries are dated before the one before them"),
        (
            {"attempts": [*GOOD.attempts, PAUSED | {"id": "s", "status": 409, "taken": False}]},
            "the switch s was never taken",
        ),
    ],
)
def test_each_thing_lost_doubled_or_left_open_is_told(changed, sentence):
    assert sentence in broken(replace(GOOD, **changed), TARGET)


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        (TOLD[:3], "Ada switched 2 times and was told so 1 times"),
        ([*TOLD, event("m4", "Ada", 6)], "Ada switched 2 times and was told so 3 times"),
        ([*TOLD, event("m4", "Eve", 6)], "Eve switched 0 times and was told so 1 times"),
        ([TOLD[0], TOLD[3]], "nobody was told of the recharge 7"),
        (
            [*TOLD, event("m4", "Bob", 6, kind="wallet.recharge.succeeded", object="8")],
            "told of the recharge 8, which nobody made",
        ),
        ([TOLD[1], TOLD[3], TOLD[0]], "Ada was told of 4 after 5"),
        ([*TOLD, event("m3", "Ada", 6)], "the event m3 came again and is another one"),
    ],
)
def test_each_thing_a_customers_server_was_told_wrongly_or_not_is_told(events, sentence):
    assert broken(replace(GOOD, events=events), TARGET) == [sentence]


def test_a_repeat_that_comes_late_is_out_of_no_order():
    assert broken(replace(GOOD, events=[TOLD[0], *TOLD[1:], TOLD[0]]), TARGET) == []


def test_what_was_told_last_is_told_how_late_and_a_repeat_does_not_count():
    assert figures(GOOD)["told_within"] == pytest.approx(6.5)
    assert figures(GOOD)["events"] == 3


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (REFUSED | {"seconds": 5.2}, "a 503 of a call came after 5.2 s: 5 at most"),
        (
            REFUSED | {"kind": "recharge", "id": "r", "seconds": 10.1},
            "a 503 of a recharge came after 10.1 s: 10 at most",
        ),
        (REFUSED | {"retry_after": "60"}, "a 503 says Retry-After: 60"),
        (REFUSED | {"retry_after": None}, "a 503 says Retry-After: None"),
        (REFUSED | {"status": 500}, "1 were answered 500"),
        (REFUSED | {"status": 504}, "1 were answered 504"),
    ],
)
def test_each_answer_that_no_client_should_see_is_told(one, sentence):
    attempts = [one if known is REFUSED else known for known in GOOD.attempts]

    assert broken(replace(GOOD, attempts=attempts), TARGET) == [sentence]


def test_the_last_client_that_is_served_again_decides():
    other = [attempt("c", 101.0, client=2), attempt("d", 109.0, client=3)]
    facts = replace(GOOD, attempts=GOOD.attempts + other, calls=GOOD.calls | {"c": 1, "d": 1})

    assert figures(facts)["first_again"] == pytest.approx(1.1)
    assert broken(facts, TARGET) == ["calls were taken again after 9.1 s: the target is 8 s"]


def test_a_client_that_is_never_served_again_breaks_the_target():
    facts = replace(GOOD, attempts=[attempt("a", 99.0), REFUSED], calls={"a": 1}, purchases={})

    assert "calls were taken again never: the target is 8 s" in broken(facts, TARGET)


def test_a_call_sent_before_the_fault_proves_nothing():
    facts = replace(GOOD, attempts=[attempt("a", 99.0, seconds=3.0)], calls={"a": 1})

    assert figures(facts)["again"] is None


def test_one_refusal_is_too_much_where_nobody_may_be_refused():
    assert broken(GOOD, replace(TARGET, refuses_nobody=True)) == [
        "somebody was refused: {'503': 1}"
    ]


@pytest.mark.parametrize(
    ("begun", "missed"),
    [
        ([0, 60, 120, 180], 0),
        ([0, 61.5, 118, 180], 0),
        ([0, 60, 180], 1),
        ([0, 240], 3),
        # Long before the trial.
        ([-300, 0, 60, 120], 0),
    ],
)
def test_ticks_that_did_not_come_are_counted(begun, missed):
    assert missed_beats(begun, since=50, until=130) == missed
