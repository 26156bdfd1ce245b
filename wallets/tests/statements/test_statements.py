"""What an account reads about its money."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import Account
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.cursors import BadCursor
from wallets.models import LedgerEntry, Purchase, Reversal, Wallet
from wallets.statements import figures, statements
from wallets.statements.rows import Moved, Status
from wallets.tests.worlds.histories import allocate, buy, post

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def wallet() -> Wallet:
    return open_wallet(account=make_individual())


def read(account: Account, **filters) -> list:
    return statements.transactions(account=account, **filters).rows


def test_a_paid_recharge_is_one_row_with_what_it_credited(wallet):
    with clock.at(NOON):
        purchase = buy(wallet, cents=5000)

    [row] = read(wallet.account)

    assert (row.kind, row.description) == ("recharge", "Recharge")
    assert row.note == "$50.00 from Visa •••• 4242"
    assert (row.status, row.charged) == (Status.PAID, Decimal(50))
    assert row.moved == (Moved("credit", Decimal(50), Decimal(50)),)
    assert (row.purchase_id, row.has_receipt, row.at) == (purchase.pk, True, NOON)


def test_a_recharge_of_minutes_says_how_many_it_bought(wallet):
    purchase = Purchase.objects.create(
        payer=wallet.account,
        wallet=wallet,
        purpose="recharge",
        buys="premium",
        premium_rate="0.16",
        amount_cents=5000,
        state="succeeded",
        payment_intent="pi_1",
        closed_at=clock.now(),
        card="Visa •••• 4242",
    )
    post(wallet, "premium", 18_750, kind="recharge", purchase_id=purchase.pk)

    [row] = read(wallet.account)

    assert row.description == "Recharge, Premium minutes"
    assert row.note == "$50.00 from Visa •••• 4242, 312 min 30 s of Premium minutes"
    assert row.charged == Decimal(50)
    assert row.moved == (Moved("premium", Decimal(18_750), Decimal(18_750)),)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("created", Status.PROCESSING),
        ("submitted", Status.PROCESSING),
        ("requires_action", Status.ACTION_REQUIRED),
        ("succeeded", Status.PAID),
        ("declined", Status.FAILED),
        ("canceled", Status.CANCELED),
    ],
)
def test_purchases_are_shown_in_every_state(wallet, state, status):
    buy(wallet, state=state)

    [row] = read(wallet.account)

    assert row.status is status
    assert row.has_receipt is (state == "succeeded")
    assert read(wallet.account, statuses=[status]) == [row]
    assert read(wallet.account, statuses=[other for other in Status if other != status]) == []


def test_a_declined_recharge_says_why(wallet):
    buy(wallet, state="declined", error_text="Visa •••• 4242 was declined. You were not charged.")

    [row] = read(wallet.account)

    assert row.note == ("$50.00 not charged. Visa •••• 4242 was declined. You were not charged.")
    assert (row.charged, row.moved) == (Decimal(50), ())


def test_a_purchase_paid_back_in_full_is_refunded_and_one_in_part_is_paid(wallet):
    whole, part = buy(wallet), buy(wallet)
    for purchase, cents, state in (
        (whole, 5000, "succeeded"),
        (part, 1000, "succeeded"),
        (part, 4000, "failed"),
    ):
        Reversal.objects.create(
            purchase=purchase, kind="refund", amount_cents=cents, state=state, reason="Asked for"
        )

    [second, first] = read(wallet.account, kinds=["recharge"])

    assert (first.status, second.status) == (Status.REFUNDED, Status.PAID)
    assert second.note == "$50.00 from Visa •••• 4242, $10.00 refunded"
    assert [row.purchase_id for row in read(wallet.account, statuses=["refunded"])] == [whole.pk]
    assert [row.purchase_id for row in read(wallet.account, statuses=["paid"])] == [part.pk]


def test_calls_adjustments_and_included_minutes_are_posted_rows(wallet):
    post(wallet, "included", 6000, kind="included_grant")
    post(wallet, "credit", "10", note="Angry on the phone", customer_note="Goodwill")
    post(wallet, "included", -90, kind="calls")
    post(wallet, "credit", "-0.0027", kind="calls")

    rows = read(wallet.account)

    assert [(row.description, row.note, *row.moved) for row in rows] == [
        ("Calls", "", Moved("credit", Decimal("-0.0027"), Decimal("9.9973"))),
        ("Calls, Included minutes", "", Moved("included", Decimal(-90), Decimal(5910))),
        ("Adjustment by support", "Goodwill", Moved("credit", Decimal(10), Decimal(10))),
        ("Included minutes of the month", "", Moved("included", Decimal(6000), Decimal(6000))),
    ]
    assert {row.status for row in rows} == {Status.POSTED}
    assert {row.purchase_id for row in rows} == {None}


def test_an_allocation_is_minutes_to_the_sub_account_without_card_price_or_purchase():
    agency = make_agency("Brightline Agency")
    sub = open_wallet(account=make_sub_account(agency=agency))
    allocate(sub)

    [row] = read(sub.account)

    assert row.description == "500 Basic minutes from Brightline Agency"
    assert (row.kind, row.status, row.note) == ("allocation", Status.POSTED, "")
    assert row.moved == (Moved("basic", Decimal(30_000), Decimal(30_000)),)
    assert (row.charged, row.purchase_id, row.has_receipt) == (None, None, False)
    assert "Visa" not in repr(row)
    assert "•••• 1881" not in repr(row)
    assert "45" not in f"{row.description}{row.note}{row.moved}"


def test_an_allocation_is_a_purchase_to_the_agency_that_paid_it():
    agency = make_agency("Brightline Agency")
    sub = open_wallet(account=make_sub_account("Northside Dental", agency=agency))
    purchase = allocate(sub)

    [row] = read(agency)

    assert row.description == "Monthly allocation for Northside Dental"
    assert row.note == "$45.00 from Visa •••• 1881, 500 Basic minutes"
    assert (row.status, row.charged, row.moved) == (Status.PAID, Decimal(45), ())
    assert (row.purchase_id, row.has_receipt) == (purchase.pk, True)


def test_a_refunded_allocation_says_who_took_the_minutes_back():
    agency = make_agency("Brightline Agency")
    sub = open_wallet(account=make_sub_account(agency=agency))
    purchase = allocate(sub)
    reversal = Reversal.objects.create(
        purchase=purchase, kind="refund", amount_cents=900, reason="Asked for"
    )
    post(sub, "basic", -6000, kind="refund", purchase_id=purchase.pk, reversal_id=reversal.pk)

    row = read(sub.account)[0]

    assert row.description == "100 Basic minutes taken back by Brightline Agency"
    assert row.purchase_id is None


def skewed(wallet: Wallet, *moves: tuple[timedelta, str]) -> None:
    """Entries as hosts wrote them whose clocks were apart: each at NOON and this much."""
    balance = Decimal(0)
    for number, (apart, amount) in enumerate(moves):
        balance += Decimal(amount)
        LedgerEntry.objects.create(
            wallet=wallet,
            pot="credit",
            amount=amount,
            balance_after=balance,
            kind="adjustment",
            key=f"skewed:{number}",
            occurred_at=NOON + apart,
            created_at=NOON + apart,
        )


HOURS = timedelta(hours=1)


def test_the_newest_row_is_the_newest_entry_whatever_the_clocks_said(wallet):
    skewed(wallet, (0 * HOURS, "10"), (3 * HOURS, "5"), (1 * HOURS, "-4"))
    wallet.refresh_from_db()

    balances = [row.of("credit").balance_after for row in read(wallet.account)]
    of_entries = [entry.balance_after for entry in statements.entries(account=wallet.account).rows]

    assert balances == of_entries == [Decimal(11), Decimal(15), Decimal(10)]
    assert balances[0] == wallet.credit.amount


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages_go_on_where_the_clocks_disagreed(wallet, limit):
    skewed(wallet, (0 * HOURS, "10"), (3 * HOURS, "5"), (1 * HOURS, "-4"), (5 * HOURS, "1"))
    for hour in (0, 1, 2, 4, 6):
        with clock.at(NOON + hour * HOURS):
            buy(wallet, state="declined")
    whole = read(wallet.account)
    cursor, rows = None, []
    for _ in range(12):
        page = statements.transactions(account=wallet.account, cursor=cursor, limit=limit)
        rows += page.rows
        cursor = page.next_cursor
        if not cursor:
            break

    assert len(whole) == 9
    assert rows == whole
    assert [row.of("credit").balance_after for row in whole if row.moved] == [12, 11, 15, 10]


def test_the_entries_of_a_day_are_found_where_the_clocks_disagreed(wallet):
    days = [timedelta(days=number) for number in range(4)]
    skewed(wallet, (days[0], "1"), (days[2], "2"), (days[1], "3"), (days[3], "4"))

    [of_second] = read(wallet.account, since=date(2026, 11, 21), until=date(2026, 11, 21))
    of_middle = read(wallet.account, since=date(2026, 11, 21), until=date(2026, 11, 22))

    assert of_second.of("credit").amount == 3
    assert [row.of("credit").amount for row in of_middle] == [3, 2]
    assert read(wallet.account, since=date(2026, 11, 25)) == []
    assert read(wallet.account, until=date(2026, 11, 19)) == []


def test_a_payment_stands_where_it_was_settled(wallet):
    """20, then a charge that is confirmed late, and calls meanwhile: 20, 17.30, 67.30."""
    with clock.at(NOON):
        post(wallet, "credit", "20")
    with clock.at(NOON + 2 * HOURS):
        post(wallet, "credit", "-2.70", kind="calls")
    with clock.at(NOON + 3 * HOURS):
        buy(wallet, cents=5000, created_at=NOON + HOURS)

    rows = read(wallet.account)

    assert [row.of("credit").balance_after for row in rows] == [
        Decimal("67.30"),
        Decimal("17.30"),
        Decimal(20),
    ]
    assert rows[0].at == NOON + 3 * HOURS


def test_what_one_cause_moved_in_several_pots_is_one_row(wallet):
    post(wallet, "premium", 600)
    ledger.post(
        movements=[
            ledger.Movement(
                wallet_id=wallet.pk, pot=pot, amount=amount, kind="calls", key="calls:1"
            )
            for pot, amount in (("premium", -600), ("credit", Decimal("-0.16")))
        ]
    )

    [row, _] = read(wallet.account)

    assert row.description == "Calls"
    assert row.moved == (
        Moved("credit", Decimal("-0.16"), Decimal("-0.16")),
        Moved("premium", Decimal(-600), Decimal(0)),
    )
    assert statements.pots_moved(account=wallet.account) == ["credit", "premium"]


def test_the_columns_of_a_statement_add_up_to_the_balances(wallet):
    history(wallet, moments=4)
    buy(wallet, state="declined")
    buy(wallet, state="created")
    post(wallet, "credit", "-0.000844", kind="calls")
    wallet.refresh_from_db()

    rows = read(wallet.account, limit=500)

    sums = {
        pot: sum(row.of(pot).amount for row in rows if row.of(pot)) for pot in ("credit", "basic")
    }
    assert sums == {"credit": wallet.credit.amount, "basic": wallet.basic_seconds}
    assert sums == {"credit": Decimal("19.999156"), "basic": 240}


def test_an_unfinished_payment_says_what_it_waits_for(wallet):
    buy(wallet, state="requires_action")

    [row] = read(wallet.account)

    assert row.note == ("$50.00 from Visa •••• 4242, waits for you to confirm it with your bank")
    assert (row.status, row.moved) == (Status.ACTION_REQUIRED, ())


def test_a_statement_never_shows_another_account(wallet):
    other = open_wallet(account=make_individual("Grace Hopper"))
    post(other, "credit", "10")
    buy(other)

    assert read(wallet.account) == []


def history(wallet: Wallet, *, moments: int) -> None:
    """At each moment, at once, a purchase with its credit and two movements."""
    for minute in range(moments):
        with clock.at(NOON + timedelta(minutes=minute // 2)):
            buy(wallet, state="declined")
            post(wallet, "credit", "5")
            post(wallet, "basic", 60)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_follow_each_other_without_gap_or_repetition(wallet, limit):
    history(wallet, moments=4)
    whole = read(wallet.account)
    cursor, rows = None, []
    while True:
        page = statements.transactions(account=wallet.account, cursor=cursor, limit=limit)
        rows += page.rows
        cursor = page.next_cursor
        if not cursor:
            break
        assert len(page.rows) == limit

    assert len(whole) == 12
    assert rows == whole
    assert [row.at for row in rows] == sorted((row.at for row in rows), reverse=True)


def test_rows_that_arrive_meanwhile_do_not_shift_the_next_page(wallet):
    history(wallet, moments=4)
    first = statements.transactions(account=wallet.account, limit=5)
    expected = read(wallet.account)[5:]
    post(wallet, "credit", "1")

    assert read(wallet.account, cursor=first.next_cursor) == expected


@pytest.mark.parametrize("size", [1, 25])
def test_a_page_is_three_queries_whatever_it_shows(wallet, size, django_assert_num_queries):
    for _ in range(size):
        buy(wallet)
        post(wallet, "credit", "-1", kind="calls")
    account = Account.objects.get(pk=wallet.account_id)

    with django_assert_num_queries(3):
        page = statements.transactions(account=account, limit=size * 2)

    assert len(page.rows) == size * 2


@pytest.mark.parametrize(
    "cursor",
    ["x", "a:b:c", "eyJ", "WzEsMl0:1abc:def", "\x00", "٣", "A" * 10_000, "' OR 1=1 --"],
)
def test_a_cursor_that_is_not_ours_is_refused(wallet, cursor):
    for reading in (statements.transactions, statements.entries):
        with pytest.raises(BadCursor, match="not one of ours") as refusal:
            reading(account=wallet.account, cursor=cursor)
        assert refusal.value.status == 400


def test_a_cursor_with_one_letter_changed_is_refused(wallet):
    history(wallet, moments=2)
    cursor = statements.transactions(account=wallet.account, limit=1).next_cursor

    with pytest.raises(BadCursor):
        read(wallet.account, cursor=("X" if cursor[0] != "X" else "Y") + cursor[1:])


def test_days_are_the_accounts_and_both_are_included():
    account = make_individual(timezone="America/New_York")
    wallet = open_wallet(account=account)
    # 23:30 on 19 November and 00:30 on 20 November in New York.
    for moment in (
        datetime(2026, 11, 20, 4, 30, tzinfo=UTC),
        datetime(2026, 11, 20, 5, 30, tzinfo=UTC),
    ):
        with clock.at(moment):
            post(wallet, "credit", "1")

    late, early = read(account)

    assert read(account, since=date(2026, 11, 20)) == [late]
    assert read(account, until=date(2026, 11, 19)) == [early]
    assert read(account, since=date(2026, 11, 19), until=date(2026, 11, 20)) == [late, early]


def test_moments_are_exact_and_the_end_is_excluded(wallet):
    for minutes in (0, 1, 2):
        with clock.at(NOON + timedelta(minutes=minutes)):
            post(wallet, "credit", "1")

    [row] = read(
        wallet.account, since=NOON + timedelta(minutes=1), until=NOON + timedelta(minutes=2)
    )

    assert row.at == NOON + timedelta(minutes=1)


@pytest.mark.parametrize("day", [date.min, date.max])
def test_days_at_the_edge_of_the_calendar_are_no_error(wallet, day):
    post(wallet, "credit", "1")

    assert len(read(wallet.account, since=date.min, until=date.max)) == 1
    assert len(read(wallet.account, since=day, until=day)) == 0


def test_entries_are_the_ledger_as_it_is(wallet, django_assert_num_queries):
    buy(wallet)
    post(wallet, "basic", 60)
    post(wallet, "credit", "-1", kind="calls")
    account = Account.objects.get(pk=wallet.account_id)

    with django_assert_num_queries(1):
        page = statements.entries(account=account, limit=2)

    assert [(row.kind, row.amount) for row in page.rows] == [("calls", -1), ("adjustment", 60)]
    [oldest] = statements.entries(account=account, cursor=page.next_cursor).rows
    assert (oldest.kind, oldest.amount) == ("recharge", 50)
    assert len(statements.entries(account=account, kinds=["calls"]).rows) == 1
    assert len(statements.entries(account=account, pots=["credit"]).rows) == 2


def test_the_balance_history_has_each_days_last_credit(django_assert_num_queries):
    account = make_individual(timezone="America/New_York")
    wallet = open_wallet(account=account)
    for day, hour, amount in (
        (10, 12, "100"),
        (18, 12, "-10"),
        (18, 20, "-20"),
        # Still the 19th in New York.
        (20, 3, "-5"),
        (20, 12, "30"),
    ):
        with clock.at(datetime(2026, 11, day, hour, tzinfo=UTC)):
            post(wallet, "credit", amount)
            post(wallet, "basic", 60)

    with clock.at(datetime(2026, 11, 21, 2, tzinfo=UTC)), django_assert_num_queries(1):
        found = figures.balance_history(wallet=wallet, days=4)

    assert found == [
        (date(2026, 11, 17), Decimal(100)),
        (date(2026, 11, 18), Decimal(70)),
        (date(2026, 11, 19), Decimal(65)),
        (date(2026, 11, 20), Decimal(95)),
    ]


def test_a_wallet_that_never_moved_has_a_flat_history(wallet):
    with clock.at(NOON):
        found = figures.balance_history(wallet=wallet, days=2)

    assert found == [(date(2026, 11, 19), 0), (date(2026, 11, 20), 0)]


def test_usage_is_what_calls_took_by_month_of_the_account(django_assert_num_queries):
    account = make_individual(timezone="America/New_York")
    wallet = open_wallet(account=account)
    for pot, amount in (("credit", "10"), ("premium", 6000), ("included", 600)):
        post(wallet, pot, amount)
    for moment, pot, amount in (
        (datetime(2026, 10, 5, tzinfo=UTC), "premium", -60),
        # Still October in New York.
        (datetime(2026, 11, 1, 3, tzinfo=UTC), "credit", "-0.16"),
        (datetime(2026, 11, 2, tzinfo=UTC), "premium", -30),
        (datetime(2026, 11, 3, tzinfo=UTC), "premium", -31),
        (datetime(2026, 11, 3, tzinfo=UTC), "included", -600),
        # Thirteen months ago.
        (datetime(2025, 11, 3, tzinfo=UTC), "premium", -999),
    ):
        with clock.at(moment):
            post(wallet, pot, amount, kind="calls")

    with clock.at(NOON), django_assert_num_queries(1):
        months = figures.usage_by_month(wallet=wallet, months=12)

    assert [usage.month for usage in months[:3]] == [
        date(2026, 11, 1),
        date(2026, 10, 1),
        date(2026, 9, 1),
    ]
    assert len(months) == 12
    assert (months[0].premium_seconds, months[0].included_seconds, months[0].credit) == (
        61,
        600,
        Decimal(0),
    )
    assert (months[1].premium_seconds, months[1].credit) == (60, Decimal("0.16"))
    assert all(usage == figures.MonthUsage(month=usage.month) for usage in months[2:])


def test_recharges_are_summed_by_day_of_the_account(django_assert_num_queries):
    wallet = open_wallet(account=make_individual(timezone="America/New_York"))
    # 02:00 in UTC is still the evening before in New York.
    for moment in (datetime(2026, 11, 21, 2, tzinfo=UTC), datetime(2026, 11, 21, 20, tzinfo=UTC)):
        with clock.at(moment):
            buy(wallet, cents=5000)

    with clock.at(datetime(2026, 11, 22, 12, tzinfo=UTC)), django_assert_num_queries(1):
        by_day = figures.recharges_by_day(wallet=wallet, days=7)

    assert by_day == {date(2026, 11, 20): Decimal(50), date(2026, 11, 21): Decimal(50)}


def test_a_day_begins_where_the_pinned_table_says_and_not_postgresqls():
    """To PostgreSQL, CET is an hour ahead of UTC all the year."""
    wallet = open_wallet(account=make_individual(timezone="CET"))
    with clock.at(datetime(2026, 7, 20, 22, 30, tzinfo=UTC)):
        buy(wallet, cents=5000)

    with clock.at(datetime(2026, 7, 22, 12, tzinfo=UTC)):
        by_day = figures.recharges_by_day(wallet=wallet, days=7)

    assert by_day == {date(2026, 7, 21): Decimal(50)}
