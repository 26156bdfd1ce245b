"""Questions to Stripe that leave nothing behind there, and what came back. `checking` judges it.

A permission to read is probed by reading one row. One to write is probed on an object that does not
exist: whoever may is told that it is missing, whoever may not is refused before anybody looks.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import stripe
from django.conf import settings

from wallets import limits
from wallets.stripe import gateway
from wallets.stripe.permissions import Permission

OK, WRONG, NOT_CHECKED = "OK", "WRONG", "NOT CHECKED"

# Stripe's ids are random: this is none of them.
NOBODY = "1ThinkrrCheckOfPermissions"

Call = Callable[[Any], Any]

# What only an object of that id could feel: it has no parameters that would make a new one.
PERMISSIONS: dict[Permission, Call] = {
    Permission("charge", "write"): lambda v1: v1.refunds.update(f"re_{NOBODY}", {}),
    Permission("checkout_session", "write"): lambda v1: v1.checkout.sessions.expire(
        f"cs_test_{NOBODY}"
    ),
    Permission("customer", "write"): lambda v1: v1.customers.update(f"cus_{NOBODY}", {}),
    Permission("dispute", "read"): lambda v1: v1.disputes.list({"limit": 1}),
    Permission("payment_intent", "write"): lambda v1: v1.payment_intents.cancel(f"pi_{NOBODY}"),
    Permission("payment_method", "write"): lambda v1: v1.payment_methods.detach(f"pm_{NOBODY}"),
    Permission("setup_intent", "read"): lambda v1: v1.setup_intents.list({"limit": 1}),
}


@dataclass(frozen=True)
class Line:
    """What was looked at, how it is, and what to do about it."""

    subject: str
    verdict: str
    sentence: str


@dataclass(frozen=True)
class Told:
    """An answer. `status` 0: none came, and `trouble` says why. `off_seconds`: how far this
    machine's clock is ahead of Stripe's (below zero: behind), None when Stripe did not say."""

    ok: bool = False
    status: int = 0
    code: str = ""
    version: str = ""
    off_seconds: float | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    trouble: str = ""

    @property
    def may_read(self) -> bool | None:
        """None when the answer does not say."""
        return True if self.ok else self._refused

    @property
    def may_write(self) -> bool | None:
        """Of a question about nobody: that it is missing is told to who may. None: unclear."""
        missing = self.status == 404 or (self.status == 400 and self.code == "resource_missing")
        return True if missing else self._refused

    @property
    def _refused(self) -> bool | None:
        return False if self.status == 403 else None


def ask(call: Call) -> Told:
    """Make one call, with a person's patience. Raises nothing that Stripe could cause."""
    client = gateway.client(
        settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, limits.PROBE_SECONDS, 0
    )
    before = time.time()
    try:
        found = call(client.v1)
        response = found.last_response
        return _told(response.code, response.headers, before, ok=True, rows=_rows(found))
    except stripe.APIConnectionError as error:
        return Told(trouble=type(error.__cause__ or error).__name__)
    except stripe.StripeError as error:
        return _told(error.http_status or 0, error.headers, before, code=error.code or "")
    except gateway.UNREADABLE:
        return Told(trouble="an answer that is none of Stripe's")


def _told(status: int, headers: Any, before: float, **facts: Any) -> Told:
    found = {name.lower(): value for name, value in (headers or {}).items()}
    return Told(
        status=status,
        version=found.get("stripe-version", ""),
        off_seconds=_off(found.get("date", ""), before),
        **facts,
    )


def _off(date: str, before: float) -> float | None:
    """Stripe wrote its time some time between question and answer."""
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return None
    return (before + time.time()) / 2 - theirs


def _rows(found: Any) -> list[dict[str, Any]]:
    """Those of a list; none of an object. Raises ValueError for what is neither."""
    data = json.loads(str(found))
    rows = data.get("data")
    if not isinstance(rows, list) and not data.get("id"):
        raise ValueError("This is neither a list nor an object.")
    return [one for one in rows or [] if isinstance(one, dict)]
