"""Signs events and delivers them until somebody answers 2xx, as Stripe does for three days."""

import hashlib
import hmac
import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from thinkrr_billing.sandbox.stripe.state.clock import Clock
from thinkrr_billing.sandbox.stripe.state.store import Store

MAIN = "main"  # The target given on the command line or set by the control API.
MODES = (
    "normal",
    "drop",
    "hold",
    "duplicate",
    "parallel",
    "reorder",
    "delay",
    "bad_signature",
    "old_signature",
    "future_signature",
    "missing_signature",
)
# Fast at first, because a developer waits; the last delay repeats.
RETRY_SECONDS = (1, 3, 10, 30, 60, 300, 900, 3600)
GIVE_UP_SECONDS = 3 * 24 * 3600
TIMEOUT_SECONDS = 20
SKEW_SECONDS = 3600  # How old or early a signature of those modes is.
REORDER_WINDOW_SECONDS = 0.7
SENDERS = 16
IDLE_SECONDS = 0.5  # How often the clock is looked at when nothing is announced.
KEPT_DELIVERIES = 20_000
_wake = threading.Event()


def queue(store: Store, *, event: dict, now: float) -> None:
    """Add a delivery for every target that listens to this type."""
    main = store.meta("webhook", {})
    if main.get("url"):
        _queue_main(store, event=event, now=now, settings=main)
    for endpoint in store.list(kind="webhook_endpoint"):
        wanted = endpoint["enabled_events"]
        if endpoint["status"] == "enabled" and ("*" in wanted or event["type"] in wanted):
            _insert(store, event=event, target=endpoint["id"], now=now, due=now)
    _wake.set()


def _queue_main(store: Store, *, event: dict, now: float, settings: dict) -> None:
    mode, count = settings.get("mode", "normal"), settings.get("n", 2)
    if settings.get("types") and event["type"] not in settings["types"]:
        mode = "normal"  # A misbehaviour may be limited to some types.
    status = {"drop": "dropped", "hold": "held"}.get(mode, "pending")
    due, grouping = now, None
    if mode == "delay":
        due = now + settings.get("seconds", 5)
    elif mode == "reorder":
        grouping = "reverse"
        rows = store.query(
            "SELECT next_at FROM deliveries WHERE grouping='reverse' AND status='pending'"
            " AND attempts=0 AND next_at>? LIMIT 1",
            now,
        )
        due = rows[0]["next_at"] if rows else now + REORDER_WINDOW_SECONDS
    elif mode == "duplicate":
        grouping = "serial"
    signature = mode.removesuffix("_signature") if mode.endswith("_signature") else "good"
    for _ in range(count if mode in ("duplicate", "parallel") else 1):
        _insert(
            store,
            event=event,
            target=MAIN,
            now=now,
            due=due,
            status=status,
            signature=signature,
            grouping=grouping,
        )


def _insert(
    store: Store,
    *,
    event: dict,
    target: str,
    now: float,
    due: float,
    status: str = "pending",
    signature: str = "good",
    grouping: str | None = None,
) -> None:
    store.execute(
        "INSERT INTO deliveries (event, type, target, status, signature, grouping, created,"
        " next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        event["id"],
        event["type"],
        target,
        status,
        signature,
        grouping,
        now,
        due,
    )


def resend(store: Store, *, event: dict, now: float) -> None:
    _insert(store, event=event, target=MAIN, now=now, due=now)
    _wake.set()


def release(store: Store, *, now: float) -> int:
    """Let go of what mode `hold` kept, and return how many."""
    cursor = store.execute(
        "UPDATE deliveries SET status='pending', next_at=? WHERE status='held'", now
    )
    _wake.set()
    return cursor.rowcount


def wake() -> None:
    _wake.set()


def sign(*, secret: str, body: bytes, kind: str, now: float) -> str | None:
    """Return the Stripe-Signature header, or None for a missing one."""
    if kind == "missing":
        return None
    moment = int(now) + {"old": -SKEW_SECONDS, "future": SKEW_SECONDS}.get(kind, 0)
    key = secret + "-not" if kind == "bad" else secret
    mac = hmac.new(key.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={mac}"


class Deliverer:
    """Background threads that send what is due. Every delivery is a row, so a restart goes on."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        with self._store.transaction():
            self._store.execute("UPDATE deliveries SET status='pending' WHERE status='sending'")
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        _wake.set()
        self._thread.join(timeout=2)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopped.is_set():
            wait = self._send_due()
            _wake.wait(wait)
            _wake.clear()

    def _send_due(self) -> float:
        """Hand out what is due and return how long nothing else will be."""
        with self._store.transaction():
            now = self._clock.now()
            due = self._store.query(
                "SELECT * FROM deliveries WHERE status='pending' AND next_at<=? ORDER BY id"
                " LIMIT 200",
                now,
            )
            for row in due:
                self._store.execute("UPDATE deliveries SET status='sending' WHERE id=?", row["id"])
            following = self._store.query(
                "SELECT min(next_at) AS at FROM deliveries WHERE status='pending'"
            )[0]["at"]
        for batch in _batches(due):
            self._pool.submit(self._send_batch, batch)
        return IDLE_SECONDS if following is None else min(IDLE_SECONDS, max(0.01, following - now))

    def _send_batch(self, rows: list) -> None:
        for row in rows:
            if not self._stopped.is_set():
                self._send(row)

    def _send(self, row: dict) -> None:
        with self._store.lock:
            event = self._store.find(kind="event", id=row["event"])
            url, secret = self._target(row["target"])
            others = pending(self._store, event=row["event"])
        if event is None or not url:
            self._finish(row, answer=None, error="The target is gone.", final=True)
            return
        body = json.dumps(event | {"pending_webhooks": others}, indent=2).encode()
        now = time.time() if not self._signs_sandbox_time() else self._clock.now()
        header = sign(secret=secret, body=body, kind=row["signature"], now=now)
        answer, error = post(url=url, body=body, signature=header)
        self._finish(row, answer=answer, error=error, final=False)

    def _target(self, target: str) -> tuple[str, str]:
        if target == MAIN:
            main = self._store.meta("webhook", {})
            return main.get("url") or "", main.get("secret") or ""
        endpoint = self._store.find(kind="webhook_endpoint", id=target)
        return (endpoint["url"], endpoint["_sandbox"]["secret"]) if endpoint else ("", "")

    def _signs_sandbox_time(self) -> bool:
        return self._store.meta("webhook", {}).get("sign_time") == "sandbox"

    def _finish(self, row: dict, *, answer: int | None, error: str | None, final: bool) -> None:
        attempts = row["attempts"] + 1
        now = self._clock.now()
        delay = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS)) - 1]
        if answer is not None and 200 <= answer < 300:
            status, due = "delivered", None
        elif final or now - row["created"] > GIVE_UP_SECONDS:
            status, due = "failed", None
        else:
            status, due = "pending", now + delay
        if self._stopped.is_set():
            return  # The row stays "sending" and is sent again after the restart.
        with self._store.transaction():
            self._store.execute(
                "UPDATE deliveries SET status=?, next_at=?, attempts=?, answer=?, error=?"
                " WHERE id=?",
                status,
                due,
                attempts,
                answer,
                error,
                row["id"],
            )
            self._store.execute(
                "DELETE FROM deliveries WHERE id<=? AND status IN ('delivered', 'dropped')",
                row["id"] - KEPT_DELIVERIES,
            )
        if due is not None:
            _wake.set()


def pending(store: Store, *, event: str) -> int:
    return store.query(
        "SELECT count(*) AS n FROM deliveries WHERE event=? AND status IN"
        " ('pending', 'sending', 'held')",
        event,
    )[0]["n"]


def _batches(rows: list) -> list[list]:
    """Group what must go one after the other: reversed windows, and copies of one event."""
    batches: list[list] = []
    reverse = [dict(row) for row in rows if row["grouping"] == "reverse"]
    if reverse:
        batches.append(reverse[::-1])
    serial: dict[str, list] = {}
    for row in rows:
        if row["grouping"] == "serial":
            serial.setdefault(row["event"], []).append(dict(row))
        elif row["grouping"] is None:
            batches.append([dict(row)])
    return batches + list(serial.values())


def post(*, url: str, body: bytes, signature: str | None) -> tuple[int | None, str | None]:
    """Send one event. Return the status, or None and why there is none."""
    parts = urlsplit(url)
    factory = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0"}
    if signature is not None:
        headers["Stripe-Signature"] = signature
    try:
        connection = factory(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
        try:
            path = parts.path or "/"
            connection.request(
                "POST", f"{path}?{parts.query}" if parts.query else path, body, headers
            )
            answer = connection.getresponse()
            answer.read()
            return answer.status, None
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return None, f"{type(error).__name__}: {error}"[:200]
