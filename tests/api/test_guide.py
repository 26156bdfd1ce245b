"""docs/api.md does what it says: its snippets run as they stand, against a server with a key."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from accounts.api.client import KeyThrottle
from accounts.models import Scope
from accounts.tests.builders import make_key
from tests.api import guide
from wallets.models import Purchase
from wallets.tests.worlds.builders import add_card, make_wallet
from wallets.tests.worlds.histories import buy

END = "-- end of a snippet --"
# All snippets of a language together.
SECONDS = 120


def test_the_table_of_errors_is_that_of_the_codes():
    assert guide.told_errors() == guide.errors()


def test_the_rate_limit_is_the_one_that_is_kept():
    assert f"{KeyThrottle.requests_per_minute:,} requests a minute" in guide.GUIDE.read_text()


@pytest.fixture
def wallet(stripe, monkeypatch, live_server):
    """A new customer's: $20 and a card, with the key in the environment that the guide makes."""
    wallet = make_wallet(credit="20")
    add_card(stripe, wallet)
    _, key = make_key(wallet.account, Scope.READ, Scope.WRITE, Scope.CALLS)
    monkeypatch.setenv("BASE", live_server.url)
    monkeypatch.setenv("KEY", key)
    return wallet


def played(language: str, *, command: list[str], end: str, folder: Path) -> list[tuple[str, str]]:
    """What each snippet of a language printed, and what the guide says it prints."""
    found = guide.blocks()
    snippets = [text for kind, text in found if kind == language]
    script = folder / "snippets"
    script.write_text("".join(f"{_here(text)}\n{end}\n" for text in snippets))
    done = subprocess.run(
        [*command, str(script)], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    told = [
        following[1] if following[0] in ("json", "text") else ""
        for (kind, _), following in zip(found, [*found[1:], ("", "")], strict=True)
        if kind == language
    ]
    return list(zip(done.stdout.split(f"{END}\n")[:-1], told, strict=True))


def _fixed(answer: dict) -> dict:
    """An answer without what is another's for every reader."""
    own = ("account", "id", "secret", "created_at")
    return {name: "…" if name in own else value for name, value in answer.items()}


def _here(text: str) -> str:
    """The address and the key of a reader are those of this test."""
    return text.replace("https://billing.example.com", os.environ["BASE"]).replace(
        "tb_your_key", os.environ["KEY"]
    )


@pytest.mark.journey
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("nudges")
def test_the_snippets_for_a_shell_print_what_stands_below_them(wallet, tmp_path):
    shell = ["bash", "-euo", "pipefail"]

    said = played("bash", command=shell, end=f"echo; echo '{END}'", folder=tmp_path)

    shown = [(json.loads(printed), json.loads(told)) for printed, told in said if told]
    assert [_fixed(printed) for printed, _ in shown] == [_fixed(told) for _, told in shown]
    (purchase,) = Purchase.objects.filter(payer=wallet.account)
    assert (purchase.form_key, purchase.state, purchase.amount_cents) == (
        "order-4711",
        "succeeded",
        5000,
    )


@pytest.mark.journey
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("nudges")
def test_the_snippets_in_python_print_what_stands_below_them(wallet, tmp_path):
    buy(wallet, receipt_number=1)

    said = played("python", command=[sys.executable], end=f"print('{END}')", folder=tmp_path)

    assert [printed for printed, _ in said] == [told for _, told in said]


SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"wallet.low_balance","data":{"account":"3f0c"}}'


@pytest.fixture
def receiver(monkeypatch) -> Iterator[dict]:
    """The names of the guide's receiver, which answers at `address`."""
    names: dict = {"os": os}
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    for kind, text in guide.blocks():
        if kind == "python" and ("def verified" in text or "class Receiver" in text):
            exec(text, names)  # noqa: S102 # our own guide
    monkeypatch.setattr(names["Receiver"], "log_message", lambda *_: None)
    server = names["serve"](0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield names | {"address": f"http://127.0.0.1:{server.server_port}/"}
    server.shutdown()
    thread.join()
    server.server_close()


def delivered(address: str, *, body: bytes = BODY, signed: bytes = BODY, age: int = 0) -> int:
    """The answer to a message that is signed as the specification says."""
    sent_at = str(int(time.time()) - age)
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    content = f"msg_1.{sent_at}.".encode() + signed
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": sent_at,
        "webhook-signature": f"v1,b3RoZXI= v1,{signature}",
    }
    return requests.post(address, data=body, headers=headers, timeout=10).status_code


def test_the_guides_receiver_takes_a_message_of_ours_once_and_nothing_else(receiver, capsys):
    address = receiver["address"]

    answers = [delivered(address), delivered(address)]
    forged = delivered(address, body=BODY + b" ")
    late = delivered(address, age=301)

    assert (answers, forged, late) == ([204, 204], 401, 401)
    assert receiver["had"] == {"msg_1"}
    assert capsys.readouterr().out == "wallet.low_balance {'account': '3f0c'}\n"
