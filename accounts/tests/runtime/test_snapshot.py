"""What is read in one block is of one moment."""

import psycopg
import pytest
from django.db import InternalError, connection

from accounts.models import User
from accounts.runtime.snapshot import snapshot

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]


def test_what_others_write_is_seen_after_the_block_and_nothing_is_written_in_it():
    ada = User.objects.create_user("ada@example.com")

    with snapshot():
        before = User.objects.get().name
        with psycopg.connect(**connection.get_connection_params()) as another:
            another.execute("UPDATE accounts_user SET name = 'Ada'")
        during = User.objects.get().name
    with pytest.raises(InternalError, match="read-only"), snapshot():
        User.objects.filter(pk=ada.pk).update(name="Bob")

    assert (before, during, User.objects.get().name) == ("", "", "Ada")
