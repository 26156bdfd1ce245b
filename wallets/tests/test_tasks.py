"""Celery's door: what the sweeps find must survive the broker's JSON, and be done by the tasks."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from celery import current_app
from kombu.utils import json

from accounts import clock
from accounts.models import StaffAlert
from accounts.tests.builders import make_individual
from wallets import sweeps, tasks
from wallets.charging import purchases
from wallets.models import LedgerEntry
from wallets.recharges import auto_recharge

pytestmark = [pytest.mark.django_db, pytest.mark.journey]


def work_off():
    for name, arguments in sweeps.find_work():
        current_app.tasks[name](*json.loads(json.dumps(arguments)))


def test_what_the_sweep_finds_is_done_by_a_worker(low):
    auto_recharge.claim(wallet_id=low.pk)

    with clock.at(clock.now() + timedelta(minutes=1)):
        work_off()

    low.refresh_from_db()
    assert low.purchases.get().state == "succeeded"
    assert low.credit.amount == Decimal("58.00")


@pytest.mark.parametrize("task", [tasks.check_books, tasks.nightly])
def test_a_dispute_no_event_told_is_found_within_the_hour(low, stripe, task):
    purchase = purchases.drive(purchase_id=auto_recharge.claim(wallet_id=low.pk)[1].pk)
    stripe.dispute(purchase.payment_intent)

    task()

    low.refresh_from_db()
    assert low.credit.amount == Decimal("8.00")
    assert low.blocked_reason == "disputed"


@pytest.mark.usefixtures("low")
def test_without_stripe_the_comparison_of_the_night_says_so(stripe):
    stripe.fault(kind="reset_before", path="/v1/", times=None)

    tasks.compare()

    alert = StaffAlert.objects.get(kind="books")
    assert "could not be compared with Stripe" in alert.text


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Kathmandu", "America/Los_Angeles"])
def test_included_minutes_are_there_within_a_minute_of_local_midnight(zone):
    """What beat sends in the days around an anchor day, at the moments it sends it."""
    account = make_individual(timezone=zone, included_minutes=60)
    account.included_anchor_day = 15
    account.save()
    beat = current_app.conf.beat_schedule["wallets.reset_included"]
    tick = datetime(2026, 11, 13, tzinfo=UTC)
    with clock.at(tick):
        tasks.reset_included()
    granted = account.wallet.entries.filter(kind=LedgerEntry.Kind.INCLUDED_GRANT)
    while tick.day < 17:
        tick += timedelta(minutes=1)
        if beat["schedule"].minute >= {tick.minute} and tick.hour in beat["schedule"].hour:
            with clock.at(tick):
                current_app.tasks[beat["task"]]()
            if granted.count() == 2:
                break

    assert account.local_date(tick) == date(2026, 11, 15)
    assert account.local_date(tick - timedelta(minutes=1)) == date(2026, 11, 14)
