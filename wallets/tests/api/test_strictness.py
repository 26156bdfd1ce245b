"""Hostile bodies on every route that takes one: 400, never 500, never stored.

F87 of docs/faults.md.
"""

import json

import pytest

from accounts.models import Account
from accounts.tests.builders import make_agency, make_sub_account
from wallets.models import AutoAllocation, AutoRecharge, Purchase
from wallets.tests.worlds.api_clients import client_of, refusal
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

ROUTES = {
    "recharges": (
        "post",
        "/api/v1/wallet/recharges",
        {"amount": "50.00", "buys": "credit", "payment_method": "pm_1"},
    ),
    "auto-recharge": (
        "put",
        "/api/v1/wallet/auto-recharge",
        {
            "enabled": True,
            "threshold": "10.00",
            "amount": "50.00",
            "monthly_limit": "500.00",
            "daily_ceiling": "500.00",
            "payment_method": "pm_1",
            "resume_campaigns": False,
            "quoted_charge": "0",
        },
    ),
    "sub-accounts": (
        "post",
        "/api/v1/sub-accounts",
        {"name": "Northside Dental", "owner_email": "owner@northside.example"},
    ),
    "auto-allocation": (
        "put",
        "/api/v1/sub-accounts/{sub}/auto-allocation",
        {
            "basic_minutes": 500,
            "premium_minutes": 0,
            "payment_method": "pm_1",
            "start_date": "2026-12-01",
        },
    ),
}

# As they stand in a body. 5000 digits are more than Python turns into a number.
NOT_JSON = ["NaN", "Infinity", "-Infinity", "1e309", "9" * 5000, '"\\u0000"', '"\\ud800"', "01"]
OF_NO_TYPE_WE_TAKE = ["-0", "1.5", "1e2", "[]", "{}", "9" * 26, "1E+99999999999", "-1", "[1]"]
TEXTS = ['"1_000"', '"1.000"', '"１２"', '"٣"', '" 5 "', '"-5"', '"1e2"', '"NaN"', '""']

AMOUNTS = ("amount", "threshold", "monthly_limit", "daily_ceiling", "quoted_charge")
MINUTES = ("basic_minutes", "premium_minutes")
SWITCHES = ("enabled", "resume_campaigns")
MAY_BE_NULL = ("monthly_limit", "daily_ceiling", "start_date")
FREE_TEXTS = ("name", "payment_method")


def hostile(field: str) -> list[str]:
    """The values that this field must refuse."""
    values = [*NOT_JSON, *OF_NO_TYPE_WE_TAKE]
    if field not in MAY_BE_NULL:
        values.append("null")
    if field not in SWITCHES:
        values += ["true", "false"]
    if field not in MINUTES:
        values += ["0", "1"]
    else:
        values += ["1000001", '"500"']
    if field not in FREE_TEXTS:
        values += TEXTS
    if field in FREE_TEXTS:
        values.append(json.dumps("n" * 256))
    return values


FIELDS = [(route, field) for route, (_, _, body) in ROUTES.items() for field in body]


class World:
    """An agency with a sub-account and a key that may do everything its account may."""

    def __init__(self) -> None:
        self.agency = make_agency()
        self.sub = make_sub_account(agency=self.agency)
        make_wallet(account=self.agency)
        self.client = client_of(self.agency)
        self.before = self.stored()

    def stored(self) -> list:
        return [
            list(model.objects.order_by("pk").values())
            for model in (Account, AutoAllocation, AutoRecharge, Purchase)
        ]

    def send(self, route: str, body: str | bytes, **more):
        method, url, _ = ROUTES[route]
        more.setdefault("content_type", "application/json")
        return getattr(self.client, method)(
            url.format(sub=self.sub.pk),
            body.encode() if isinstance(body, str) else body,
            headers={"Idempotency-Key": "order-1"},
            **more,
        )


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(("route", "field"), FIELDS)
def test_hostile_values_are_refused_and_nothing_is_stored(world, subtests, route, field):
    facts = {name: json.dumps(given) for name, given in ROUTES[route][2].items()}
    for value in hostile(field):
        sent = facts | {field: value}
        body = "{" + ", ".join(f'"{name}": {given}' for name, given in sent.items()) + "}"
        with subtests.test(value=value[:30]):
            error = refusal(world.send(route, body), 400)
            assert error["code"] in ("invalid", "parse_error")

    assert world.stored() == world.before


BODIES = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"1",
    b"{",
    b"\xff\xfe{}",
    b"[" * 100_000,
    b'{"a":' * 50 + b"1" + b"}" * 50,
]


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_that_is_no_object_is_refused(world, subtests, route):
    for body in BODIES:
        with subtests.test(body=body[:30]):
            refusal(world.send(route, body), 400)

    assert world.stored() == world.before


@pytest.mark.parametrize("route", ROUTES)
def test_a_field_nobody_knows_is_refused_by_name(world, route):
    error = refusal(world.send(route, json.dumps(ROUTES[route][2] | {"credit": "1000.00"})), 400)

    assert error["fields"] == {"credit": "Unknown field."}
    assert world.stored() == world.before


@pytest.mark.parametrize("route", ROUTES)
def test_the_same_key_twice_is_refused(world, route):
    name, value = next(iter(ROUTES[route][2].items()))
    body = json.dumps(ROUTES[route][2])[:-1] + f', "{name}": {json.dumps(value)}' + "}"

    error = refusal(world.send(route, body), 400)

    assert "same key twice" in error["message"]
    assert world.stored() == world.before


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_that_is_too_large_is_refused_as_such(world, route):
    body = json.dumps(ROUTES[route][2] | {"payment_method": "x" * 300_000})

    refusal(world.send(route, body), 413)

    assert world.stored() == world.before


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain"])
def test_only_json_is_taken(world, route, content_type):
    refusal(world.send(route, "amount=50.00&buys=credit", content_type=content_type), 415)

    assert world.stored() == world.before


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("method", ["patch", "delete"])
def test_other_methods_are_not_there(world, route, method):
    url = ROUTES[route][1].format(sub=world.sub.pk)

    refusal(getattr(world.client, method)(url), 405)

    assert world.stored() == world.before
