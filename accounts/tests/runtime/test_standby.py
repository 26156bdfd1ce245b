"""Where what may be old is read without a standby. A real one is played in
tests/faults/test_e_standby.py."""

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
