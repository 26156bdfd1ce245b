"""One table: every call of the gateway, and every kind of answer. Each cell has one meaning."""

import inspect
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import HTTPServer
from types import SimpleNamespace

import pytest

from accounts import clock
from tests.servers import Quiet, serving
from wallets.stripe import gateway
from wallets.stripe.answers import (
    Declined,
    GatewayError,
    Impossible,
    KeyConflict,
    Misconfigured,
    StateChanged,
    Unexecuted,
    Unknown,
)

# Support is told of a key that is refused.
pytestmark = pytest.mark.django_db

SINCE = clock.now() - timedelta(days=1)
CALLS: dict[str, Callable[[], object]] = {
    "create_intent": lambda: gateway.create_intent(
        key="k", amount=500, customer="cus_1", payment_method="pm_1", metadata={}, description="d"
    ),
    "confirm_intent": lambda: gateway.confirm_intent(key="k", intent_id="pi_1"),
    "confirm_on_session": lambda: gateway.confirm_on_session(
        key="k", intent_id="pi_1", payment_method="pm_1", return_url="http://testserver/"
    ),
    "retrieve_intent": lambda: gateway.retrieve_intent(intent_id="pi_1"),
    "cancel_intent": lambda: gateway.cancel_intent(intent_id="pi_1"),
    "find_intent": lambda: gateway.find_intent(customer="cus_1", purchase_id="p", since=SINCE),
    "intents_since": lambda: list(gateway.intents_since(since=SINCE)),
    "create_customer": lambda: gateway.create_customer(key="k", name="A", email="", metadata={}),
    "start_card_setup": lambda: gateway.start_card_setup(
        customer="cus_1", success_url="http://testserver/", cancel_url="http://testserver/"
    ),
    "finished_card_setup": lambda: gateway.finished_card_setup(session_id="cs_1"),
    "latest_card_setup": lambda: gateway.latest_card_setup(customer="cus_1"),
    "retrieve_setup_intent": lambda: gateway.retrieve_setup_intent(setup_intent_id="seti_1"),
    "retrieve_customer": lambda: gateway.retrieve_customer(customer="cus_1"),
    "retrieve_card": lambda: gateway.retrieve_card(card_id="pm_1"),
    "list_cards": lambda: gateway.list_cards(customer="cus_1"),
    "detach_card": lambda: gateway.detach_card(card_id="pm_1"),
    "create_refund": lambda: gateway.create_refund(
        key="k", intent_id="pi_1", amount=500, metadata={}
    ),
    "retrieve_refund": lambda: gateway.retrieve_refund(refund_id="re_1"),
    "list_refunds": lambda: gateway.list_refunds(intent_id="pi_1"),
    "refunds_since": lambda: list(gateway.refunds_since(since=SINCE)),
    "retrieve_dispute": lambda: gateway.retrieve_dispute(dispute_id="dp_1"),
    "disputes_since": lambda: list(gateway.disputes_since(since=SINCE)),
    "customers_since": lambda: list(gateway.customers_since(since=SINCE)),
}
# What they answer is not read: the object is, afterwards.
UNREAD = ("confirm_intent", "cancel_intent")


def error(**facts: object) -> str:
    return json.dumps({"error": {"message": "It says so.", **facts}})


def refused(code: str = "", **facts: object) -> str:
    return error(type="invalid_request_error", **({"code": code} if code else {}), **facts)


# A name: status, body, and what it means. A body of None ends the connection without an answer.
SAID: dict[str, tuple[int, str | None, type[Exception]]] = {
    "declined": (402, error(type="card_error", code="card_declined"), Declined),
    "402 of no known type": (402, error(type="new_error"), Declined),
    "no such object": (404, refused("resource_missing", param="customer"), Impossible),
    "a parameter it does not know": (400, refused("parameter_unknown"), Impossible),
    "400 without a code": (400, refused(), Impossible),
    "a code of tomorrow": (400, refused("invented_in_2027"), Impossible),
    "no longer in that state": (400, refused("payment_intent_unexpected_state"), StateChanged),
    "a card no longer in that state": (
        400,
        refused("payment_method_unexpected_state"),
        StateChanged,
    ),
    "a key of other parameters": (400, error(type="idempotency_error"), KeyConflict),
    "busy with the same key": (409, refused("idempotency_key_in_use"), Unexecuted),
    "locked": (429, refused("lock_timeout"), Unexecuted),
    "locked, as 400": (400, refused("lock_timeout"), Unexecuted),
    "too many requests": (429, refused("rate_limit"), Unexecuted),
    "a key that is none": (401, refused("api_key_expired"), Misconfigured),
    "no permission": (403, refused(), Misconfigured),
    "an error of theirs": (500, error(type="api_error"), Unknown),
    "too long": (504, error(type="api_error", code="api_error"), Unknown),
}
GARBLED: dict[str, str] = {
    "nothing": "",
    "an empty object": "{}",
    "a list": "[]",
    "null": "null",
    "a number": "5",
    "a text": '"ok"',
    "HTML": "<html><body>Maintenance</body></html>",
    "cut off": '{"id": "pi_1", "object": "payment_intent", "stat',
    "another object": '{"object": "balance", "available": []}',
    "a list without rows": '{"object": "list", "has_more": true}',
    "a list of nothing": '{"object": "list", "data": [null], "has_more": false}',
    "a list of rows without ids": '{"object": "list", "data": [{}], "has_more": false}',
    "deep": "[" * 5000,
}
ODD_ERRORS: dict[str, tuple[int, str]] = {
    "a page in between": (400, "<html>Bad Request</html>"),
    "an error that is a text": (400, '{"error": "no"}'),
    "an error without facts": (400, '{"error": {}}'),
    "an error that is null": (404, '{"error": null}'),
    "a list": (403, "[]"),
    "gone": (410, "{}"),
    "unavailable, as HTML": (503, "<html>Service Unavailable</html>"),
    "a teapot": (418, ""),
}


@pytest.fixture(scope="module")
def answering() -> Iterator[HTTPServer]:
    """Answers every request with `status` and `body`."""

    class Answers(Quiet):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.server.body is None:
                self.close_connection = True
                return
            body = self.server.body.encode()
            self.send_response(self.server.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = answer

    with serving(Answers) as server:
        yield server


@pytest.fixture
def ask(answering, settings) -> Callable[[str, int, str | None], object]:
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{answering.server_port}"

    def asked(name: str, status: int, body: str | None) -> object:
        answering.status, answering.body = status, body
        # A person's patience: nothing is tried a second time.
        with gateway.person_waiting():
            return CALLS[name]()

    return asked


def test_every_call_of_the_gateway_is_in_the_table():
    public = {
        name
        for name, found in vars(gateway).items()
        if inspect.isfunction(found) and not name.startswith("_")
    }
    own = {name for name in public if vars(gateway)[name].__module__ == gateway.__name__}
    asks_nothing = {"person_waiting", "verify_event"}

    assert own - asks_nothing == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_each_refusal_has_one_meaning(ask, name):
    meanings = {}
    for said, (status, body, _) in SAID.items():
        with pytest.raises(Exception) as raised:  # noqa: PT011
            ask(name, status, body)
        meanings[said] = raised.type

    assert meanings == {said: meaning for said, (_, _, meaning) in SAID.items()}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "parameter_unknown"),
        (401, "api_key_expired"),
        (403, "account_invalid"),
        (409, "idempotency_key_in_use"),
        (429, "lock_timeout"),
    ],
)
def test_stripes_code_is_kept_where_the_sdk_leaves_it_in_the_body(ask, status, code):
    with pytest.raises(GatewayError) as raised:
        ask("retrieve_card", status, refused(code))

    assert raised.value.code == code


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(ask, name):
    meanings = {}
    for said, body in GARBLED.items():
        try:
            ask(name, 200, body)
            meanings[said] = None
        except Exception as error:
            meanings[said] = type(error)
    # Who does not read it may take it for done, where it can be read at all.
    allowed = {Unknown, None} if name in UNREAD else {Unknown}

    assert set(meanings.values()) <= allowed, meanings


@pytest.mark.parametrize("name", CALLS)
def test_an_error_in_no_form_of_stripes_is_one_of_ours_and_never_a_success(ask, name):
    for said, (status, body) in ODD_ERRORS.items():
        with pytest.raises((Unknown, Impossible, Misconfigured)):
            ask(name, status, body)
            pytest.fail(f"taken for done: {said}")


@pytest.mark.parametrize("name", CALLS)
def test_a_connection_that_ends_without_an_answer_leaves_it_unknown(ask, name):
    with pytest.raises(Unknown):
        ask(name, 0, None)


def test_a_list_whose_pages_lead_nowhere_is_left(monkeypatch):
    row = {"id": "re_1", "status": "succeeded", "amount": 5}
    page = SimpleNamespace(data=[FakeRow(row)], has_more=True)
    pages = SimpleNamespace(refunds=SimpleNamespace(list=lambda params: page))
    monkeypatch.setattr(gateway, "_stripe", lambda: pages)

    with pytest.raises(Unknown):
        list(gateway.refunds_since(since=SINCE))


class FakeRow:
    """As the SDK gives an object: its text is JSON."""

    def __init__(self, facts: dict) -> None:
        self.id, self._facts = facts["id"], facts

    def __str__(self) -> str:
        return json.dumps(self._facts)
