"""Who needs their agency today, in which order, and why in words."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from wallets.agencies import need as needs
from wallets.agencies.client import Client, Dollars
from wallets.agencies.need import Rank
from wallets.models import MinuteAsk

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)  # A Sunday.


def client(**facts) -> Client:
    plain = {
        "pk": uuid4(),
        "name": "Northside Dental",
        "is_closed": False,
        "archived_at": None,
        "zone": "UTC",
        "wallet_id": 1,
        "credit": Dollars(Decimal("50")),
        "premium_seconds": 0,
        "basic_seconds": 0,
        "included_seconds": 0,
        "blocked_at": None,
        "enabled": False,
        "suspended_at": None,
        "suspended_reason": "",
        "hold_reason": "",
        "not_before": None,
        "card_id": "",
    }
    return Client(**plain | facts)


ASK = MinuteAsk(premium_minutes=500)
SOON = NOW + timedelta(hours=1)
REASONS = [
    ({}, Rank.NOTHING, ""),
    ({"paused": 1}, Rank.PAUSED, "1 campaign paused"),
    ({"paused": 2}, Rank.PAUSED, "2 campaigns paused"),
    ({"ask": ASK}, Rank.ASKS, "asks for 500 Premium minutes"),
    (
        {"open_state": "requires_action"},
        Rank.PAYMENT,
        "your bank waits for you to confirm a payment",
    ),
    ({"payment_failed": True}, Rank.PAYMENT, "monthly allocation failed"),
    (
        {"payment_failed": True, "tried_again_at": SOON},
        Rank.PAYMENT,
        "monthly allocation was declined, and is tried again",
    ),
    ({"days": Decimal(0)}, Rank.RUNS_OUT, "nothing left"),
    ({"days": Decimal("0.4")}, Rank.RUNS_OUT, "lasts until today"),
    ({"days": Decimal("0.6")}, Rank.RUNS_OUT, "lasts until tomorrow"),
    ({"days": Decimal("2.9")}, Rank.RUNS_OUT, "lasts until Wednesday, 25 Nov"),
    ({"days": Decimal(3)}, Rank.NOTHING, ""),
    ({"days": Decimal(1), "enabled": True}, Rank.NOTHING, ""),
    (
        {"days": Decimal(1), "enabled": True, "card_trouble": "Auto-Recharge has no card"},
        Rank.RUNS_OUT,
        "lasts until tomorrow; Auto-Recharge has no card",
    ),
    ({"card_trouble": "Auto-Recharge has no card"}, Rank.CARD, "Auto-Recharge has no card"),
    ({"awaits": "invited"}, Rank.NOTHING, ""),
    ({"awaits": "expired"}, Rank.SEAT, "its invitation expired"),
    ({"awaits": "no invitation"}, Rank.SEAT, "nobody works in it, and nobody is invited"),
    ({"paused": 2, "is_closed": True}, Rank.NOTHING, ""),
    ({"paused": 2, "archived_at": NOW}, Rank.NOTHING, ""),
    (
        {"paused": 2, "ask": ASK, "days": Decimal(0), "payment_failed": True},
        Rank.PAUSED,
        "2 campaigns paused; asks for 500 Premium minutes; monthly allocation failed; nothing left",
    ),
]


@pytest.mark.parametrize(("facts", "rank", "text"), REASONS)
def test_what_a_sub_account_needs_is_told_in_words(facts, rank, text):
    found = needs.need(client(**facts), now=NOW)

    assert (found.rank, found.text, found.is_any) == (rank, text, rank != Rank.NOTHING)


def test_those_that_stand_still_come_first_then_those_that_wait_then_those_that_will_stand_still():
    listed = [
        client(name="Calm"),
        client(name="Archived", archived_at=NOW, paused=5),
        client(name="Closed", is_closed=True),
        client(name="Ends in a week", days=Decimal(7)),
        client(name="Ends tomorrow", days=Decimal(1)),
        client(name="Ends today", days=Decimal("0.1")),
        client(name="Card", card_trouble="Auto-Recharge has no card"),
        client(name="Unpaid", payment_failed=True),
        client(name="Asks", ask=ASK),
        client(name="Two paused", paused=2),
        client(name="One paused", paused=1),
    ]

    found = sorted(listed, key=lambda one: needs.order(one, needs.need(one, now=NOW)))

    assert [one.name for one in found] == [
        "Two paused",
        "One paused",
        "Asks",
        "Unpaid",
        "Ends today",
        "Ends tomorrow",
        "Card",
        "Ends in a week",
        "Calm",
        "Closed",
        "Archived",
    ]


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (None, ""),
        (Decimal(0), "nothing left"),
        (Decimal("0.1"), "until today"),
        (Decimal("1.4"), "until tomorrow"),
        (Decimal(6), "until Saturday, 28 Nov"),
        (Decimal(7), "about 7 days"),
        (Decimal(366), "more than a year"),
    ],
)
def test_until_when_a_balance_lasts_is_a_day_while_it_is_near(days, text):
    assert needs.lasts(client(days=days), now=NOW) == text


def test_the_day_is_the_sub_accounts_own():
    late = client(days=Decimal("0.4"), zone="Asia/Tokyo")

    assert needs.lasts(late, now=NOW) == "until tomorrow"
