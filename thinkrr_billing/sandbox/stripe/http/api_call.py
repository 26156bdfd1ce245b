"""What happens to a request to /v1/: key, scripted fault, idempotency, route, log."""

import json
import re
import time
from functools import partial

from thinkrr_billing.sandbox.stripe.control import faults
from thinkrr_billing.sandbox.stripe.http.authentication import authenticate
from thinkrr_billing.sandbox.stripe.objects import expanding
from thinkrr_billing.sandbox.stripe.objects.events import API_VERSION
from thinkrr_billing.sandbox.stripe.routes.router import Route, resolve
from thinkrr_billing.sandbox.stripe.state import idempotency, permissions
from thinkrr_billing.sandbox.stripe.state.ids import new_id
from thinkrr_billing.sandbox.stripe.state.machine import Sandbox
from thinkrr_billing.sandbox.stripe.state.secret_keys import ACCOUNT_ID, SecretKey
from thinkrr_billing.sandbox.stripe.wire import errors, params
from thinkrr_billing.sandbox.stripe.wire.messages import Answer, Request, json_answer

KEPT_REQUESTS = 50_000
HANG_SECONDS = 3600  # A hang without `seconds`: longer than any client waits.
_INTENT = re.compile(r"/v1/payment_intents/([A-Za-z0-9_]+).*")


class ApiCall:
    """One request to /v1/."""

    def __init__(self, sandbox: Sandbox, request: Request) -> None:
        self.sandbox, self.request = sandbox, request
        self.id = new_id("req", length=14)
        self.started = time.perf_counter()
        self.fault: dict | None = None
        self.secret_key: SecretKey | None = None
        self.replayed = False
        self.raw: dict = {}
        key = request.headers.get("idempotency-key")
        self.key = key if request.method == "POST" and key else None

    def answer(self) -> Answer:
        try:
            answer = self._answer()
        except errors.ApiError as error:
            answer = self._refusal(error)
        self._log(answer)
        return answer

    def _answer(self) -> Answer:
        request = self.request
        self.secret_key = authenticate(
            self.sandbox.store,
            request.headers.get("authorization", ""),
            account=request.headers.get("stripe-account", ""),
        )
        self._check_version()
        route, names = resolve(method=request.method, path=request.path)
        self.raw = self._read_params()
        permissions.check(
            self.secret_key,
            method=request.method,
            path=request.path,
            expand=self.raw.get("expand"),
        )
        self.fault = self._take_fault()
        kind = self.fault["kind"] if self.fault else "ok"
        early = self._before(kind)
        if early is not None:
            return early
        with self.sandbox.keys.claimed(self._kept_key):
            if kind == "slow":
                self._wait(self.fault.get("seconds", 1))
            answer = self._execute(route, names)
        return self._after(kind, answer)

    @property
    def _kept_key(self) -> str | None:
        """Idempotency keys of one account are not another's."""
        own = self.secret_key.account == ACCOUNT_ID
        return self.key if own or self.key is None else f"{self.secret_key.account} {self.key}"

    def _check_version(self) -> None:
        asked = self.request.headers.get("stripe-version", API_VERSION)
        if asked != API_VERSION:
            raise errors.invalid_version(asked[:40], spoken=API_VERSION)

    def _before(self, kind: str) -> Answer | None:
        """Suffer what happens before Stripe does anything."""
        if kind == "hang_before":
            self._wait(self.fault.get("seconds") or HANG_SECONDS)
        if kind in ("reset_before", "hang_before"):
            return Answer(status=0, body=b"", reset=True)
        if kind == "answer_before":
            return faults.scripted_answer(self.fault)
        refusals = {
            "500_before": errors.internal_error,
            "429": errors.rate_limited,
            "409": partial(errors.key_in_use, key=self.key or ""),
            "lock_timeout": errors.lock_timeout,
        }
        if kind in refusals:
            raise refusals[kind]()
        return None

    def _after(self, kind: str, answer: Answer) -> Answer:
        """Suffer what happens after Stripe did it: the answer is late, or never arrives."""
        if kind == "hang_after":
            self._wait(self.fault.get("seconds") or HANG_SECONDS)
        if kind == "slow_after":
            self._wait(self.fault.get("seconds", 1))
        if kind in ("reset_after", "hang_after"):
            return Answer(status=0, body=b"", reset=True)
        if kind == "answer_after":
            return faults.scripted_answer(self.fault)
        return answer

    def _wait(self, seconds: float) -> None:
        self.sandbox.stopping.wait(seconds)

    def _read_params(self) -> dict:
        text = self.request.query
        if self.request.method == "POST":
            kind = self.request.headers.get("content-type", "")
            if self.request.body and not kind.startswith("application/x-www-form-urlencoded"):
                raise errors.ApiError(
                    "Invalid request (check that your POST content type is "
                    "application/x-www-form-urlencoded)."
                )
            body = self.request.body.decode("utf-8", "replace")
            text = "&".join(part for part in (text, body) if part)
        return params.parse_form(text)

    def _take_fault(self) -> dict | None:
        store = self.sandbox.store
        if not store.query("SELECT 1 FROM faults LIMIT 1"):
            return None
        with store.transaction():
            return faults.take(
                store, method=self.request.method, path=self.request.path, facts=self._facts()
            )

    def _facts(self) -> dict:
        store, path = self.sandbox.store, self.request.path
        match = _INTENT.fullmatch(path)
        intent = match.group(1) if match else self.raw.get("payment_intent")
        found = store.find(kind="payment_intent", id=intent) if isinstance(intent, str) else None
        repeated = self._kept_key is not None and store.query(
            "SELECT 1 FROM idempotency WHERE key=?", self._kept_key
        )
        tries = path.endswith("/confirm") or self.raw.get("confirm") == "true"
        return {
            "payment_intent": intent,
            "customer": found["customer"] if found else self.raw.get("customer"),
            "attempt": (tries or path == "/v1/refunds")
            and self.request.method == "POST"
            and not repeated,
        }

    def _execute(self, route: Route, names: dict) -> Answer:
        sandbox = self.sandbox
        print_ = idempotency.fingerprint(
            method=self.request.method, path=self.request.path, params=self.raw
        )
        with sandbox.store.transaction():
            now = sandbox.clock.now()
            stored = sandbox.keys.stored(self._kept_key, fingerprint=print_, now=now)
            if stored:
                self.replayed = True
                extra = {"Idempotent-Replayed": "true", "Original-Request": stored["request_id"]}
                return self._kept(stored["status"], stored["body"], extra)
            status, body = self._outcome(route, names)
            text = json.dumps(body, indent=2)
            sandbox.keys.remember(
                self._kept_key,
                fingerprint=print_,
                now=now,
                status=status,
                body=text,
                request_id=self.id,
            )
        return self._kept(status, text, {})

    def _kept(self, status: int, text: str, extra: dict) -> Answer:
        """An answer that is repeated under its key: trying a 500 again would lead nowhere."""
        if status >= 500 and self.key:
            extra = extra | {"Stripe-Should-Retry": "false"}
        return json_answer(status, text, self._headers(extra))

    def _outcome(self, route: Route, names: dict) -> tuple[int, dict]:
        """What the route answers, or a scripted 500: after it, or saved instead of doing it."""
        kind = self.fault["kind"] if self.fault else "ok"
        status, body = (500, {}) if kind == "500_saved" else self._run(route, names)
        if kind in ("500_after", "500_saved"):
            return 500, errors.internal_error().body(request_log_url=self._log_url())
        return status, body

    def _run(self, route: Route, names: dict) -> tuple[int, dict]:
        ctx = self.sandbox.context(base_url=self.request.base_url, account=self.secret_key.account)
        ctx.request_id, ctx.idempotency_key, ctx.fault = self.id, self.key, self.fault
        ctx.params = params.check(self.raw, route.spec)
        expand = ctx.params.pop("expand", [])
        try:
            return 200, expanding.render(ctx.store, route.answer(ctx, **names), expand=expand)
        except errors.ApiError as error:
            if not error.executed:
                raise
            return error.status, error.body(request_log_url=self._log_url())

    def _refusal(self, error: errors.ApiError) -> Answer:
        body = error.body(request_log_url=self._log_url())
        advice = {"Stripe-Should-Retry": "true"} if error.retry else {}
        return json_answer(error.status, body, self._headers(advice))

    def _log_url(self) -> str:
        return f"{self.request.base_url}/_sandbox/requests?request_id={self.id}"

    def _headers(self, extra: dict | None = None) -> dict:
        headers = {"Request-Id": self.id, "Stripe-Version": API_VERSION}
        if self.key:
            headers["Idempotency-Key"] = self.key.encode("ascii", "replace").decode()
        return headers | (extra or {})

    def _log(self, answer: Answer) -> None:
        store = self.sandbox.store
        with store.transaction():
            cursor = store.execute(
                "INSERT INTO requests (at, request_id, method, path, idempotency_key, status,"
                " replayed, fault, ms, params) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                self.sandbox.clock.now(),
                self.id,
                self.request.method,
                self.request.path,
                self.key,
                answer.status or None,
                int(self.replayed),
                self.fault["kind"] if self.fault else None,
                round((time.perf_counter() - self.started) * 1000, 2),
                json.dumps(params.without_numbers(self.raw)),
            )
            store.execute("DELETE FROM requests WHERE id<=?", cursor.lastrowid - KEPT_REQUESTS)
