"""What runs on a host, and a supervisor that starts again what ended, as systemd's Restart=always
of deploy/systemd does."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import network, plan
from tests.cluster.waiting import wait_until

RESTARTS_AFTER = 1.0
# Of each half second of a host that is slow: so long nothing of it runs, and so long all does.
STANDS_STILL, GOES_ON = 0.3, 0.2
LOOKS_EVERY = 0.2
# What gunicorn says when it can be asked, and how long units wait for an end (TimeoutStopSec).
TAKES_REQUESTS, ENDS_WITHIN = "Booting worker", 100.0
AS_POSTGRES = ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups")


@dataclass
class Service:
    """One program of a host. `log` is kept after the trial."""

    host: str
    name: str
    command: list[str]
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    as_postgres: bool = False
    # Where it is asked, by a socket that stays open while it is started again.
    port: int | None = None
    code: Path = plan.ROOT
    # Seconds by which its clock is ahead.
    clock: int = 0
    held: socket.socket | None = None
    process: subprocess.Popen | None = None
    starts: int = 0
    ended_at: float | None = None

    def start(self) -> None:
        user = AS_POSTGRES if self.as_postgres else ()
        handed = self._handed()
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                network.on(self.host, *user, *self._clock(), *handed, *self.command),
                cwd=self.code,
                env={"PATH": os.environ["PATH"], "HOME": str(plan.RUN), "LC_ALL": "C.UTF-8"}
                | self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[self.held.fileno()] if self.held else [],
            )
        self.starts += 1
        self.ended_at = None

    def _clock(self) -> list[str]:
        if not self.clock:
            return []
        return ["env", f"LD_PRELOAD={plan.CLOCK}", f"CLOCK_AHEAD={self.clock}"]

    def _handed(self) -> list[str]:
        if self.port is None:
            return []
        self.held = self.held or network.listening(self.host, self.port)
        return [sys.executable, f"{plan.ROOT}/tests/hand_over.py", str(self.held.fileno())]

    def close(self) -> None:
        """The host is off."""
        if self.held:
            self.held.close()
        self.held = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """To it and all it started."""
        if self.is_running:
            os.killpg(self.process.pid, number)


class Hosts:
    """All services of all hosts. A host that was killed stays down until it is started."""

    def __init__(self, services: list[Service]) -> None:
        self.services = services
        self._off: set[str] = set()
        self._frozen: set[str] = set()
        self._slow: dict[str, threading.Thread] = {}
        self._lock = threading.RLock()
        threading.Thread(target=self._supervise, daemon=True).start()

    def on(self, host: str) -> list[Service]:
        return [one for one in self.services if one.host == host]

    def service(self, host: str, name: str) -> Service:
        (found,) = [one for one in self.on(host) if one.name == name]
        return found

    def start(self, *names: str) -> None:
        """These services, on every host that has them."""
        for one in self.services:
            if one.name in names:
                one.start()

    def kill(self, host: str) -> None:
        """As a power cut would, but that the kernel still closes its connections."""
        with self._lock:
            self._off.add(host)
            # Twice: something may have been born meanwhile.
            self._signal(host, signal.SIGKILL)
            self._signal(host, signal.SIGKILL)
            for one in self.on(host):
                one.close()

    def put(self, host: str, name: str, code: Path) -> None:
        """This code in the place of what runs there, as docs/upgrade.md has it: beside it where
        both take from one socket, else after it. What is told to end ends what it does.

        TimeoutError when one takes too long.
        """
        one = self.service(host, name)
        with self._lock:
            before, one.code = one.process, code
            if one.port is not None:
                many = _says(one, TAKES_REQUESTS)
                one.start()
        if one.port is not None:
            wait_until(lambda: _says(one, TAKES_REQUESTS) > many, f"{host} takes requests")
        before.send_signal(signal.SIGTERM)
        wait_until(lambda: before.poll() is not None, f"{name} of {host} ends", ENDS_WITHIN)
        # After it the supervisor starts what takes from no socket.
        wait_until(lambda: one.is_running, f"{name} of {host} runs")

    def freeze(self, host: str) -> None:
        """It hangs: connections stay open, nothing answers."""
        with self._lock:
            self._frozen.add(host)
            self._signal(host, signal.SIGSTOP)

    def freeze_one(self, host: str, name: str) -> None:
        """One program of it alone."""
        with self._lock:
            self._frozen.add(host)
            self.service(host, name).signal(signal.SIGSTOP)

    def stutter(self, host: str) -> None:
        """Nothing of it runs for more than half of the time."""

        def go_on() -> None:
            while host in self._slow:
                self._signal(host, signal.SIGSTOP)
                time.sleep(STANDS_STILL)
                self._signal(host, signal.SIGCONT)
                time.sleep(GOES_ON)

        self._slow[host] = threading.Thread(target=go_on, daemon=True)
        self._slow[host].start()

    def set_clock(self, host: str, seconds: int) -> None:
        """It starts anew, and its clock is ahead by so much."""
        self.kill(host)
        for one in self.on(host):
            one.clock = seconds
        self._boot(host)

    def repair(self) -> None:
        """Every host runs again, and every link is whole."""
        network.mend()
        while self._slow:
            self._slow.popitem()[1].join()
        with self._lock:
            for host in self._frozen:
                self._signal(host, signal.SIGCONT)
            self._frozen.clear()
            off = list(self._off)
        for host in off:
            self._boot(host)

    def _boot(self, host: str) -> None:
        with self._lock:
            self._off.discard(host)
            for one in self.on(host):
                one.start()

    def _signal(self, host: str, number: int) -> None:
        for pid in network.processes(host):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def _supervise(self) -> None:
        while True:
            time.sleep(LOOKS_EVERY)
            with self._lock:
                for one in self.services:
                    if one.process and not one.is_running and one.host not in self._off:
                        self._start_again(one)

    def _start_again(self, one: Service) -> None:
        one.ended_at = one.ended_at or time.monotonic()
        if time.monotonic() - one.ended_at >= RESTARTS_AFTER:
            one.start()


def _says(one: Service, text: str) -> int:
    return one.log.read_text().count(text)
