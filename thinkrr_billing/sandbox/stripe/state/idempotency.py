"""Stripe's idempotency keys: the first answer is kept for a day and repeated."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from thinkrr_billing.sandbox.stripe.state.store import Store
from thinkrr_billing.sandbox.stripe.wire import errors

KEPT_SECONDS = 24 * 3600  # Stripe may forget a key after 24 hours, so this one always does.
MAX_KEY_LENGTH = 255


class Keys:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_flight: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def claimed(self, key: str | None) -> Iterator[None]:
        """Refuse a second request with this key while the first one runs."""
        if key is None:
            yield
            return
        if len(key) > MAX_KEY_LENGTH:
            raise errors.ApiError(
                f"Idempotency keys have at most {MAX_KEY_LENGTH} characters, yours has {len(key)}.",
                kind="idempotency_error",
            )
        with self._lock:
            if key in self._in_flight:
                raise errors.key_in_use(key=key)
            self._in_flight.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._in_flight.discard(key)

    def stored(self, key: str | None, *, fingerprint: str, now: float) -> dict | None:
        """Return the stored answer. Raises when the key was used for something else."""
        if key is None:
            return None
        self._store.execute("DELETE FROM idempotency WHERE at<=?", now - KEPT_SECONDS)
        rows = self._store.query("SELECT * FROM idempotency WHERE key=?", key)
        if not rows:
            return None
        if rows[0]["fingerprint"] != fingerprint:
            raise errors.idempotency_mismatch(key=key)
        return dict(rows[0])

    def remember(
        self,
        key: str | None,
        *,
        fingerprint: str,
        now: float,
        status: int,
        body: str,
        request_id: str,
    ) -> None:
        if key is not None:
            self._store.execute(
                "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?)",
                key,
                fingerprint,
                now,
                status,
                body,
                request_id,
            )


def fingerprint(*, method: str, path: str, params: dict) -> str:
    text = json.dumps([method, path, params], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
