"""From outside: the site's certificate, its log-in page, and a recharge by API."""

import http.client
import json
import socket
import ssl
import tempfile
import threading
import time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Self

from tests.cluster.network import run
from tests.cluster.plan import SITE
from tests.machines.machine import Machine

FINISHES_WITHIN = 60
ASKS_EVERY = 0.1


@cache
def certificate() -> dict[str, str]:
    """Of nobody's authority: the site's own. Files by their names."""
    with tempfile.TemporaryDirectory() as folder:
        run(
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={SITE}", "-addext", f"subjectAltName=DNS:{SITE}"),
            *("-keyout", f"{folder}/privkey.pem", "-out", f"{folder}/fullchain.pem"),
        )
        return {one.name: one.read_text() for one in Path(folder).iterdir()}


def ask(web: Machine, method: str, path: str, body: dict | None = None, **headers: str) -> bytes:
    """What the site answers. RuntimeError for anything but 2xx."""
    context = ssl.create_default_context(cadata=certificate()["fullchain.pem"])
    line = http.client.HTTPConnection(SITE, timeout=30)
    line.sock = context.wrap_socket(
        socket.create_connection((web.address, 443), 5), server_hostname=SITE
    )
    try:
        sent = None if body is None else json.dumps(body)
        line.request(
            method, path, sent, {"Host": SITE, "Content-Type": "application/json"} | headers
        )
        answer = line.getresponse()
        said = answer.read()
    finally:
        line.close()
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"{method} {path} was answered {answer.status}: {said[:500]!r}")
    return said


class Asking(threading.Thread):
    """Somebody asks again and again, on a new connection each time, as long as this lasts."""

    def __init__(self, web: Machine, token: str) -> None:
        super().__init__(daemon=True)
        self._web, self._headers = web, {"Authorization": f"Bearer {token}"}
        self._over = threading.Event()
        self.answered = 0
        self.refused: list[str] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(ASKS_EVERY):
            try:
                ask(self._web, "GET", "/api/v1/wallet", **self._headers)
                self.answered += 1
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                self.refused.append(str(error))


def credit(web: Machine, token: str) -> Decimal:
    said = ask(web, "GET", "/api/v1/wallet", Authorization=f"Bearer {token}")
    return Decimal(json.loads(said)["credit"])


def recharge(web: Machine, token: str, key: str) -> None:
    """Five dollars on a customer's card: TimeoutError unless they are paid."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    asked = {"amount": "5.00", "buys": "credit"}
    deadline = time.monotonic() + FINISHES_WITHIN
    state = ""
    while time.monotonic() < deadline:
        state = json.loads(ask(web, "POST", "/api/v1/wallet/recharges", asked, **headers))["state"]
        if state == "succeeded":
            return
        time.sleep(0.5)
    raise TimeoutError(f"the recharge is {state!r} after {FINISHES_WITHIN} s")
