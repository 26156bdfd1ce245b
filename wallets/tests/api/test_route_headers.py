"""What answers tell in headers: how much of the minute is left, and what is deprecated."""

from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from rest_framework.response import Response

from accounts import clock
from accounts.api.client import KeyThrottle
from accounts.api.deprecation import Deprecated, deprecated
from accounts.tests.builders import make_individual
from wallets.tests.worlds.api_clients import client_of, refusal

pytestmark = pytest.mark.django_db

URL = "/api/v1/rates"
NOON = datetime(2026, 11, 20, 12, 0, 42, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


@pytest.fixture
def client():
    return client_of(make_individual())


def rate(answer):
    return [answer.get(f"RateLimit-{name}") for name in ("Limit", "Remaining", "Reset")]


def test_every_counted_answer_tells_what_is_left_of_the_minute(client):
    with clock.at(NOON):
        answers = [client.get(URL), client.get("/api/v1/wallet?account=x"), client.get(URL)]

    assert [one.status_code for one in answers] == [200, 400, 200]
    assert [rate(one) for one in answers] == [
        ["1200", "1199", "18"],
        ["1200", "1198", "18"],
        ["1200", "1197", "18"],
    ]


def test_above_the_limit_it_says_when_to_come_again(client, monkeypatch):
    monkeypatch.setattr(KeyThrottle, "requests_per_minute", 1)
    with clock.at(NOON):
        client.get(URL)
        answer = client.get(URL)

    assert refusal(answer, 429)["code"] == "throttled"
    assert rate(answer) == ["1", "0", "18"]
    assert answer["Retry-After"] == "18"


def test_calls_of_an_accounts_own_key_are_counted_too(client):
    with clock.at(NOON):
        answer = client.post("/api/v1/calls", {"calls": []})

    assert (answer.status_code, rate(answer)) == (200, ["1200", "1199", "18"])


@pytest.mark.parametrize("token", ["platform", "none"])
def test_who_is_not_counted_reads_no_rate(token):
    client = client_of(None)
    if token == "none":
        client.credentials()

    assert rate(client.get(URL)) == [None, None, None]


def test_changed_since_says_that_it_is_deprecated(client):
    old = client.get("/api/v1/campaigns?changed_since=2026-11-22T09:14:00Z")
    new = client.get("/api/v1/campaigns?after=0")

    assert (old.status_code, old["Deprecation"]) == (200, "@1796083200")
    assert old["Link"] == '</api/v1/docs/>; rel="deprecation"; type="text/html"'
    assert not {"Deprecation", "Link", "Sunset"} & set(new.headers)


def test_what_has_an_end_says_when():
    gone = Deprecated(since=NOON, sunset=datetime(2027, 12, 1, tzinfo=UTC), link="/x")

    answer = deprecated(Response(), gone)

    assert answer["Sunset"] == "Wed, 01 Dec 2027 00:00:00 GMT"
    assert answer["Deprecation"] == f"@{int(NOON.timestamp())}"
