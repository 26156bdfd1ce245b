"""Starts the sandbox as a process and speaks its control API: for tests, demo data and tools."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

START_SECONDS = 20  # A loaded machine needs a while to start Python.
STOP_SECONDS = 5
CALL_SECONDS = 60
PACKAGE = __name__.rpartition(".")[0]
_ROOT = Path(__file__).resolve().parents[3]


class SandboxError(Exception):
    """The sandbox did not start, or refused a control call. The text says why."""


class StripeSandbox:
    """A running sandbox. Use `start` to make a process, or give the URL of one that runs."""

    def __init__(
        self,
        *,
        base_url: str,
        process: subprocess.Popen | None = None,
        arguments: list[str] | None = None,
        webhook_secret: str = "",
        module: str = PACKAGE,
    ) -> None:
        self.base_url = base_url
        self._module = module
        self.process = process
        self._arguments = arguments or []
        self._webhook_secret = webhook_secret

    def __enter__(self) -> "StripeSandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def state(self) -> str:
        """The file that keeps everything of a process started here."""
        return self._arguments[self._arguments.index("--state") + 1]

    @property
    def port(self) -> int:
        return urllib.parse.urlsplit(self.base_url).port or 80

    def stop(self) -> None:
        """End it politely, or by force after a while."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def restart(self) -> None:
        """Start it again on the same port and state, whether it still runs or was killed."""
        self.stop()
        self.process = _launch(self._arguments, self._webhook_secret, self._module)
        self._wait_until_ready()

    def call(self, method: str, path: str, body: dict | None = None, /, **query: object) -> dict:
        """Make one control call: `call("POST", "clock", {"advance_seconds": 60})`."""
        given = {name: value for name, value in query.items() if value is not None}
        suffix = f"?{urllib.parse.urlencode(given)}" if given else ""
        request = urllib.request.Request(
            f"{self.base_url}/_sandbox/{path}{suffix}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = json.loads(error.read()).get("error")
            raise SandboxError(f"{method} {path}: {text}") from None

    def fault(self, *, kind: str, path: str = "", method: str | None = None, **fields) -> dict:
        """Script what the next matching request suffers; see docs/stripe-sandbox.md."""
        body = {"kind": kind, "path": path, **fields}
        return self.call("POST", "faults", body | ({"method": method} if method else {}))

    def faults(self) -> list[dict]:
        return self.call("GET", "faults")["faults"]

    def clear_faults(self) -> None:
        self.call("DELETE", "faults")

    def advance(self, seconds: float) -> float:
        """Move the clock on and return the new time."""
        return self.call("POST", "clock", {"advance_seconds": seconds})["now"]

    def set_clock(self, now: float | None) -> float:
        """Set the clock to a unix time, or back to real time with None."""
        body = {"reset": True} if now is None else {"now": now}
        return self.call("POST", "clock", body)["now"]

    def now(self) -> float:
        return self.call("GET", "clock")["now"]

    def truth(self, *, customer: str | None = None) -> dict:
        return self.call("GET", "truth", customer=customer)

    def requests(
        self,
        *,
        since: int | None = None,
        path: str | None = None,
        method: str | None = None,
        idempotency_key: str | None = None,
    ) -> list[dict]:
        """The log of API requests, oldest first."""
        query = {"since": since, "path": path, "method": method}
        return self.call("GET", "requests", idempotency_key=idempotency_key, **query)["requests"]

    def clear_requests(self) -> None:
        self.call("DELETE", "requests")

    def add_card(self, customer: str, number: str = "4242424242424242", **fields) -> dict:
        """Attach a card without Checkout; any test number can be saved this way."""
        return self.call("POST", f"customers/{customer}/cards", {"number": number, **fields})

    def add_method(self, customer: str, type: str) -> dict:
        """Attach a payment method that is no card: `us_bank_account` or `link`."""
        return self.call("POST", f"customers/{customer}/payment_methods", {"type": type})

    def set_card(self, payment_method: str, **fields) -> dict:
        """Change `behaviour`, `exp_month` or `exp_year` of a saved card."""
        return self.call("POST", f"cards/{payment_method}", fields)

    def finish(self, payment_intent: str, outcome: str, **fields) -> dict:
        """End a payment in processing: `succeeded` or `failed`."""
        return self.call(
            "POST", f"payment_intents/{payment_intent}/finish", {"outcome": outcome, **fields}
        )

    def answer_bank(self, payment_intent: str, *, approved: bool = True) -> dict:
        """Answer the bank's question of a payment in requires_action."""
        return self.call("POST", f"payment_intents/{payment_intent}/bank", {"approved": approved})

    def webhooks(self, **fields) -> dict:
        """Read (no arguments) or change how events are delivered."""
        if not fields:
            return self.call("GET", "webhooks")
        return self.call("POST", "webhooks", fields)

    def deliveries(self, **query: object) -> list[dict]:
        """The deliveries, oldest first; filter by event, type or status."""
        return self.call("GET", "webhooks", **query)["deliveries"]

    def dispute(self, payment_intent: str, **fields) -> dict:
        return self.call("POST", "disputes", {"payment_intent": payment_intent, **fields})

    def move_dispute(self, dispute: str, action: str) -> dict:
        return self.call("POST", f"disputes/{dispute}", {"action": action})

    def set_refund(self, refund: str, status: str, **fields) -> dict:
        return self.call("POST", f"refunds/{refund}", {"status": status, **fields})

    def describe_key(self, key: str, **facts) -> str:
        """Say which `permissions` a key has, whose `account` it is, or that it is `expired`."""
        return self.call("POST", "keys", {"key": key, **facts})["key"]

    def set_branding(self, **files: str) -> None:
        """Give the account an `icon` and a `logo`, by the ids of their files."""
        self.call("POST", "account", {"branding": files})

    def import_(self, **kinds) -> dict:
        """Import customers, cards, payment_intents and refunds in one go."""
        return self.call("POST", "import", kinds)

    def reset(self) -> None:
        self.call("POST", "reset")

    def is_healthy(self) -> bool:
        """Whether it answers; a stranger on the port of our own process does not count."""
        try:
            health = self.call("GET", "health")
        except (OSError, SandboxError, ValueError):
            return False
        ours = self.process is None or health["pid"] == self.process.pid
        return ours and health["status"] == "ok"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_healthy():
            if self.process and self.process.poll() is not None:
                raise SandboxError(
                    f"The Stripe sandbox ended with {self.process.returncode}; "
                    "its own message is above."
                )
            if time.monotonic() > deadline:
                self.kill()
                raise SandboxError(f"The Stripe sandbox did not answer on {self.base_url}.")
            time.sleep(0.02)


def start(
    state: str | os.PathLike,
    *,
    port: int = 0,
    webhook_url: str | None = None,
    webhook_secret: str = "",
    module: str = PACKAGE,
) -> StripeSandbox:
    """Start a sandbox process and wait until it answers. Port 0 takes a free one and keeps it.

    It ends with this process, however this process ends. `module` is what Python runs.
    """
    port = port or _free_port()
    arguments = ["--port", str(port), "--state", os.fspath(state), "--quiet", "--with-parent"]
    if webhook_url:
        arguments += ["--webhook-url", webhook_url]
    sandbox = StripeSandbox(
        base_url=f"http://127.0.0.1:{port}",
        process=_launch(arguments, webhook_secret, module),
        arguments=arguments,
        webhook_secret=webhook_secret,
        module=module,
    )
    sandbox._wait_until_ready()
    return sandbox


def _launch(arguments: list[str], webhook_secret: str, module: str) -> subprocess.Popen:
    command = [sys.executable, "-m", module, *arguments]
    # In the environment, which only its own user reads.
    env = os.environ | {"STRIPE_WEBHOOK_SECRET": webhook_secret}
    return subprocess.Popen(command, cwd=_ROOT, env=env, stdin=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
