"""A Redis that takes connections and says nothing, as one on a frozen machine does."""

import socket
from collections.abc import Iterator

import pytest
from celery import current_app
from django.core.cache.backends.redis import RedisCache

from accounts.runtime import silent_redis, soft_cache
from accounts.runtime.nudges import nudge


class Server:
    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self.url = f"redis://127.0.0.1:{self._listening.getsockname()[1]}"
        self._lines: list[socket.socket] = []

    def asked(self) -> int:
        """How many connections there were since the last look."""
        before = len(self._lines)
        while True:
            try:
                self._lines.append(self._listening.accept()[0])
            except BlockingIOError:
                return len(self._lines) - before

    def close(self) -> None:
        for line in (self._listening, *self._lines):
            line.close()


@pytest.fixture
def silent(monkeypatch) -> Iterator[Server]:
    server = Server()
    patience = {"socket_timeout": 0.1, "socket_connect_timeout": 0.1}
    monkeypatch.setattr(soft_cache, "cache", RedisCache(server.url, {"OPTIONS": patience}))
    monkeypatch.setattr(silent_redis, "WAITED", 0.1)
    silent_redis.pause.release()
    yield server
    silent_redis.pause.release()
    server.close()


@pytest.fixture
def sent(monkeypatch) -> list[str]:
    messages = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **_: messages.append(name))
    return messages


@pytest.mark.django_db
def test_who_comes_after_somebody_who_waited_in_vain_does_not_wait(
    silent, sent, django_capture_on_commit_callbacks
):
    assert soft_cache.count("x", seconds=60) == 0
    assert silent.asked() == 1

    assert soft_cache.count("x", seconds=60) == 0
    assert soft_cache.keep("y", lambda: 7, seconds=60) == 7
    with django_capture_on_commit_callbacks(execute=True):
        nudge("wallets.tick")

    assert silent.asked() == 0
    assert sent == []


@pytest.mark.django_db
def test_after_the_pause_one_tries_and_when_it_answers_all_do(
    silent, sent, monkeypatch, django_capture_on_commit_callbacks
):
    soft_cache.count("x", seconds=60)
    silent.asked()
    monkeypatch.setattr(silent_redis.pause, "_until", 0.0)

    with django_capture_on_commit_callbacks(execute=True):
        nudge("wallets.tick")
    assert sent == ["wallets.tick"]

    soft_cache.count("x", seconds=60)
    assert silent.asked() == 1


@pytest.mark.django_db
def test_a_server_that_refuses_at_once_is_asked_each_time(silent, caplog, monkeypatch):
    monkeypatch.setattr(silent_redis, "WAITED", 60)
    silent.close()

    for _ in range(2):
        assert soft_cache.count("x", seconds=60) == 0

    assert caplog.text.count("not counted error=ConnectionError") == 2
