"""A child process of the supervisor: started, watched, started again, stopped with all it made."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from thinkrr_billing.sandbox import locks
from thinkrr_billing.sandbox.console import Console

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
# Who has lived this long starts over with the shortest pause.
STEADY_SECONDS = 60.0


class Child:
    def __init__(
        self,
        *,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        console: Console,
    ) -> None:
        self.name = name
        self._command, self._env, self._folder = list(command), dict(env), folder
        self._console = console
        self._process: subprocess.Popen | None = None
        self._pause = FIRST_PAUSE_SECONDS
        self._started_at = 0.0
        self._start_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, stdin: int = subprocess.DEVNULL) -> None:
        """In a process group of its own, so that it can be stopped with all it started."""
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=locks.die_with_parent,
        )
        self._started_at = time.monotonic()
        self._console.follow(self.name, self._process.stdout)

    def watch(self) -> None:
        """Start it again after a pause when it has died; call this now and then."""
        now = time.monotonic()
        if self.is_running:
            if now - self._started_at > STEADY_SECONDS:
                self._pause = FIRST_PAUSE_SECONDS
        elif self._process is not None:
            self._bury(now)
        elif now >= self._start_at:
            self.start()

    def ask_to_stop(self) -> None:
        """Only the process itself: it lets those it started finish what they do."""
        if self.is_running:
            self._process.terminate()

    def stop_by_force(self) -> None:
        """Whatever is left of the process and all it started."""
        self._signal_group(signal.SIGKILL)
        if self._process:
            self._process.wait()

    def _bury(self, now: float) -> None:
        code = self._process.returncode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        self._console.say("run", f"{self.name} ended ({how}); again in {self._pause:.0f} s")
        self._signal_group(signal.SIGKILL)
        self._process = None
        self._start_at = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    def _signal_group(self, signum: int) -> None:
        if self._process:
            # The group is gone when its last process is.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signum)
