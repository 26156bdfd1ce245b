"""Stripe's answers lead nowhere else."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from wallets.stripe import gateway
from wallets.stripe.answers import Unknown


@pytest.fixture
def elsewhere() -> Iterator[HTTPServer]:
    """Leads every request to another of its own addresses, and notes who came there."""

    class Leads(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path.partition("?")[0])
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Leads)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_answer_that_leads_elsewhere_is_not_followed(elsewhere, settings):
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{elsewhere.server_port}"

    with gateway.person_waiting(), pytest.raises(Unknown):
        gateway.retrieve_intent(intent_id="pi_1")

    assert elsewhere.asked == ["/v1/payment_intents/pi_1"]
