from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import clock
from accounts.models import Account, Notification
from accounts.runtime.crash_points import Crash
from accounts.runtime.time_limits import TimeIsUp
from campaigns import calls, holds, lifecycle, limits, notices, pausing, payable, resuming
from campaigns.errors import CannotRun, UnknownCampaign
from campaigns.models import Campaign, MinuteUse
from campaigns.payable import Verdict
from campaigns.tests.builders import (
    fill,
    make_account,
    make_campaign,
    make_report,
    make_wallet,
    turn_on_auto_recharge,
)
from wallets.balances import ledger
from wallets.balances.holds import free_of
from wallets.models import AutoRecharge, LedgerEntry, LoggedDecision, MinuteRate
from wallets.prices.payable import payable_seconds

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rates")]


def spend(wallet, amount, pot="credit"):
    """Take from a pot as a batch of calls does."""
    fill_key = f"calls:{wallet.pk}:{LedgerEntry.objects.count()}"
    ledger.post(
        movements=[
            ledger.Movement(
                wallet_id=wallet.pk, pot=pot, amount=-Decimal(amount), kind="calls", key=fill_key
            )
        ]
    )
    wallet.refresh_from_db()


def recharge_automatically(wallet, amount):
    ledger.post(
        movements=[
            ledger.Movement(
                wallet_id=wallet.pk,
                pot="credit",
                amount=Decimal(amount),
                kind="auto_recharge",
                key=f"purchase:{amount}",
            )
        ]
    )


def standing(campaign):
    campaign.refresh_from_db()
    return campaign.status, campaign.pause_reason


RUNNING = ("started", "")
OUT_OF_BALANCE = ("paused", "low_balance")


@pytest.mark.parametrize(
    ("minute_type", "pots", "left", "expected"),
    [
        ("premium", {"credit": "1"}, "0.16", RUNNING),
        ("premium", {"credit": "1"}, "0.159999", OUT_OF_BALANCE),
        ("basic", {"credit": "1"}, "0.09", RUNNING),
        ("basic", {"credit": "1"}, "0.089999", OUT_OF_BALANCE),
        ("basic", {"credit": "1"}, "0.10", RUNNING),
        ("premium", {"credit": "1"}, "0.10", OUT_OF_BALANCE),
        ("premium_then_basic", {"credit": "1"}, "0.159999", OUT_OF_BALANCE),
        ("premium_then_basic", {"credit": "1", "premium": 20, "basic": 40}, "0", RUNNING),
        ("premium_then_basic", {"credit": "1", "premium": 20, "basic": 39}, "0", OUT_OF_BALANCE),
        ("premium", {"credit": "1", "premium": 20, "included": 40}, "0", RUNNING),
        ("premium", {"credit": "1", "basic": 6000}, "0", OUT_OF_BALANCE),
        ("basic", {"credit": "1", "premium": 6000, "included": 6000}, "0", OUT_OF_BALANCE),
        ("premium", {"credit": "1", "premium": 30}, "0.08", RUNNING),
        ("premium", {"credit": "1", "premium": 30}, "0.079999", OUT_OF_BALANCE),
        ("premium", {"credit": "1", "premium": 60}, "-5", RUNNING),
    ],
)
def test_exactly_one_payable_minute_goes_on_and_less_pauses(minute_type, pots, left, expected):
    wallet = make_wallet(**pots)
    campaign = make_campaign(wallet.account, minute_type=minute_type)

    spend(wallet, wallet.credit.amount - Decimal(left))

    assert standing(campaign) == expected


def test_only_started_campaigns_of_that_wallet_are_paused():
    wallet, other = make_wallet(credit="1"), make_wallet()
    by_hand = make_campaign(wallet.account, status="manual")
    waiting = make_campaign(wallet.account, status="not_started")
    done = make_campaign(wallet.account, status="complete")
    elsewhere = make_campaign(other.account)
    mine = make_campaign(wallet.account)

    spend(wallet, "1")

    assert standing(mine) == OUT_OF_BALANCE
    assert standing(by_hand) == ("paused", "manual")
    assert standing(waiting) == ("not_started", "")
    assert standing(done) == ("complete", "")
    assert standing(elsewhere) == RUNNING


@pytest.mark.parametrize("few", [0, 100])
def test_a_batch_of_many_accounts_pauses_what_one_of_few_does(monkeypatch, few):
    monkeypatch.setattr(limits, "FEW_ACCOUNTS", few)
    rich, poor, spared = (
        make_wallet(credit="5"),
        make_wallet(credit="0.20"),
        make_wallet(credit="50"),
    )
    turn_on_auto_recharge(spared)
    campaigns = [make_campaign(one.account) for one in (rich, poor, poor, spared)]
    of_basic = make_campaign(poor.account, minute_type="basic")

    reports = [
        make_report(rich.account),
        make_report(poor.account, seconds=40),
        make_report(spared.account, seconds=312 * 60),
    ]
    calls.record(reports=reports, reporter=None)

    paused = [OUT_OF_BALANCE, OUT_OF_BALANCE]
    assert [standing(one) for one in campaigns] == [RUNNING, *paused, RUNNING]
    assert standing(of_basic) == RUNNING


def test_a_campaign_of_a_wallet_that_is_made_by_its_first_call_pauses():
    campaign = make_campaign(make_account())

    calls.record(reports=[make_report(campaign.account)], reporter=None)

    assert standing(campaign) == OUT_OF_BALANCE


def test_a_pause_says_when_and_tells_the_account_once():
    wallet = make_wallet(credit="1")
    campaigns = [make_campaign(wallet.account, name=name) for name in ("Spring", "Autumn")]

    with clock.at(clock.now() + timedelta(hours=1)):
        moment = clock.now()
        spend(wallet, "0.95")

    campaigns[0].refresh_from_db()
    assert (campaigns[0].paused_at, campaigns[0].updated_at) == (moment, moment)
    told = Notification.objects.get(account=wallet.account)
    assert told.kind == "campaigns_paused"
    assert told.text == (
        "2 campaigns paused: balance too low. The balance is $0.05. "
        "Recharge to continue calling. Spring, Autumn."
    )
    assert told.data == {"campaigns": [campaign.pk for campaign in campaigns]}


def test_a_failed_pause_undoes_the_debit(monkeypatch):
    wallet = make_wallet(credit="1")
    campaign = make_campaign(wallet.account)

    def fail(*args):
        raise RuntimeError("the pause failed")

    monkeypatch.setattr("campaigns.notices.tell_paused", fail)
    with pytest.raises(RuntimeError):
        spend(wallet, "1")

    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal(1)
    assert standing(campaign) == RUNNING
    assert not LedgerEntry.objects.filter(kind="calls").exists()


@pytest.mark.parametrize(
    ("_case", "fields"),
    [
        ("off", {"enabled": False}),
        ("suspended", {"suspended_reason": "payment_failed", "suspended_at": clock.now()}),
        (
            "waiting after a decline",
            {"hold_reason": "declined", "not_before": clock.now() + timedelta(hours=1)},
        ),
        (
            "monthly limit",
            {"hold_reason": "monthly_limit", "not_before": clock.now() + timedelta(days=9)},
        ),
    ],
)
def test_without_a_recharge_on_its_way_the_pause_is_at_once(_case, fields):
    wallet = make_wallet(credit="50")
    turn_on_auto_recharge(wallet)
    AutoRecharge.objects.filter(wallet=wallet).update(**fields)
    campaign = make_campaign(wallet.account)

    spend(wallet, "50")

    assert standing(campaign) == OUT_OF_BALANCE


def test_while_auto_recharge_is_coming_nothing_is_paused_for_a_minute():
    wallet = make_wallet(credit="50")
    turn_on_auto_recharge(wallet)
    campaign = make_campaign(wallet.account)
    start = clock.now()

    with clock.at(start):
        spend(wallet, "50")
    with clock.at(start + timedelta(seconds=59)):
        assert pausing.sweep() == 0
        assert standing(campaign) == RUNNING
    with clock.at(start + timedelta(seconds=60)):
        assert pausing.sweep() == 1

    assert standing(campaign) == OUT_OF_BALANCE


def test_the_sweep_pauses_after_a_raised_rate():
    wallet = make_wallet(credit="0.20")
    campaign = make_campaign(wallet.account)
    MinuteRate.objects.create(minute_type="premium", price="0.21", effective_from=clock.now())

    assert pausing.sweep() == 1
    assert standing(campaign) == OUT_OF_BALANCE
    assert pausing.sweep() == 0


def test_the_sweep_pauses_campaigns_of_closed_accounts_as_by_hand():
    wallet, other = make_wallet(credit="50"), make_wallet(credit="50")
    campaign, elsewhere = make_campaign(wallet.account), make_campaign(other.account)
    ended = make_campaign(wallet.account, status="ended")
    Account.objects.filter(pk=wallet.account_id).update(status="closed")
    moment = clock.now() + timedelta(hours=1)

    with clock.at(moment):
        assert pausing.sweep() == 1

    assert standing(campaign) == ("paused", "manual")
    assert (campaign.paused_at, campaign.updated_at) == (moment, moment)
    assert (standing(elsewhere), standing(ended)) == (RUNNING, ("ended", ""))


def test_the_sweep_counts_all_it_paused_and_leaves_what_can_be_paid():
    broke = [make_wallet() for _ in range(2)]
    poor = [make_campaign(wallet.account) for wallet in broke]
    closed = make_campaign(make_wallet(credit="5", account=make_account(status="closed")).account)
    rich = make_campaign(make_wallet(credit="5").account)

    assert pausing.sweep() == 3

    assert [standing(one) for one in poor] == [OUT_OF_BALANCE, OUT_OF_BALANCE]
    assert standing(closed) == ("paused", "manual")
    assert standing(rich) == RUNNING
    told = Notification.objects.filter(kind="campaigns_paused").values_list("account", flat=True)
    assert sorted(told) == sorted(wallet.account_id for wallet in broke)


def test_what_waits_for_a_recharge_is_poor_and_has_one_on_its_way():
    poor, enough, waiting = (make_wallet(premium=seconds) for seconds in (59, 60, 59))
    campaigns = [make_campaign(one.account) for one in (poor, enough, waiting)]
    for wallet in (enough, waiting):
        turn_on_auto_recharge(wallet)

    found = payable.waits_for_recharge(campaigns=Campaign.objects.all(), now=clock.now())

    assert list(found) == campaigns[2:]


def test_one_sweep_takes_everything_however_small_its_bites(monkeypatch):
    monkeypatch.setattr(limits, "SWEEP_BATCH", 1)
    spared = set()
    for _ in range(2):
        make_campaign(make_wallet().account)
        make_campaign(make_wallet(credit="5", account=make_account(status="closed")).account)
    for _ in range(2):
        waiting = make_wallet(credit="1")
        turn_on_auto_recharge(waiting)
        make_campaign(waiting.account)
        spend(waiting, "1")
        spared.add(waiting.pk)

    assert [pausing.sweep() for _ in range(2)] == [4, 0]

    assert Campaign.objects.started().count() == 2
    assert Campaign.objects.filter(pause_reason="manual").count() == 2
    said = LoggedDecision.objects.filter(code="waiting").values_list("wallet_id", flat=True)
    assert set(said) == spared


def test_campaigns_that_cannot_be_paused_keep_no_other_running(monkeypatch):
    """A closed account without a wallet: its decision cannot be written down."""
    monkeypatch.setattr(limits, "SWEEP_BATCH", 5)
    broken = [make_campaign(make_account(status="closed")) for _ in range(6)]
    closed = make_campaign(make_wallet(credit="5", account=make_account(status="closed")).account)

    assert pausing.sweep() == 1

    assert standing(closed) == ("paused", "manual")
    assert standing(broken[0]) == RUNNING


def test_one_wallet_that_fails_to_pause_stops_none_of_its_batch(monkeypatch):
    bad, good = make_wallet(), make_wallet()
    campaigns = [make_campaign(wallet.account) for wallet in (bad, good)]
    tell = notices.tell_paused

    def fail_for_bad(paused, wallets):
        if any(campaign.account_id == bad.account_id for campaign in paused):
            raise KeyError("a bug of ours")
        tell(paused, wallets)

    monkeypatch.setattr(notices, "tell_paused", fail_for_bad)

    assert pausing.sweep() == 1

    assert [standing(one) for one in campaigns] == [RUNNING, OUT_OF_BALANCE]
    monkeypatch.setattr(notices, "tell_paused", tell)
    with clock.at(clock.now() + timedelta(minutes=1)):
        assert pausing.sweep() == 1


def test_a_wallet_that_kills_the_sweep_does_not_take_the_same_others_with_it(monkeypatch):
    monkeypatch.setattr(limits, "SWEEP_BATCH", 1)
    killer, *others = [make_wallet() for _ in range(20)]
    [last, *_] = campaigns = [make_campaign(wallet.account) for wallet in (killer, *others)]
    tell = notices.tell_paused

    def die_for_killer(paused, wallets):
        if any(campaign.account_id == killer.account_id for campaign in paused):
            raise Crash
        tell(paused, wallets)

    monkeypatch.setattr(notices, "tell_paused", die_for_killer)
    start = clock.now()
    for minute in range(60):
        with clock.at(start + timedelta(minutes=minute)), suppress(Crash):
            pausing.sweep()

    assert [one.pk for one in Campaign.objects.started()] == [last.pk]
    assert len(campaigns) == 20


def test_the_resume_list_has_what_low_balance_paused_with_its_reasons():
    wallet = make_wallet(basic=60)
    make_campaign(wallet.account, status="manual")
    make_campaign(wallet.account, status="started")
    premium = make_campaign(wallet.account, status="low_balance")
    basic = make_campaign(wallet.account, status="low_balance", minute_type="basic")
    both = make_campaign(wallet.account, status="low_balance", minute_type="premium_then_basic")

    listed = {one.campaign.pk: (one.eligible, one.reason, one.verdict) for one in _list(wallet)}

    needs, can = "Needs Premium minutes", Verdict(True, "payable", "", "")
    assert listed == {
        premium.pk: (
            False,
            needs,
            Verdict(False, "low_balance", needs, "Needs at least $0.16 to run"),
        ),
        basic.pk: (True, "", can),
        both.pk: (True, "", can),
    }


def test_an_account_with_nothing_to_resume_is_told_so_by_one_statement(django_assert_num_queries):
    wallet = make_wallet(credit="5")
    make_campaign(wallet.account, status="manual")

    with django_assert_num_queries(1):
        assert _list(wallet) == []


def _list(wallet):
    return resuming.resumable(account=wallet.account)


def test_resume_starts_what_can_be_paid_and_refuses_the_rest():
    wallet = make_wallet(basic=60)
    premium = make_campaign(wallet.account, status="low_balance")
    basic = make_campaign(wallet.account, status="low_balance", minute_type="basic")

    answer = resuming.resume(
        campaign_ids=[premium.pk, basic.pk], account=wallet.account, actor=None
    )

    assert [one.pk for one in answer.resumed] == [basic.pk]
    assert answer.resumed[0].updated_at == Campaign.objects.get(pk=basic.pk).updated_at
    assert [(one.status, one.pause_reason, one.paused_at) for one in answer.resumed] == [
        ("started", "", None)
    ]
    assert [(one.campaign.pk, one.verdict.code) for one in answer.refused] == [
        (premium.pk, "low_balance")
    ]
    assert standing(basic) == RUNNING
    assert standing(premium) == OUT_OF_BALANCE


def test_resuming_by_hand_says_when_and_tells_the_account_without_a_mail():
    wallet = make_wallet(credit="5")
    campaign = make_campaign(wallet.account, status="manual", name="Spring")
    make_campaign(wallet.account, status="manual")
    moment = clock.now() + timedelta(hours=1)

    with clock.at(moment):
        resumed = resuming.resume_one(campaign_id=campaign.pk, account=wallet.account, actor=None)

    assert standing(campaign) == RUNNING
    assert (campaign.paused_at, campaign.updated_at) == (None, moment)
    assert (resumed.pk, resumed.is_started) == (campaign.pk, True)
    told = Notification.objects.get(kind="campaigns_resumed")
    assert (told.account, told.text) == (wallet.account, "1 campaign resumed. Spring.")
    assert told.data == {"campaigns": [campaign.pk]}
    assert told.mail_due_at is None


def test_resuming_some_leaves_the_others_and_what_runs_already_as_they_are():
    wallet = make_wallet(credit="5")
    running = make_campaign(wallet.account)
    wanted, other = (make_campaign(wallet.account, status="low_balance") for _ in range(2))
    before = Campaign.objects.filter(pk=running.pk).values().get()

    answer = resuming.resume(
        campaign_ids=[wanted.pk, running.pk, wanted.pk], account=wallet.account, actor=None
    )

    assert ([one.pk for one in answer.resumed], answer.refused) == ([wanted.pk], [])
    assert standing(other) == OUT_OF_BALANCE
    assert Campaign.objects.filter(pk=running.pk).values().get() == before


def test_the_resume_list_begins_with_the_oldest_pause_and_has_no_other_accounts():
    wallet, other = make_wallet(), make_wallet()
    now = clock.now()
    make_campaign(other.account, status="low_balance")
    later, first, same = (
        make_campaign(wallet.account, status="low_balance", paused_at=now - timedelta(hours=hours))
        for hours in (1, 2, 1)
    )

    assert [one.campaign for one in _list(wallet)] == [first, later, same]


@pytest.mark.parametrize(
    ("credit", "status", "can"),
    [
        ("0.16", "low_balance", True),
        ("0.159999", "low_balance", False),
        ("5", "manual", False),
        ("5", "started", False),
    ],
)
def test_whether_anything_can_be_resumed_is_one_payable_minute(credit, status, can):
    wallet = make_wallet(credit=credit)
    make_campaign(wallet.account, status=status)
    make_campaign(make_wallet(credit="5").account, status="low_balance")

    assert resuming.can_resume_any(account=wallet.account) is can


def test_a_refused_resume_says_what_is_needed():
    wallet = make_wallet(credit="0.05", premium=15)
    campaign = make_campaign(wallet.account, status="low_balance")

    with pytest.raises(CannotRun) as refusal:
        resuming.resume_one(campaign_id=campaign.pk, account=wallet.account, actor=None)

    # 45 of 60 seconds are missing: $0.12.
    assert str(refusal.value) == "Needs Premium minutes. Needs at least $0.12 to run."
    assert (refusal.value.code, refusal.value.status) == ("low_balance", 409)
    assert standing(campaign) == OUT_OF_BALANCE


def test_resuming_what_runs_already_changes_nothing():
    wallet = make_wallet()
    campaign = make_campaign(wallet.account)

    assert resuming.resume_one(
        campaign_id=campaign.pk, account=wallet.account, actor=None
    ).is_started


@pytest.mark.parametrize("status", ["not_started", "complete", "ended"])
def test_only_paused_campaigns_can_be_resumed(status):
    wallet = make_wallet(credit="50")
    campaign = make_campaign(wallet.account, status=status)

    with pytest.raises(CannotRun) as refusal:
        resuming.resume_one(campaign_id=campaign.pk, account=wallet.account, actor=None)

    assert refusal.value.code == "wrong_status"
    label = campaign.get_status_display()
    assert str(refusal.value) == f"It is “{label}”, and only paused campaigns can be resumed."
    assert standing(campaign) == (status, "")


def test_a_campaign_of_another_account_cannot_be_resumed_and_nothing_else_is():
    wallet, other = make_wallet(credit="5"), make_wallet(credit="5")
    mine = make_campaign(wallet.account, status="low_balance")
    theirs = make_campaign(other.account, status="low_balance")

    with pytest.raises(UnknownCampaign):
        resuming.resume(campaign_ids=[mine.pk, theirs.pk], account=wallet.account, actor=None)

    assert standing(mine) == OUT_OF_BALANCE
    assert standing(theirs) == OUT_OF_BALANCE


def test_a_closed_account_cannot_resume():
    wallet = make_wallet(credit="5", account=make_account(status="closed"))
    campaign = make_campaign(wallet.account, status="low_balance")

    with pytest.raises(CannotRun) as refusal:
        resuming.resume_one(campaign_id=campaign.pk, account=wallet.account, actor=None)

    assert refusal.value.code == "closed"
    assert str(refusal.value) == f"{wallet.account.name} is closed."
    assert standing(campaign) == OUT_OF_BALANCE


@pytest.mark.parametrize(("chosen", "expected"), [(True, RUNNING), (False, OUT_OF_BALANCE)])
def test_money_of_auto_recharge_resumes_only_where_the_account_chose_so(chosen, expected):
    wallet = make_wallet()
    turn_on_auto_recharge(wallet, resume_campaigns=chosen)
    paused = make_campaign(wallet.account, status="low_balance")
    by_hand = make_campaign(wallet.account, status="manual")

    recharge_automatically(wallet, "50")

    assert standing(paused) == expected
    assert standing(by_hand) == ("paused", "manual")
    # Nobody was there, so a mail says it.
    told = Notification.objects.filter(kind="campaigns_resumed", mail_due_at__isnull=False)
    assert told.exists() == (expected == RUNNING)


def test_money_of_auto_recharge_resumes_nothing_of_closed_accounts_or_other_wallets():
    wallet, other = make_wallet(account=make_account(status="closed")), make_wallet(credit="5")
    for one in (wallet, other):
        turn_on_auto_recharge(one, resume_campaigns=True)
    closed = make_campaign(wallet.account, status="low_balance")
    elsewhere = make_campaign(other.account, status="low_balance")

    recharge_automatically(wallet, "50")

    assert (standing(closed), standing(elsewhere)) == (OUT_OF_BALANCE, OUT_OF_BALANCE)


def test_exactly_one_minute_resumes_and_the_count_says_how_many():
    wallet = make_wallet(credit="0.16")
    turn_on_auto_recharge(wallet, resume_campaigns=True)
    premium = make_campaign(wallet.account, status="low_balance", name="Spring")
    basic = make_campaign(wallet.account, status="low_balance", minute_type="basic", name="Fall")

    with transaction.atomic():
        assert resuming.resume_after_recharge(wallets=[wallet]) == 2

    assert (standing(premium), standing(basic)) == (RUNNING, RUNNING)
    told = Notification.objects.get(kind="campaigns_resumed")
    assert told.text == "2 campaigns resumed after Auto-Recharge. Spring, Fall."


def test_other_money_resumes_nothing_by_itself():
    wallet = make_wallet()
    turn_on_auto_recharge(wallet, resume_campaigns=True)
    paused = make_campaign(wallet.account, status="low_balance")

    fill(wallet, credit="50")

    assert standing(paused) == OUT_OF_BALANCE


def test_too_little_money_of_auto_recharge_resumes_nothing():
    wallet = make_wallet(credit="1")
    spend(wallet, "9")
    turn_on_auto_recharge(wallet, resume_campaigns=True)
    paused = make_campaign(wallet.account, status="low_balance")

    recharge_automatically(wallet, "8.10")

    assert standing(paused) == OUT_OF_BALANCE


def test_a_movement_costs_one_statement_when_any_call_can_be_paid(django_assert_num_queries):
    wallet = make_wallet(credit="50")
    make_campaign(wallet.account)

    # Rates.
    with django_assert_num_queries(1):
        assert pausing.pause_unpayable(wallets=[wallet], now=clock.now()) == 0


def test_a_movement_costs_two_statements_when_its_campaigns_can_be_paid(
    django_assert_num_queries,
):
    wallet = make_wallet(basic=60)
    make_campaign(wallet.account, minute_type="basic")

    # Rates, and which campaigns are started.
    with django_assert_num_queries(2):
        assert pausing.pause_unpayable(wallets=[wallet], now=clock.now()) == 0


@pytest.mark.journey
@given(
    credit=st.decimals("-50", "50", places=6),
    premium=st.integers(0, 120),
    basic=st.integers(0, 120),
    included=st.integers(0, 120),
    premium_rate=st.decimals("0.000001", "1", places=6),
    held=st.lists(
        st.tuples(st.sampled_from(MinuteUse.values), st.integers(1, 200), st.booleans()),
        max_size=3,
    ),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_formula_in_sql_and_in_python_agree_to_the_second(
    credit, premium, basic, included, premium_rate, held
):
    wallet = make_wallet(credit=str(credit), premium=premium, basic=basic, included=included)
    for number, (usable, seconds, is_over) in enumerate(held):
        # A day ago: it has expired by now.
        with clock.at(clock.now() - timedelta(days=is_over)):
            holds.hold(
                account=wallet.account,
                call=f"{wallet.pk}:{number}",
                seconds=seconds,
                reporter=None,
                minute_type=usable,
            )
    wallet.refresh_from_db()
    rates = {"premium": premium_rate, "basic": Decimal("0.09")}
    for minute_type in ("premium", "basic", "premium_then_basic"):
        make_campaign(wallet.account, minute_type=minute_type, status="not_started")

    campaigns = payable.with_payable_seconds(
        Campaign.objects.filter(account=wallet.account), rates=rates
    )

    assert {one.minute_type: one.payable_seconds for one in campaigns} == {
        usable: payable_seconds(pots=free_of(wallet), usable=usable, rates=rates)
        for usable in ("premium", "basic", "premium_then_basic")
    }


@pytest.mark.journey
def test_a_needed_credit_is_really_enough():
    for premium in range(60):
        wallet = make_wallet(premium=premium)
        rates = {"premium": Decimal("0.163333"), "basic": Decimal("0.09")}
        needed = payable.needed_credit(wallet=wallet, usable="premium", rates=rates)
        fill(wallet, credit=str(needed))

        assert payable_seconds(pots=wallet.pots, usable="premium", rates=rates) >= 60


@pytest.mark.parametrize(
    ("minute_type", "premium", "basic", "included", "needed"),
    [
        ("premium", 0, 59, 0, "0.16"),
        ("premium", 20, 0, 25, "0.04"),
        ("premium", 59, 0, 0, "0.01"),
        ("basic", 59, 0, 59, "0.09"),
        ("basic", 0, 40, 0, "0.03"),
        ("premium_then_basic", 10, 10, 10, "0.08"),
    ],
)
def test_a_needed_credit_is_the_price_of_the_missing_seconds_rounded_up_to_a_cent(
    minute_type, premium, basic, included, needed
):
    wallet = make_wallet(premium=premium, basic=basic, included=included)
    campaign = make_campaign(wallet.account, minute_type=minute_type, status="low_balance")

    (listed,) = _list(wallet)

    assert listed.verdict.needs == f"Needs at least ${needed} to run"
    assert (listed.campaign, listed.eligible) == (campaign, False)


def test_changing_the_minute_type_of_a_started_campaign_may_pause_it():
    wallet = make_wallet(basic=600)
    campaign = make_campaign(wallet.account, minute_type="basic")

    changed = lifecycle.save(
        account=wallet.account,
        external_id=campaign.external_id,
        name="Spring",
        minute_type="premium",
    )

    assert (changed.name, changed.minute_type) == ("Spring", "premium")
    assert standing(changed) == OUT_OF_BALANCE


@pytest.mark.parametrize("where", ["_pause_wallets", "_log_spared", "_pause_closed"])
def test_when_its_time_is_up_the_sweep_ends(monkeypatch, where):
    """Whoever swallowed it would be killed in the middle of a batch."""
    make_campaign(make_wallet().account)
    make_campaign(make_account(status=Account.Status.CLOSED))

    def strike(*args: object) -> None:
        raise TimeIsUp

    monkeypatch.setattr(pausing, where, strike)

    with pytest.raises(TimeIsUp):
        pausing.sweep()
