"""The control API: bulk import, the truth, the clock, the log of requests."""

import time

import pytest

from thinkrr_billing.sandbox.stripe.process import SandboxError

LAST_YEAR = 1_760_000_000


@pytest.mark.usefixtures("listener")
def test_a_past_is_imported_in_one_request_and_silently(client, sandbox):
    made = sandbox.import_(
        customers=[
            {"id": "cus_demo1", "name": "Demo", "email": "d@example.com", "created": LAST_YEAR}
        ],
        cards=[
            {"id": "pm_demo1", "customer": "cus_demo1", "number": "5555555555554444"},
            {"id": "pm_demo2", "customer": "cus_demo1", "behaviour": {"decline_code": "lost_card"}},
        ],
        payment_intents=[
            {
                "id": "pi_demo1",
                "payment_method": "pm_demo1",
                "amount": 5000,
                "created": LAST_YEAR + 60,
                "metadata": {"purchase": "1"},
            },
            {
                "id": "pi_demo2",
                "payment_method": "pm_demo2",
                "amount": 7000,
                "created": LAST_YEAR + 120,
                "status": "canceled",
                "decline_code": "lost_card",
            },
            {"id": "pi_demo3", "payment_method": "pm_demo1", "amount": 900, "status": "processing"},
        ],
        refunds=[
            {
                "id": "re_demo1",
                "payment_intent": "pi_demo1",
                "amount": 1000,
                "metadata": {"reversal": "1"},
                "created": LAST_YEAR + 600,
            }
        ],
    )

    assert made["payment_intents"] == ["pi_demo1", "pi_demo2", "pi_demo3"]
    paid = client.v1.payment_intents.retrieve("pi_demo1", {"expand": ["latest_charge"]})
    assert (paid.status, paid.created, paid.latest_charge.created) == (
        "succeeded",
        LAST_YEAR + 60,
        LAST_YEAR + 60,
    )
    assert paid.latest_charge.amount_refunded == 1000
    failed = client.v1.payment_intents.retrieve("pi_demo2")
    assert (failed.status, failed.last_payment_error.decline_code) == ("canceled", "lost_card")
    assert client.v1.refunds.retrieve("re_demo1").created == LAST_YEAR + 600
    truth = sandbox.truth(customer="cus_demo1")
    assert (truth["taken"], truth["refunded"]) == (5000, 1000)
    assert client.v1.events.list().data == []
    assert sandbox.deliveries() == []


def test_wrong_item_is_named_and_nothing_is_imported(client, sandbox):
    with pytest.raises(SandboxError, match=r"cards\[1\]"):
        sandbox.import_(
            customers=[{"id": "cus_demo1"}],
            cards=[{"customer": "cus_demo1"}, {"customer": "cus_nobody"}],
        )

    assert client.v1.customers.list().data == []


def test_thousands_are_imported_in_one_request(sandbox):
    made = sandbox.import_(
        customers=[{"id": f"cus_{n}"} for n in range(300)],
        cards=[{"id": f"pm_{n}", "customer": f"cus_{n}"} for n in range(300)],
        payment_intents=[
            {"payment_method": f"pm_{n % 300}", "amount": 100, "created": LAST_YEAR + n}
            for n in range(3000)
        ],
    )

    assert len(made["payment_intents"]) == 3000
    assert sandbox.truth()["taken"] == 300_000


def test_import_can_tell_the_world(sandbox, listener):
    sandbox.import_(
        customers=[{"id": "cus_1"}],
        cards=[{"id": "pm_1", "customer": "cus_1"}],
        payment_intents=[{"payment_method": "pm_1", "amount": 100}],
        webhooks=True,
    )

    listener.wait_for(lambda one: "payment_intent.succeeded" in one.types())


def test_truth_tells_each_intent_with_its_metadata(client, pay, sandbox, customer):
    intent = pay(sandbox.add_card(customer)["id"])
    client.v1.payment_intents.update(intent.id, {"metadata": {"purchase": "9"}})

    (told,) = sandbox.truth()["payment_intents"]

    assert told["metadata"] == {"purchase": "9"}
    assert (told["id"], told["customer"], told["status"]) == (intent.id, customer, "succeeded")
    assert (told["amount"], told["amount_received"], told["amount_refunded"]) == (5000, 5000, 0)


def test_clock_moves_what_is_created(client, sandbox):
    before = client.v1.customers.create({}).created
    sandbox.advance(3600)

    assert client.v1.customers.create({}).created - before in (3600, 3601, 3602, 3603)
    assert sandbox.set_clock(LAST_YEAR) == pytest.approx(LAST_YEAR, abs=3)
    assert sandbox.set_clock(None) == pytest.approx(time.time(), abs=3)


def test_requests_are_logged_and_cleared(client, sandbox):
    client.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
    client.v1.accounts.retrieve_current()

    first, second = sandbox.requests()

    assert (first["method"], first["path"], first["status"]) == ("POST", "/v1/customers", 200)
    assert (first["idempotency_key"], first["replayed"]) == ("k", False)
    assert first["params"] == {"name": "A"}
    assert sandbox.requests(since=first["id"]) == [second]
    assert sandbox.requests(path="/v1/customers") == [first]
    sandbox.clear_requests()
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("POST", "clock", {}, "advance_seconds"),
        ("POST", "cards/pm_nobody", {"behaviour": "ok"}, "No such payment_method"),
        ("POST", "webhooks", {"mode": "chaos"}, "use one of normal, drop"),
        ("POST", "webhooks", {"colour": "red"}, "Unknown fields"),
        ("POST", "disputes", {}, "payment_intent"),
        ("POST", "customers/cus_nobody/payment_methods", {"type": "link"}, "No such customer"),
        ("POST", "import", {"cats": []}, "Unknown fields"),
        ("GET", "nothing", None, "No control call"),
    ],
)
def test_control_call_that_makes_no_sense_is_refused(sandbox, method, path, body, problem):
    with pytest.raises(SandboxError, match=problem):
        sandbox.call(method, path, body)


def test_unknown_behaviour_of_a_card_is_refused_and_changes_nothing(pay, sandbox, customer):
    card = sandbox.add_card(customer)["id"]

    with pytest.raises(SandboxError, match="behaviour='sulk'"):
        sandbox.set_card(card, behaviour="sulk")

    assert pay(card).status == "succeeded"
