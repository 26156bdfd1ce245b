"""CSV and XLSX: a row an entry, a column a pot, and columns that add up."""

import csv
import io
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook

from accounts import clock
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from wallets import limits
from wallets.balances import adjustments
from wallets.errors import InvalidAmount
from wallets.exports import periods
from wallets.exports.asking import Format
from wallets.exports.lines import lines
from wallets.exports.periods import period
from wallets.exports.tables import COLUMNS
from wallets.models import LedgerEntry
from wallets.statements import monthly, statements
from wallets.tests.exports.reading import bytes_of, november, rows_of, sums, text_of
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import allocate, buy, post
from wallets.tests.worlds.reversal_world import buy as recharge
from wallets.tests.worlds.reversal_world import drive, make_wallet_with_card, refund

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_wallet_of_less_than_a_cent_exports_rows_that_add_up_to_less_than_a_cent(stripe):
    """They added up to $119.38: dollars that had bought minutes were told as credit."""
    wallet = make_wallet_with_card(stripe)
    post(wallet, "credit", "-0.500000", kind="calls")
    recharge(wallet, 50, "premium")
    recharge(wallet, 70, "basic")
    buy(wallet, state="declined")
    wallet.refresh_from_db()

    rows = rows_of(wallet.account)

    assert sums(rows) == list(wallet.pots.values())
    assert wallet.credit.amount < Decimal("0.01")
    of_credit = [Decimal(row["amount"]) for row in rows if row["of"] == "credit"]
    assert sum(of_credit) == wallet.credit.amount
    assert sum(Decimal(row["paid"]) for row in rows) == Decimal(120)


def test_there_is_a_row_for_each_entry_the_newest_first():
    wallet = make_wallet(credit="5", premium=90, basic=61, included=3600)
    buy(wallet, state="declined")

    rows = rows_of(wallet.account)

    entries = LedgerEntry.objects.filter(wallet=wallet).order_by("-pk")
    assert [row["reference"] for row in rows] == [f"E{one.pk}" for one in entries]
    assert [row["of"] for row in rows] == ["included", "basic", "premium", "credit"]
    assert rows[2]["premium_seconds"] == "90"
    assert [rows[2][name] for name in ("credit", "basic_seconds")] == ["0.000000", "0"]


def test_old_columns_stand_where_they_stood_and_new_ones_behind_them():
    head = text_of(make_wallet().account).splitlines()[0]

    assert head.startswith("date,description,note,status,amount,unit,of,balance_after,reference,")
    assert head == ",".join(COLUMNS)


def test_a_column_has_the_same_number_of_digits_in_every_row():
    """With a decimal comma `60` is a number and `-9.000000` a text, and half is summed."""
    wallet = make_wallet(credit="0.5", premium=60)
    post(wallet, "credit", "-0.000001", kind="calls")
    buy(wallet, cents=5000)
    post(wallet, "premium", -9, kind="calls")

    rows = rows_of(wallet.account)

    digits = {"amount": 6, "balance_after": 6, "credit": 6, "paid": 2, "premium_seconds": 0}
    for name, count in digits.items():
        ends = rf"-?\d+\.\d{{{count}}}" if count else r"-?\d+"
        assert [row[name] for row in rows if not re.fullmatch(ends, row[name])] == []


def test_a_day_and_a_time_of_the_account_stand_beside_the_moment():
    account = make_individual(timezone="America/New_York")
    with clock.at(datetime(2026, 11, 20, 3, 4, 5, 999_999, tzinfo=UTC)):
        make_wallet(credit="1", account=account)

    [row] = rows_of(account)

    assert row["date"] == "2026-11-19T22:04:05-05:00"
    assert (row["day"], row["time"]) == ("2026-11-19", "22:04:05")


def test_the_byte_order_mark_is_there_by_choice():
    account = make_wallet(credit="1").account

    assert text_of(account).startswith("date,")
    assert text_of(account, with_mark=True) == "\ufeff" + text_of(account)


def test_one_pot_alone_adds_up_to_what_it_holds():
    wallet = make_wallet(credit="5", premium=90, basic=61)

    rows = rows_of(wallet.account, pot="premium")

    assert sums(rows) == [0, 90, 0, 0]
    assert {row["of"] for row in rows} == {"premium"}
    assert rows[0]["balance_after"] == "90.000000"


def test_a_row_names_its_purchase_and_its_receipt(stripe):
    wallet = make_wallet_with_card(stripe)
    purchase = recharge(wallet, 50, "premium")
    drive(refund(purchase, 1000))
    purchase.refresh_from_db()

    back, bought = (row for row in rows_of(wallet.account) if row["of"] == "premium")

    for row in (back, bought):
        assert (row["purchase"], row["receipt"]) == (
            str(purchase.pk),
            str(purchase.receipt_number),
        )
    assert [row["paid"] for row in rows_of(wallet.account) if row["paid"] != "0.00"] == [
        "-10.00",
        "50.00",
    ]


def test_a_payment_is_paid_until_all_of_it_went_back(stripe):
    wallet = make_wallet_with_card(stripe)
    purchase = recharge(wallet, 50, "credit")
    drive(refund(purchase, 1000))
    partly = rows_of(wallet.account)[-1]["status"]
    drive(refund(purchase, 4000))

    assert (partly, rows_of(wallet.account)[-1]["status"]) == ("Paid", "Refunded")


def test_a_sub_account_is_told_no_numbers_of_its_agencys_payments():
    agency = make_agency()
    make_wallet(account=agency)
    sub = make_wallet(account=make_sub_account(agency=agency))
    allocate(sub)

    [row] = rows_of(sub.account)

    assert (row["description"], row["basic_seconds"]) == (
        "500 Basic minutes from Brightline Agency",
        "30000",
    )
    assert (row["purchase"], row["receipt"], row["paid"]) == ("", "", "0.00")


def test_payments_that_moved_nothing_here_are_told_when_asked_for_and_are_in_no_sum():
    agency = make_wallet(account=make_agency(), credit="7")
    allocate(make_wallet(account=make_sub_account(agency=agency.account)))
    buy(agency, cents=2500, state="declined")

    without = rows_of(agency.account)
    rows = rows_of(agency.account, with_payments=True)

    assert [row["description"] for row in rows] == [
        "Recharge, $25.00 not paid",
        "Monthly allocation for Northside Dental",
        "Adjustment by support",
    ]
    assert [(row["status"], row["paid"]) for row in rows] == [
        ("Failed", "0.00"),
        ("Paid", "45.00"),
        ("Posted", "0.00"),
    ]
    assert sums(rows) == sums(without) == [7, 0, 0, 0]
    assert [row["of"] for row in rows] == ["", "", "credit"]


def test_a_type_finds_payments_for_sub_accounts_as_it_always_did():
    agency = make_wallet(account=make_agency(), credit="7")
    allocate(make_wallet(account=make_sub_account(agency=agency.account)))

    [row] = rows_of(agency.account, kinds=["allocation"])

    assert (row["description"], row["paid"]) == ("Monthly allocation for Northside Dental", "45.00")
    assert rows_of(agency.account, kinds=["calls"]) == []


def test_a_status_finds_payments_that_failed_as_it_always_did():
    wallet = make_wallet(credit="7")
    buy(wallet, cents=2500, state="declined")
    buy(wallet, cents=1500)

    failed = rows_of(wallet.account, statuses=["failed"])
    paid = rows_of(wallet.account, statuses=["paid"])

    assert [(row["status"], row["amount"]) for row in failed] == [("Failed", "0.000000")]
    assert [(row["status"], row["credit"]) for row in paid] == [("Paid", "15.000000")]


def test_words_that_a_spreadsheet_takes_for_a_formula_are_disarmed():
    wallet = make_wallet()
    adjustments.post(
        wallet_id=wallet.pk,
        pot="credit",
        amount=Decimal(1),
        note="For ourselves",
        customer_note='=HYPERLINK("x")',
        actor=None,
        form_key="formula",
    )

    [row] = rows_of(wallet.account)
    sheet = sheet_of(wallet.account)

    assert row["note"] == '\'=HYPERLINK("x")'
    assert sheet[1][COLUMNS.index("note")] == '=HYPERLINK("x")'
    assert row["amount"] == "1.000000"


# --- days


def three_days():
    """A dollar on the 18th, two on the 19th and four on the 20th of November, in UTC."""
    wallet = make_wallet(account=make_individual(timezone="UTC"))
    for day, dollars in ((18, "1"), (19, "2"), (20, "4")):
        with clock.at(datetime(2026, 11, day, 12, tzinfo=UTC)):
            post(wallet, "credit", dollars)
    return wallet


@pytest.mark.parametrize(
    ("since", "until", "credit"),
    [
        (None, None, 7),
        (None, november(18), 1),
        (november(19), None, 6),
        (november(19), november(19), 2),
        (november(20), november(20), 4),
        (date(2026, 1, 1), november(17), 0),
        (date(1900, 1, 1), november(18), 1),
    ],
)
def test_days_are_those_of_the_account_both_included(since, until, credit):
    with clock.at(NOON + timedelta(hours=1)):
        wallet = three_days()
        rows = rows_of(wallet.account, since=since, until=until)

    assert sums(rows)[0] == credit


@pytest.mark.parametrize(
    ("since", "until", "field", "said"),
    [
        (november(21), None, "since", "21 Nov 2026 has not come yet"),
        (None, november(21), "until", "Choose 20 Nov 2026 or an earlier day."),
        (november(20), november(19), "until", "This is before 20 Nov 2026."),
        (date(1899, 12, 31), None, "since", "Choose a day from 1900 on."),
        (None, date(1, 1, 1), "until", "Choose a day from 1900 on."),
    ],
)
def test_days_to_come_long_gone_and_the_wrong_way_round_are_refused(since, until, field, said):
    with clock.at(NOON), pytest.raises(InvalidAmount) as refused:
        rows_of(three_days().account, since=since, until=until)

    assert said in refused.value.fields[field]
    assert str(refused.value).endswith("Nothing was exported.")


def test_an_entry_never_stands_before_an_older_one_whatever_hosts_clocks_said():
    """The second host's clock is an hour behind: its entry is not of the day before."""
    account = make_individual(timezone="UTC")
    with clock.at(datetime(2026, 11, 19, 0, 30, tzinfo=UTC)):
        wallet = make_wallet(account=account, credit="1")
    with clock.at(datetime(2026, 11, 18, 23, 30, tzinfo=UTC)):
        post(wallet, "credit", "2")

    with clock.at(NOON):
        before = rows_of(account, until=november(18))
        after = rows_of(account, since=november(19))

    assert before == []
    assert [(row["credit"], row["date"]) for row in after] == [
        ("2.000000", "2026-11-19T00:30:00+00:00"),
        ("1.000000", "2026-11-19T00:30:00+00:00"),
    ]


# --- what is read and how


def test_an_account_that_never_had_a_wallet_has_an_empty_file():
    assert rows_of(make_individual()) == []


def test_many_rows_take_as_many_queries_as_one(django_assert_num_queries):
    wallet = make_wallet(credit="1")
    account = wallet.account
    for number in range(30):
        post(wallet, "credit", "-0.01", kind="calls", key=f"calls:{number}")

    with django_assert_num_queries(4):
        assert len(rows_of(account)) == 31


def test_a_file_begins_before_all_of_it_is_read(monkeypatch):
    """PostgreSQL sorted a million entries before the first of them was sent."""
    monkeypatch.setattr(limits, "EXPORT_FIRST_BITE", 2)
    wallet = make_wallet()
    for _ in range(9):
        post(wallet, "credit", "1")
    found = lines(period(account=wallet.account, since=None, until=None), newest_first=True)

    with CaptureQueriesContext(connection) as queries:
        first = [next(found), next(found)]

    newest = LedgerEntry.objects.filter(wallet=wallet).order_by("-pk")[:2]
    assert [line.entry_id for line in first] == [entry.pk for entry in newest]
    assert "LIMIT (SELECT 2)" in queries[0]["sql"]
    assert len(queries) == 2
    assert len(list(found)) == 7


@pytest.mark.parametrize("bite", [1, 2, 3, 5, 20])
def test_bites_join_into_the_file_that_is_read_at_once(bite, monkeypatch):
    """Also where clocks went back: an entry never stands earlier than one before it."""
    wallet = make_wallet()
    for minutes in (0, 90, 30, 40, 91, 10, 92, 80, 93, 60, 70):
        with clock.at(NOON + timedelta(minutes=minutes)):
            post(wallet, "credit", "1")
    with clock.at(NOON + timedelta(hours=2)):
        asked = period(account=wallet.account, since=None, until=None)
    monkeypatch.setattr(limits, "EXPORT_FIRST_BITE", bite)
    monkeypatch.setattr(limits, "EXPORT_BITE", bite + 1)

    oldest_first = list(lines(asked))
    newest_first = list(lines(asked, newest_first=True))

    moments = [(line.at - NOON) // timedelta(minutes=1) for line in oldest_first]
    assert moments == [0, 90, 90, 90, 91, 91, 92, 92, 93, 93, 93]
    assert newest_first == oldest_first[::-1]


def test_the_file_has_every_row_that_the_page_of_the_ledger_has():
    wallet = make_wallet(credit="3", basic=60)
    page = statements.entries(account=wallet.account)

    references = [row["reference"] for row in rows_of(wallet.account)]

    assert references == [f"E{entry.pk}" for entry in page.rows]


def sheet_of(account, sheet="Entries", **facts):
    file = io.BytesIO(bytes_of(account, Format.XLSX, **facts))
    return CalamineWorkbook.from_filelike(file).get_sheet_by_name(sheet).to_python()


def test_a_spreadsheet_has_figures_days_and_times_and_no_texts_of_them():
    account = make_individual(timezone="Europe/Berlin")
    with clock.at(NOON):
        wallet = make_wallet(account=account, credit="0.000844", premium=90)

        heads, premium, credit = sheet_of(account)

    row = dict(zip(heads, credit, strict=True))
    assert (row["credit"], row["balance_after"], row["paid"]) == (0.000844, 0.000844, 0.0)
    assert (row["day"], row["time"]) == (november(20), time(13, 0))
    assert dict(zip(heads, premium, strict=True))["premium_seconds"] == 90.0
    assert row["reference"] == f"E{LedgerEntry.objects.get(wallet=wallet, pot='credit').pk}"


def test_a_spreadsheets_second_sheet_has_what_was_held_before_and_after():
    with clock.at(NOON + timedelta(hours=1)):
        wallet = three_days()
        sums = sheet_of(wallet.account, "Sums", since=november(19), until=november(19))

    assert sums[1] == ["Credit", "USD", 1.0, 2.0, 3.0]
    assert sums[2] == ["Premium minutes", "seconds", 0.0, 0.0, 0.0]


def test_what_is_posted_while_a_spreadsheet_is_written_is_in_neither_sheet(monkeypatch):
    wallet = make_wallet(credit="5")
    opening = periods.opening

    def meanwhile(asked):
        post(wallet, "credit", "-2", kind="calls")
        return opening(asked)

    monkeypatch.setattr(periods, "opening", meanwhile)

    assert sheet_of(wallet.account, "Sums")[1] == ["Credit", "USD", 0.0, 5.0, 5.0]


def test_more_rows_than_a_spreadsheet_may_have_are_refused(monkeypatch):
    monkeypatch.setattr(limits, "XLSX_ROWS_MOST", 2)
    wallet = make_wallet(credit="1", premium=60)
    assert len(sheet_of(wallet.account)) == 3

    post(wallet, "credit", "1")
    with pytest.raises(InvalidAmount, match="more than 2 lines, too many for one XLSX file"):
        bytes_of(wallet.account, Format.XLSX)

    assert len(list(csv.reader(text_of(wallet.account).splitlines()))) == 4


def test_a_month_is_what_its_files_add_up_to_whatever_hosts_clocks_said():
    """The second host's clock is an hour behind: its entry is of the new month all the same."""
    account = make_individual(timezone="UTC")
    with clock.at(datetime(2026, 10, 5, 12, tzinfo=UTC)):
        wallet = make_wallet(account=account, credit="1.000844", premium=90)
    with clock.at(datetime(2026, 11, 1, 0, 30, tzinfo=UTC)):
        post(wallet, "credit", "2")
    with clock.at(datetime(2026, 10, 31, 23, 30, tzinfo=UTC)):
        post(wallet, "credit", "-0.5", kind="calls")

    with clock.at(NOON):
        october, current = (
            monthly.month_of(account=account, first=date(2026, month, 1)) for month in (10, 11)
        )
        files = [
            rows_of(account, since=date(2026, 10, 1), until=date(2026, 10, 31)),
            rows_of(account, since=date(2026, 11, 1)),
        ]

    assert [[one.closing - one.opening for one in found.pots] for found in (october, current)] == [
        sums(rows)[:2] for rows in files
    ]
    assert [one.closing for one in current.pots] == [Decimal("2.500844"), Decimal(90)]
