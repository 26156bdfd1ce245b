import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import F

from accounts import clock
from campaigns import calls, holds, pausing
from campaigns.models import Call, Campaign
from campaigns.tests.builders import (
    fill,
    make_campaign,
    make_report,
    make_wallet,
    turn_on_auto_recharge,
)
from tests.plans import rows_read
from wallets.balances import ledger, short
from wallets.books import checking
from wallets.models import AutoRecharge, MinuteRate, Wallet
from wallets.prices.rates import rates_now
from wallets.tests.worlds.books_world import plant

pytestmark = pytest.mark.django_db


def broken(*rules, days=None):
    since = None if days is None else clock.now() - timedelta(days=days)
    found = checking.check_all(since=since)
    return [(one.rule, one.wallet_id) for one in found if one.rule in rules]


def write_call(wallet, **fields):
    """A row beside the books, as only a bug could write it."""
    facts = {
        "external_id": str(uuid.uuid4()),
        "account": wallet.account,
        "minute_type": "premium",
        "seconds": 60,
        "ended_at": clock.now(),
        "outcome": "completed",
        "included_seconds": 0,
        "premium_seconds": 0,
        "basic_seconds": 0,
        "cost": Decimal(0),
        "batch": uuid.uuid4(),
        "created_at": clock.now(),
    }
    return Call.objects.create(**facts | fields)


def test_calls_of_every_kind_leave_the_books_in_order():
    wallets = [
        make_wallet(credit="1", premium=45, basic=30, included=10),
        make_wallet(credit="0.01"),
        make_wallet(),
    ]
    for wallet in wallets:
        campaign = make_campaign(wallet.account, minute_type="premium_then_basic")
        reports = [make_report(wallet.account, campaign=campaign, seconds=37) for _ in range(4)]
        reports += [make_report(wallet.account, minute_type="basic", seconds=1) for _ in range(3)]
        reports += [make_report(wallet.account, outcome="failed"), reports[0]]
        calls.record(reports=reports, reporter=None)

    assert checking.check_all() == []


def test_a_call_that_nobody_charged_breaks_the_books():
    wallet = make_wallet()

    write_call(wallet, cost=Decimal("0.16"))

    assert broken("I5") == [("I5", wallet.pk)]


def test_a_charge_without_calls_breaks_the_books():
    wallet = make_wallet(credit="5")

    ledger.post(
        movements=[
            ledger.Movement(
                wallet_id=wallet.pk, pot="credit", amount=-1, kind="calls", key="calls:x"
            )
        ]
    )

    assert broken("I5") == [("I5", wallet.pk)]


@pytest.mark.parametrize("since", [None, timedelta(hours=1)])
def test_errors_of_two_batches_that_make_up_for_each_other_break_the_books(since):
    wallet = make_wallet(credit="5")
    batches = [uuid.uuid4(), uuid.uuid4()]
    for batch, cost, charged in zip(batches, (1, 2), (2, 1), strict=True):
        write_call(wallet, cost=Decimal(cost), batch=batch)
        movement = ledger.Movement(
            wallet_id=wallet.pk, pot="credit", amount=-charged, kind="calls", key=f"calls:{batch}"
        )
        ledger.post(movements=[movement])

    found = checking.check_all(since=since and clock.now() - since)

    assert {one.text for one in found if one.rule == "I5"} == {
        f"calls:{batches[0]} took 1.000000 from credit by its calls and 2.000000 by its entry",
        f"calls:{batches[1]} took 2.000000 from credit by its calls and 1.000000 by its entry",
    }


def test_a_call_that_took_seconds_of_another_pot_than_its_entry_breaks_the_books():
    wallet, batch = make_wallet(premium=60, basic=60), uuid.uuid4()
    write_call(wallet, premium_seconds=60, batch=batch)
    movement = ledger.Movement(
        wallet_id=wallet.pk, pot="basic", amount=-60, kind="calls", key=f"calls:{batch}"
    )
    ledger.post(movements=[movement])

    assert broken("I5") == [("I5", wallet.pk)] * 2


def test_what_one_account_took_and_another_was_charged_for_breaks_the_books():
    calling, charged = make_wallet(credit="5"), make_wallet(credit="5")
    batch = uuid.uuid4()
    write_call(calling, cost=Decimal(1), batch=batch)
    movement = ledger.Movement(
        wallet_id=charged.pk, pot="credit", amount=-1, kind="calls", key=f"calls:{batch}"
    )
    ledger.post(movements=[movement])

    assert sorted(broken("I5")) == [("I5", calling.pk), ("I5", charged.pk)]


def test_a_charge_of_a_wallet_that_is_not_there_breaks_the_books():
    wallet, batch = make_wallet(credit="5"), uuid.uuid4()
    write_call(wallet, cost=Decimal(1), batch=batch)
    movement = ledger.Movement(
        wallet_id=wallet.pk, pot="credit", amount=-1, kind="calls", key=f"calls:{batch}"
    )
    ledger.post(movements=[movement])
    plant("UPDATE wallets_ledgerentry SET wallet_id = 0 WHERE kind = 'calls'")

    assert sorted(broken("I5")) == [("I5", 0), ("I5", wallet.pk)]


def test_a_batch_on_both_sides_of_a_moment_is_in_order_since_then():
    wallet = make_wallet(credit="5")
    batch, moment = uuid.uuid4(), clock.now() - checking.BEGUN_BEFORE
    movement = ledger.Movement(
        wallet_id=wallet.pk, pot="credit", amount=-1, kind="calls", key=f"calls:{batch}"
    )
    with clock.at(moment - timedelta(seconds=1)):
        ledger.post(movements=[movement])
    write_call(wallet, cost=Decimal(1), batch=batch, created_at=moment + timedelta(seconds=1))

    assert checking.check_all(since=clock.now()) == []


def test_a_call_of_another_account_than_its_campaign_breaks_the_books():
    wallet, other = make_wallet(), make_wallet()

    write_call(wallet, campaign=make_campaign(other.account))

    assert broken("I10") == [("I10", wallet.pk)]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("campaign_id = 0", "is of a campaign that is not there"),
        ("account_id = gen_random_uuid()", "is of an account that is not there"),
    ],
)
@pytest.mark.parametrize("since", [None, timedelta(hours=1)])
def test_a_call_of_what_is_not_there_breaks_the_books(change, text, since):
    call = write_call(make_wallet())
    plant(f"UPDATE campaigns_call SET {change}")

    found = checking.check_all(since=since and clock.now() - since)

    assert [(one.rule, one.text) for one in found] == [("I10", f"call {call.pk} {text}")]


def long_ago(campaign):
    Campaign.objects.filter(pk=campaign.pk).update(updated_at=clock.now() - timedelta(hours=1))


@pytest.mark.parametrize(
    ("minute_type", "pots", "expected"),
    [
        ("premium", {"credit": "0.159999"}, True),
        ("premium", {"credit": "0.16"}, False),
        ("basic", {"credit": "0.089999"}, True),
        ("basic", {"credit": "0.09"}, False),
        ("premium_then_basic", {"premium": 20, "basic": 20, "included": 19}, True),
        ("premium_then_basic", {"premium": 20, "basic": 20, "included": 20}, False),
        ("premium", {"basic": 600}, True),
    ],
)
def test_a_started_campaign_without_a_minute_breaks_the_books(minute_type, pots, expected):
    wallet = make_wallet(**pots)
    long_ago(make_campaign(wallet.account, minute_type=minute_type))

    for days in (None, 1):
        assert broken("I9", days=days) == ([("I9", wallet.pk)] if expected else [])

    pausing.sweep()
    assert broken("I9") == []


def of_long_ago(**pots):
    """A wallet and its started campaign, of which nothing has changed for a month."""
    with clock.at(clock.now() - timedelta(days=30)):
        wallet = make_wallet(**pots)
        return wallet, make_campaign(wallet.account)


def start_unnoticed(wallet):
    """Its campaign runs again, without a word of when."""
    paused = Campaign.objects.filter(account=wallet.account)
    paused.update(status="started", pause_reason="", paused_at=None, updated_at=F("created_at"))


def forget_low_balances():
    """Settings that take every balance for fine, as only a bug could leave them."""
    AutoRecharge.objects.update(low_armed=True)


def test_a_days_check_finds_a_campaign_without_a_minute_whatever_the_settings_say_of_it():
    _, campaign = of_long_ago(credit="0.10")
    moved, _ = of_long_ago(credit="0.10")
    fill(moved, credit="0.01")
    start_unnoticed(moved)
    forget_low_balances()
    hour_ago = clock.now() - timedelta(hours=1)

    found = broken("I9", days=1)
    Campaign.objects.filter(pk=campaign.pk).update(updated_at=hour_ago)

    assert found == [("I9", moved.pk)]
    assert (
        broken("I9", days=1)
        == broken("I9")
        == [("I9", wallet.pk) for wallet in Wallet.objects.order_by("pk")]
    )


def test_a_days_check_judges_every_campaign_while_a_minute_costs_more_than_any_threshold():
    wallet, _ = of_long_ago(credit="20")
    raised = clock.now()
    MinuteRate.objects.create(minute_type="premium", price="20.01", effective_from=raised)

    with clock.at(raised + timedelta(minutes=5)):
        assert broken("I9", days=1) == [("I9", wallet.pk)]
        assert pausing.sweep() == 1
        assert broken("I9", days=1) == []


def test_the_sweep_pauses_who_has_enough_that_calls_have_reserved():
    wallet, campaign = of_long_ago(credit="20")
    assert AutoRecharge.objects.get(wallet=wallet).low_armed
    holds.hold(
        call="a",
        reporter=None,
        account=wallet.account,
        campaign=campaign,
        seconds=7_450,
    )

    assert pausing.sweep() == 1


def test_whose_credit_is_well_is_not_even_looked_at_for_a_minute():
    for credit in ("20", "20", "0.10"):
        of_long_ago(credit=credit)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        # Or other tests' rows decide which index is cheap.
        cursor.execute("ANALYZE wallets_autorecharge")

    wallets = short.may_be_short(rates_now())

    assert rows_read(wallets, None, of="wallets_autorecharge") == 1


def test_the_books_wait_for_the_sweep_after_a_raised_rate():
    wallet = make_wallet(credit="0.20")
    long_ago(make_campaign(wallet.account))
    raised = clock.now()
    MinuteRate.objects.create(minute_type="premium", price="0.21", effective_from=raised)

    with clock.at(raised + timedelta(seconds=90)):
        assert broken("I9") == []
    with clock.at(raised + timedelta(seconds=150)):
        assert broken("I9") == [("I9", wallet.pk)]


def test_the_books_wait_while_auto_recharge_may_be_on_its_way():
    wallet = make_wallet(credit="0.10")
    long_ago(make_campaign(wallet.account))
    turn_on_auto_recharge(wallet)
    due = clock.now()

    with clock.at(due + timedelta(seconds=170)):
        assert broken("I9") == []
    with clock.at(due + timedelta(seconds=200)):
        assert broken("I9") == [("I9", wallet.pk)]


def test_a_recharge_puts_the_books_right():
    wallet = make_wallet()
    long_ago(make_campaign(wallet.account))

    fill(wallet, credit="0.16")

    assert broken("I9") == []
