"""Stripe's answers lead nowhere else."""

from collections.abc import Iterator
from http.server import HTTPServer

import pytest

from tests.servers import Quiet, serving
from wallets.stripe import gateway
from wallets.stripe.answers import Unknown


@pytest.fixture
def elsewhere() -> Iterator[HTTPServer]:
    """Leads every request to another of its own addresses, and notes who came there."""

    class Leads(Quiet):
        def do_GET(self) -> None:
            self.server.told.append(self.path.partition("?")[0])
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Leads) as server:
        yield server


def test_an_answer_that_leads_elsewhere_is_not_followed(elsewhere, settings):
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{elsewhere.server_port}"

    with gateway.person_waiting(), pytest.raises(Unknown):
        gateway.retrieve_intent(intent_id="pi_1")

    assert elsewhere.told == ["/v1/payment_intents/pi_1"]
