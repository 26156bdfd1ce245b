"""Where what may be old is read, without a standby and while one is left alone. The real one is
played in tests/faults/test_e_standby.py."""

import pytest
from django.db import DEFAULT_DB_ALIAS, connection

from accounts.runtime import standby


@pytest.mark.django_db
def test_without_a_standby_the_primary_is_asked_and_nothing_else(django_assert_num_queries):
    def ask(alias: str) -> tuple:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return alias, *cursor.fetchone()

    with django_assert_num_queries(1):
        assert standby.read(ask) == standby.Read((DEFAULT_DB_ALIAS, 1))


def test_a_standby_that_failed_is_tried_by_one_request_after_the_pause(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(standby.time, "monotonic", lambda: now[0])
    brake = standby._Brake()
    assert [brake.lets_through(), brake.lets_through()] == [True, True]

    brake.hold()
    now[0] += standby.PAUSE_SECONDS - 1
    assert [brake.lets_through(), brake.lets_through()] == [False, False]
    now[0] += 1
    assert [brake.lets_through(), brake.lets_through()] == [True, False]
    brake.release()
    assert [brake.lets_through(), brake.lets_through()] == [True, True]
