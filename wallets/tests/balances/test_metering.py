from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import clock
from wallets.balances import ledger, metering
from wallets.balances.metering import Taken, Usage
from wallets.models import LedgerEntry
from wallets.prices.amounts import price_of_seconds
from wallets.prices.rates import rate_history, set_rate
from wallets.tests.worlds.builders import make_wallet

pytestmark = pytest.mark.django_db

MINUTE = 60


def charge(*usages, wallet, batch=None):
    with transaction.atomic():
        locked = ledger.lock_accounts(account_ids=[wallet.account_id]).values()
        wallets = {one.pk: one for one in locked}
        batch, rates = batch or uuid4(), rate_history()
        with metering.charged(usages=usages, batch=batch, wallets=wallets, rates=rates) as taken:
            return taken


def usage(wallet, minute_type, seconds, *, billable=True, ended_at=None):
    return Usage(wallet.pk, minute_type, seconds, ended_at or clock.now(), billable)


def pots(wallet):
    wallet.refresh_from_db()
    return (
        wallet.included_seconds,
        wallet.premium_seconds,
        wallet.basic_seconds,
        wallet.credit.amount,
    )


def test_a_premium_call_takes_included_then_premium_then_credit():
    wallet = make_wallet(credit="10", premium=30, basic=600, included=60)

    (taken,) = charge(usage(wallet, "premium", 150), wallet=wallet)

    assert taken == Taken(
        included_seconds=60, premium_seconds=30, basic_seconds=0, credit=Decimal("0.160000")
    )
    assert pots(wallet) == (0, 0, 600, Decimal("9.84"))


@pytest.mark.parametrize("minute_type", ["premium", "premium_then_basic"])
def test_included_minutes_go_before_bought_ones(minute_type):
    wallet = make_wallet(premium=60, basic=60, included=60)

    charge(usage(wallet, minute_type, 45), wallet=wallet)

    assert pots(wallet) == (15, 60, 60, 0)


def test_each_batch_is_charged_though_another_cost_the_same():
    wallet = make_wallet(basic=120)

    for _ in range(2):
        charge(usage(wallet, "basic", MINUTE), wallet=wallet)

    assert pots(wallet) == (0, 0, 0, 0)
    assert wallet.entries.filter(kind="calls").count() == 2


def test_a_batch_that_was_charged_before_is_refused_by_its_key():
    wallet, batch = make_wallet(basic=120), uuid4()
    charge(usage(wallet, "basic", MINUTE), wallet=wallet, batch=batch)

    with pytest.raises(IntegrityError, match="ledger_"), transaction.atomic():
        charge(usage(wallet, "basic", MINUTE), wallet=wallet, batch=batch)

    assert pots(wallet) == (0, 0, 60, 0)
    assert wallet.entries.filter(kind="calls").count() == 1


def test_a_basic_call_takes_basic_then_credit_and_leaves_premium_alone():
    wallet = make_wallet(credit="10", premium=600, basic=30, included=600)

    charge(usage(wallet, "basic", 90), wallet=wallet)

    assert pots(wallet) == (600, 600, 0, Decimal("9.91"))


def test_premium_then_basic_takes_both_then_credit_at_the_premium_rate():
    wallet = make_wallet(credit="10", premium=30, basic=30)

    charge(usage(wallet, "premium_then_basic", 120), wallet=wallet)

    assert pots(wallet) == (0, 0, 0, Decimal("9.84"))


def test_credit_goes_below_zero_because_the_call_has_happened():
    wallet = make_wallet(credit="0.10")

    charge(usage(wallet, "premium", MINUTE), wallet=wallet)

    assert pots(wallet)[3] == Decimal("-0.06")


def test_a_call_that_is_not_billable_takes_nothing():
    wallet = make_wallet(credit="10")

    taken = charge(usage(wallet, "premium", 0, billable=False), wallet=wallet)

    assert taken == [Taken()]
    assert not wallet.entries.filter(kind="calls").exists()


def test_a_batch_writes_one_entry_for_each_wallet_and_pot():
    wallet = make_wallet(credit="10", basic=90)

    charge(*[usage(wallet, "basic", MINUTE) for _ in range(3)], wallet=wallet)

    entries = wallet.entries.filter(kind="calls").order_by("pot")
    assert [(e.pot, e.amount) for e in entries] == [
        ("basic", Decimal(-90)),
        ("credit", Decimal("-0.135")),
    ]
    assert len({e.key for e in entries}) == 1


def test_the_rate_is_the_one_in_force_when_the_call_ended():
    wallet = make_wallet(credit="10")
    change = datetime(2100, 1, 1, tzinfo=UTC)
    set_rate(minute_type="premium", price=Decimal("0.32"), effective_from=change, actor=None)

    before, after = charge(
        usage(wallet, "premium", MINUTE, ended_at=datetime(2099, 12, 31, tzinfo=UTC)),
        usage(wallet, "premium", MINUTE, ended_at=change),
        wallet=wallet,
    )

    assert (before.credit, after.credit) == (Decimal("0.16"), Decimal("0.32"))


@pytest.mark.journey
@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["premium", "basic", "premium_then_basic"]), st.integers(0, 4_000)
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 5_000),
    st.integers(0, 5_000),
    st.integers(0, 5_000),
)
def test_no_second_is_lost_and_no_cent_invented(calls, premium, basic, included):
    wallet = make_wallet(credit="3", premium=premium, basic=basic, included=included)

    taken = charge(*[usage(wallet, kind, seconds) for kind, seconds in calls], wallet=wallet)

    for (kind, seconds), part in zip(calls, taken, strict=True):
        paid = part.included_seconds + part.premium_seconds + part.basic_seconds
        rate = Decimal("0.09") if kind == "basic" else Decimal("0.16")
        assert part.credit == price_of_seconds(seconds=seconds - paid, rate=rate)
    after = pots(wallet)
    assert after[0] == included - sum(part.included_seconds for part in taken)
    assert after[1] == premium - sum(part.premium_seconds for part in taken)
    assert after[2] == basic - sum(part.basic_seconds for part in taken)
    assert after[3] == 3 - sum(part.credit for part in taken)
    assert LedgerEntry.objects.filter(wallet=wallet, amount=0).count() == 0
