"""`python -m tests.cluster.load WORLD NAME`, on the client's host: calls reported, recharges made,
campaigns paused and resumed, each again until it is taken. One JSON line an attempt; told to end,
it ends what it began."""

import http.client
import itertools
import json
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster.plan import DOORS, RUN, SITE

AGAIN_AFTER = 0.3
# Numbers of clients of a kind begin here.
PAYERS, SWITCHERS = 100, 200
# Of one wallet: ten a minute are allowed.
BETWEEN_RECHARGES = 6.5
BETWEEN_SWITCHES = 0.5
CONNECTS_WITHIN = 3
# As docs/api.md advises: a host that is gone, or whose address another took over, is noticed while
# an answer is waited for.
KEPT_ALIVE = {socket.TCP_KEEPIDLE: 2, socket.TCP_KEEPINTVL: 1, socket.TCP_KEEPCNT: 3}
# A client's patience with one request, and with one call or recharge.
ANSWERS_WITHIN = 30
TAKEN_WITHIN = 150
# The second when the answer to the first was lost on its way.
CHARGED = ("charged", "duplicate")
FINAL = ("succeeded", "declined", "cancelled", "failed")

_over = threading.Event()
_printing = threading.Lock()


class Client:
    """A connection kept open; when it fails, one to the other address."""

    def __init__(self, number: int, token: str) -> None:
        self.number, self.token = number, token
        self._doors = itertools.cycle(DOORS if number % 2 else reversed(DOORS))
        self._context = ssl.create_default_context(cafile=f"{RUN}/certificate/fullchain.pem")
        self._line: http.client.HTTPConnection | None = None

    def ask(self, path: str, body: dict, **headers: str) -> tuple[int, str | None, dict]:
        """Status (0: no answer), Retry-After and body."""
        try:
            line = self._line or self._connect()
            self._line = line
            line.request("POST", path, json.dumps(body), self._headers() | headers)
            answer = line.getresponse()
            text = answer.read()
            if answer.will_close:
                self._hang_up()
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return 0, None, {}
        try:
            return answer.status, answer.headers["Retry-After"], json.loads(text)
        except ValueError:
            return answer.status, answer.headers["Retry-After"], {}

    def _headers(self) -> dict[str, str]:
        return {
            "Host": SITE,
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
        }

    def _connect(self) -> http.client.HTTPConnection:
        plain = socket.create_connection((next(self._doors), 443), CONNECTS_WITHIN)
        for option, value in KEPT_ALIVE.items():
            plain.setsockopt(socket.IPPROTO_TCP, option, value)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        line = http.client.HTTPConnection(SITE)
        line.sock = self._context.wrap_socket(plain, server_hostname=SITE)
        line.sock.settimeout(ANSWERS_WITHIN)
        return line

    def _hang_up(self) -> None:
        if self._line:
            self._line.close()
        self._line = None


def until_taken(
    client: Client, kind: str, name: str, ask: Callable[[], tuple[int, str | None, dict]]
) -> None:
    """Ask again and again, and tell of each attempt. Gives up long after the load was to end."""
    deadline = time.monotonic() + TAKEN_WITHIN
    while time.monotonic() < deadline:
        at, began = time.time(), time.monotonic()
        status, retry_after, body = ask()
        state = body.get("state", "") or body.get("status", "")
        took = kind == "call" and status == 200 and body["results"][0]["status"] in CHARGED
        taken = took or (kind == "recharge" and status in (200, 201) and state in FINAL)
        taken = taken or (kind == "switch" and status == 200)
        told = {"kind": kind, "client": client.number, "id": name, "at": at, "status": status}
        told |= {"seconds": time.monotonic() - began, "retry_after": retry_after}
        told |= {"taken": taken, "state": state}
        with _printing:
            print(json.dumps(told), flush=True)
        if taken:
            return
        time.sleep(AGAIN_AFTER)


def report_calls(client: Client, name: str, account: str) -> None:
    for number in itertools.count():
        if _over.is_set():
            return
        ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        call = {"id": f"{name}-{client.number}-{number}", "account": account, "seconds": 6}
        call |= {"minute_type": "basic", "ended_at": ended}
        body = {"calls": [call]}
        until_taken(client, "call", call["id"], lambda body=body: client.ask("/api/v1/calls", body))


def recharge(client: Client, name: str) -> None:
    for number in itertools.count():
        if _over.wait(BETWEEN_RECHARGES):
            return
        key = f"{name}-{client.number}-{number}"
        until_taken(
            client,
            "recharge",
            key,
            lambda key=key: client.ask(
                "/api/v1/wallet/recharges",
                {"amount": "5.00", "buys": "credit"},
                **{"Idempotency-Key": key},
            ),
        )


def switch(client: Client, name: str, campaign: str) -> None:
    """Paused and resumed in turn; it ends as it began."""
    for number in itertools.count():
        step = "resume" if number % 2 else "pause"
        if _over.wait(BETWEEN_SWITCHES) and step == "pause":
            return
        until_taken(
            client,
            "switch",
            f"{name}-{client.number}-{number}",
            lambda step=step: client.ask(f"/api/v1/campaigns/{campaign}/{step}", {}),
        )


def main() -> None:
    world, name = json.loads(Path(sys.argv[1]).read_text()), sys.argv[2]
    signal.signal(signal.SIGTERM, lambda *_: _over.set())
    threads = [
        threading.Thread(
            target=report_calls, args=(Client(number, world["platform"]), name, account)
        )
        for number, account in enumerate(world["callers"])
    ] + [
        threading.Thread(target=recharge, args=(Client(PAYERS + number, token), name))
        for number, token in enumerate(world["payers"])
    ]
    threads += [
        threading.Thread(
            target=switch, args=(Client(SWITCHERS + number, one["token"]), name, one["campaign"])
        )
        for number, one in enumerate(world["switchers"])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
