"""What calls used, by day and by kind: counted from calls, and the same from kept days."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from django.db import connection

from accounts import clock
from accounts.errors import Unusable
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from campaigns import calls, of_agencies, usage, usage_days
from campaigns.models import Call, Campaign, UsageDay, UsageKept
from campaigns.tests.builders import make_campaign, make_report, make_wallet
from campaigns.usage import Asked, By, Figures
from tests.databases import as_owner
from tests.plans import rows_read, sent_by
from wallets.books import checking
from wallets.books.register import rules

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

NOON = datetime(2026, 9, 10, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 28, 12, tzinfo=UTC)


def report(account, *, at=NOON, **more) -> None:
    with clock.at(at + timedelta(minutes=1)):
        calls.record(reports=[make_report(account, ended_at=at, **more)], reporter=None)


def asked(*accounts, since=date(2026, 9, 9), until=date(2026, 9, 12), **kinds) -> Asked:
    return Asked(accounts, since, until, **kinds)


@pytest.fixture
def account():
    account = make_individual(timezone="America/New_York")
    make_wallet(account=account, credit="100", premium=90)
    return account


def a_few(account) -> None:
    spring = make_campaign(account, name="Spring")
    report(account, campaign=spring, seconds=60)
    report(account, campaign=spring, seconds=60, at=NOON + timedelta(minutes=1))
    # 23:30 of the 10th in New York, the 11th in UTC.
    report(account, seconds=120, minute_type="basic", at=datetime(2026, 9, 11, 3, 30, tzinfo=UTC))
    report(account, seconds=10, outcome="failed", at=datetime(2026, 9, 11, 4, 30, tzinfo=UTC))


def test_days_are_the_accounts_and_every_day_of_the_range_is_there(account):
    a_few(account)

    found = usage.usage(asked=asked(account), by=By.DAY)

    assert [(day.day, one.calls, one.seconds) for day, one in found.days] == [
        (9, 0, 0),
        (10, 3, 240),
        (11, 1, 10),
        (12, 0, 0),
    ]
    assert found.total == Figures(4, 250, 0, 90, 0, Decimal("0.26"))
    assert (found.total.average_seconds, found.total.minute_seconds) == (Decimal("62.5"), 90)


@pytest.mark.parametrize(
    ("by", "lines"),
    [
        (By.CAMPAIGN, [("No campaign", 2, 130), ("Spring", 2, 120)]),
        (By.MINUTE_TYPE, [("Premium only", 3, 130), ("Basic only", 1, 120)]),
        (By.OUTCOME, [("Completed", 3, 240), ("Failed", 1, 10)]),
    ],
)
def test_use_is_told_by_kind_the_most_used_first(account, by, lines):
    a_few(account)

    found = usage.usage(asked=asked(account), by=by)

    assert [(one.label, one.figures.calls, one.figures.seconds) for one in found.lines] == lines
    assert sum((one.figures for one in found.lines), Figures()) == found.total


def test_filters_narrow_all_of_it(account):
    a_few(account)

    of_basic = usage.usage(asked=asked(account, minute_type="basic"), by=By.CAMPAIGN)
    of_failed = usage.usage(asked=asked(account, outcome="failed"), by=By.DAY).total
    spring = Call.objects.filter(campaign__name="Spring").first().campaign_id

    assert (of_basic.total.calls, [one.label for one in of_basic.lines]) == (1, ["No campaign"])
    assert of_failed == Figures(calls=1, seconds=10)
    of_spring = usage.usage(asked=asked(account, campaigns=[spring]), by=By.OUTCOME)
    assert of_spring.total.calls == 2


def test_an_agency_reads_its_sub_accounts_each_in_its_own_days():
    agency = make_agency("Brightline", timezone="UTC")
    dental = make_sub_account("Dental", agency=agency)
    dental.timezone = "America/New_York"
    dental.save(update_fields=["timezone"])
    harbor = make_sub_account("Harbor", agency=agency)
    quiet = make_sub_account("Quiet", agency=agency)
    for one in (dental, harbor):
        report(one, seconds=60, at=datetime(2026, 9, 11, 3, 30, tzinfo=UTC))

    found = usage.usage(asked=asked(agency, dental, harbor, quiet), by=By.ACCOUNT)

    assert [(one.label, one.figures.calls) for one in found.lines] == [
        ("Dental", 1),
        ("Harbor", 1),
        ("Brightline", 0),
        ("Quiet", 0),
    ]
    assert [(day.day, one.calls) for day, one in found.days if one.calls] == [(10, 1), (11, 1)]


def test_the_range_before_is_as_long(account):
    before = asked(account).before()

    assert (before.since, before.until) == (date(2026, 9, 5), date(2026, 9, 8))


@pytest.mark.parametrize(
    ("since", "until", "sentence"),
    [
        (date(2026, 11, 2), date(2026, 11, 1), "Turn the days round."),
        (date(2026, 11, 29), date(2026, 11, 30), "is still to come"),
        (date(2024, 11, 28), date(2026, 11, 29), "at most 731 days"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(since, until, sentence):
    with pytest.raises(Unusable, match=sentence):
        usage.check(since=since, until=until, today=date(2026, 11, 28))


def test_kept_days_say_the_same_as_calls(account, django_assert_num_queries):
    a_few(account)
    report(account, seconds=30, at=LATER - timedelta(days=2))
    span = asked(account, until=date(2026, 11, 28))
    live = [usage.usage(asked=span, by=by) for by in By]

    with clock.at(LATER):
        assert usage_days.keep_all() == 1

    assert UsageKept.objects.get().until == date(2026, 11, 26)
    assert UsageDay.objects.count() == 4
    assert [usage.usage(asked=span, by=by) for by in By] == live
    with clock.at(LATER):
        assert usage_days.keep_all() == 0
        assert [row for row in checking.check_all() if row.rule == "I16"] == []
    with django_assert_num_queries(2):
        usage.usage(asked=span, by=By.OUTCOME)


MANY = """
    INSERT INTO campaigns_call (reporter, external_id, account_id, minute_type_sent, minute_type,
        seconds, ended_at, outcome, included_seconds, premium_seconds, basic_seconds, cost, batch,
        created_at)
    SELECT gen_random_uuid(), g, %s, '', 'basic', 60, %s::timestamptz + g * interval '1 hour',
           'failed', 0, 0, 0, 0, gen_random_uuid(), now()
    FROM generate_series(0, 24 * 60 - 1) g
"""


def test_of_sixty_days_of_calls_only_those_of_the_days_asked_for_are_read(account):
    with connection.cursor() as cursor:
        cursor.execute(MANY, [account.pk, datetime(2026, 8, 1, 4, tzinfo=UTC)])
    two_days = asked(account, since=date(2026, 9, 9), until=date(2026, 9, 10))
    found = []

    def look():
        found.append(usage.usage(asked=two_days, by=By.CAMPAIGN))
        with clock.at(LATER):
            usage_days.keep(account=account, today=date(2026, 8, 15))

    sent = sent_by(look)

    UsageDay.objects.all().delete()
    read = {
        sql.split()[0]: rows_read(sql, values, of="campaigns_call")
        for sql, values in sent
        if "width_bucket" in sql
    }
    assert found[0].total.calls == 48
    assert read == {"WITH": 48, "INSERT": 14 * 24}


def test_keeping_goes_on_where_it_ended_and_a_new_zone_is_kept_anew(account):
    a_few(account)
    with clock.at(NOON + timedelta(days=1, hours=20)):
        usage_days.keep_all()
    assert UsageDay.objects.count() == 2
    with clock.at(LATER):
        usage_days.keep_all()
    assert UsageDay.objects.count() == 3

    account.timezone = "UTC"
    account.save(update_fields=["timezone"])
    in_utc = usage.usage(asked=asked(account), by=By.DAY)
    with clock.at(LATER):
        usage_days.keep_all()

    assert [one.calls for _, one in in_utc.days] == [0, 2, 2, 0]
    assert usage.usage(asked=asked(account), by=By.DAY) == in_utc
    assert UsageKept.objects.get().zone == "UTC"


def broken(turns: range) -> list[str]:
    """What the books say of it, in the hours of one day."""
    [rule] = [one for one in rules if one.name == "I16"]
    found = []
    for hour in turns:
        with clock.at(LATER.replace(hour=hour)), connection.cursor() as cursor:
            cursor.execute(rule.query(), rule.figures())
            found += [text for _, text in cursor.fetchall()]
    return found


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("UPDATE campaigns_usageday SET cost = cost + 0.000001 WHERE outcome = 'failed'", "failed"),
        ("DELETE FROM campaigns_usageday WHERE outcome = 'failed'", "calls and was of 4"),
        ("UPDATE campaigns_usageday SET calls = calls + 1 WHERE outcome = 'failed'", "calls and"),
        ("UPDATE campaigns_usagekept SET until = until + 7", "is kept to another moment"),
        ("UPDATE campaigns_usageday SET day = day + 40 WHERE outcome = 'failed'", "another day"),
        ("UPDATE campaigns_usagemonth SET cost = cost + 0.000001", "month from 2026-09-01 is not"),
        ("DELETE FROM campaigns_usagemonth WHERE campaign_id IS NULL", "not the sum of its days"),
        (
            "UPDATE campaigns_agencyusageday SET seconds = seconds - 1",
            "agency on 2026-09-10 is not",
        ),
        ("DELETE FROM campaigns_agencyusageday WHERE outcome = 'failed'", "on 2026-09-11 is not"),
    ],
)
def test_the_books_notice_kept_use_that_is_not_what_calls_used(error, sentence):
    account = make_agency(timezone="America/New_York")
    make_wallet(account=account, credit="100", premium=90)
    a_few(account)
    with clock.at(LATER):
        usage_days.keep_all()
    assert broken(range(24)) == []

    with as_owner(), connection.cursor() as cursor:
        cursor.execute(error)

    assert sentence in " ".join(broken(range(24)))


def test_a_night_that_is_cut_off_leaves_right_figures_and_is_gone_on_with(account, monkeypatch):
    """Its bites are of a month: killed in the second, the first is kept, and no more."""
    a_few(account)
    report(account, seconds=30, at=NOON + timedelta(days=31))
    span = asked(account, until=date(2026, 11, 28))
    live = [usage.usage(asked=span, by=by) for by in By]
    count, bites = usage_days._count, []

    def killed(*facts) -> None:
        bites.append(facts)
        if len(bites) == 2:
            raise SystemExit
        count(*facts)

    monkeypatch.setattr(usage_days, "_count", killed)
    with clock.at(LATER), pytest.raises(SystemExit):
        usage_days.keep_all()

    assert UsageKept.objects.get().until == date(2026, 10, 10)
    assert [usage.usage(asked=span, by=by) for by in By] == live
    with clock.at(LATER):
        usage_days.keep_all()
    assert UsageKept.objects.get().until == date(2026, 11, 26)
    assert [usage.usage(asked=span, by=by) for by in By] == live
    assert broken(range(24)) == []


def late(account, *, ended: datetime, at: datetime, **more) -> None:
    with clock.at(at):
        calls.record(reports=[make_report(account, ended_at=ended, **more)], reporter=None)


@pytest.mark.parametrize(
    ("ended", "until", "days"),
    [
        # On a kept day, between two of them, and before the first.
        (NOON + timedelta(hours=22), date(2026, 9, 10), 2),
        (NOON + timedelta(days=5), date(2026, 9, 11), 3),
        (NOON - timedelta(days=3), None, 0),
    ],
)
def test_a_call_that_is_reported_late_takes_the_kept_days_back_from_its_own_on(
    account, ended, until, days
):
    a_few(account)
    report(account, seconds=30, at=NOON + timedelta(days=9))
    soon = NOON + timedelta(days=12)
    with clock.at(soon):
        usage_days.keep_all()
    assert (UsageDay.objects.count(), broken(range(24))) == (4, [])

    late(account, ended=ended, at=soon, seconds=90)

    span = asked(account, since=date(2026, 9, 1), until=date(2026, 9, 22))
    kept = UsageKept.objects.first()
    assert (kept and kept.until, UsageDay.objects.count()) == (until, days)
    assert usage.usage(asked=span, by=By.DAY).total.seconds == 60 + 60 + 120 + 10 + 30 + 90
    assert broken(range(24)) == []
    with clock.at(soon):
        assert usage_days.keep_all() == 1
    assert usage.usage(asked=span, by=By.DAY).total.calls == 6
    assert UsageKept.objects.get().until == date(2026, 9, 20)
    assert broken(range(24)) == []


def test_a_call_in_time_and_a_late_one_of_another_account_take_nothing_back(account):
    a_few(account)
    another = make_individual(timezone="America/New_York")
    make_wallet(account=another, credit="100")
    soon = NOON + timedelta(days=12)
    with clock.at(soon):
        usage_days.keep_all()

    late(another, ended=NOON, at=soon, seconds=90)
    report(account, seconds=30, at=soon)

    assert UsageKept.objects.get().until == date(2026, 9, 20)
    assert UsageDay.objects.count() == 3


def test_no_day_is_kept_while_a_late_call_is_being_written(account):
    a_few(account)
    late(account, ended=NOON, at=NOON + timedelta(days=3), seconds=90)

    alone = "SELECT pg_try_advisory_xact_lock(campaigns_usage_lock(%s))"
    with psycopg.connect(**connection.get_connection_params()) as another:
        [free] = another.execute(alone, [account.pk]).fetchone()

    assert "campaigns_usage_lock" in usage_days.LOCK
    assert free is False


def test_an_account_is_visited_again_for_more_than_a_few_calls_or_after_a_week(account):
    a_few(account)
    with clock.at(NOON + timedelta(days=3)):
        assert usage_days.keep_all() == 1
    days = [NOON + timedelta(days=3, minutes=number) for number in range(51)]
    for moment in days[:50]:
        report(account, seconds=1, at=moment)

    with clock.at(NOON + timedelta(days=6)):
        few = usage_days.keep_all()
    report(account, seconds=1, at=days[50])
    with clock.at(NOON + timedelta(days=6)):
        many = usage_days.keep_all()
    report(account, seconds=1, at=NOON + timedelta(days=7))
    with clock.at(NOON + timedelta(days=11)):
        soon = usage_days.keep_all()
    with clock.at(NOON + timedelta(days=14)):
        week = usage_days.keep_all()

    assert (few, many, soon, week) == (0, 1, 0, 1)


def test_account_manager_is_told_the_seconds_that_usage_tells_in_every_zone_kept_or_not():
    agency = make_agency()
    zones = ("America/New_York", "Pacific/Kiritimati", "Pacific/Niue", "UTC")
    subs = [make_sub_account(zone, agency=agency) for zone in zones]
    for sub, zone in zip(subs, zones, strict=True):
        sub.timezone = zone
        sub.save(update_fields=["timezone"])
        make_wallet(account=sub, credit="100")
        for hours in range(0, 72, 7):
            ended = NOON + timedelta(hours=hours)
            report(sub, seconds=hours + 1, minute_type="basic", at=ended)
    for kept in (False, True):
        with clock.at(NOON + timedelta(days=2, hours=20)):
            assert (usage_days.keep_all() if kept else 4) == 4
        for since, until in ((10, 11), (11, 13), (1, 30), (12, 12)):
            days = date(2026, 9, since), date(2026, 9, until)
            span = asked(*subs, since=days[0], until=days[1])
            lines = usage.usage(asked=span, by=By.ACCOUNT).lines
            told = of_agencies.used(agency, *days)
            assert told == {line.key: line.figures.seconds for line in lines}


def test_days_that_nobody_knows_to_be_kept_are_kept_anew(account):
    """Each night failed on them."""
    a_few(account)
    with clock.at(LATER):
        usage_days.keep_all()
    UsageKept.objects.all().delete()

    with clock.at(LATER):
        assert usage_days.keep_all() == 1

    assert UsageDay.objects.count() == 3
    assert broken(range(24)) == []


def test_a_campaign_is_told_by_its_name_of_today_in_kept_days_too(account):
    a_few(account)
    with clock.at(LATER):
        usage_days.keep_all()
    Campaign.objects.filter(name="Spring").update(name="Summer")

    found = usage.usage(asked=asked(account), by=By.CAMPAIGN)

    assert [line.label for line in found.lines] == ["No campaign", "Summer"]
