"""What is reserved for calls that run, and what it keeps others from."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import close
from campaigns import calls, holds, lifecycle, pausing, resuming
from campaigns.errors import CannotRun
from campaigns.models import Campaign
from campaigns.tests.builders import (
    fill,
    make_account,
    make_campaign,
    make_report,
    make_wallet,
    turn_on_auto_recharge,
)
from wallets.balances import holds as reserved
from wallets.books import checking
from wallets.models import CallHold, MinuteRate, Wallet

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _at_noon():
    with clock.at(NOON):
        yield


def hold(wallet, call="a", seconds=60, *, minute_type="premium", **facts):
    if "campaign" not in facts:
        facts["minute_type"] = minute_type
    return holds.hold(account=wallet.account, call=call, seconds=seconds, reporter=None, **facts)


def report(wallet, *called, **facts):
    reports = [make_report(wallet.account, id=call, **facts) for call in called]
    return calls.record(reports=reports, reporter=None)


def kept(wallet):
    """What the wallet keeps as reserved: calls, credit, Premium, Basic and Included seconds."""
    wallet.refresh_from_db()
    return (
        wallet.reserved_calls,
        str(wallet.reserved_credit),
        wallet.reserved_premium_seconds,
        wallet.reserved_basic_seconds,
        wallet.reserved_included_seconds,
    )


NOTHING = (0, "0.000000", 0, 0, 0)


def holds_broken():
    return [(one.wallet_id, one.text) for one in checking.check_all() if one.rule == "I17"]


# --- reserving ----------------------------------------------------------------------------------


def test_a_hold_reserves_minutes_first_and_then_credit():
    wallet = make_wallet(credit="1", premium=50, basic=70, included=10)

    premium = hold(wallet, "a", 90)

    assert premium == holds.Hold(True, 90, NOON + timedelta(seconds=690), "ok")
    assert kept(wallet) == (1, "0.080000", 50, 0, 10)
    assert hold(wallet, "b", 100, minute_type="premium_then_basic").seconds == 100
    assert kept(wallet) == (2, "0.160000", 50, 70, 10)
    assert hold(wallet, "c", 20, minute_type="basic").seconds == 20
    assert kept(wallet) == (3, "0.190000", 50, 70, 10)
    assert holds_broken() == []


def test_a_hold_gets_what_is_left_and_the_next_one_nothing():
    wallet = make_wallet(credit="0.16", premium=30)

    granted = [hold(wallet, call, 60) for call in "abc"]

    assert [(one.allowed, one.seconds, one.reason) for one in granted] == [
        (True, 60, "ok"),
        (True, 30, "ok"),
        (False, 0, "low_balance"),
    ]
    assert granted[2].expires_at is None
    assert kept(wallet) == (2, "0.160000", 30, 0, 0)


def test_the_same_call_again_takes_nothing_twice_and_lasts_longer():
    wallet = make_wallet(premium=100)
    hold(wallet, "a", 60)

    with clock.at(NOON + timedelta(seconds=30)):
        again = hold(wallet, "a", 60)

    assert again == holds.Hold(True, 60, NOON + timedelta(seconds=690), "ok")
    assert kept(wallet) == (1, "0.000000", 60, 0, 0)


def test_a_hold_is_extended_as_far_as_others_leave_something():
    wallet = make_wallet(premium=200)
    hold(wallet, "a", 60)
    hold(wallet, "b", 60)

    assert hold(wallet, "a", 120).seconds == 120
    assert hold(wallet, "a", 500).seconds == 140
    assert hold(wallet, "b", 90).seconds == 60
    assert kept(wallet) == (2, "0.000000", 200, 0, 0)


def test_a_late_copy_of_a_smaller_question_takes_nothing_back():
    wallet = make_wallet(premium=200)
    hold(wallet, "a", 120)

    assert hold(wallet, "a", 60).seconds == 120
    assert kept(wallet) == (1, "0.000000", 120, 0, 0)


def test_a_call_may_change_its_kind_of_minutes():
    wallet = make_wallet(premium=60, basic=60)
    hold(wallet, "a", 60)

    assert hold(wallet, "a", 60, minute_type="basic").seconds == 60
    assert kept(wallet) == (1, "0.000000", 0, 60, 0)


def test_a_call_is_held_in_one_account_only():
    wallet, other = make_wallet(premium=60), make_wallet(premium=60)
    hold(wallet, "a", 60)

    answer = hold(other, "a", 60)

    assert answer == holds.Hold(False, 0, None, "held_elsewhere")
    assert (kept(wallet)[2], kept(other)) == (60, NOTHING)


def test_calls_of_one_id_by_two_reporters_are_two_calls():
    wallet = make_wallet(premium=100)
    hold(wallet, "a", 60)

    own = holds.hold(
        account=wallet.account, call="a", seconds=60, reporter=wallet.account, minute_type="premium"
    )

    assert own.seconds == 40
    assert CallHold.objects.count() == 2


def test_the_first_hold_of_an_account_opens_its_wallet():
    account = make_account()

    answer = holds.hold(account=account, call="a", seconds=60, reporter=None, minute_type="premium")

    assert answer.reason == "low_balance"
    assert kept(Wallet.objects.get(account=account)) == NOTHING


def test_a_rate_that_will_rise_before_the_hold_ends_is_reserved_at_once():
    wallet = make_wallet(credit="1")
    rises = NOON + timedelta(minutes=5)
    MinuteRate.objects.create(minute_type="premium", price="0.32", effective_from=rises)

    hold(wallet, "a", 60)
    with clock.at(rises + timedelta(seconds=1)):
        (result,) = report(wallet, "a", ended_at=clock.now())

    assert kept(wallet) == NOTHING
    assert result.cost == Decimal("0.32")


def test_a_rate_that_rises_after_the_hold_ends_or_has_fallen_does_not_matter():
    wallet = make_wallet(credit="1")
    for price, moment in (("9", NOON - timedelta(days=1)), ("0.10", NOON), ("9", NOON + DAY)):
        MinuteRate.objects.create(minute_type="premium", price=price, effective_from=moment)

    hold(wallet, "a", 60)

    assert kept(wallet) == (1, "0.100000", 0, 0, 0)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("low_balance", "campaign_paused"),
        ("manual", "campaign_paused"),
        ("not_started", "campaign_not_started"),
        ("complete", "campaign_finished"),
    ],
)
def test_only_a_started_campaign_gets_a_hold_and_its_running_calls_go_on(status, reason):
    wallet = make_wallet(premium=300)
    running = make_campaign(wallet.account)
    stopped = make_campaign(wallet.account, status=status)
    hold(wallet, "a", 60, campaign=running)

    assert hold(wallet, "b", 60, campaign=stopped) == holds.Hold(False, 0, None, reason)
    assert hold(wallet, "a", 90, campaign=stopped).seconds == 90
    assert kept(wallet) == (1, "0.000000", 90, 0, 0)


def test_a_closed_account_gets_no_hold():
    wallet = make_wallet(premium=300)
    close(wallet.account)

    assert hold(wallet) == holds.Hold(False, 0, None, "closed")
    assert kept(wallet) == NOTHING


def test_while_auto_recharge_is_coming_a_refused_hold_says_so():
    wallet = make_wallet(credit="0")
    turn_on_auto_recharge(wallet)

    assert hold(wallet).reason == "recharging"


# --- ending -------------------------------------------------------------------------------------


def test_a_reported_call_takes_what_it_used_and_frees_the_rest():
    wallet = make_wallet(premium=100)
    hold(wallet, "a", 60)
    hold(wallet, "b", 40)

    report(wallet, "a", seconds=20)

    assert kept(wallet) == (1, "0.000000", 40, 0, 0)
    assert wallet.premium_seconds == 80
    assert hold(wallet, "c", 60).seconds == 40


def test_a_call_that_failed_frees_all_it_held():
    wallet = make_wallet(credit="1")
    hold(wallet, "a", 60)

    report(wallet, "a", outcome="failed")

    assert kept(wallet) == NOTHING
    assert wallet.credit.amount == 1


def test_after_its_report_a_call_gets_no_hold():
    wallet = make_wallet(premium=100)
    hold(wallet, "a", 60)
    report(wallet, "a", seconds=20)

    assert hold(wallet, "a", 60) == holds.Hold(False, 0, None, "reported")
    assert kept(wallet) == NOTHING


def test_a_rejected_or_repeated_report_leaves_holds_alone():
    wallet = make_wallet(premium=100)
    hold(wallet, "a", 60)

    report(wallet, "a", ended_at=NOON + timedelta(hours=1))

    assert kept(wallet) == (1, "0.000000", 60, 0, 0)


def test_a_call_reported_for_another_account_leaves_the_hold_until_it_ends():
    wallet, other = make_wallet(premium=60), make_wallet(premium=60)
    hold(wallet, "a", 60)
    hold(other, "b", 60)

    report(other, "a", seconds=10)

    assert kept(wallet)[2] == 60
    assert kept(other)[2] == 60
    assert holds_broken() == []


def test_a_released_hold_is_free_at_once_and_may_be_released_again():
    wallet = make_wallet(premium=60)
    hold(wallet, "a", 60)

    for _ in range(2):
        holds.release(call="a", reporter=None)
        assert kept(wallet) == NOTHING

    assert hold(wallet, "b", 60).seconds == 60


def test_an_expired_hold_counts_for_nothing_from_its_moment_on():
    wallet = make_wallet(premium=60)
    ends = hold(wallet, "a", 60).expires_at

    with clock.at(ends - timedelta(microseconds=1)):
        assert hold(wallet, "b", 60).reason == "low_balance"
        assert not calls.authorize(account=wallet.account, minute_type="premium").allowed
    with clock.at(ends):
        assert calls.authorize(account=wallet.account, minute_type="premium").seconds == 60
        assert hold(wallet, "b", 60).seconds == 60
        assert kept(wallet) == (2, "0.000000", 120, 0, 0)
        assert holds_broken() == []


def test_the_sweep_deletes_what_has_expired_and_nothing_else():
    wallet, other = make_wallet(premium=100), make_wallet(credit="1")
    ends = hold(wallet, "a", 60).expires_at
    hold(other, "b", 60)
    with clock.at(ends - timedelta(seconds=1)):
        hold(wallet, "c", 40)

    with clock.at(ends):
        assert reserved.end_expired() == 2

    assert kept(wallet) == (1, "0.000000", 40, 0, 0)
    assert kept(other) == NOTHING
    assert holds_broken() == []


def test_a_call_reported_after_its_hold_expired_takes_nothing_that_others_hold():
    wallet = make_wallet(premium=60, credit="1")
    ends = hold(wallet, "a", 60).expires_at
    with clock.at(ends):
        hold(wallet, "b", 60)
        report(wallet, "a", seconds=60, ended_at=ends)

        assert kept(wallet) == (1, "0.000000", 60, 0, 0)
    assert (wallet.premium_seconds, str(wallet.credit.amount)) == (60, "0.840000")


# --- charging beside holds ----------------------------------------------------------------------


def test_a_call_without_a_hold_takes_what_nobody_holds_first():
    wallet = make_wallet(premium=60, credit="0.16")
    hold(wallet, "a", 60)

    (result,) = report(wallet, "b", seconds=60)

    assert result.cost == Decimal("0.16")
    assert wallet.premium_seconds == 60
    assert report(wallet, "a", seconds=60)[0].cost == 0


def test_when_nothing_else_is_left_minutes_that_others_hold_go_before_a_debt():
    wallet = make_wallet(premium=60, credit="0.08")
    hold(wallet, "a", 60)

    (result,) = report(wallet, "b", seconds=60)

    wallet.refresh_from_db()
    assert (result.cost, wallet.premium_seconds) == (Decimal("0.08"), 30)
    assert report(wallet, "a", seconds=60)[0].cost == Decimal("0.08")
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("-0.08")


def test_credit_that_others_hold_is_the_last_to_go():
    wallet = make_wallet(premium=60, credit="0.32")
    hold(wallet, "a", 120)

    (result,) = report(wallet, "b", seconds=120)

    wallet.refresh_from_db()
    assert (result.cost, wallet.premium_seconds) == (Decimal("0.16"), 0)
    assert wallet.credit.amount == Decimal("0.16")


def test_held_basic_minutes_are_not_taken_by_a_call_that_holds_credit():
    wallet = make_wallet(basic=60, credit="0.09")
    hold(wallet, "a", 60, minute_type="premium_then_basic")
    hold(wallet, "b", 60, minute_type="basic")

    (second,) = report(wallet, "b", seconds=60, minute_type="basic")
    (first,) = report(wallet, "a", seconds=60, minute_type="premium_then_basic")

    wallet.refresh_from_db()
    assert (first.cost, second.cost) == (0, Decimal("0.09"))
    assert wallet.pots == {"credit": 0, "premium": 0, "basic": 0, "included": 0}


def test_a_batch_of_held_and_other_calls_is_charged_in_order():
    wallet = make_wallet(premium=90, credit="1")
    hold(wallet, "a", 60)
    reports = [make_report(wallet.account, id=call, seconds=60) for call in ("x", "a", "y")]

    costs = [one.cost for one in calls.record(reports=reports, reporter=None)]

    assert costs == [Decimal("0.08"), Decimal(0), Decimal("0.16")]
    assert kept(wallet) == NOTHING
    assert checking.check_all() == []


# --- who counts it ------------------------------------------------------------------------------


def test_authorize_counts_what_is_held_and_running_calls_once():
    wallet = make_wallet(premium=240)
    hold(wallet, "a", 60)
    hold(wallet, "b", 60)
    hold(wallet, "c", 1, minute_type="premium_then_basic")

    def ask(live):
        answer = calls.authorize(account=wallet.account, minute_type="premium", live=live)
        return answer.allowed, answer.seconds

    assert ask(0) == (True, 119)
    # Both Premium calls have their seconds already, whether they are told or not.
    assert ask(2) == (True, 119)
    assert ask(3) == (False, 0)


def test_a_campaign_whose_minutes_are_all_held_pauses_with_the_sweep():
    wallet = make_wallet(premium=119)
    campaign = make_campaign(wallet.account)
    hold(wallet, "a", 60, campaign=campaign)

    assert pausing.sweep() == 1

    campaign.refresh_from_db()
    assert campaign.pause_reason == "low_balance"


def test_with_one_free_minute_beside_what_is_held_a_campaign_goes_on():
    wallet = make_wallet(premium=120)
    make_campaign(wallet.account)
    hold(wallet, "a", 60)

    assert pausing.sweep() == 0
    report(wallet, "b", seconds=1)

    assert Campaign.objects.get().pause_reason == "low_balance"


def test_what_is_held_keeps_campaigns_from_starting_and_resuming_and_says_so():
    wallet = make_wallet(premium=60)
    paused = make_campaign(wallet.account, status="low_balance")
    new = make_campaign(wallet.account, status="not_started")
    hold(wallet, "a", 30)
    sentence = "What there is is reserved for running calls. Try again when they have ended."

    with pytest.raises(CannotRun, match=sentence) as refused:
        resuming.resume_one(campaign_id=paused.pk, account=wallet.account, actor=None)
    with pytest.raises(CannotRun, match=sentence):
        lifecycle.start(campaign_id=new.pk, account=wallet.account)
    assert refused.value.code == "low_balance"
    assert not resuming.can_resume_any(account=wallet.account)
    holds.release(call="a", reporter=None)

    assert resuming.can_resume_any(account=wallet.account)
    assert lifecycle.start(campaign_id=new.pk, account=wallet.account).is_started


def test_a_started_campaign_beside_an_old_hold_breaks_the_books_until_it_pauses():
    wallet = make_wallet(premium=60)
    campaign = make_campaign(wallet.account, updated_at=NOON - DAY)
    hold(wallet, "a", 30)

    def broken():
        return [one.wallet_id for one in checking.check_all() if one.rule == "I9"]

    assert broken() == []
    with clock.at(NOON + timedelta(minutes=3)):
        assert broken() == [wallet.pk]
    with clock.at(NOON + timedelta(hours=1)):
        assert broken() == []
    assert campaign.is_started


# --- the books ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("reserved_credit", "1 1.160000 30 0 0"),
        ("reserved_calls", "2 0.160000 30 0 0"),
        ("reserved_premium_seconds", "1 0.160000 31 0 0"),
        ("reserved_basic_seconds", "1 0.160000 30 1 0"),
        ("reserved_included_seconds", "1 0.160000 30 0 1"),
    ],
)
def test_a_wallet_that_keeps_another_sum_than_its_holds_breaks_the_books(column, text):
    wallet = make_wallet(credit="1", premium=30)
    hold(wallet, "a", 90)
    kept(wallet)

    Wallet.objects.filter(pk=wallet.pk).update(**{column: getattr(wallet, column) + 1})

    said = f"keeps {text} as reserved, its holds reserve 1 0.160000 30 0 0"
    assert holds_broken() == [(wallet.pk, said)]


def test_a_hold_that_no_wallet_keeps_or_that_is_gone_breaks_the_books():
    wallet, other = make_wallet(premium=60), make_wallet(premium=60)
    hold(wallet, "a", 60)
    hold(other, "b", 60)

    Wallet.objects.filter(pk=wallet.pk).update(reserved_calls=0, reserved_premium_seconds=0)
    CallHold.objects.filter(wallet=other).delete()

    assert sorted(pk for pk, _ in holds_broken()) == sorted([wallet.pk, other.pk])


@pytest.mark.parametrize(
    "wrong",
    [
        {"credit": "0.159999"},
        {"premium_seconds": 29},
        {"basic_seconds": 1, "premium_seconds": 29},
    ],
)
def test_a_hold_that_reserves_less_than_its_seconds_cost_breaks_the_books(wrong):
    wallet = make_wallet(credit="1", premium=30)
    hold(wallet, "a", 90)
    assert holds_broken() == []

    CallHold.objects.update(**wrong)

    assert [text for _, text in holds_broken() if text.startswith("hold ")] != []


def test_saving_a_wallet_leaves_what_it_keeps_as_reserved_alone():
    wallet = make_wallet(premium=60)
    stale = Wallet.objects.get(pk=wallet.pk)
    hold(wallet, "a", 60)

    stale.save()

    assert kept(wallet) == (1, "0.000000", 60, 0, 0)


def test_money_that_comes_in_is_free_for_the_next_hold():
    wallet = make_wallet(premium=60)
    hold(wallet, "a", 60)

    fill(wallet, credit="0.16")

    assert hold(wallet, "b", 60).seconds == 60
