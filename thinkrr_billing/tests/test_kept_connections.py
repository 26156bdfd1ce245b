"""A connection that is kept between requests is asked whether it lives when there is a reason,
and keeps no more than it must."""

import select
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from thinkrr_billing.database import UNUSED, limit_statements

pytestmark = pytest.mark.django_db

ARRIVES_WITHIN_SECONDS = 10


def _connected() -> Iterator[BaseDatabaseWrapper]:
    one = connection.copy()
    one.ensure_connection()
    yield one
    one.close()


kept = pytest.fixture(_connected, name="kept")
another = pytest.fixture(_connected, name="another")


class Asked(Exception):
    pass


def _no_statements(*_: object) -> None:
    raise Asked


def test_a_connection_on_which_nothing_has_come_is_not_asked(kept, monkeypatch):
    monkeypatch.setattr(kept.connection, "cursor", _no_statements)

    assert kept.is_usable()


def test_one_that_the_server_has_ended_is_made_anew(kept):
    kept.health_check_enabled, kept.health_check_done = True, False
    before = kept.connection.info.backend_pid
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [before])

    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (after,) = cursor.fetchone()

    assert after != before


def test_one_on_which_something_else_has_come_is_asked_and_stays(kept, another, monkeypatch):
    with kept.cursor() as cursor:
        cursor.execute("LISTEN news")
    with another.cursor() as cursor:
        cursor.execute("NOTIFY news")
    select.select([kept.connection], [], [], ARRIVES_WITHIN_SECONDS)

    with monkeypatch.context() as patched, pytest.raises(Asked):
        patched.setattr(kept.connection, "cursor", _no_statements)
        kept.is_usable()

    assert kept.is_usable()


def test_one_whose_statement_still_runs_is_made_anew(kept):
    """Whoever had asked was cut off: nothing has come yet, and the answer is nobody's."""
    kept.connection.pgconn.send_query(b"SELECT pg_sleep(600)")

    assert not kept.is_usable()


def test_a_developers_machine_keeps_no_copy_of_each_statement_unless_asked(kept, settings):
    settings.DEBUG = True
    with kept.cursor() as cursor:
        cursor.execute("SELECT 1")
        kept.force_debug_cursor = True
        assert kept.queries == []

    with kept.cursor() as cursor:
        cursor.execute("SELECT 2")
    assert [query["sql"] for query in kept.queries] == ["SELECT 2"]


def test_one_that_was_closed_is_not_usable(kept):
    kept.connection.close()

    assert not kept.is_usable()


def test_one_of_a_worker_that_nobody_uses_is_ended_by_postgresql(monkeypatch):
    facts = connections.settings["default"]
    monkeypatch.setitem(facts, "LIMITED", False)
    monkeypatch.setitem(facts, "OPTIONS", dict(facts["OPTIONS"]))
    limit_statements(more=UNUSED)
    one = connections.create_connection("default")

    with one.temporary_connection() as cursor:
        cursor.execute("SHOW idle_session_timeout")

        assert cursor.fetchone() == ("3min",)


def test_postgresql_ends_no_connection_that_a_task_is_about_to_use():
    """A task begins on one that is younger than that, and has to end in time."""
    longest = settings.DATABASES["default"]["CONN_MAX_AGE"] + settings.CELERY_TASK_TIME_LIMIT

    assert longest < UNUSED["idle_session_timeout"] / 1000
