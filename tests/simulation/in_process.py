"""The Stripe sandbox without sockets, on the application's own clock."""

import json
import sqlite3
from collections.abc import Callable
from types import SimpleNamespace
from urllib.parse import urlencode, urlsplit

import stripe
from django.conf import settings

from accounts import clock
from thinkrr_billing.sandbox.stripe.http import app
from thinkrr_billing.sandbox.stripe.process import SandboxError, StripeSandbox
from thinkrr_billing.sandbox.stripe.state.clock import Clock
from thinkrr_billing.sandbox.stripe.state.machine import Sandbox
from thinkrr_billing.sandbox.stripe.tests.official import witness
from thinkrr_billing.sandbox.stripe.wire.messages import Request

BASE = "http://127.0.0.1"


class _OurClock(Clock):
    def now(self) -> float:
        return clock.now().timestamp() + self._offset


class InProcessSandbox(StripeSandbox):
    """Speaks like the handle of a process; nobody delivers its events but the simulation."""

    def __init__(self) -> None:
        super().__init__(base_url=BASE)
        self.machine = Sandbox(state=":memory:")
        self.machine.clock = _OurClock(self.machine.store)
        self._snapshot = sqlite3.connect(":memory:", check_same_thread=False)

    def keep(self) -> None:
        """Remember this moment; `restore` comes back to it."""
        self.machine.store._db.backup(self._snapshot)

    def restore(self) -> None:
        self._snapshot.backup(self.machine.store._db)

    def call(self, method: str, path: str, body: dict | None = None, /, **query: object) -> dict:
        given = {name: value for name, value in query.items() if value is not None}
        answer = app.handle(
            self.machine,
            Request(
                method=method,
                path=f"/_sandbox/{path}",
                query=urlencode(given),
                headers={},
                body=b"" if body is None else json.dumps(body).encode(),
                base_url=BASE,
            ),
        )
        found = json.loads(answer.body)
        if answer.status != 200:
            raise SandboxError(f"{method} {path}: {found.get('error')}")
        return found

    def api(self, method: str, path: str, params: dict) -> int:
        """A request of somebody else's with our account, as from Stripe's dashboard."""
        answer = app.handle(
            self.machine,
            Request(
                method=method,
                path=path,
                query="",
                headers={
                    "authorization": f"Bearer {settings.STRIPE_SECRET_KEY}",
                    "content-type": "application/x-www-form-urlencoded",
                },
                body=urlencode(params).encode(),
                base_url=BASE,
            ),
        )
        return answer.status

    def intents(self) -> list[dict]:
        """Stripe's payment intents, oldest first."""
        return self.machine.store.list(kind="payment_intent")[::-1]

    def events(self) -> list[dict]:
        """All events, oldest first."""
        return self.machine.store.list(kind="event")[::-1]


class InProcessHTTP(stripe.HTTPClient):
    """What the SDK sends its requests through. `around` is told before and after each one."""

    name = "in-process"

    def __init__(self, sandbox: InProcessSandbox, around: Callable[[str], None]) -> None:
        super().__init__()
        self._sandbox, self._around = sandbox, around

    def request(
        self, method: str, url: str, headers: dict | None, post_data: object = None
    ) -> tuple[bytes, int, dict]:
        parts = urlsplit(url)
        body = post_data or b""
        self._around("before_request")
        asked = Request(
            method=method.upper(),
            path=parts.path,
            query=parts.query,
            headers={name.lower(): str(value) for name, value in (headers or {}).items()},
            body=body.encode() if isinstance(body, str) else body,
            base_url=BASE,
        )
        answer = app.handle(self._sandbox.machine, asked)
        assert witness.of_request(asked, answer) == []
        self._around("after_request")
        if answer.reset:
            raise stripe.APIConnectionError("The connection was cut.", should_retry=True)
        return answer.body, answer.status, answer.headers

    def _sleep_time_seconds(self, *args: object, **kwargs: object) -> float:
        return 0.0

    def close(self) -> None:
        """Nothing is open."""


def clients(http: InProcessHTTP) -> Callable[..., stripe.StripeClient]:
    """What stands in for `gateway.client`."""
    made: dict[int, stripe.StripeClient] = {}

    def client(key: str, base: str, seconds: int, retries: int) -> SimpleNamespace:  # noqa: ARG001
        if retries not in made:
            made[retries] = stripe.StripeClient(key, max_network_retries=retries, http_client=http)
        return made[retries]

    return client
