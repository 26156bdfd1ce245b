"""Sums of kept days, by month and by agency: always what the days come to, whoever writes those."""

from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection, connections
from psycopg.errors import DeadlockDetected

from accounts import clock
from accounts.models import Account
from accounts.runtime.time_limits import TimeIsUp
from accounts.tests.builders import make_agency, make_sub_account
from campaigns import calls, of_agencies, usage, usage_days
from campaigns.models import AgencyUsageDay, Call, UsageDay, UsageKept, UsageMonth
from campaigns.tests.builders import make_campaign, make_report, make_wallet
from campaigns.tests.test_races import at_once
from campaigns.usage import Asked, By
from tests.databases import as_owner
from wallets.books.register import rules

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

BEGINS = datetime(2026, 8, 20, 15, tzinfo=UTC)
LATER = datetime(2026, 10, 12, 12, tzinfo=UTC)
# As late as a call may be told.
LATE = LATER - timedelta(days=34)
# Whole months, parts of them, days of one month, and the month that is not over.
SPANS = [
    (date(2026, 9, 1), date(2026, 9, 30)),
    (date(2026, 8, 1), date(2026, 10, 12)),
    (date(2026, 8, 25), date(2026, 10, 12)),
    (date(2026, 8, 25), date(2026, 10, 4)),
    (date(2026, 9, 5), date(2026, 9, 20)),
    (date(2026, 10, 1), date(2026, 10, 12)),
    (date(2026, 9, 12), date(2026, 9, 30)),
]


@pytest.fixture
def accounts() -> list[Account]:
    """An agency and two sub-accounts, in two zones, with a call every second day each."""
    agency = make_agency(timezone="UTC")
    dental = make_sub_account("Dental", agency=agency)
    harbor = make_sub_account("Harbor", agency=agency)
    harbor.timezone = "America/New_York"
    harbor.save(update_fields=["timezone"])
    for seconds, account in enumerate([agency, dental, harbor], start=10):
        make_wallet(account=account, credit="1000", premium=300)
        campaign = make_campaign(account)
        for step in range(27):
            kinds = {"campaign": campaign} if step % 2 else {"minute_type": "basic"}
            outcome = ("completed", "failed", "no_answer")[step % 3]
            ended = BEGINS + timedelta(days=2 * step)
            report(account, ended, seconds=seconds + step, outcome=outcome, **kinds)
    return [agency, dental, harbor]


def report(account: Account, ended: datetime, *, at: datetime | None = None, **facts) -> None:
    with clock.at(at or ended + timedelta(minutes=1)):
        [answer] = calls.record(
            reports=[make_report(account, ended_at=ended, **facts)], reporter=None
        )
    assert answer.status == "charged"


def keep() -> int:
    with clock.at(LATER):
        return usage_days.keep_all()


def told(accounts: list[Account], agency: Account | None, **kinds: str) -> list[object]:
    found = []
    for since, until in SPANS:
        asked = Asked(accounts, since, until, agency=agency and agency.pk, **kinds)
        found += [usage.compared(asked=asked, by=by) for by in By]
        found += [usage.usage(asked=asked, by=by) for by in By]
    return found


def broken() -> list[str]:
    [rule] = [one for one in rules if one.name == "I16"]
    found = []
    for turn in range(24):
        with connection.cursor() as cursor:
            cursor.execute(rule.query(), {"turn": turn})
            found += [text for _, text in cursor.fetchall()]
    return found


@pytest.mark.parametrize("kinds", [{}, {"minute_type": "basic"}, {"outcome": "failed"}])
def test_an_agency_reads_the_same_from_sums_as_from_days_and_from_calls(accounts, kinds):
    from_calls = told(accounts, None, **kinds)

    keep()

    assert told(accounts, None, **kinds) == from_calls
    assert told(accounts, accounts[0], **kinds) == from_calls
    assert broken() == []


def test_whole_months_and_days_of_an_agency_are_read_as_their_sums(accounts):
    """Days are not looked at: they could say anything."""
    asked = Asked(accounts, date(2026, 9, 1), date(2026, 10, 12), agency=accounts[0].pk)
    by_account = usage.usage(asked=asked, by=By.ACCOUNT)
    keep()

    UsageDay.objects.update(seconds=0, calls=0)

    assert usage.usage(asked=asked, by=By.ACCOUNT) == by_account


def test_late_calls_are_taken_out_of_the_sums_and_kept_anew(accounts):
    agency, dental, _ = accounts
    keep()
    for ended in (LATE + timedelta(days=10), LATE):
        report(dental, ended, at=LATER, seconds=500, minute_type="premium")
    report(agency, LATE + timedelta(days=25), at=LATER, seconds=70, minute_type="premium")
    assert broken() == []
    assert told(accounts, agency) == told(accounts, None)
    from_calls = told(accounts, None)

    keep()

    assert told(accounts, agency) == told(accounts, None) == from_calls
    assert broken() == []
    assert not UsageMonth.objects.filter(calls__lt=0).exists()


def test_a_wrong_sum_refuses_no_late_call(accounts):
    keep()
    AgencyUsageDay.objects.update(calls=0)
    with as_owner():
        UsageMonth.objects.all().delete()

    report(accounts[1], LATE, at=LATER, seconds=500, minute_type="premium")

    assert Call.objects.filter(seconds=500).count() == 1
    assert "is not the sum" in " ".join(broken())


def test_while_an_account_is_kept_in_an_old_zone_an_agencys_sums_are_not_read(accounts):
    agency, dental, _ = accounts
    keep()
    dental.timezone = "Asia/Kathmandu"
    dental.save(update_fields=["timezone"])
    by_days = told(accounts, None)
    used = of_agencies.used(agency, date(2026, 10, 1), date(2026, 10, 12))

    assert told(accounts, agency) == by_days
    keep()

    assert told(accounts, agency) == told(accounts, None) == by_days
    assert of_agencies.used(agency, date(2026, 10, 1), date(2026, 10, 12)) == used
    assert broken() == []


def test_days_that_nobody_knows_to_be_kept_are_not_read_as_sums_either(accounts):
    keep()
    by_days = told(accounts, None)
    UsageKept.objects.filter(account=accounts[1]).delete()

    assert told(accounts, accounts[0]) == by_days


def test_days_of_before_are_summed_up_once_and_nothing_of_them_is_taken_away_before(accounts):
    """As the migration finds them: kept by the release before, late calls coming in meanwhile."""
    agency, dental, harbor = accounts
    keep()
    with as_owner():
        UsageMonth.objects.all().delete()
        AgencyUsageDay.objects.all().delete()
    UsageKept.objects.update(summed=False)
    report(dental, LATE, at=LATER, seconds=500, minute_type="premium")
    report(harbor, LATE + timedelta(days=1), at=LATER, seconds=500, minute_type="premium")
    assert UsageMonth.objects.count() == 0
    UsageDay.objects.filter(account=harbor).delete()
    UsageKept.objects.filter(account=harbor).delete()
    keep()
    assert set(UsageMonth.objects.values_list("account", flat=True)) == {harbor.pk}
    summing = import_module("campaigns.migrations.0015_days_kept_before_are_summed")

    summing.sum_up(apps, None)
    once = list(UsageMonth.objects.order_by("pk").values())
    summing.sum_up(apps, None)

    assert list(UsageMonth.objects.order_by("pk").values()) == once
    assert broken() == []
    assert not UsageKept.objects.filter(summed=False).exists()
    assert told(accounts, agency) == told(accounts, None)


def test_a_night_that_has_to_give_way_goes_on_with_the_next_account(accounts, monkeypatch):
    count, refused = usage_days._count, []

    def gives_way(account: Account, days: list[date]) -> None:
        if account == accounts[1] and not refused:
            refused.append(account)
            with connection.wrap_database_errors:
                raise DeadlockDetected
        count(account, days)

    monkeypatch.setattr(usage_days, "_count", gives_way)

    assert (keep(), keep()) == (2, 1)
    assert broken() == []


@pytest.fixture
def in_order(accounts, monkeypatch) -> list[Account]:
    """Accounts by their ids; a night begins behind the first of them."""
    found = sorted(accounts, key=lambda account: account.pk)
    monkeypatch.setattr(usage_days, "uuid4", lambda: found[0].pk)
    return found


def fails_for(monkeypatch, account: Account, error: type[Exception]) -> None:
    count = usage_days._count

    def fail(one: Account, days: list[date]) -> None:
        if one == account:
            raise error
        count(one, days)

    monkeypatch.setattr(usage_days, "_count", fail)


def test_an_account_that_fails_keeps_no_other_from_its_days_and_is_told(in_order, monkeypatch):
    fails_for(monkeypatch, in_order[1], ZeroDivisionError)

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            keep()

    kept = UsageKept.objects.order_by("account").values_list("account", flat=True)
    assert list(kept) == [in_order[0].pk, in_order[2].pk]


def test_a_night_whose_time_is_up_begins_elsewhere_than_at_the_first(in_order, monkeypatch):
    fails_for(monkeypatch, in_order[2], TimeIsUp)

    with pytest.raises(TimeIsUp):
        keep()

    assert UsageKept.objects.get().account == in_order[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.journey
def test_a_night_between_two_statements_of_a_page_counts_no_call_twice(accounts):
    asked = Asked(accounts, date(2026, 9, 1), date(2026, 10, 12), agency=accounts[0].pk)
    before = usage.usage(asked=asked, by=By.ACCOUNT)
    nights = []

    def keep_first(execute, sql, params, many, context):
        if "WITH parts" in sql and not nights:
            nights.extend(at_once(lambda _: keep(), [None]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep_first):
        found = usage.usage(asked=asked, by=By.ACCOUNT)

    assert nights == [3]
    assert found == before
    assert usage.usage(asked=asked, by=By.ACCOUNT) == before
    connections.close_all()
