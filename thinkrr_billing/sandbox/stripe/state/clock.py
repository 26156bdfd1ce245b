"""The sandbox's movable clock: real time plus an offset that survives restarts."""

import time

from thinkrr_billing.sandbox.stripe.state.store import Store


class Clock:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._offset = float(store.meta("clock_offset", 0.0))

    def now(self) -> float:
        return time.time() + self._offset

    def seconds(self) -> int:
        return int(self.now())

    @property
    def offset(self) -> float:
        return self._offset

    def move(self, *, offset: float) -> None:
        self._offset = offset
        self._store.set_meta("clock_offset", offset)
