"""A sandbox process, the real SDK pointed at it, and somebody who listens for its events."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stripe

from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from thinkrr_billing.sandbox.stripe.tests.official import witness

KEY = "sk_test_000000000000000000000000"
SECRET = "whsec_of_these_tests"
PATIENCE_SECONDS = 10


@pytest.fixture
def sandbox(stripe_process: StripeSandbox) -> Iterator[StripeSandbox]:
    stripe_process.reset()
    yield stripe_process
    assert witness.told(stripe_process.state) == []


def new_client(sandbox: StripeSandbox, *, retries: int = 0) -> stripe.StripeClient:
    return stripe.StripeClient(
        KEY, base_addresses={"api": sandbox.base_url}, max_network_retries=retries
    )


@pytest.fixture
def client(sandbox: StripeSandbox) -> stripe.StripeClient:
    """The real SDK, without retries of its own, so that every answer is seen."""
    return new_client(sandbox)


@pytest.fixture
def customer(client: stripe.StripeClient) -> str:
    return client.v1.customers.create({"name": "Bright Agency", "email": "pay@example.com"}).id


@pytest.fixture
def pay(client: stripe.StripeClient, customer: str) -> Callable:
    """Charge a saved card off-session, the way our purchases do: create, then confirm."""

    def pay(card: str, *, amount: int = 5000, **confirming) -> stripe.PaymentIntent:
        intent = client.v1.payment_intents.create(
            {
                "amount": amount,
                "currency": "usd",
                "customer": customer,
                "payment_method": card,
                "payment_method_types": ["card"],
            }
        )
        return client.v1.payment_intents.confirm(intent.id, {"off_session": True, **confirming})

    return pay


def until(condition: Callable[[], object]) -> None:
    """Wait for something in another process, which can only be asked again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


class Listener:
    """Receives webhooks and answers with the statuses in `answers`, then with 200."""

    def __init__(self) -> None:
        self.received: list[tuple[dict, dict, bytes]] = []
        self.answers: list[int] = []
        self.arrived = threading.Condition()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with listener.arrived:
                    status = listener.answers.pop(0) if listener.answers else 200
                    headers = dict(self.headers.items())
                    listener.received.append((json.loads(body), headers, body))
                    listener.arrived.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/stripe/webhook/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def types(self) -> list[str]:
        return [event["type"] for event, _, _ in self.received]

    def wait_for(self, condition: Callable[["Listener"], bool]) -> None:
        with self.arrived:
            arrived = self.arrived.wait_for(lambda: condition(self), PATIENCE_SECONDS)
        assert arrived, f"received only {self.types()}"


@pytest.fixture
def listener(sandbox: StripeSandbox) -> Iterator[Listener]:
    """Somebody listens: events are delivered there, signed with SECRET."""
    listener = Listener()
    sandbox.webhooks(url=listener.url, secret=SECRET, mode="normal")
    yield listener
    sandbox.webhooks(url="", mode="normal")
    listener.server.shutdown()
    listener.server.server_close()
