"""What monitoring is told."""

import pytest
from django.core.cache import cache

from accounts import clock
from thinkrr_billing import metrics
from thinkrr_billing.celery import canary
from wallets.models import StripeEvent

pytestmark = pytest.mark.django_db


def test_metrics_tell_how_long_ago_a_worker_was_heard(client):
    assert b"thinkrr_canary_age_seconds" not in client.get("/metrics").content
    canary()

    lines = client.get("/metrics").content.decode().splitlines()

    age = next(line for line in lines if line.startswith("thinkrr_canary_age_seconds "))
    assert 0 <= float(age.split()[1]) < 60
    assert cache.get(metrics.CANARY) is not None


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
