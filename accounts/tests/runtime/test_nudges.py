from datetime import UTC, datetime

import pytest
from celery import current_app
from django.db import transaction

from accounts import clock, tasks
from accounts.runtime.nudges import nudge, nudge_each

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr(
        current_app, "send_task", lambda name, args=(), **_: messages.append((name, args))
    )
    return messages


def test_a_nudge_waits_for_the_commit(sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        nudge("wallets.recharge_wallet", 7)
        assert sent == []
    assert sent == [("wallets.recharge_wallet", (7,))]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_nudges_nobody(sent):
    with transaction.atomic():
        nudge("wallets.recharge_wallet", 7)
        transaction.set_rollback(True)

    assert sent == []


def test_a_nudge_says_until_when_it_is_worth_something_by_our_clock(
    monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **options: sent.append(options))

    noon = datetime(2026, 11, 14, 12, tzinfo=UTC)
    with clock.at(noon), django_capture_on_commit_callbacks(execute=True):
        nudge("wallets.recharge_wallet", 7)

    headers = {"useful_until": "2026-11-14T13:00:00+00:00"}
    assert sent == [{"args": (7,), "headers": headers}]


def test_a_broker_that_fails_is_logged_and_never_raised(
    monkeypatch, caplog, django_capture_on_commit_callbacks
):
    def fail(*args, **kwargs):
        raise ConnectionError("redis is away")

    monkeypatch.setattr(current_app, "send_task", fail)
    with django_capture_on_commit_callbacks(execute=True):
        nudge("wallets.recharge_wallet", 7)

    assert "nudge lost task=wallets.recharge_wallet args=(7,) error=ConnectionError" in caplog.text


@pytest.mark.parametrize(
    ("keys", "messages"),
    [
        ([], []),
        ([7], [("wallets.recharge_wallet", (7,))]),
        ([7, 9], [("accounts.nudge_each", ("wallets.recharge_wallet", [7, 9]))]),
    ],
)
def test_many_nudges_are_one_message(sent, keys, messages, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        nudge_each("wallets.recharge_wallet", keys)

    assert sent == messages


def test_who_takes_the_message_of_many_nudges_each(sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        tasks.nudge_each("wallets.recharge_wallet", [7, 9])

    assert sent == [("wallets.recharge_wallet", (7,)), ("wallets.recharge_wallet", (9,))]
