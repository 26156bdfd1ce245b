"""docs/api.md does what it says: its snippets run as they stand, against a server with a key."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    for printed, told in shown:
        # Everything is as it stands there but the id.
        assert printed | {"account": ""} == told | {"account": ""}
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
