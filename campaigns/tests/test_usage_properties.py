"""What holds for the usage of any calls, in any zones, kept or not."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest

from accounts import clock
from accounts.models import Account
from accounts.tests.builders import make_agency, make_sub_account
from campaigns import calls, usage, usage_days
from campaigns.models import Call, MinuteUse, UsageKept
from campaigns.tests.builders import make_campaign, make_report, make_wallet
from campaigns.usage import Asked, By, Figures

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("nudges"),
    pytest.mark.journey,
]

# The furthest from UTC, quarters of an hour, and those whose clocks jump at midnight or in spring.
ZONES = (
    "America/New_York",
    "Pacific/Kiritimati",
    "Pacific/Niue",
    "Africa/Cairo",
    "America/Santiago",
    "Asia/Kathmandu",
)
BEGINS = datetime(2026, 3, 1, tzinfo=UTC)


def a_spring(dice: random.Random) -> list[Account]:
    """Calls of two months in which clocks jump, of an agency and five sub-accounts."""
    agency = make_agency(timezone=ZONES[0])
    accounts = [agency]
    for zone in ZONES[1:]:
        sub = make_sub_account(zone, agency=agency)
        sub.timezone = zone
        sub.save()
        accounts.append(sub)
    campaigns = {}
    for one in accounts:
        make_wallet(account=one, credit="1000", premium=dice.randrange(2000), basic=500)
        campaigns[one.pk] = [make_campaign(one), make_campaign(one)]
    for _ in range(100):
        ended, account = BEGINS + timedelta(minutes=dice.randrange(86_400)), dice.choice(accounts)
        facts = {"seconds": dice.randrange(400), "outcome": dice.choice(Call.Outcome.values)}
        if campaign := dice.choice([None, *campaigns[account.pk]]):
            facts["campaign"] = campaign
        else:
            facts["minute_type"] = dice.choice(MinuteUse.values)
        with clock.at(ended + timedelta(minutes=1)):
            reports = [make_report(account, ended_at=ended, **facts)]
            calls.record(reports=reports, reporter=None)
    return accounts


def report_late(accounts: list[Account], dice: random.Random, moment: datetime) -> None:
    """A few calls of the last month, reported only now."""
    for _ in range(8):
        ended = moment - timedelta(minutes=dice.randrange(34 * 24 * 60))
        facts = {"seconds": dice.randrange(400), "minute_type": "premium"}
        with clock.at(moment):
            reports = [make_report(dice.choice(accounts), ended_at=ended, **facts)]
            calls.record(reports=reports, reporter=None)


def counted(since: date, until: date) -> dict[date, Figures]:
    """By day, from the calls one by one."""
    found = defaultdict(Figures)
    for call in Call.objects.select_related("account"):
        day = call.account.local_date(call.ended_at)
        if since <= day <= until:
            minutes = (call.included_seconds, call.premium_seconds, call.basic_seconds)
            found[day] += Figures(1, call.seconds, *minutes, call.cost)
    return dict(found)


def total_of(asked: Asked) -> Figures:
    return sum(counted(asked.since, asked.until).values(), Figures())


def check_any_days(accounts: list[Account], dice: random.Random) -> None:
    for _ in range(6):
        since = date(2026, 2, 20) + timedelta(days=dice.randrange(70))
        until = since + timedelta(days=dice.randrange(40))
        agency = dice.choice([accounts[0].pk, None])
        asked = Asked(accounts, since, until, agency=agency)
        truth = counted(since, until)
        for by in By:
            found = usage.usage(asked=asked, by=by)
            assert {day: one for day, one in found.days if one.calls} == truth
            assert found.total == sum(truth.values(), Figures())
            assert sum((line.figures for line in found.lines), Figures()) == found.total
            assert usage.compared(asked=asked, by=by) == (found, total_of(asked.before()))


@pytest.mark.parametrize("seed", range(2))
def test_usage_is_the_sum_of_the_calls_of_each_accounts_own_days_kept_or_not(seed):
    dice = random.Random(seed)
    accounts = a_spring(dice)

    check_any_days(accounts, dice)
    for days in (50, 75, 100):
        moment = BEGINS + timedelta(days=days)
        with clock.at(moment):
            usage_days.keep_all()
        check_any_days(accounts, dice)
        report_late(accounts, dice, moment)
        check_any_days(accounts, dice)
        if dice.random() < 0.5:
            with clock.at(moment):
                usage_days.keep_all()
            check_any_days(accounts, dice)

    assert UsageKept.objects.count() == len(accounts)
