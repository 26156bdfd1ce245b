"""How long a log-in lasts."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from accounts import clock, tasks
from accounts.models import User

pytestmark = pytest.mark.django_db
HOUR = 3600


@pytest.fixture
def signed_in(client):
    client.force_login(User.objects.create_user("ada@example.com", "a long password 1"))
    return client


def is_signed_in(client):
    return client.get("/settings/profile/").status_code != 302


@pytest.mark.parametrize(("idle_hours", "still"), [(11, True), (13, False)])
def test_a_session_ends_after_twelve_hours_without_a_page(signed_in, idle_hours, still):
    with time_machine.travel(0, tick=False) as clock:
        clock.move_to("2026-03-01T08:00:00Z")
        signed_in.cookies[settings.SESSION_COOKIE_NAME]["expires"] = ""
        signed_in.get("/settings/profile/")
        clock.shift(idle_hours * HOUR)

        assert is_signed_in(signed_in) is still


def test_a_busy_session_ends_after_a_week(signed_in):
    with time_machine.travel("2026-03-01T08:00:00Z", tick=False) as clock:
        signed_in.get("/settings/profile/")
        for _ in range(20):
            clock.shift(8 * HOUR)
            assert is_signed_in(signed_in)
        clock.shift(9 * HOUR)

        assert not is_signed_in(signed_in)


def test_a_session_that_has_ended_is_deleted_and_no_other(signed_in):
    other = Client()
    other.force_login(User.objects.get())
    ended = Session.objects.filter(pk=signed_in.session.session_key)
    ended.update(expire_date=clock.now() - timedelta(seconds=1))

    tasks.tick()

    assert list(Session.objects.values_list("pk", flat=True)) == [other.session.session_key]
