"""A server that keeps its connections and says nothing is given up."""

import os
import signal
import threading
import time

import pytest
from django.db import OperationalError, connection

from thinkrr_billing.database import LIMITS
from thinkrr_billing.postgresql import silence

pytestmark = pytest.mark.django_db


@pytest.fixture
def limited(monkeypatch):
    """A connection as a web process or worker has it."""
    one = connection.copy()
    monkeypatch.setitem(one.settings_dict, "LIMITED", True)
    one.ensure_connection()
    yield one
    one.close()


def test_a_frozen_server_is_given_up_as_if_it_had_gone(limited, monkeypatch):
    monkeypatch.setattr(silence, "LONGEST", 0.2)
    server = limited.connection.info.backend_pid
    os.kill(server, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        with pytest.raises(OperationalError), limited.cursor() as cursor:
            cursor.execute("SELECT 1")
        took = time.monotonic() - begun
    finally:
        os.kill(server, signal.SIGCONT)

    assert 0.2 < took < 0.2 + 2 * silence.LOOKS_EVERY + 5


def test_what_answers_in_time_is_left_alone(limited):
    cut = []
    with limited.cursor() as cursor:
        cursor.execute("SELECT 1")
        silence.cut(now=time.monotonic() + silence.LONGEST * 2, shut=cut.append)

    assert cut == []


def test_only_the_socket_on_which_somebody_waits_too_long_is_shut(limited):
    cut = []
    number = limited.connection.fileno()

    def wait() -> None:
        with limited.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.5)")

    limited.inc_thread_sharing()
    waiting = threading.Thread(target=wait)
    waiting.start()
    while number not in silence._waiting:
        time.sleep(0.01)
    silence.cut(now=time.monotonic() + silence.LONGEST - 1, shut=cut.append)
    assert cut == []
    silence.cut(now=time.monotonic() + silence.LONGEST + 1, shut=cut.append)
    waiting.join()

    assert cut == [number]


def test_the_longest_statement_ends_by_itself_before():
    assert LIMITS["statement_timeout"] / 1000 < silence.LONGEST
