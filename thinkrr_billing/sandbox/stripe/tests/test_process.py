"""The process: what survives its end, and when it refuses to start."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from thinkrr_billing.sandbox.stripe.process import SandboxError, start
from thinkrr_billing.sandbox.stripe.tests.conftest import SECRET, new_client, until

pytestmark = pytest.mark.journey

FACTS = {"amount": 5000, "currency": "usd", "payment_method_types": ["card"]}


@pytest.fixture
def own(tmp_path):
    """A sandbox of its own that a test may end."""
    with start(state=tmp_path / "state.sqlite3") as sandbox:
        yield sandbox


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_everything_survives_the_end_of_the_process(own, end):
    client = new_client(own)
    intent = client.v1.payment_intents.create(FACTS, {"idempotency_key": "a"})
    customer = client.v1.customers.create({}).id
    card = own.add_card(customer, behaviour={"decline_code": "lost_card"})["id"]
    own.advance(7200)
    own.fault(kind="429", path="/v1/account")
    moment = own.now()

    getattr(own, end)()
    own.restart()

    again = new_client(own)
    replayed = again.v1.payment_intents.create(FACTS, {"idempotency_key": "a"})
    assert replayed.id == intent.id
    assert replayed.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.v1.payment_methods.retrieve(card).customer == customer
    assert own.now() == pytest.approx(moment, abs=30)
    assert [fault["kind"] for fault in own.faults()] == ["429"]
    assert own.requests()[0]["idempotency_key"] == "a"


def test_pending_deliveries_go_on_after_a_kill(own, listener):
    own.webhooks(url="http://127.0.0.1:9/nobody", secret=SECRET)
    new_client(own).v1.customers.create({})
    own.kill()
    own.restart()

    own.webhooks(url=listener.url)
    own.advance(60)

    listener.wait_for(lambda one: one.types() == ["customer.created"])
    until(lambda: own.deliveries()[-1]["status"] == "delivered")


def test_the_webhook_secret_is_shown_to_nobody_who_lists_the_processes(tmp_path, listener):
    state = tmp_path / "state.sqlite3"
    with start(state=state, webhook_url=listener.url, webhook_secret=SECRET) as sandbox:
        for _ in range(2):
            line = Path(f"/proc/{sandbox.process.pid}/cmdline").read_text()
            assert "--webhook-url" in line
            assert SECRET not in line
            assert sandbox.webhooks()["settings"]["secret"] == SECRET[:9] + "…"
            sandbox.restart()


def test_an_address_for_events_needs_a_secret(tmp_path, capfd):
    with pytest.raises(SandboxError):
        start(state=tmp_path / "state.sqlite3", webhook_url="http://127.0.0.1:9/")

    assert "--webhook-url needs STRIPE_WEBHOOK_SECRET" in capfd.readouterr().err


def test_it_says_where_it_listens_and_ends_politely(tmp_path):
    command = [
        sys.executable,
        "-m",
        "thinkrr_billing.sandbox.stripe",
        "--port",
        "0",
        "--state",
        str(tmp_path / "state.sqlite3"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=10)

    assert line.startswith("Stripe sandbox listening on http://127.0.0.1:")
    assert (process.returncode, rest) == (0, "")


def test_it_ends_with_a_starter_that_is_killed(tmp_path):
    code = (
        "import sys, time; from thinkrr_billing.sandbox.stripe.process import start;"
        "print(start(sys.argv[1]).process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "state.sqlite3")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        pid = int(starter.stdout.readline())
        starter.kill()

    until(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.usefixtures("own")
def test_second_sandbox_on_the_same_state_is_refused(tmp_path, capfd):
    with pytest.raises(SandboxError):
        start(state=tmp_path / "state.sqlite3")

    assert "Is another sandbox running on it?" in capfd.readouterr().err


def test_taken_port_is_refused_with_a_sentence(own, tmp_path, capfd):
    with pytest.raises(SandboxError):
        start(state=tmp_path / "other.sqlite3", port=own.port)

    assert f"Port {own.port} cannot be opened" in capfd.readouterr().err


def test_it_needs_neither_django_nor_our_apps():
    code = (
        "import sys; import thinkrr_billing.sandbox.stripe.__main__;"
        "print([name for name in ('django', 'celery', 'stripe', 'wallets') if name in sys.modules])"
    )
    environment = {name: os.environ[name] for name in ("PATH",)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
