import pytest
from celery.schedules import crontab

from campaigns.models import Campaign
from campaigns.tasks import tick
from campaigns.tests.builders import make_campaign, make_wallet
from thinkrr_billing.celery import app


@pytest.mark.django_db
def test_the_tick_pauses_what_no_movement_announced_and_may_run_twice():
    make_campaign(make_wallet().account)

    assert (tick(), tick()) == (1, 0)
    assert Campaign.objects.get().pause_reason == "low_balance"


def test_the_beat_sends_the_tick_each_minute():
    scheduled = {entry["task"]: entry["schedule"] for entry in app.conf.beat_schedule.values()}

    assert scheduled[tick.name] == crontab()
