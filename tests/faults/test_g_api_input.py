"""Hostile figures, dates and texts in every field of the platform's routes: none gets in.

The wallets' routes have their table in wallets/tests/api/test_strictness.py.
"""

import json

import pytest

from accounts import clock
from accounts.models import Scope
from accounts.tests.builders import make_individual
from campaigns.models import Call, Campaign
from campaigns.tests.builders import make_campaign
from wallets.models import CallHold, LedgerEntry, Wallet
from wallets.tests.worlds.api_clients import client_of
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.faults, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

# As they stand in a body.
NUMBERS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e309",
    "1E+99999999999",
    "-1",
    "-0",
    "1.5",
    "1e2",
    "01",
    "9" * 26,
    "9" * 5000,
    "2147483648",
    "86401.0",
]
TYPES = ["true", "false", "[]", "{}", "[1]", '{"a": 1}']
TEXTS = [
    '"1_000"',
    '"1.000"',
    '"１２"',
    '"٣"',
    '" 5 "',
    '"-5"',
    '"1e2"',
    '"NaN"',
    '""',
    '"5"',
    '"\\u0000"',
    '"a\\u0000b"',
    '"\\ud800"',
    '"null"',
    '"' + "n" * 5000 + '"',
    '"\' OR 1=1 --"',
    '"../../etc/passwd"',
]
DATES = [
    '"2026-02-30T00:00:00Z"',
    '"0000-00-00T00:00:00Z"',
    '"9999-99-99T00:00:00Z"',
    '"2026-11-25T10:00:00"',
    '"2026-11-25"',
    '"10000-01-01T00:00:00Z"',
    '"1970-01-01T00:00:00Z"',
    '"9999-12-31T23:59:59+00:00"',
    '"0001-01-01T00:00:00+14:00"',
    "1764000000",
]

# Per field what it must refuse beside everything that is not of its type.
REFUSES = {
    "seconds": [*NUMBERS, *TYPES, *TEXTS, "null", "86401"],
    "live": [*NUMBERS, *TYPES, *TEXTS, "null"],
    "ended_at": [*NUMBERS, *TYPES, *TEXTS, *DATES, "null"],
    "account": [*NUMBERS, *TYPES, *TEXTS, "null"],
    "minute_type": [*NUMBERS, *TYPES, *TEXTS],
    "outcome": [*NUMBERS, *TYPES, *TEXTS, "null"],
    # Any printable text is somebody's id or name.
    "id": [
        *NUMBERS,
        *TYPES,
        '"\\u0000"',
        '"a\\u0000b"',
        '"\\ud800"',
        '"' + "n" * 5000 + '"',
        '""',
        "null",
    ],
    "call": [*NUMBERS, *TYPES, '"\\u0000"', '"\\ud800"', '"' + "n" * 5000 + '"', '""', "null"],
    "name": [*NUMBERS, *TYPES, '"\\u0000"', '"\\ud800"', '"' + "n" * 5000 + '"', '""', "null"],
    "campaign": [*NUMBERS, *TYPES, *TEXTS],
}

# The whole route by its name: method, address, body, and where in it the fields are.
ROUTES = {
    "calls": (
        "post",
        "/api/v1/calls",
        ("id", "account", "seconds", "minute_type", "ended_at", "outcome"),
    ),
    "calls of a campaign": ("post", "/api/v1/calls", ("campaign", "seconds")),
    "authorize": ("post", "/api/v1/calls/authorize", ("account", "minute_type", "live")),
    "authorize a campaign": ("post", "/api/v1/calls/authorize", ("campaign", "live")),
    "hold": ("post", "/api/v1/calls/holds", ("call", "account", "seconds", "minute_type")),
    "hold of a campaign": ("post", "/api/v1/calls/holds", ("campaign", "seconds")),
    "campaign": ("put", "/api/v1/campaigns/new-one", ("name", "minute_type")),
}
CASES = [(route, field) for route, (_, _, fields) in ROUTES.items() for field in fields]


class World:
    def __init__(self) -> None:
        self.account = make_individual()
        make_wallet(account=self.account, credit="50")
        self.campaign = make_campaign(self.account, external_id="known")
        self.platform = client_of(None, Scope.CALLS, Scope.READ)
        self.own = client_of(self.account)

    def body(self, route: str) -> dict:
        account = str(self.account.pk)
        call = {"id": "c1", "account": account, "seconds": 60, "ended_at": clock.now().isoformat()}
        return {
            "calls": call | {"minute_type": "premium", "outcome": "completed"},
            "calls of a campaign": call | {"campaign": "known"},
            "authorize": {"account": account, "minute_type": "premium", "live": 1},
            "authorize a campaign": {"account": account, "campaign": "known", "live": 1},
            "hold": {"call": "c1", "account": account, "seconds": 60, "minute_type": "premium"},
            "hold of a campaign": {
                "call": "c1",
                "account": account,
                "seconds": 60,
                "campaign": "known",
            },
            "campaign": {"name": "New one", "minute_type": "premium"},
        }[route]

    def send(self, route: str, body: str):
        method, url, _ = ROUTES[route]
        if route.startswith("calls"):
            body = f'{{"calls": [{body}]}}'
        client = self.own if route == "campaign" else self.platform
        return getattr(client, method)(url, body.encode(), content_type="application/json")

    def stored(self) -> list:
        return [
            list(model.objects.order_by("pk").values())
            for model in (Call, CallHold, Campaign, LedgerEntry, Wallet)
        ]


@pytest.fixture
def world() -> World:
    return World()


def is_refused(answer) -> bool:
    if answer.status_code == 200 and "results" in answer.json():
        return [one["status"] for one in answer.json()["results"]] == ["rejected"]
    return answer.status_code in (400, 404, 422)


@pytest.mark.parametrize(("route", "field"), CASES)
def test_f87_hostile_values_of_calls_and_campaigns_are_refused_and_nothing_is_stored(
    route, field, world
):
    body = world.body(route)
    before = world.stored()
    taken = []
    for value in REFUSES[field]:
        marked = json.dumps(body | {field: "\x01"}).replace('"\\u0001"', value)
        answer = world.send(route, marked)
        if not is_refused(answer):
            taken.append((value[:40], answer.status_code, answer.content[:200]))

    assert taken == []
    assert world.stored() == before
    # The control: without anything hostile the same body is taken.
    answer = world.send(route, json.dumps(body))
    assert answer.status_code in (200, 201)
    assert not is_refused(answer)


@pytest.mark.parametrize("route", ROUTES)
def test_f87_two_equal_keys_and_unknown_fields_are_refused(route, world):
    body = world.body(route)
    before = world.stored()
    name, value = next(iter(body.items()))
    twice = f"{{{json.dumps(name)}: {json.dumps(value)}, {json.dumps(body)[1:]}"

    # Of a batch it is the call that is refused, not those beside it.
    assert is_refused(world.send(route, twice))
    assert is_refused(world.send(route, json.dumps(body | {"unknown": 1})))
    assert world.stored() == before
