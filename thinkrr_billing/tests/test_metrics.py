"""What monitoring is told."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from accounts import clock
from accounts.runtime import waits
from accounts.telling.notifications import notify
from accounts.tests.builders import make_individual
from thinkrr_billing import metrics
from thinkrr_billing.celery import canary
from wallets.models import StripeEvent
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import buy

pytestmark = pytest.mark.django_db


def test_metrics_tell_how_long_ago_a_worker_was_heard(client):
    assert b"thinkrr_canary_age_seconds" not in client.get("/metrics").content
    canary()

    lines = client.get("/metrics").content.decode().splitlines()

    age = next(line for line in lines if line.startswith("thinkrr_canary_age_seconds "))
    assert 0 <= float(age.split()[1]) < 60
    assert cache.get(metrics.CANARY) is not None


def test_metrics_tell_for_how_long_the_oldest_of_each_kind_is_overdue(client):
    now = clock.now()
    with clock.at(now - timedelta(seconds=90)):
        StripeEvent.objects.create(event_id="evt_1", type="refund.created", payload={})
        notify(account=make_individual(), kind="test", text="A mail nobody sent.")

    with clock.at(now):
        lines = client.get("/metrics").content.decode().splitlines()

    name = "thinkrr_waiting_oldest_seconds"
    found = dict(line.split() for line in lines if line.startswith(f"{name}{{"))
    assert found == {f'{name}{{kind="{kind}"}}': "0.0" for kind in waits.every()} | {
        f'{name}{{kind="event"}}': "90.0",
        f'{name}{{kind="notification_mail"}}': "90.0",
    }


def test_metrics_tell_how_often_a_wallet_was_charged_within_a_minute_at_most(client):
    now = clock.now()
    often, seldom = make_wallet(), make_wallet()
    for seconds in (0, 30, 59, 60):
        buy(often, created_at=now - timedelta(minutes=5, seconds=seconds))
        buy(seldom, created_at=now - timedelta(minutes=5 + seconds))

    lines = client.get("/metrics").content.decode().splitlines()

    assert "thinkrr_intents_per_wallet_minute_most 3.0" in lines


def test_metrics_count_what_should_be_near_zero(client):
    StripeEvent.objects.create(event_id="evt_1", type="refund.created", payload={})
    StripeEvent.objects.create(
        event_id="evt_2", type="refund.created", payload={}, given_up_at=clock.now()
    )

    lines = client.get("/metrics").content.decode().splitlines()

    figures = dict(line.split() for line in lines if line.startswith("thinkrr_"))
    assert figures["thinkrr_stripe_events_waiting"] == "1.0"
    assert figures["thinkrr_stripe_events_given_up"] == "1.0"
    assert figures["thinkrr_purchases_open"] == "0.0"
    assert figures["thinkrr_purchases_unknown"] == "0.0"
    assert figures["thinkrr_wallets_in_debt"] == "0.0"
