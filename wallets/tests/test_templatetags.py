"""How figures and moments are written."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from djmoney.money import Money

from wallets import texts

NEW_YORK = SimpleNamespace(zone=ZoneInfo("America/New_York"))
MOMENT = datetime(2026, 11, 23, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Money("1234.5", "USD"), "$1,234.50"),
        (Decimal("-4.32"), "−$4.32"),
        (Decimal("0.005"), "$0.01"),
        (Decimal("-0.004999"), "$0.00"),
        (0, "$0.00"),
        (None, ""),
    ],
)
def test_money_is_written_in_dollars_and_cents(amount, written):
    assert texts.money(amount) == written


def test_what_did_not_move_is_written_without_a_sign():
    assert texts.unsigned_money(Decimal("-35")) == "$35.00"
    assert texts.unsigned_money(Money("50", "USD")) == "$50.00"


@pytest.mark.parametrize(
    ("amount", "written"),
    [("50", "+$50.00"), ("-4.32", "−$4.32"), ("0", "$0.00"), ("0.001", "$0.00")],
)
def test_a_movement_carries_its_sign(amount, written):
    assert texts.signed_money(Decimal(amount)) == written


def test_card_amounts_are_cents():
    assert texts.cents(1_250_000) == "$12,500.00"


@pytest.mark.parametrize(
    ("price", "written"),
    [
        ("0.16", "$0.16"),
        ("0.160000", "$0.16"),
        ("0.1", "$0.10"),
        ("0.0875", "$0.0875"),
        ("2", "$2.00"),
    ],
)
def test_a_rate_keeps_every_decimal_it_has(price, written):
    assert texts.rate(Decimal(price)) == written


@pytest.mark.parametrize(
    ("seconds", "written"), [(75_000, "1,250"), (59, "0"), (-60, "0"), (None, "0")]
)
def test_minutes_are_whole_and_never_below_zero(seconds, written):
    assert texts.minutes(seconds) == written


def test_a_movement_of_minutes_is_exact_to_the_second():
    assert texts.signed_minutes(18_750) == "+312 min 30 s"
    assert texts.signed_minutes(-65) == "−1 min 05 s"
    assert texts.signed_minutes(30_000) == "+500 min"


def test_the_length_of_a_call_is_said_in_minutes_and_seconds():
    assert [texts.duration(seconds) for seconds in (0, 22, 244, 6000)] == [
        "0 s",
        "22 s",
        "4 min 04 s",
        "100 min 00 s",
    ]


def test_a_moment_is_shown_in_the_accounts_time_zone():
    html = Template("{% load money %}{% local_time at %}").render(
        Context({"at": MOMENT, "current_account": NEW_YORK})
    )

    assert html == (
        '<time datetime="2026-11-23T03:04:05Z" title="22:04:05 America/New_York">'
        "22 Nov 2026, 22:04</time>"
    )


def test_a_moment_of_the_next_days_needs_no_year():
    html = Template("{% load money %}{% near_time at %}").render(
        Context({"at": MOMENT, "current_account": NEW_YORK})
    )

    assert ">22 Nov, 22:04</time>" in html


def test_without_an_account_a_moment_is_shown_in_utc():
    html = Template("{% load money %}{% local_date at %}").render(Context({"at": MOMENT}))

    assert html == '<time datetime="2026-11-23T03:04:05Z" title="03:04:05 UTC">23 Nov 2026</time>'


def test_a_calendar_day_has_no_time_zone():
    html = Template("{% load money %}{% local_date day %}").render(
        Context({"day": date(2026, 12, 1), "current_account": NEW_YORK})
    )

    assert html == '<time datetime="2026-12-01">1 Dec 2026</time>'
