"""Since when the longest waiting month has had no run, for monitoring and the books."""

from datetime import timedelta

import pytest

from accounts import clock
from accounts.runtime import waits
from accounts.tests.builders import make_agency, make_sub_account
from wallets import limits
from wallets.allocations import planning
from wallets.models import AutoAllocation
from wallets.tests.worlds.allocation_world import moment

pytestmark = pytest.mark.django_db

MIDNIGHT = moment("2026-11-14 00:00")
TICK = MIDNIGHT + timedelta(hours=8)
LATER = TICK + timedelta(minutes=40)


def month_from(begins, *, timezone="UTC", active=True):
    """A sub-account's first month begins on this day where its agency is, and nobody plans it."""
    agency = make_agency(timezone=timezone)
    with clock.at(begins - timedelta(days=1)):
        return AutoAllocation.objects.create(
            agency=agency,
            account=make_sub_account(agency=agency),
            basic_minutes=100,
            payment_method="pm_1",
            anchor_date=begins.date(),
            active=active,
        )


def plan_at(at):
    with clock.at(at):
        return planning.plan_due(now=at)


def waited(*, at) -> timedelta:
    with clock.at(at):
        return waits.registered["month_unplanned"].oldest_overdue()


def test_the_oldest_month_counts_from_its_day_where_its_agency_is():
    month_from(MIDNIGHT, timezone="America/New_York")
    month_from(MIDNIGHT)

    assert waited(at=TICK) == timedelta(hours=8)


def test_what_is_wanted_only_later_waits_since_everything_was_planned():
    month_from(MIDNIGHT)
    later = month_from(MIDNIGHT, active=False)
    assert len(plan_at(TICK)) == 1
    AutoAllocation.objects.filter(pk=later.pk).update(active=True)

    assert waited(at=LATER) == timedelta(minutes=40)


def test_a_month_that_could_not_be_planned_has_waited_since_its_day(monkeypatch):
    month_from(MIDNIGHT)

    def fail(*, locked):  # noqa: ARG001
        raise KeyError("a bug of ours")

    monkeypatch.setattr(planning, "plan", fail)
    assert plan_at(TICK) == []

    assert waited(at=LATER) == timedelta(hours=8, minutes=40)


def test_a_month_for_which_the_time_was_too_short_has_waited_since_its_day(monkeypatch):
    month_from(MIDNIGHT)
    monkeypatch.setattr(limits, "PLAN_SECONDS", -1.0)
    assert plan_at(TICK) == []

    assert waited(at=LATER) == timedelta(hours=8, minutes=40)
