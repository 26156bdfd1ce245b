"""`make stripe-check` as it is run: what it refuses, what it prints, and its exit codes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from thinkrr_billing.sandbox.stripe.process import StripeSandbox, start
from thinkrr_billing.sandbox.stripe_check.tests.different import KEY, Changing, different

pytestmark = pytest.mark.journey

ROOT = Path(__file__).resolve().parents[4]
PATIENCE_SECONDS = 60
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeSandbox]:
    with start(state=tmp_path_factory.mktemp("check") / "state.sqlite3") as running:
        yield running


def _run(**variables: str) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STRIPE_")}
    return subprocess.run(
        [sys.executable, "-m", "thinkrr_billing.sandbox.stripe_check"],
        cwd=ROOT,
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_the_sandbox_does_not_differ_from_itself(sandbox):
    done = _run(STRIPE_API_BASE=sandbox.base_url, STRIPE_SECRET_KEY=KEY)

    assert (done.returncode, done.stderr) == (0, "")
    assert "No difference from the sandbox." in done.stdout
    assert "67 of 67 steps" in done.stdout
    assert "Not checked:" in done.stdout
    assert KEY not in done.stdout


def test_a_difference_is_a_row_of_a_table_and_ends_with_1(sandbox):
    def says_more(answer: Changing) -> None:
        if answer.body.get("object") == "dispute":
            answer.body["reason"] = "a|b`c\n"

    with different(sandbox.base_url, says_more) as base:
        done = _run(STRIPE_API_BASE=base)

    assert (done.returncode, done.stderr) == (1, "")
    assert "1 difference from the sandbox:" in done.stdout
    assert "| where | sandbox | target | steps |\n|---|---|---|---|\n" in done.stdout
    row = "| `dispute.reason` | `'fraudulent'` | `'a\\|b'c?'` | read the dispute |"
    assert row in done.stdout.splitlines()


@pytest.mark.parametrize("prefix", ["sk_live_", "rk_live_", "pk_live_"])
def test_a_live_key_is_refused_before_anything_is_asked(sandbox, prefix):
    sandbox.clear_requests()

    done = _run(STRIPE_API_BASE=sandbox.base_url, STRIPE_SECRET_KEY=prefix + "0" * 24)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("STRIPE_SECRET_KEY is a live key: this check charges")
    assert sandbox.requests() == []


def test_without_a_key_it_says_how_to_run_it():
    done = _run()

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "STRIPE_SECRET_KEY is not set: run STRIPE_SECRET_KEY=sk_test_... make stripe-check, with a "
        "key of Stripe's test mode.\n"
    )


def test_what_is_no_key_is_refused_with_the_sentence_of_the_settings():
    done = _run(STRIPE_API_BASE=NOBODY, STRIPE_SECRET_KEY="hello")

    assert (done.returncode, done.stdout) == (2, "")
    assert "STRIPE_SECRET_KEY is not a secret key of Stripe" in done.stderr
    assert done.stderr.endswith("Nothing was asked.\n")


def test_a_target_that_is_not_there_is_told():
    done = _run(STRIPE_API_BASE=NOBODY)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"{NOBODY} does not answer (the connection was refused or cut). Nothing was compared.\n"
    )
