"""A task's time limit is not trouble of the network, wherever it strikes."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from accounts import clock, tasks
from accounts.runtime import nudges, soft_cache
from accounts.runtime.time_limits import TimeIsUp
from accounts.telling import mails, notifications
from accounts.webhooks import sending as webhooks
from wallets import sweeps
from wallets.cards import expiry
from wallets.charging import purchases, rows
from wallets.reversals import catching_up
from wallets.stripe import gateway
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.purchases import claim, taken

pytestmark = pytest.mark.django_db


@contextmanager
def time_is_up_in(seconds: float) -> Iterator[None]:
    """As Celery's pool does it: by a signal, in the middle of whatever runs."""

    def strike(*_: object) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def strike(*args: object, **facts: object) -> None:
    raise TimeIsUp


def test_while_stripe_is_asked_it_ends_the_call_and_is_not_tried_again(low, stripe):
    purchase = claim(low)
    stripe.clear_requests()
    stripe.fault(kind="slow", path="/v1/payment_intents", seconds=3, times=5)

    with pytest.raises(TimeIsUp), time_is_up_in(0.2):
        purchases.drive(purchase_id=purchase.pk)

    purchase.refresh_from_db()
    assert purchase.state == "created"
    assert taken(stripe) == []


def test_a_sweep_does_not_go_on_to_the_next_kind_of_work(monkeypatch):
    monkeypatch.setattr(sweeps, "FINDERS", {"first": strike, "second": lambda: [("never", ())]})

    with pytest.raises(TimeIsUp):
        sweeps.find_work()


def test_mails_do_not_go_on_to_the_next(monkeypatch):
    wallet = make_wallet()
    notifications.notify(account=wallet.account, kind="calls", text="Hello")
    monkeypatch.setattr(mails, "_SENDERS", dict.fromkeys(mails._SENDERS, strike))

    with pytest.raises(TimeIsUp):
        mails.mail_due()


def test_catching_up_does_not_go_on_to_the_next(monkeypatch):
    monkeypatch.setattr(gateway, "refunds_since", lambda **_: [{"id": "re_1"}])
    monkeypatch.setattr(gateway, "disputes_since", lambda **_: [])
    monkeypatch.setattr(catching_up, "settle_refund_from", strike)

    with pytest.raises(TimeIsUp):
        catching_up.catch_up(since=None)


def test_reporting_unknown_purchases_does_not_go_on_to_the_next(low, monkeypatch):
    purchase = claim(low)
    rows.adopt(purchase, "pi_unknown")
    monkeypatch.setattr(purchases, "_report_unknown", strike)

    with pytest.raises(TimeIsUp), clock.at(clock.now() + timedelta(days=1)):
        purchases.report_unknown()


def test_telling_of_cards_does_not_go_on_to_the_next(monkeypatch):
    monkeypatch.setattr(expiry, "_accounts_with_cards_in_use", lambda: [make_wallet().account])
    monkeypatch.setattr(expiry, "_tell", strike)

    with pytest.raises(TimeIsUp):
        expiry.tell()


def test_what_waits_for_no_mail_is_done_before_mails_take_the_time(monkeypatch):
    done = []
    monkeypatch.setattr(mails, "mail_due", strike)
    monkeypatch.setattr(webhooks, "sweep", lambda: done.append("webhooks"))

    with pytest.raises(TimeIsUp):
        tasks.tick()

    assert done == ["webhooks"]


def test_the_cache_and_the_broker_do_not_swallow_it(
    monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(soft_cache.cache, "get", strike)
    monkeypatch.setattr(nudges.current_app, "send_task", strike)

    with pytest.raises(TimeIsUp):
        soft_cache.keep("key", lambda: 1, seconds=1)
    with pytest.raises(TimeIsUp), django_capture_on_commit_callbacks(execute=True):
        nudges.nudge("wallets.tick")
