"""One search finds everything of one charge: in JSON lines of nginx, web and worker, by the
request's id or by the purchase's (docs/observability.md)."""

import json

import pytest

from accounts.models import Scope
from accounts.tests.builders import PASSWORD, make_key, owner_of
from tests.faults.harness import come_to_rest
from tests.faults.people import low_balance, taken
from tests.faults.test_e_nginx import NAME, Nginx, batch, bearer
from tests.secrets import found_in
from wallets.models import Purchase

pytestmark = [pytest.mark.faults, pytest.mark.redis, pytest.mark.proxy]

ASKED = "0f1e2d3c-one-charge"


@pytest.fixture
def parts(plant, tmp_path_factory):
    """nginx, web and worker, as deploy/ starts them; web writes each request down as well."""
    web, worker = plant.web(), plant.worker()
    for app in (web, worker):
        app.env |= {"LOG_FORMAT": "json", "ALLOWED_HOSTS": NAME}
    web.env |= {"GUNICORN_CMD_ARGS": "--access-logfile -"}
    # Said to root alone, before anything of ours is loaded.
    worker.env |= {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
    web.start()
    worker.start(solo=False)
    nginx = Nginx(tmp_path_factory.mktemp("nginx"), [web.port, web.port])
    nginx.start()
    yield nginx, web, worker
    nginx.kill()


def lines(text: str) -> list[dict]:
    """Each line as the object it is."""
    return [json.loads(line) for line in text.splitlines()]


def search(found: list[dict], what: str) -> list[dict]:
    return [line for line in found if what in json.dumps(line)]


def test_one_search_finds_all_of_one_charge(parts, stripe):
    nginx, web, worker = parts
    wallet = low_balance(stripe, credit="10")
    _, token = make_key(None, Scope.CALLS)
    account = str(wallet.account_id)

    status, headers, _ = nginx.ask(
        "POST",
        "/api/v1/calls",
        batch(account, 0, 10),
        **bearer(token),
        **{"X-Request-ID": ASKED},
    )
    worker.wait_for(lambda: "is succeeded" in worker.log, "charged the card")
    worker.wait_for(lambda: " succeeded in " in worker.log, "ended the task")

    assert (status, headers["X-Request-ID"]) == (200, ASKED)
    purchase = Purchase.objects.get(wallet=wallet)
    told = nginx.logged(1) + lines(web.log) + lines(worker.log)
    by_request = search(told, ASKED)
    proxied, asked = (line for line in by_request if line.get("status") == 200)
    assert proxied["path"] == "/api/v1/calls"
    assert (asked["logger"], asked["event"]) == ("gunicorn.access", "POST /api/v1/calls 200")

    charged = [line for line in by_request if line.get("task_name") == "wallets.recharge_wallet"]
    assert {line["wallet"] for line in charged} == {str(wallet.pk)}
    assert len({line["task"] for line in charged}) == 1
    by_purchase = search(told, str(purchase.pk))
    assert {line["account"] for line in by_purchase if "account" in line} == {account}
    assert f"purchase {purchase.pk} is succeeded" in [line["event"] for line in by_purchase]
    # What Stripe calls its requests, in both searches.
    theirs = {
        one["request_id"]
        for one in stripe.requests()
        if one["method"] == "POST" and "payment_intents" in one["path"]
    }
    assert len(theirs) == 2
    for found in (by_request, by_purchase):
        assert theirs <= {line.get("stripe_request") for line in found}

    hidden = [token, PASSWORD, owner_of(wallet.account).email]
    whole = json.dumps(told)
    assert [secret[:6] for secret in hidden if secret in whole] == []
    assert list(found_in(whole)) == []
    come_to_rest(stripe)
    assert taken(stripe) == [5000]
