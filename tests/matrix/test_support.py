"""Every page and button of support's site, for every group and for everybody without one."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.tests.builders import log_in_staff, make_staff
from tests.faults.test_h_authorization import path, routes
from tests.matrix import support
from tests.matrix.asking import Answer, Asker
from tests.matrix.world import World
from thinkrr_billing.staff.groups import BILLING, READ_ONLY, SUPPORT
from thinkrr_billing.staff.tests.routes import example

pytestmark = [pytest.mark.journey, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

TABLE = support.table()
GROUPS = {READ_ONLY: "R", SUPPORT: "S", BILLING: "B", "superuser": "*"}
OUTSIDE = ("nobody", "sub owner", "inactive", "staff, no role", "looking", "without a code")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
UNFIT = {400, 409, 422}
# What all groups may is asked as the least and as the most of them; that the others see every page
# is in thinkrr_billing/staff/tests/test_groups.py.
SEEN_ELSEWHERE = {SUPPORT, BILLING}
# The dialog's own, a sentence of a person, and what the buttons ask for.
FORM = {
    "_form_submitted": "True",
    "reason": "Asked on the phone",
    "amount": "1",
    "pot": "credit",
    "direction": "add",
    "minutes": "1",
}


@pytest.fixture(scope="module")
def keys(world: World) -> dict[str, object]:
    return support.rows(world)


def address(route: str, keys: dict[str, object]) -> str:
    if "(?P<" in route:
        return f"/admin/{example(route.removeprefix('admin/'))}"
    model = ".".join(route.split("/")[1:3])
    ids = {"object_id": keys.get(model, 0), "id": keys["accounts.user"], "content_type_id": 1}
    return path(route, ids)


def client_of(world: World, who: str) -> Client:
    client = Client(raise_request_exception=False)
    if who == "without a code":
        client.force_login(make_staff())
    elif who == "looking":
        log_in_staff(client, world.people[SUPPORT])
        client.post("/looking/acquire/", {"user_pk": world.people[who].pk})
    elif who in GROUPS or who == "staff, no role":
        log_in_staff(client, world.people[who])
        if who in GROUPS:
            # So that there is something for new recovery codes to belong to.
            TOTPDevice.objects.get_or_create(user=world.people[who], confirmed=True)
    elif who != "nobody":
        client.force_login(world.people[who])
    return client


def cases(who: str) -> Iterator[tuple[str, str]]:
    for route, methods in TABLE.items():
        for method in METHODS:
            if who in SEEN_ELSEWHERE and methods.get(method) == support.EVERYBODY:
                continue
            # Django's pages know no other; once is enough to see that nothing comes of it.
            if method in methods or (who == READ_ONLY and "POST" in methods):
                yield method, route


def wrong(asked: str, answer: Answer, *, may: bool, known: bool, shut: bool) -> str:
    away = answer.location.startswith(("/admin/login/", "/login/", "/admin/second-factor/"))
    if shut:
        fits = answer.status == 403 or (answer.status == 302 and away)
    elif not known:
        fits = answer.status < 500
    elif may:
        fits = (answer.status < 400 and not away) or answer.status in UNFIT
    else:
        fits = answer.status in (403, 404)
    if not fits:
        return f"{asked} was answered with {answer.status} {answer.location}, may: {may}"
    if answer.wrote and not (may and " GET " not in asked):
        return f"{asked} was answered with {answer.status}, and wrote in {answer.wrote}"
    return ""


@pytest.mark.parametrize("who", [*GROUPS, *OUTSIDE])
def test_every_page_and_button_answers_every_group_as_the_table_says(who, world, keys):
    client, asker, found = client_of(world, who), Asker(), []
    form = FORM | {"user_pk": world.people["single owner"].pk}
    for method, route in cases(who):
        to, methods = address(route, keys), TABLE[route]
        sent = {"data": form | {"form_key": str(uuid4())}} if method == "POST" else {}
        answer = asker.ask(client, method, to, **sent)
        asked = f"{who}: {method} /{route}"
        if who == "looking" and route == "looking/release/":
            assert answer.status == 302
            continue
        may = GROUPS.get(who, "nobody") in methods.get(method, "")
        shut = who not in GROUPS
        found.append(wrong(asked, answer, may=may, known=method in methods, shut=shut))
        if shut:
            read = world.read_of_others(answer.text, seen={"sub"}, sent=to)
            found.append(f"{asked} told {read}" if read else "")
        cache.clear()

    assert "\n".join(filter(None, found)) == ""


@pytest.mark.parametrize("who", OUTSIDE)
def test_the_ways_in_tell_and_write_nothing(who, world):
    client, asker = client_of(world, who), Asker()
    seen = {"sub"} if who in ("sub owner", "looking") else set()
    for route in sorted(support.WAYS_IN):
        for method in ("GET", "POST"):
            answer = asker.ask(client, method, f"/admin/{route}")

            assert answer.status in (200, 302, 403, 405, 422), (method, route)
            assert world.read_of_others(answer.text, seen=seen, sent="") == []
            # A device to be confirmed is made for staff who have none, and noted.
            assert set(answer.wrote) <= {"otp_totp_totpdevice", "accounts_auditentry"}


def test_every_page_and_button_is_in_the_table():
    there = {route for route in routes() if route.startswith(("admin/", "looking/"))}
    known = TABLE.keys() | {f"admin/{route}" for route in support.WAYS_IN}

    assert sorted(f"/{one} is in no line of the table" for one in there - known) == []
    assert sorted(f"/{one} of the table is no page" for one in known - there) == []
