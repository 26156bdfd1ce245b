"""One readable log of several processes: each line behind the name of who wrote it."""

import os
import sys
import threading
from typing import IO

COLOURS = {"web": 36, "worker": 33, "beat": 35, "stripe": 32, "prepare": 34, "run": 1}
NAME_WIDTH = max(map(len, COLOURS))
# A line longer than this is somebody's dump; the log stays readable.
LONGEST_LINE = 2_000


class Console:
    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._coloured = self._out.isatty() and not os.environ.get("NO_COLOR")
        self.gone = False

    def say(self, name: str, line: str) -> None:
        prefix = f"{name:<{NAME_WIDTH}} | "
        if self._coloured:
            prefix = f"\x1b[{COLOURS.get(name, 0)}m{prefix}\x1b[0m"
        with self._lock:
            try:
                self._out.write(f"{prefix}{line[:LONGEST_LINE]}\n")
                self._out.flush()
            except (BrokenPipeError, OSError, ValueError):
                # Nobody reads any more, as in `make run | head`: the supervisor then stops.
                self.gone = True

    def follow(self, name: str, stream: IO[bytes]) -> threading.Thread:
        """Copy a process's output line by line until it closes it."""
        thread = threading.Thread(target=self._copy, args=(name, stream), daemon=True)
        thread.start()
        return thread

    def _copy(self, name: str, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                text = line.decode(errors="replace").rstrip()
                if text:
                    self.say(name, text)
