"""Every route that writes, played twice the same, twice with other facts, and twice at once."""

import json
from typing import NamedTuple

import psycopg
import pytest
from django.core.cache import cache
from django.db import connection, transaction
from drf_spectacular.generators import SchemaGenerator

from accounts.models import ApiKey, KeptAnswer
from accounts.runtime import kept_answers
from accounts.runtime.kept_answers import Asked
from tests.matrix import table
from tests.matrix.test_api import client_of, sent
from tests.matrix.world import World

pytestmark = [pytest.mark.journey, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

V1 = "/api/v1/"


class Play(NamedTuple):
    """By which key, about which account; and a body that is another request."""

    key: str
    about: str
    other: dict


_MORE = {"note": "another"}
# Every writing route by hand, as the promise. What is other may be refused: by its key, first.
PLAYS = {
    "PUT wallet/auto-recharge": Play("sub", "sub", _MORE),
    "POST wallet/auto-recharge/retry": Play("sub", "sub", {"quoted_charge": "1.00"}),
    "PUT wallet/low-minutes": Play("sub", "sub", {"minutes": 7}),
    "POST wallet/recharges/<uuid:purchase_id>/cancel": Play("sub", "sub", _MORE),
    "PUT wallet/cards/default": Play("sub", "sub", _MORE),
    "PUT wallet/cards/backup": Play("sub", "sub", _MORE),
    "POST wallet/alerts": Play("sub", "sub", {"kind": "runway", "level": "4"}),
    "PUT wallet/alerts/<int:alert_id>": Play("sub", "sub", {"kind": "runway", "level": "4"}),
    "DELETE wallet/alerts/<int:alert_id>": Play("sub", "sub", _MORE),
    "POST wallet/alerts/<int:alert_id>/test": Play("sub", "sub", _MORE),
    "POST sub-accounts": Play("agency", "agency", {"name": "B", "owner_email": "b@example.com"}),
    "PUT sub-accounts/<uuid:account_id>": Play("agency", "sub", {"name": "Other"}),
    "PUT sub-accounts/<uuid:account_id>/archive": Play("agency", "sub", {"archived": False}),
    "PUT sub-accounts/<uuid:account_id>/owner": Play("agency", "sub", _MORE),
    "DELETE sub-accounts/<uuid:account_id>/owner": Play("agency", "sub", _MORE),
    "PUT sub-accounts/<uuid:account_id>/notices": Play("agency", "sub", {"hears": False}),
    "PUT sub-accounts/<uuid:account_id>/auto-allocation": Play(
        "agency", "sub", {"basic_minutes": 1, "premium_minutes": 0}
    ),
    "POST sub-accounts/<uuid:account_id>/auto-allocation/retry": Play(
        "agency", "sub", {"quoted_charge": "1.00"}
    ),
    "PUT sub-accounts/<uuid:account_id>/auto-allocation/skip": Play(
        "agency", "sub", {"skip": False}
    ),
    "POST sub-accounts/<uuid:account_id>/asks/<int:ask_id>/decline": Play(
        "agency", "sub", {"answer": "No."}
    ),
    "POST asks": Play("sub", "sub", {"basic_minutes": 1, "premium_minutes": 0}),
    "POST asks/<int:ask_id>/withdraw": Play("sub", "sub", _MORE),
    "POST webhooks": Play("sub", "sub", {"url": "https://example.com/another"}),
    "PUT webhooks/<uuid:endpoint_id>": Play("sub", "sub", {"url": "https://example.com/another"}),
    "DELETE webhooks/<uuid:endpoint_id>": Play("sub", "sub", _MORE),
    "POST webhooks/<uuid:endpoint_id>/rotate": Play("sub", "sub", _MORE),
    "POST webhooks/<uuid:endpoint_id>/test": Play("sub", "sub", _MORE),
    "POST webhooks/<uuid:endpoint_id>/deliveries/<int:delivery_id>/resend": Play(
        "sub", "sub", _MORE
    ),
    "POST calls/holds": Play("sub", "sub", _MORE),
    "DELETE calls/holds/<path:call>": Play("sub", "sub", _MORE),
    "POST calls": Play("sub", "sub", {"calls": []}),
    "PUT campaigns/<str:external_id>": Play("sub", "sub", {"name": "O", "minute_type": "basic"}),
    "POST campaigns/<str:external_id>/<str:step>": Play("sub", "sub", _MORE),
}
# The payment is the record of these, for ever; a repeat reads it as it is now (200 for 201). Their
# own tests play them: wallets/tests/api/test_recharges.py and test_gifts.py.
BY_PAYMENT = {"POST wallet/recharges", "POST sub-accounts/<uuid:account_id>/gifts"}
# These write nothing.
ONLY_ASK = {
    "POST calls/authorize",
    "POST wallet/auto-recharge/preview",
    "POST wallet/recharges/preview",
    "POST sub-accounts/<uuid:account_id>/auto-allocation/preview",
    "POST sub-accounts/<uuid:account_id>/gifts/preview",
}


def writing() -> set[str]:
    return {
        f"{method} {route}"
        for route, methods in table.API.items()
        for method in ("POST", "PUT", "PATCH", "DELETE")
        if table.needs(methods, method)
    }


def ask(world: World, played: str, play: Play, *, body: dict | None = None):
    method, route = played.split(" ", 1)
    address, facts = sent(world, method, route, play.about)
    facts = facts | {"headers": {"Idempotency-Key": "played"}}
    cache.clear()
    return getattr(client_of(world, play.key), method.lower())(
        address, **(facts if body is None else facts | {"data": body})
    )


def test_every_writing_route_is_played():
    assert writing() == PLAYS.keys() | BY_PAYMENT | ONLY_ASK


def test_every_writing_route_of_the_schema_takes_the_key():
    document = SchemaGenerator().get_schema(request=None, public=True)
    takes = {
        (method, path)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", []))
    }

    assert len(takes) == len(PLAYS) + len(BY_PAYMENT)


def _said(answer) -> object:
    """What was answered; a secret that is shown a single time is there in the first answer only."""
    said = json.loads(answer.content) if answer.content else None
    if isinstance(said, dict) and "secret" in said:
        assert (said["secret"] is None) == ("Idempotency-Replayed" in answer)
        del said["secret"]
    return said


def test_a_repeat_does_nothing_and_answers_the_same_on_every_route(world):
    wrong, kept = [], 0
    for played, play in PLAYS.items():
        before = transaction.savepoint()
        first = ask(world, played, play)
        again = ask(world, played, play)
        if first.status_code < 300:
            kept += 1
            same = (again.status_code, _said(again)) == (first.status_code, _said(first))
            wrong += [] if same and again.get("Idempotency-Replayed") else [f"{played}: repeat"]
            other = ask(world, played, play, body=play.other)
            code = other.json()["error"]["code"]
            if (other.status_code, code) != (422, "idempotency_key_reused"):
                wrong.append(f"{played}: other facts were {other.status_code} {code}")
        elif KeptAnswer.objects.exists():
            wrong.append(f"{played}: a refusal of {first.status_code} was kept")
        transaction.savepoint_rollback(before)

    assert wrong == []
    # The others find the wallet, the card or the seat in no state for it.
    assert kept >= 25


def test_one_that_comes_while_the_first_is_at_work_is_told_to_wait_on_every_route(world):
    """Held by another connection's transaction, or by the row of one that works in steps."""
    wrong = []
    facts = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    with psycopg.connect(**{one: facts[one] for one in names if facts.get(one)}) as other:
        for played, play in PLAYS.items():
            account = world.account_id(play.about)
            for key in ApiKey.objects.filter(account=world.tenants[play.key].account):
                name = f"idempotency:{key.pk}:{account}:played"
                other.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
                begun = Asked(key.pk, account, "played", "of the first")
                kept_answers.begin(begun)
            answer = ask(world, played, play)
            code = answer.json().get("error", {}).get("code")
            if (answer.status_code, code) != (409, "idempotency_key_in_use"):
                wrong.append(f"{played}: {answer.status_code} {code}")
            elif not answer.get("Retry-After"):
                wrong.append(f"{played}: no Retry-After")

    assert wrong == []
    assert not KeptAnswer.objects.exclude(status=KeptAnswer.BEGUN).exists()
