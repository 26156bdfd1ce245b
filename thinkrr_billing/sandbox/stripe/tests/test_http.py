"""The HTTP side: keys, unknown routes and parameters, garbage, concurrency."""

import http.client
import json
import threading

import pytest
import stripe

from thinkrr_billing.sandbox.stripe.tests.conftest import KEY


def _send(sandbox, method, path, *, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    full = {"Authorization": f"Bearer {KEY}", **(headers or {})}
    connection.request(method, path, body, full)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("sk_live_abcdefghijklmnopqrstuvwx", "refuses live keys"),
        ("rk_live_abcdefghijklmnopqrstuvwx", "refuses live keys"),
        ("pk_live_abcdefghijklmnopqrstuvwx", "refuses live keys"),
        ("pk_test_abcdefghijklmnopqrstuvwx", "publishable API key"),
        ("whatever", "Invalid API Key provided"),
        ("sk_test_", "Invalid API Key provided"),
    ],
)
def test_only_a_test_secret_key_opens_the_door(sandbox, key, message):
    client = stripe.StripeClient(key, base_addresses={"api": sandbox.base_url})

    with pytest.raises(stripe.AuthenticationError, match=message) as refusal:
        client.v1.customers.create({})

    assert refusal.value.http_status == 401
    assert sandbox.truth()["payment_intents"] == []


def test_missing_key_is_401(sandbox):
    status, text = _send(sandbox, "GET", "/v1/account", headers={"Authorization": ""})

    assert status == 401
    assert "You did not provide an API key" in text


def test_unknown_route_is_404(sandbox):
    status, text = _send(sandbox, "GET", "/v1/unicorns")

    error = json.loads(text)["error"]
    assert status == 404
    assert error["message"].startswith("Unrecognized request URL (GET: /v1/unicorns)")
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ("amount=500&currency=usd&colour=red", "parameter_unknown", "colour"),
        ("currency=usd", "parameter_missing", "amount"),
        ("amount=5.5&currency=usd", "parameter_invalid_integer", "amount"),
        ("amount=1e3&currency=usd", "parameter_invalid_integer", "amount"),
        ("amount[a]=1&currency=usd", "parameter_invalid_integer", "amount"),
        (
            "amount=500&currency=usd&automatic_payment_methods[often]=true",
            "parameter_unknown",
            "automatic_payment_methods[often]",
        ),
        ("amount=500&currency=usd&customer=cus_nobody", "resource_missing", "customer"),
        ("amount=500&currency=usd&payment_method=pm_nobody", "resource_missing", "payment_method"),
        ("amount=500&currency=eur", None, "currency"),
        ("amount=500&currency=usd&metadata[a]=" + "x" * 501, None, "metadata[a]"),
    ],
)
def test_wrong_parameters_are_named(sandbox, body, code, param):
    status, text = _send(sandbox, "POST", "/v1/payment_intents", body=body, headers=FORM)

    error = json.loads(text)["error"]
    assert status == 400
    assert (error.get("code"), error["param"]) == (code, param)


@pytest.mark.parametrize(
    "body",
    [
        "a" * 100_000,
        "a[b][c][d][e][f][g][h][i]=1",
        "amount=1&amount[x]=2",
        "%ff%fe=%ff",
        "[=1",
        "amount=" + "9" * 5000,
        "&".join(f"a{n}=1" for n in range(3000)),
        "\x00=\x00",
        "=",
        "&&&",
    ],
)
def test_garbage_is_a_4xx_without_a_traceback(sandbox, body):
    status, text = _send(sandbox, "POST", "/v1/payment_intents", body=body.encode(), headers=FORM)

    assert status == 400
    assert "Traceback" not in text


def test_json_body_is_refused_as_stripe_does(sandbox):
    status, text = _send(
        sandbox, "POST", "/v1/customers", body="{}", headers={"Content-Type": "application/json"}
    )

    assert status == 400
    assert "application/x-www-form-urlencoded" in text


def test_answers_carry_a_request_id(client, sandbox):
    headers = client.v1.customers.create({}, {"idempotency_key": "k"}).last_response.headers

    assert headers["Request-Id"].startswith("req_")
    assert headers["Stripe-Version"] == "2026-08-26.dahlia"
    assert headers["Idempotency-Key"] == "k"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.retrieve("cus_nobody")
    url = refusal.value.json_body["error"]["request_log_url"]
    status, text = _send(sandbox, "GET", url.removeprefix(sandbox.base_url))
    assert (status, json.loads(text)["requests"][0]["path"]) == (200, "/v1/customers/cus_nobody")


@pytest.mark.parametrize("headers", [{"Host": "evil.test"}, {"Origin": "https://evil.test"}])
def test_web_page_elsewhere_cannot_use_the_control_api(sandbox, headers):
    status, _ = _send(sandbox, "POST", "/_sandbox/reset", body="{}", headers=headers)

    assert status in (403, 421)


def test_only_loopback_is_bound(sandbox):
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table if line.split()[3] == "0A"]
    local = {row[1] for row in rows if int(row[1].split(":")[1], 16) == sandbox.port}

    assert local == {f"0100007F:{sandbox.port:04X}"}


def test_twenty_connections_at_once_lose_nothing(client):
    def work():
        for _ in range(10):
            client.v1.customers.create({"name": "crowd"})

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    everyone = list(client.v1.customers.list({"limit": 100}).auto_paging_iter())
    assert len({one.id for one in everyone}) == 200


@pytest.mark.parametrize("version", ["2020-08-27", "2099-01-01.endive", "tomorrow"])
def test_version_that_is_not_spoken_is_refused(sandbox, version):
    key = {"Authorization": f"Bearer {KEY}", "Stripe-Version": version}

    status, text = _send(sandbox, "POST", "/v1/customers", headers=key)

    assert status == 400
    assert f"Invalid Stripe API version: {version}." in json.loads(text)["error"]["message"]
    assert sandbox.requests(method="POST")[0]["status"] == 400


def test_account_is_there_in_test_mode(client):
    account = client.v1.accounts.retrieve_current()

    assert (account.object, account.country) == ("account", "US")
    assert client.v1.accounts.retrieve(account.id).id == account.id
    assert [one.id for one in client.v1.accounts.list().data] == [account.id]
