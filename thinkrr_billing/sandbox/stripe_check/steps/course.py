"""One course of all steps against one server: its key and address, and what was made there."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import stripe
from django.conf import settings

from thinkrr_billing.sandbox.stripe_check import recording
from wallets.stripe import gateway

AMOUNT = 2500
RETURN_URL = "https://example.com/stripe-check"
# What Stripe does a moment later (a dispute, an event) is asked for so often.
ASKED_TIMES = 10
ASKED_EVERY_SECONDS = 1.0


class NotPlayed(Exception):
    """A step needs what an earlier one did not get. The text names it."""


@dataclass(frozen=True)
class Step:
    title: str
    play: Callable[["Course"], None]


@dataclass
class Course:
    key: str
    base: str
    pause_seconds: float = ASKED_EVERY_SECONDS
    run: str = field(default_factory=lambda: secrets.token_hex(8))
    kept: dict[str, str] = field(default_factory=dict)
    customers: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        if not self.kept.get(name):
            raise NotPlayed(f"needs the {name} of an earlier step")
        return self.kept[name]

    def __setitem__(self, name: str, value: str) -> None:
        self.kept[name] = value

    def key_of(self, name: str) -> str:
        """An idempotency key that no other run uses."""
        return f"stripe-check-{self.run}-{name}"

    def sdk(self, *, key: str = "", version: str = "") -> Any:
        """Stripe's SDK, for what the gateway has no call for."""
        client = stripe.StripeClient(
            key or self.key,
            base_addresses={"api": self.base},
            stripe_version=version or settings.STRIPE_API_VERSION,
            max_network_retries=1,
            http_client=stripe.RequestsClient(timeout=gateway.WORKER_CALL_SECONDS),
        )
        return client.v1

    def intent(self, name: str, *, payment_method: str, customer: str = "", amount: int = AMOUNT):
        """Create an intent as a purchase does, and keep its id under `name`."""
        found = gateway.create_intent(
            key=self.key_of(f"create-{name}"),
            amount=amount,
            customer=customer or self["customer"],
            payment_method=payment_method,
            metadata={"purchase": name},
            description=f"Stripe check: {name}",
        )
        self[name] = found.id
        return found

    def charge(self, name: str, *, payment_method: str, amount: int = AMOUNT) -> None:
        """Charge off-session as Auto-Recharge does, and read what became of it either way."""
        self.intent(name, payment_method=payment_method, amount=amount)
        try:
            gateway.confirm_intent(key=self.key_of(f"confirm-{name}"), intent_id=self[name])
        finally:
            gateway.retrieve_intent(intent_id=self[name])

    def asked_until_there(self, ask: Callable[[], Any]) -> Any:
        """Ask again for what Stripe does a moment later; the last answer is what is recorded."""
        found = None
        for number in range(ASKED_TIMES):
            if number:
                time.sleep(self.pause_seconds)
            recording.forget()
            found = ask()
            if found:
                break
        return found
