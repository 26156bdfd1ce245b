"""Which database a test session speaks to."""

from django.db import connection
from django.db.backends.base.creation import TEST_DATABASE_PREFIX


def has_test_database() -> bool:
    """None is made when no chosen test wants one: the connection then is the developer's own."""
    return connection.settings_dict["NAME"].startswith(TEST_DATABASE_PREFIX)
