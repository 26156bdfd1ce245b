"""Leaves alone for a while what does not help; then one who asks tries it for all."""

import threading
import time


class Pause:
    """Of one process. Pauses last `seconds` each."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self.release()

    def lets_through(self) -> bool:
        """Whether to ask now. Who is let through after a pause tells how it went by `hold` or
        `release`; until then, and no longer than another pause, nobody else is."""
        now = time.monotonic()
        with self._lock:
            if self._until is not None and now < self._until:
                return False
            if self._until is not None:
                self._until = now + self.seconds
            return True

    def hold(self) -> None:
        self._until = time.monotonic() + self.seconds

    def release(self) -> None:
        self._until: float | None = None


class PauseAfter(Pause):
    """One that begins after `failures` in a row, as what fails now and then is none."""

    def __init__(self, failures: int, *, seconds: float) -> None:
        self._failures = failures
        super().__init__(seconds)

    def failed(self) -> None:
        """It did not help this time."""
        self._in_a_row += 1
        if self._in_a_row >= self._failures:
            self.hold()

    def release(self) -> None:
        super().release()
        self._in_a_row = 0
