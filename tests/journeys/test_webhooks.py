"""Webhooks beyond one process: a worker that is killed while it sends, and JavaScript's library."""

import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from accounts import clock, limits
from accounts.models import WebhookAttempt, WebhookEvent
from accounts.people import closing
from accounts.tests.builders import make_individual
from accounts.tests.webhooks.conftest import receiver  # noqa: F401
from accounts.tests.webhooks.receiver import endpoint, hang, send, states
from accounts.webhooks import endpoints
from tests.journeys.workers import Workers
from thinkrr_billing.tests.processes import wait_until

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

NODE = Path(__file__).parent / "node"
# A loaded machine starts a worker slowly.
STARTS_WITHIN = 60
INSTALLS_WITHIN = 120


def test_a_worker_killed_while_it_sends_is_followed_by_one_that_sends_the_same_again(
    workers: Workers,
    receiver,  # noqa: F811
):
    one = endpoint(receiver, make_individual())
    receiver.answers["/"] = hang(receiver)
    closing.close(account=one.account)
    workers.start()
    workers.send("accounts.send_webhooks")
    wait_until(lambda: receiver.requests, seconds=STARTS_WITHIN, what="the event is on its way")

    workers.kill()
    receiver.answers.clear()
    assert states(one) == ["waiting"]
    assert not WebhookAttempt.objects.exists()
    with clock.at(clock.now() + limits.WEBHOOK_CLAIM + timedelta(seconds=1)):
        send()

    first, second = receiver.requests
    assert first.id == second.id == WebhookEvent.objects.get().message
    assert first.body == second.body
    assert states(one) == ["sent"]


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    """A folder with the library as the lock says: nothing of it runs while it is installed."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "verify.js"):
        shutil.copy(NODE / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=INSTALLS_WITHIN)
    return folder


def verified(library: Path, *asked: dict) -> list[dict]:
    text = "".join(json.dumps(one) + "\n" for one in asked)
    done = subprocess.run(
        ["node", "verify.js"], cwd=library, input=text, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.node
@pytest.mark.usefixtures("nudges")
def test_the_library_of_javascript_verifies_what_is_sent_and_both_secrets_of_a_rotation(
    library,
    receiver,  # noqa: F811
):
    one = endpoint(receiver, make_individual())
    new = endpoints.rotate(endpoint=one).secret
    closing.close(account=one.account)
    send()
    (got,) = receiver.requests
    request = {"body": got.body.decode(), "headers": got.headers}
    spoiled = request | {"body": request["body"].replace("closed", "opened")}

    found = verified(
        library,
        {"secret": one.secret} | request,
        {"secret": new} | request,
        {"secret": one.secret} | spoiled,
    )

    assert found[:2] == [{"type": "account.closed"}] * 2
    assert "signature" in found[2]["refused"].lower()
