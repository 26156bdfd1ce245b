"""Own alerts and what waits for Slack, and the ways out of it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import Notification
from tests.waiting.ways import post, tick, waits_for, way_out
from wallets import limits
from wallets.alerts import crossing, keeping, slack
from wallets.alerts.keeping import Terms
from wallets.alerts.slack import Answer
from wallets.models import Alert, SlackHook, SlackMessage
from wallets.tests.worlds.builders import fill, make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.journey, pytest.mark.usefixtures("nudges")]

ADDRESS = "https://hooks.slack.com/services/TEAMX/BOTXX/abcdefghijklmnop"


@pytest.fixture
def wallet():
    return make_wallet(credit="30")


def add(wallet, kind="balance", level=25) -> Alert:
    terms = Terms(kind=kind, level=Decimal(level))
    return keeping.add(wallet_id=wallet.pk, terms=terms, actor=None)


def crossed(wallet) -> Alert:
    alert = add(wallet)
    fill(wallet, credit="-10")
    crossing.look()
    assert waits_for("own_alert")
    return alert


@way_out("own_alert", by="time", how="told")
def test_a_crossed_alert_is_told_within_its_tick(wallet):
    crossed(wallet)

    tick()

    assert not waits_for("own_alert")
    assert Notification.objects.filter(kind="own_alert").count() == 1


@way_out("own_alert", by="customer", how="removing it")
def test_a_crossed_alert_that_is_removed_is_told_to_nobody(wallet):
    alert = crossed(wallet)

    post(wallet.account, "wallets:alert_remove", alert.pk)

    assert not waits_for("own_alert")
    assert not Notification.objects.filter(kind="own_alert").exists()


@way_out("runway_alert", by="time", how="looked at")
def test_a_runway_is_looked_at_each_ten_minutes(wallet):
    add(wallet, "runway", 7)
    start = clock.now()

    with clock.at(start + timedelta(seconds=1)):
        assert list(crossing.RUNWAYS.take()) != []
        assert list(crossing.RUNWAYS.take()) == []
    with clock.at(start + limits.ALERT_RUNWAY_EVERY + timedelta(seconds=2)):
        assert list(crossing.RUNWAYS.take()) != []


@way_out("runway_alert", by="customer", how="removing it")
def test_a_runway_alert_that_is_removed_is_not_looked_at_any_more(wallet):
    alert = add(wallet, "runway", 7)
    assert waits_for("runway_alert")

    post(wallet.account, "wallets:alert_remove", alert.pk)

    assert not waits_for("runway_alert")


def message(wallet) -> SlackMessage:
    keeping.connect_slack(wallet_id=wallet.pk, address=ADDRESS, actor=None)
    made = SlackMessage.objects.create(wallet=wallet, text="Low", dedupe_key="k")
    assert waits_for("slack_message")
    return made


@way_out("slack_message", by="time", how="sent")
def test_a_message_that_nobody_was_nudged_for_is_sent_by_the_sweep(wallet, monkeypatch):
    monkeypatch.setattr(slack, "send", lambda **_: Answer(sent=True))
    message(wallet)

    tick()

    assert not waits_for("slack_message")


@way_out("slack_message", by="time", how="given up after twelve tries")
def test_a_message_that_slack_never_takes_ends_after_twelve_tries(wallet, monkeypatch):
    monkeypatch.setattr(slack, "send", lambda **_: Answer(sent=False))
    one, start = message(wallet), clock.now()

    for hours in range(limits.SLACK_TRIES):
        with clock.at(start + timedelta(hours=2 * hours)):
            tick()

    one.refresh_from_db()
    assert one.given_up_at is not None
    assert not waits_for("slack_message")


@way_out("slack_message", by="customer", how="disconnecting Slack")
def test_disconnecting_slack_ends_what_waits_for_it(wallet):
    message(wallet)

    post(wallet.account, "wallets:alert_slack", off="1")

    assert not waits_for("slack_message")
    assert not SlackHook.objects.exists()
