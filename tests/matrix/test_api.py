"""Every route of the API, for every kind of key, by every method, about every account."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from tests.faults.test_h_authorization import path, routes
from tests.matrix import table
from tests.matrix.asking import Answer, Asker
from tests.matrix.world import World

pytestmark = [pytest.mark.journey, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

KEYS = table.grid(table.KEYS)
V1 = "api/v1/"
UNSENT = "no account"
AGENCIES, SUBS = {"agency", "rival"}, {"sub", "sister", "closed_sub", "rival_sub"}
# What fits, so that whoever may is done and not refused for what was sent.
BODIES = {
    "wallet/auto-recharge": {
        "enabled": False,
        "threshold": "10.00",
        "amount": "50.00",
        "monthly_limit": None,
        "payment_method": "",
        "resume_campaigns": True,
    },
    "wallet/recharges": {"amount": "50.00", "buys": "credit"},
    "sub-accounts": {"name": "New", "owner_email": "new@example.com"},
    "sub-accounts/<uuid:account_id>/auto-allocation": {"basic_minutes": 0, "premium_minutes": 0},
    "sub-accounts/<uuid:account_id>/auto-allocation/preview": {
        "basic_minutes": 0,
        "premium_minutes": 0,
    },
    "sub-accounts/<uuid:account_id>/auto-allocation/skip": {"skip": True},
    "sub-accounts/<uuid:account_id>": {"name": "New"},
    "sub-accounts/<uuid:account_id>/archive": {"archived": True},
    "sub-accounts/<uuid:account_id>/owner": {"email": "new@example.com"},
    "sub-accounts/<uuid:account_id>/notices": {"hears": True},
    "sub-accounts/<uuid:account_id>/gifts": {
        "basic_minutes": 100,
        "premium_minutes": 0,
        "payment_method": "pm_nobodys",
    },
    "sub-accounts/<uuid:account_id>/gifts/preview": {"basic_minutes": 100, "premium_minutes": 0},
    "asks": {"basic_minutes": 100, "premium_minutes": 0},
    "wallet/recharges/preview": {"amount": "50.00", "buys": "credit"},
    "wallet/low-minutes": {"minutes": 200},
    "wallet/cards/default": {"card": "pm_nobodys"},
    "wallet/cards/backup": {"card": ""},
    "wallet/alerts": {"kind": "runway", "level": "3"},
    "wallet/alerts/<int:alert_id>": {"kind": "runway", "level": "3"},
    "webhooks": {"url": "https://example.com/hooks"},
    "webhooks/<uuid:endpoint_id>": {"url": "https://example.com/hooks"},
    "campaigns/<str:external_id>": {"name": "New", "minute_type": "basic"},
}
BODIES["wallet/auto-recharge/preview"] = BODIES["wallet/auto-recharge"]
WRITING = ("POST", "PUT", "DELETE")
CALL = {"minute_type": "basic", "seconds": 60, "outcome": "completed", "id": "call-1"}


def cases(key: str) -> Iterator[tuple[str, str, str]]:
    """Method, route, and the account it is about."""
    for route, methods in (table.API | table.API_PUBLIC).items():
        for method in table.METHODS:
            asked = table.needs(methods, method)
            if asked is None or asked[0] == "anyone" or method == "HEAD":
                yield method, route, own(key)
                continue
            accounts = [own(key)] if key in table.NO_KEYS else [*table.TENANTS, "made up"]
            for about in accounts:
                yield method, route, about
            if "account_id" not in route and "own" not in asked and not in_body(method, route):
                yield method, route, UNSENT


def in_body(method: str, route: str) -> bool:
    """Whether the account is named in what is sent, not in the address."""
    return method == "POST" and route in ("calls", "calls/authorize", "calls/holds")


def own(key: str) -> str:
    return next((word for word, cell in KEYS[key].items() if "*" in cell), "single")


def expected(key: str, method: str, route: str, about: str) -> int | str:
    """By the table alone: the status of a refusal, or "done"."""
    asked = table.needs((table.API | table.API_PUBLIC)[route], method)
    if route in table.API_PUBLIC:
        return 405 if asked is None else 404 if "secret" in asked else "done"
    if key in table.NO_KEYS:
        return 401
    if asked is None:
        return "done" if method == "OPTIONS" else 405
    is_platform = key.startswith("platform")
    if about == UNSENT and is_platform and not {"reads", "reports", "every"} & set(asked):
        return 400
    about = own(key) if about == UNSENT else about
    row = {word: table.KEY_GRANTS[cell.rstrip("*")] for word, cell in KEYS[key].items()}
    grants, reaches = row.get(about, set()), row.get(about, set()) or is_of(key, about)
    every = set().union(*row.values())
    has = {
        **{one: (one in grants, 403 if reaches else 404) for one in table.KEY_GRANTS["p"]},
        "agency": (about in AGENCIES, 404),
        "is_sub": (about in SUBS, 404),
        "buys": (is_platform or own(key) in AGENCIES, 403),
        "own": (about in table.TENANTS, 404),
        "reads": ("see" in every, 403),
        "every": (True, 403),
        "reports": ("calls" in every, 403),
    }
    return next((has[one][1] for one in asked if not has[one][0]), "done")


def is_of(key: str, about: str) -> bool:
    return KEYS[key].get(about, "-") != "-"


def client_of(world: World, key: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    if key == "cookie of a person":
        client.force_login(world.people["sub owner"])
    elif key != "no key":
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {world.tokens[key]}")
    return client


def sent(world: World, method: str, route: str, about: str) -> tuple[str, dict[str, object]]:
    """The address and what goes with it."""
    address = path(V1 + route, world.ids(about))
    account = str(world.account_id(about))
    unnamed = about == UNSENT or in_body(method, route)
    unnamed = unnamed or "account_id" in route or route == "rates"
    address += "" if unnamed or route in table.API_PUBLIC else f"?account={account}"
    if method not in WRITING:
        return address, {}
    ended = {"ended_at": world.now.isoformat()}
    body = BODIES.get(route)
    if route == "calls":
        body = {"calls": [CALL | ended | {"account": account}]}
    elif route == "calls/authorize":
        body = {"account": account, "minute_type": "basic"}
    elif route == "calls/holds":
        body = {"account": account, "minute_type": "basic", "call": "call-2", "seconds": 60}
    # Of a batch of calls the answer would be kept, though each call in it is rejected.
    headers = {} if route == "calls" else {"Idempotency-Key": "one"}
    return address, {"data": body, "format": "json", "headers": headers}


def wrong(asked: str, answer: Answer, wanted: int | str, *, reads: bool) -> str:
    fits = answer.status < 400 if wanted == "done" else answer.status == wanted
    # The key may, and the wallet or the campaign is in no state for it.
    fits = fits or (wanted == "done" and not reads and answer.status in (409, 422))
    if not fits:
        return f"{asked} was answered with {answer.status}, and the table says {wanted}"
    # The mark of an Idempotency-Key at work is taken back with the refusal.
    wrote = [table for table in answer.wrote if table != "accounts_keptanswer"]
    if wrote and (wanted != "done" or reads):
        return f"{asked} was answered with {answer.status}, and wrote in {wrote}"
    return ""


@pytest.mark.parametrize("key", KEYS)
def test_every_route_answers_every_key_as_the_table_says(key, world):
    asker, client, found = Asker(), client_of(world, key), []
    seen = {word for word, cell in KEYS[key].items() if cell != "-"}
    asker.forget()
    for method, route, about in cases(key):
        address, body = sent(world, method, route, about)
        answer = asker.ask(client, method, address, **body)
        asked = f"{key}: {method} /{V1}{route} of {about}"
        reads, wanted = method not in WRITING, expected(key, method, route, about)
        if (
            (method, route) == ("POST", "calls")
            and wanted == "done"
            and "calls" not in calls_of(key, about)
        ):
            # The report is taken, and each call in it judged by itself.
            assert '"status":"rejected"' in answer.text.replace(" ", ""), asked
            reads = True
        found.append(wrong(asked, answer, wanted, reads=reads))
        read = world.read_of_others(answer.text, seen=seen, sent=address + str(body))
        found.append(f"{asked} told {read}" if read else "")
        cache.clear()

    assert "\n".join(filter(None, found)) == ""


def calls_of(key: str, about: str) -> set[str]:
    return table.KEY_GRANTS[KEYS[key].get(about, "-").rstrip("*")]


def test_every_route_is_in_the_table():
    there = {route.removeprefix(V1) for route in routes() if route.startswith(V1)}
    known = table.API.keys() | table.API_PUBLIC.keys()

    assert sorted(f"/{V1}{one} is in no line of the table" for one in there - known) == []
    assert sorted(f"/{V1}{one} of the table is no route" for one in known - there) == []
