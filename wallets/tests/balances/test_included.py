from datetime import UTC, date, datetime
from itertools import count

import pytest
from django.db import connection

from accounts import clock
from accounts.models import Account, QueueEmptied
from accounts.runtime.time_limits import TimeIsUp
from accounts.tests.builders import close, make_agency, make_individual, make_sub_account
from tests.databases import as_owner
from tests.plans import rows_read_by
from wallets import limits
from wallets.balances import included, ledger
from wallets.balances.holds import free_of
from wallets.balances.opening import open_wallet
from wallets.models import LedgerEntry, Wallet
from wallets.tests.worlds.builders import fill, place_hold

pytestmark = pytest.mark.django_db


def noon(year, month, day):
    return datetime(year, month, day, 12, tzinfo=UTC)


def reset_at(moment):
    with clock.at(moment):
        return included.reset_due()


def due_at(moment):
    with clock.at(moment):
        return included.oldest_due()


def included_minutes(account):
    return Wallet.objects.get(account=account).included_seconds // 60


def plan(account, *, day):
    Account.objects.filter(pk=account.pk).update(included_anchor_day=day)
    return open_wallet(account=account)


@pytest.mark.parametrize(
    ("anchor_day", "today", "period"),
    [
        (1, date(2026, 11, 22), date(2026, 11, 1)),
        (22, date(2026, 11, 22), date(2026, 11, 22)),
        (23, date(2026, 11, 22), date(2026, 10, 23)),
        (31, date(2026, 11, 29), date(2026, 10, 31)),
        (31, date(2026, 11, 30), date(2026, 11, 30)),
        (30, date(2027, 2, 27), date(2027, 1, 30)),
        (30, date(2027, 2, 28), date(2027, 2, 28)),
        (29, date(2028, 2, 29), date(2028, 2, 29)),
        (15, date(2027, 1, 3), date(2026, 12, 15)),
    ],
)
def test_the_period_begins_on_the_anchor_day_clamped_to_the_months_end(anchor_day, today, period):
    assert included.period_of(anchor_day=anchor_day, today=today) == period


def test_included_minutes_are_granted_once_a_period():
    agency = make_agency(included_minutes=100)
    wallet = plan(agency, day=15)

    assert reset_at(noon(2026, 11, 15)) == 1
    assert reset_at(noon(2026, 11, 15)) == 0
    assert reset_at(noon(2026, 12, 14)) == 0

    assert included_minutes(agency) == 100
    entry = wallet.entries.get()
    assert (entry.kind, entry.key, entry.amount) == (
        "included_grant",
        "included:2026-11-15:grant",
        6000,
    )


def test_looking_again_at_a_period_that_is_done_reads_twice_notes_it_and_locks_nobody(
    django_assert_num_queries,
):
    for name in ("Ada Lovelace", "Grace Hopper"):
        plan(make_individual(name, included_minutes=100), day=1)
    assert reset_at(noon(2026, 11, 1)) == 2

    with django_assert_num_queries(3):
        assert reset_at(noon(2026, 11, 2)) == 0


def test_what_is_left_is_reset_and_does_not_add_up():
    account = make_individual(included_minutes=100)
    wallet = plan(account, day=1)
    reset_at(noon(2026, 11, 1))
    fill(wallet, included=-90 * 60)

    assert reset_at(noon(2026, 12, 1)) == 1

    assert included_minutes(account) == 100
    reset = wallet.entries.get(kind=LedgerEntry.Kind.INCLUDED_RESET)
    assert (reset.key, reset.amount) == ("included:2026-12-01:reset", -600)


def test_minutes_used_within_the_period_are_not_given_again():
    account = make_individual(included_minutes=100)
    wallet = plan(account, day=1)
    reset_at(noon(2026, 11, 1))
    fill(wallet, included=-100 * 60)

    assert reset_at(noon(2026, 11, 30)) == 0

    assert included_minutes(account) == 0


def test_after_an_outage_only_the_current_period_is_granted():
    account = make_individual(included_minutes=100)
    wallet = plan(account, day=1)
    reset_at(noon(2026, 8, 1))

    assert reset_at(noon(2026, 11, 20)) == 1

    assert included_minutes(account) == 100
    assert list(
        wallet.entries.filter(kind="included_grant").order_by("id").values_list("key", flat=True)
    ) == ["included:2026-08-01:grant", "included:2026-11-01:grant"]


def test_the_day_is_the_accounts_own_not_utcs():
    east = make_individual("East", timezone="Pacific/Auckland", included_minutes=10)
    west = make_individual("West", timezone="America/Los_Angeles", included_minutes=10)
    for account in (east, west):
        plan(account, day=15)
        Wallet.objects.get(account=account)
    reset_at(noon(2026, 10, 20))

    # 14 November 12:00 UTC is the 15th in Auckland, 15 November 07:00 UTC the 14th in Los Angeles.
    assert reset_at(datetime(2026, 11, 14, 12, tzinfo=UTC)) == 1
    assert reset_at(datetime(2026, 11, 15, 7, tzinfo=UTC)) == 0
    assert reset_at(datetime(2026, 11, 15, 9, tzinfo=UTC)) == 1


def test_an_account_that_moves_its_zone_west_is_not_granted_the_month_before_again():
    account = make_individual("Mover", timezone="Pacific/Auckland", included_minutes=10)
    wallet = plan(account, day=15)
    just_begun = datetime(2026, 11, 14, 11, 30, tzinfo=UTC)
    assert reset_at(just_begun) == 1
    fill(wallet, included=-300)
    Account.objects.filter(pk=account.pk).update(timezone="America/Los_Angeles")

    assert reset_at(just_begun) == 0
    assert reset_at(noon(2026, 11, 15)) == 0
    assert reset_at(noon(2026, 12, 15)) == 1

    assert included_minutes(account) == 10
    keys = wallet.entries.filter(kind=LedgerEntry.Kind.INCLUDED_GRANT).order_by("pk")
    assert list(keys.values_list("key", flat=True)) == [
        "included:2026-11-15:grant",
        "included:2026-12-15:grant",
    ]


def test_a_plan_of_the_31st_comes_each_month_on_its_last_day_where_there_is_none():
    account = make_individual(included_minutes=10)
    plan(account, day=31)
    last_days = [(2026, 12, 31), (2027, 1, 31), (2027, 2, 28), (2027, 3, 31), (2027, 4, 30)]

    assert [reset_at(noon(*day)) for day in last_days] == [1, 1, 1, 1, 1]

    assert included_minutes(account) == 10


def test_where_nobody_is_nothing_is_due():
    assert due_at(noon(2026, 11, 1)) is None


def test_a_plan_that_ended_loses_what_is_left_and_gets_nothing():
    account = make_individual(included_minutes=100)
    plan(account, day=1)
    reset_at(noon(2026, 11, 1))
    Account.objects.filter(pk=account.pk).update(included_minutes=0)

    assert reset_at(noon(2026, 12, 1)) == 1
    assert reset_at(noon(2026, 12, 2)) == 0

    assert included_minutes(account) == 0


def test_the_smallest_plan_is_granted_and_the_smallest_rest_is_reset():
    account = make_individual(included_minutes=1)
    wallet = plan(account, day=1)

    assert reset_at(noon(2026, 11, 1)) == 1
    fill(wallet, included=-59)
    Account.objects.filter(pk=account.pk).update(included_minutes=0)
    assert reset_at(noon(2026, 12, 1)) == 1

    wallet.refresh_from_db()
    assert wallet.included_seconds == 0


def ended_plan():
    """An account whose plan came on 1 November and was over, its rest taken, on 1 December."""
    account = make_individual(included_minutes=100)
    plan(account, day=1)
    reset_at(noon(2026, 11, 1))
    Account.objects.filter(pk=account.pk).update(included_minutes=0)
    reset_at(noon(2026, 12, 1))
    return account


def test_a_plan_that_begins_again_in_the_period_it_ended_in_gets_its_minutes_with_the_next():
    account = ended_plan()
    Account.objects.filter(pk=account.pk).update(included_minutes=100)

    assert reset_at(noon(2026, 12, 2)) == 0
    assert due_at(noon(2026, 12, 2)) is None
    assert included_minutes(account) == 0
    assert reset_at(noon(2027, 1, 1)) == 1
    assert included_minutes(account) == 100


def test_a_plan_that_begins_again_on_another_day_gets_its_minutes_on_that_day():
    account = ended_plan()
    Account.objects.filter(pk=account.pk).update(included_minutes=50, included_anchor_day=15)

    assert reset_at(noon(2026, 12, 15)) == 1

    assert included_minutes(account) == 50


def test_minutes_granted_after_the_plan_ended_are_kept_until_the_next_period():
    account = ended_plan()
    fill(account.wallet, included=600)

    assert reset_at(noon(2026, 12, 2)) == 0
    assert due_at(noon(2026, 12, 2)) is None
    assert included_minutes(account) == 10
    assert reset_at(noon(2027, 1, 1)) == 1
    assert included_minutes(account) == 0


def test_a_worker_that_comes_second_takes_nothing_of_what_the_first_granted(monkeypatch):
    account = make_individual(included_minutes=100)
    wallet = plan(account, day=1)
    real = ledger.lock

    def lock_after_another_worker(**which):
        monkeypatch.setattr(ledger, "lock", real)
        assert included.reset_due() == 1
        fill(wallet, included=-60)
        return real(**which)

    monkeypatch.setattr(ledger, "lock", lock_after_another_worker)

    assert reset_at(noon(2026, 11, 1)) == 0
    assert included_minutes(account) == 99


def test_minutes_support_gave_a_sub_account_are_not_reset():
    wallet = open_wallet(account=make_sub_account())
    fill(wallet, included=600)

    assert reset_at(noon(2026, 11, 1)) == 0

    assert included_minutes(wallet.account) == 10


def test_closed_accounts_and_sub_accounts_get_none():
    closed = make_individual(included_minutes=100)
    open_wallet(account=closed)
    close(closed)
    open_wallet(account=make_sub_account())

    assert reset_at(noon(2026, 11, 1)) == 0

    assert included_minutes(closed) == 0


def fail_for(monkeypatch, broken):
    reset = included._reset

    def reset_or_fail(account, period):
        if account.pk in broken:
            raise KeyError("a bug of ours")
        return reset(account, period)

    monkeypatch.setattr(included, "_reset", reset_or_fail)


def test_a_crowd_of_accounts_that_fail_keeps_no_other_from_its_minutes(monkeypatch):
    facts = {"kind": "agency", "timezone": "UTC", "included_minutes": 100}
    broken = Account.objects.bulk_create(
        Account(name=f"Agency {number}", **facts) for number in range(260)
    )
    fail_for(monkeypatch, {account.pk for account in broken})
    good = make_agency(included_minutes=100)

    assert reset_at(noon(2026, 11, 15)) == 1

    assert included_minutes(good) == 100
    assert not QueueEmptied.objects.filter(kind="included").exists()


def test_the_end_of_a_tasks_time_is_no_failure_of_an_account(monkeypatch):
    make_agency(included_minutes=100)

    def end(*_):
        raise TimeIsUp

    monkeypatch.setattr(included, "_reset", end)

    with pytest.raises(TimeIsUp):
        reset_at(noon(2026, 11, 15))


def test_what_its_time_is_too_short_for_is_asked_for_at_once(
    monkeypatch, nudges, django_capture_on_commit_callbacks
):
    for _ in range(3):
        make_agency(included_minutes=100)
    # Its last moment is used, too.
    seconds = count(step=limits.RESET_SECONDS // 2)
    monkeypatch.setattr(included.time, "monotonic", lambda: next(seconds))
    noted = QueueEmptied.objects.filter(kind="included")

    with django_capture_on_commit_callbacks(execute=True):
        first = (reset_at(noon(2026, 11, 15)), noted.exists())
        second = (reset_at(noon(2026, 11, 15)), noted.exists())

    assert (first, second) == ((2, False), (1, True))
    assert nudges == [("wallets.reset_included", ())]


def test_when_failures_alone_use_the_time_up_the_next_run_of_the_clock_is_soon_enough(
    monkeypatch, nudges, django_capture_on_commit_callbacks
):
    broken = [make_agency(included_minutes=100).pk for _ in range(3)]
    fail_for(monkeypatch, broken)
    seconds = count(step=25)
    monkeypatch.setattr(included.time, "monotonic", lambda: next(seconds))

    with django_capture_on_commit_callbacks(execute=True):
        assert reset_at(noon(2026, 11, 15)) == 0

    assert nudges == []


def granted(account, *days):
    """Move the anchor day to each of these days of November, use all up, and reset that day."""
    wallet = open_wallet(account=account)
    for day in days:
        Account.objects.filter(pk=account.pk).update(included_anchor_day=day)
        with clock.at(datetime(2026, 11, day, 12, tzinfo=UTC)):
            included.reset_due()
            wallet.refresh_from_db()
            if wallet.included_seconds:
                fill(wallet, included=-wallet.included_seconds)
    return LedgerEntry.objects.filter(kind="included_grant").count()


def test_moving_the_anchor_day_each_week_refills_nothing():
    assert granted(make_agency(included_minutes=100_000), 1, 8, 15, 22, 29, 30) == 1


@pytest.mark.parametrize(
    ("first", "then", "skipped", "next_grant"),
    [
        # Nearer than a month after the last: the anchor day after it is the next.
        (1, 15, [(11, 15), (12, 1)], (12, 15)),
        (15, 1, [(12, 1), (12, 15)], (13, 1)),
        (30, 1, [(12, 1), (12, 30)], (13, 1)),
        (15, 16, [(11, 16), (12, 15)], (12, 16)),
        (15, 31, [(11, 30), (12, 30)], (12, 31)),
    ],
)
def test_after_the_day_has_moved_the_next_period_begins_at_least_a_month_after_the_last(
    first, then, skipped, next_grant
):
    account = make_agency(included_minutes=10)

    def resets(month, day):
        year, month = (2026, month) if month < 13 else (2027, month - 12)
        with clock.at(datetime(year, month, day, 12, tzinfo=UTC)):
            return included.reset_due()

    Account.objects.update(included_anchor_day=first)
    assert resets(11, first) == 1
    Account.objects.update(included_anchor_day=then)

    assert [resets(*when) for when in skipped] == [0, 0]
    assert resets(*next_grant) == 1
    assert resets(*next_grant) == 0
    assert account.wallet.included_seconds == 600


@pytest.mark.parametrize(("granted", "left"), [(0, 60), (1, 60), (2, 120)])
def test_running_calls_keep_the_included_minutes_they_hold(granted, left):
    """As far as the new ones do not cover them; the rest of the old month goes."""
    agency = make_agency(included_minutes=5)
    wallet = plan(agency, day=15)
    reset_at(noon(2026, 11, 15))
    Account.objects.filter(pk=agency.pk).update(included_minutes=granted)

    with clock.at(datetime(2026, 12, 14, 23, 59, 50, tzinfo=UTC)):
        place_hold(wallet, call="a", seconds=60)
    reset_at(datetime(2026, 12, 15, 0, 0, 10, tzinfo=UTC))

    wallet.refresh_from_db()
    assert wallet.included_seconds == left
    assert free_of(wallet)["included"] == left - 60


ENTRIES = """
INSERT INTO wallets_ledgerentry
    (wallet_id, pot, amount, balance_after, kind, key, note, occurred_at, created_at)
SELECT %s, 'included', %s::int, %s + g * %s::int, %s, 'calls:' || g, '', now(), now()
FROM generate_series(1, %s) g ORDER BY g
"""


def test_of_a_busy_account_few_entries_are_read_to_know_what_is_due():
    agency = make_agency(included_minutes=100)
    wallet, other = plan(agency, day=15), open_wallet(account=make_sub_account(agency=agency))
    reset_at(noon(2026, 11, 15))
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(ENTRIES, [wallet.pk, -1, 6000, -1, "calls", 3000])
        cursor.execute(ENTRIES, [other.pk, 1, 0, 1, "included_grant", 3000])
        cursor.execute("ANALYZE wallets_ledgerentry")

    def look():
        assert due_at(noon(2026, 12, 15)) == datetime(2026, 12, 15, tzinfo=UTC)

    assert rows_read_by(look, of="wallets_ledgerentry") < 20
