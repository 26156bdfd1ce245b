"""Whichever statement of a page, a route or a button the database does not answer: 503, and when to
come again. Never a page that shows less, a file that breaks off at its head, or a 500."""

import re
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from psycopg.errors import QueryCanceled

from accounts.runtime.outages import RETRY_AFTER
from tests.faults.test_h_authorization import path
from tests.matrix import support, test_api, test_pages, test_support
from tests.matrix.asking import Asker
from tests.matrix.world import World

pytestmark = [pytest.mark.journey, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

# Who sees and may most.
PERSON, KEY, STAFF = "agency owner", "platform", "superuser"
UNAVAILABLE = (503, str(RETRY_AFTER))
# They tell what is missing, themselves.
PROBES = ("metrics", "readyz")
# What begins and ends parts of a transaction, a test's own among them; and what forms ask of a
# constraint beforehand, which the table asks again.
ASIDE = re.compile(r'SAVEPOINT|RELEASE|ROLLBACK|SELECT .* AS "_check"', re.DOTALL)

# Unfold's page of a group shows no permissions then; nobody changes them there.
UNFOLDS = "/admin/auth/group/<path:object_id>/change/"

Ask = Callable[[], HttpResponse]


class Unanswered:
    """PostgreSQL ends this statement, and answers all others; without one it answers all."""

    def __init__(self, statement: str = "") -> None:
        self._statement = statement
        self.asked: list[str] = []

    def __call__(self, execute: Callable, sql: str, *given: object) -> object:
        if not ASIDE.match(sql):
            self.asked.append(sql)
        if sql == self._statement:
            raise OperationalError("canceling statement") from QueryCanceled("canceling statement")
        return execute(sql, *given)


def of_pages(world: World) -> Iterator[tuple[str, Ask]]:
    session, seen = test_pages.Session(world, PERSON, Asker()), set()
    for case in test_pages.cases(PERSON):
        is_new = (case.method, case.route) not in seen and case.route not in PROBES
        if is_new and test_pages.expected(case) == "done":
            seen.add((case.method, case.route))
            client = session.working_in(case.page_of)
            address, sent = path(case.route, world.ids(case.about)), test_pages.sent(world, case)
            yield str(case), asking(client, case.method, address, sent)


def of_api(world: World) -> Iterator[tuple[str, Ask]]:
    client, seen = test_api.client_of(world, KEY), set()
    for method, route, about in test_api.cases(KEY):
        is_new = (method, route) not in seen
        if is_new and test_api.expected(KEY, method, route, about) == "done":
            seen.add((method, route))
            address, sent = test_api.sent(world, method, route, about)
            yield f"{method} /{route} of {about}", asking(client, method, address, sent)


def of_support(world: World) -> Iterator[tuple[str, Ask]]:
    client, keys = test_support.client_of(world, STAFF), support.rows(world)
    form = test_support.FORM | {"user_pk": world.people["single owner"].pk}
    for method, route in test_support.cases(STAFF):
        if "*" in test_support.TABLE[route].get(method, ""):
            address = test_support.address(route, keys)
            sent = {"data": form | {"form_key": str(uuid4())}} if method == "POST" else {}
            yield f"{method} /{route}", asking(client, method, address, sent)


def asking(client: Client, method: str, address: str, sent: dict[str, object]) -> Ask:
    return lambda: getattr(client, method.lower())(address, **sent)


def answered(ask: Ask, database: Unanswered) -> tuple[object, str]:
    """Status and Retry-After; what it wrote is undone."""
    told, before = ("nothing", ""), transaction.savepoint()
    with connection.execute_wrapper(database):
        try:
            answer = ask()
            told = answer.status_code, answer.get("Retry-After", "")
            if answer.streaming:
                answer.getvalue()
        except OperationalError:
            told = f"broke off after {told}", ""
    # No statement has failed: it was not sent.
    transaction.set_rollback(False)
    transaction.savepoint_rollback(before)
    transaction.savepoint_commit(before)
    cache.clear()
    return told


@pytest.mark.parametrize("of", [of_pages, of_api, of_support])
def test_whatever_the_database_does_not_answer_is_said_to_be_unavailable(of, world):
    played, found = set(), []
    for name, ask in of(world):
        whole = Unanswered()
        answered(ask, whole)
        # Each once: the shell's are on every page.
        for statement in dict.fromkeys(whole.asked):
            if statement in played:
                continue
            database = Unanswered(statement)
            told = answered(ask, database)
            # What is asked once a process, such as content types, was asked before.
            if statement not in database.asked:
                continue
            played.add(statement)
            if told != UNAVAILABLE and UNFOLDS not in name:
                found.append(f"{name}: {told} without {statement[:200]}")

    assert "\n".join(found) == ""
    assert len(played) > 50
