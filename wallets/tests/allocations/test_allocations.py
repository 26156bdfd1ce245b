from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import close, make_agency, make_individual, make_sub_account, make_user
from wallets.allocations import configure, planning, runs
from wallets.charging import purchases
from wallets.errors import InvalidAmount, NoPaymentMethod, Refused
from wallets.models import AllocationRun, AutoAllocation, LedgerEntry, Purchase, Wallet
from wallets.prices.rates import set_rate
from wallets.stripe import gateway
from wallets.tests.worlds.allocation_world import make_unanswered, make_world, moment
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    make_wallet,
)

pytestmark = pytest.mark.django_db

NOV_14 = moment("2026-11-14 10:00")


@pytest.fixture
def world(stripe):
    return make_world(stripe)


@pytest.fixture
def running(world):
    """500 Basic and 1,000 Premium minutes on the 14th, the first month paid."""
    with clock.at(NOV_14):
        world.save()
    assert world.run_at("2026-11-14 10:01") == ["charge"]
    return world


def nothing_was_set(world):
    return not AutoAllocation.objects.exists() and not world.stripe.truth()["payment_intents"]


def test_the_agency_is_charged_once_for_both_types_and_the_minutes_are_credited(world):
    with clock.at(NOV_14):
        world.save()

    assert world.run_at("2026-11-14 10:01") == ["charge"]
    assert world.run_at("2026-11-14 10:02") == []

    assert world.taken() == [20500]
    assert world.minutes == (500, 1000)
    run = world.run("2026-11-14")
    assert (run.state, run.charged_cents) == ("paid", 20500)
    assert world.sub.wallet.entries.filter(kind=LedgerEntry.Kind.ALLOCATION).count() == 2


def test_the_agency_gets_the_receipt_and_the_sub_account_only_sees_minutes(running):
    [receipt] = running.told(running.agency, "allocation_charged")
    [minutes] = running.told(running.sub, "allocation_received")

    assert receipt == (
        "Visa •••• 4242 was charged $205.00. "
        "Northside Dental got 500 Basic and 1,000 Premium minutes."
    )
    assert minutes == "500 Basic and 1,000 Premium minutes from Brightline Agency."
    assert running.logged(running.agency) == ["planned", "charged"]
    assert running.logged(running.sub) == ["received"]


def test_the_charge_says_who_pays_for_whom_and_at_which_rates(running):
    [made] = running.purchases()

    assert (made.payer, made.wallet) == (running.agency, running.sub.wallet)
    assert (made.purpose, made.buys, made.amount_cents) == ("allocation", "allocation", 20500)
    assert (made.basic_minutes, made.basic_rate) == (500, Decimal("0.09"))
    assert (made.premium_minutes, made.premium_rate) == (1000, Decimal("0.16"))
    card = running.card
    assert (made.payment_method, made.card) == (card.id, card.label)
    assert (made.card_fingerprint, made.requested_by) == (card.fingerprint, None)


def test_months_follow_on_the_same_day(running):
    assert running.run_at("2026-12-13 23:59") == []
    assert running.run_at("2026-12-14 00:00") == ["charge"]
    assert running.run_at("2027-01-14 09:00") == ["charge"]

    assert running.taken() == [20500, 20500, 20500]
    assert running.minutes == (1500, 3000)


def test_the_charge_is_rounded_half_up_to_the_cent_once(world):
    with clock.at(NOV_14):
        for minute_type in ("premium", "basic"):
            set_rate(
                minute_type=minute_type,
                price=Decimal("0.1625"),
                effective_from=clock.now(),
                actor=None,
            )
        world.save(basic=1, premium=5)

    world.run_at("2026-11-14 10:01")

    assert world.taken() == [98]  # 6 x 16.25 cents = 97.5; each line rounded would be 16 + 81.


def test_a_run_freezes_the_rates_of_its_moment_not_of_saving(world):
    with clock.at(NOV_14):
        world.save(start_date=date(2026, 11, 20))
        set_rate(
            minute_type="basic",
            price=Decimal("0.10"),
            effective_from=moment("2026-11-18"),
            actor=None,
        )

    world.run_at("2026-11-20 08:00")

    assert world.taken() == [21000]


# --- Saving.


@pytest.mark.parametrize(
    ("basic", "premium", "field", "text"),
    [
        (-1, 0, "basic_minutes", "Enter a whole number of minutes, 0 or more."),
        (0, 1.5, "premium_minutes", "Enter a whole number of minutes, 0 or more."),
        (True, 0, "basic_minutes", "Enter a whole number of minutes, 0 or more."),
        (0, "500", "premium_minutes", "Enter a whole number of minutes, 0 or more."),
        (1_000_001, 0, "basic_minutes", "Enter at most 1,000,000 minutes."),
        (0, 0, "basic_minutes", "Enter minutes for at least one type."),
        (5, 0, "basic_minutes", "The monthly charge must be at least $0.50. Enter more minutes."),
        (0, 3, "premium_minutes", "The monthly charge must be at least $0.50. Enter more minutes."),
    ],
)
def test_minutes_that_cannot_be_are_refused_with_the_field(world, basic, premium, field, text):
    with pytest.raises(InvalidAmount) as refusal:
        world.save(basic=basic, premium=premium)

    assert refusal.value.fields == {field: text}
    assert nothing_was_set(world)


def test_a_million_minutes_and_54_cents_are_allowed(world):
    assert world.save(basic=1_000_000, premium=1_000_000).basic_minutes == 1_000_000
    assert world.save(basic=6, premium=0).basic_minutes == 6


@pytest.mark.parametrize(("price", "is_allowed"), [("0.0049", False), ("0.005", True)])
def test_a_month_costs_fifty_cents_or_more(world, price, is_allowed):
    start = clock.now() + timedelta(seconds=1)
    set_rate(minute_type="basic", price=Decimal(price), effective_from=start, actor=None)

    with clock.at(start):
        if is_allowed:
            assert world.save(basic=100, premium=0).basic_minutes == 100
            return
        with pytest.raises(InvalidAmount, match=r"at least \$0.50"):
            world.save(basic=100, premium=0)

    assert nothing_was_set(world)


@pytest.mark.parametrize(("basic", "is_allowed"), [(99, True), (100, False)])
def test_a_month_costs_a_cent_less_than_a_million_dollars(world, basic, is_allowed):
    start = clock.now() + timedelta(seconds=1)
    set_rate(minute_type="basic", price=Decimal("0.01"), effective_from=start, actor=None)
    set_rate(minute_type="premium", price=Decimal(1), effective_from=start, actor=None)

    with clock.at(start):
        if is_allowed:
            assert world.save(basic=basic, premium=999_999).basic_minutes == basic
            return
        with pytest.raises(InvalidAmount, match=r"at most \$999,999.99"):
            world.save(basic=basic, premium=999_999)

    assert nothing_was_set(world)


@pytest.mark.parametrize(
    ("start", "is_allowed"),
    [
        (date(2026, 11, 13), False),
        (date(2026, 11, 14), True),
        (date(2027, 11, 14), True),
        (date(2027, 11, 15), False),
    ],
)
def test_the_start_date_is_today_to_a_year_ahead(world, start, is_allowed):
    with clock.at(NOV_14):
        if is_allowed:
            assert world.save(start_date=start).anchor_date == start
            return
        with pytest.raises(InvalidAmount) as refusal:
            world.save(start_date=start)

    assert refusal.value.fields == {"start_date": "Choose a start date from today to 14 Nov 2027."}
    assert nothing_was_set(world)


def test_today_is_the_agencys_day(stripe):
    world = make_world(stripe, timezone="Pacific/Auckland")

    with clock.at(moment("2026-11-14 11:30")):
        allocation = world.save()

    assert allocation.anchor_date == date(2026, 11, 15)


@pytest.mark.parametrize("card", ["", "pm_of_somebody_else"])
def test_a_saved_card_of_the_agency_is_required(world, card):
    with pytest.raises(NoPaymentMethod) as refusal:
        world.save(payment_method=card)

    assert "payment_method" in refusal.value.fields
    assert nothing_was_set(world)


def test_a_card_of_the_sub_account_is_refused(world):
    theirs = add_card(world.stripe, world.sub.wallet)

    with pytest.raises(NoPaymentMethod):
        world.save(payment_method=theirs.id)

    assert nothing_was_set(world)


def test_an_expired_card_is_refused(world):
    old = add_card(world.stripe, world.agency.wallet, OTHER_GOOD_CARD, exp_month=10, exp_year=2030)

    with clock.at(moment("2030-11-01")), pytest.raises(NoPaymentMethod) as refusal:
        world.save(payment_method=old.id)

    assert str(refusal.value) == "Mastercard •••• 4444 has expired. Choose another card."
    assert nothing_was_set(world)


def test_only_the_agencys_own_open_sub_accounts_can_have_one(world):
    strangers = {
        world.agency: "The primary account cannot have a monthly allocation.",
        make_individual(): "Ada Lovelace is not a sub-account of Brightline Agency.",
        make_sub_account("Elsewhere", agency=make_agency("Other")): "Elsewhere is not a",
        close(make_sub_account("Gone", agency=world.agency)): "Gone is closed.",
    }
    for account, text in strangers.items():
        world.sub = account
        with pytest.raises(Refused, match=text):
            world.save()

    assert nothing_was_set(world)


def test_a_closed_agency_cannot_save(world):
    close(world.agency)

    with pytest.raises(Refused, match="Brightline Agency is closed"):
        world.save()

    assert nothing_was_set(world)


def test_saving_nudges_the_first_charge_after_the_commit(
    world, nudges, django_capture_on_commit_callbacks
):
    with clock.at(NOV_14), django_capture_on_commit_callbacks(execute=True):
        world.save()
        assert ("wallets.run_allocation", (world.run("2026-11-14").pk,)) not in nudges

    assert ("wallets.run_allocation", (world.run("2026-11-14").pk,)) in nudges


def test_changed_minutes_count_from_the_next_month(running):
    with clock.at(moment("2026-11-20")):
        running.save(basic=0, premium=100)

    assert running.run_at("2026-11-20 01:00") == []
    assert running.run_at("2026-12-14 01:00") == ["charge"]

    assert running.taken() == [1600, 20500]


def test_a_running_schedule_keeps_its_day(running):
    with clock.at(moment("2026-11-20")), pytest.raises(InvalidAmount) as refusal:
        running.save(start_date=date(2026, 12, 1))

    assert refusal.value.fields == {
        "start_date": "This allocation runs on the 14th. To move it, stop it and start again."
    }
    assert running.allocation.anchor_date == date(2026, 11, 14)


# --- The preview.


def test_the_preview_says_what_is_charged_and_when(world):
    with clock.at(NOV_14):
        today = world.preview()
        later = world.preview(start_date=date(2026, 12, 1))

    assert (today.estimate.total, today.first_charge, today.charge_now) == (
        Decimal("205.00"),
        date(2026, 11, 14),
        Decimal("205.00"),
    )
    assert today.text == "First charge today, $205.00, then monthly on the 14th."
    assert later.text == "First charge 1 Dec, $205.00, then monthly on the 1st."
    assert later.charge_now == 0
    assert nothing_was_set(world)


def test_the_preview_tells_what_is_wrong_while_the_person_types(world):
    tiny = world.preview(basic=1, premium=0)

    assert tiny.problem == "The monthly charge must be at least $0.50. Enter more minutes."
    assert (tiny.estimate.total, tiny.first_charge) == (Decimal("0.09"), None)


def test_the_preview_of_a_paid_month_says_when_it_is_charged_next(running):
    with clock.at(moment("2026-11-20")):
        assert running.preview(basic=0, premium=100).text == (
            "Next charge 14 Dec, $16.00, then monthly on the 14th."
        )


# --- Stopping and restarting.


def test_both_zero_stops_it(running):
    with clock.at(moment("2026-11-20")):
        allocation = running.save(basic=0, premium=0, payment_method="")

    assert not allocation.active
    assert running.run_at("2026-12-14 01:00") == []
    assert running.minutes == (500, 1000)
    assert running.taken() == [20500]


def test_restarting_inside_a_paid_month_keeps_the_day_and_charges_nothing_before(running):
    running.stop()

    with clock.at(moment("2026-11-20")):
        shown = running.preview(basic=0, premium=100)
        restarted = running.save(basic=0, premium=100)

    assert shown.text == "Already paid until 14 Dec: nothing is charged before."
    assert shown.first_charge == date(2026, 12, 14)
    assert restarted.anchor_date == date(2026, 11, 14)
    assert running.run_at("2026-11-20 01:00") == []
    assert running.run_at("2026-12-13 23:00") == []
    assert running.run_at("2026-12-14 01:00") == ["charge"]
    assert running.taken() == [1600, 20500]


def test_restarting_after_the_paid_month_starts_a_new_schedule(running):
    running.stop()

    with clock.at(moment("2027-01-03")):
        restarted = running.save()

    assert restarted.anchor_date == date(2027, 1, 3)
    assert running.run_at("2027-01-03 01:00") == ["charge"]


def test_restarting_on_a_later_day_than_is_paid_for_moves_the_schedule(running):
    running.stop()

    with clock.at(moment("2026-11-20")):
        restarted = running.save(start_date=date(2026, 12, 20))

    assert restarted.anchor_date == date(2026, 12, 20)
    assert running.run_at("2026-12-14 01:00") == []
    assert running.run_at("2026-12-20 01:00") == ["charge"]


def test_stopping_cancels_a_run_that_waits_for_its_retry(world):
    world.decline_with()
    with clock.at(NOV_14):
        world.save()
    world.run_at("2026-11-14 10:01")

    world.stop()

    assert world.runs == [("2026-11-14", "canceled")]
    world.accept()
    assert world.run_at("2026-11-15") == []
    assert world.taken() == []


def test_a_run_canceled_today_is_due_again_when_restarted_today(world):
    world.decline_with()
    with clock.at(NOV_14):
        world.save()
        runs.charge_due(now=clock.now())
        world.stop()
        world.accept()
        world.save(basic=0, premium=100)

    assert world.run_at("2026-11-14 10:05") == ["charge"]
    assert world.taken() == [1600]
    assert world.runs == [("2026-11-14", "paid")]


# --- Skipping.


def test_skip_next_leaves_out_one_month_only(running):
    with clock.at(moment("2026-11-20")):
        configure.skip_next(account=running.sub, agency=running.agency, actor=make_user())
        configure.skip_next(account=running.sub, agency=running.agency, actor=None)
        assert configure.upcoming(running.allocation, 2) == [date(2027, 1, 14), date(2027, 2, 14)]

    assert running.run_at("2026-12-14 01:00") == []
    assert running.run_at("2027-01-14 01:00") == ["charge"]

    assert running.runs == [
        ("2026-11-14", "paid"),
        ("2026-12-14", "skipped"),
        ("2027-01-14", "paid"),
    ]


def test_a_skipped_month_can_be_taken_back_until_it_begins(running):
    who = {"account": running.sub, "agency": running.agency, "actor": None}
    with clock.at(moment("2026-11-20")):
        configure.skip_next(**who)
        configure.unskip(**who)
        assert configure.upcoming(running.allocation, 1) == [date(2026, 12, 14)]
        with pytest.raises(Refused, match="No coming month is skipped"):
            configure.unskip(**who)

    assert running.run_at("2026-12-14 01:00") == ["charge"]


def test_a_year_of_dates_is_known_ahead(running):
    with clock.at(moment("2026-11-20")):
        dates = configure.upcoming(running.allocation)

    assert (len(dates), dates[0], dates[-1]) == (12, date(2026, 12, 14), date(2027, 11, 14))


# --- Time: month ends, time zones, outages.


def test_an_anchor_on_the_31st_runs_once_a_month_without_drifting(world):
    with clock.at(moment("2027-01-31 09:00")):
        world.save()
    day = date(2027, 1, 31)
    while day < date(2027, 6, 1):
        world.run_at(f"{day} 12:00")
        day += timedelta(days=1)

    assert [period for period, _ in world.runs] == [
        "2027-01-31",
        "2027-02-28",
        "2027-03-31",
        "2027-04-30",
        "2027-05-31",
    ]
    assert world.taken() == [20500] * 5


@pytest.mark.parametrize(
    ("timezone", "anchor", "moments"),
    [
        ("America/New_York", date(2027, 3, 14), ["2027-03-14 05:00", "2027-03-14 07:30"]),
        ("America/New_York", date(2026, 11, 1), ["2026-11-01 05:30", "2026-11-01 06:30"]),
        ("Australia/Lord_Howe", date(2027, 4, 4), ["2027-04-03 14:45", "2027-04-03 15:15"]),
        ("Etc/GMT+12", date(2026, 11, 14), ["2026-11-14 12:00", "2026-11-15 11:59"]),
        ("Pacific/Kiritimati", date(2026, 11, 14), ["2026-11-13 10:00", "2026-11-14 09:59"]),
    ],
)
def test_a_day_with_a_gap_or_a_fold_is_charged_once(stripe, timezone, anchor, moments):
    world = make_world(stripe, timezone=timezone)
    with clock.at(moment(f"{anchor - timedelta(days=10)} 12:00")):
        world.save(start_date=anchor)

    decided = [code for text in moments for code in world.run_at(text)]

    assert decided == ["charge"]
    assert world.taken() == [20500]
    before = moment(moments[0]) - timedelta(days=1)
    assert world.agency.local_date(before) < anchor


def test_after_a_day_of_outage_the_month_runs_late_under_its_own_date(running):
    assert running.run_at("2026-12-15 18:00") == ["charge"]

    assert running.runs[-1] == ("2026-12-14", "paid")
    assert running.run_at("2027-01-13 18:00") == []
    assert running.run_at("2027-01-14 00:00") == ["charge"]


def test_after_40_days_of_outage_only_the_current_month_is_charged_and_the_missed_one_told(running):
    assert running.run_at("2027-01-20 12:00") == ["charge"]

    assert running.runs == [
        ("2026-11-14", "paid"),
        ("2026-12-14", "missed"),
        ("2027-01-14", "paid"),
    ]
    assert running.taken() == [20500, 20500]
    assert running.told(running.agency, "allocation_missed") == [
        "The monthly allocation for Northside Dental of 14 Dec 2026 was missed. Nothing was "
        "charged and no minutes were credited. It is not made up for later."
    ]


def test_a_run_that_was_planned_but_never_charged_is_missed_when_the_next_month_begins(running):
    with clock.at(moment("2026-12-14 00:01")):
        [run_id] = planning.plan_due(now=clock.now())

    assert running.run_at("2027-01-14 00:01") == ["charge"]

    assert AllocationRun.objects.get(pk=run_id).state == "missed"
    assert running.taken() == [20500, 20500]


@pytest.mark.usefixtures("running")
def test_planning_twice_makes_one_run():
    with clock.at(moment("2026-12-14 00:01")):
        first = planning.plan_due(now=clock.now())
        second = planning.plan_due(now=clock.now())

    assert (len(first), second) == (1, [])


def test_the_dry_run_says_what_would_happen_and_changes_nothing(running):
    now = moment("2027-01-20 12:00")
    with clock.at(now):
        lines = planning.dry_run(now=now)

    assert lines == [
        "Northside Dental, 14 Dec 2026: missed",
        "Northside Dental, 14 Jan 2027: charge $205.00 for 500 Basic and 1,000 Premium minutes",
    ]
    assert running.runs == [("2026-11-14", "paid")]
    assert running.taken() == [20500]


# --- Reasons not to charge.


@pytest.mark.parametrize("who", ["agency", "sub"])
def test_closed_accounts_are_not_charged(running, who):
    close(getattr(running, who))

    assert running.run_at("2026-12-14 01:00") == []
    assert running.taken() == [20500]


@pytest.mark.parametrize("who", ["agency", "sub"])
def test_blocked_wallets_wait_and_are_charged_when_unblocked(running, who):
    wallet = getattr(running, who).wallet
    wallet.blocked_at, wallet.blocked_reason = NOV_14, "disputed"
    wallet.save()

    assert running.run_at("2026-12-14 01:00") == []
    wallet.blocked_at, wallet.blocked_reason = None, ""
    wallet.save()
    assert running.run_at("2026-12-14 02:00") == ["charge"]


def run_of(world, period):
    return AllocationRun.objects.filter(allocation__account=world.sub, period=period)


def block(account):
    Wallet.objects.filter(account=account).update(blocked_at=NOV_14, blocked_reason="disputed")


def move(account, agency):
    account.agency = agency
    account.save(update_fields=["agency"])


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("not_due", lambda world: run_of(world, "2026-12-14").update(state="failed")),
        ("inactive", lambda world: AutoAllocation.objects.update(active=False)),
        ("moved", lambda world: move(world.sub, make_agency("Other"))),
        ("closed", lambda world: close(world.sub)),
        ("closed", lambda world: close(world.agency)),
        ("blocked", lambda world: block(world.sub)),
        ("blocked", lambda world: block(world.agency)),
        ("too_small", lambda world: run_of(world, "2026-12-14").update(amount_cents=49)),
    ],
)
def test_what_stands_against_a_month_is_found_at_the_last_and_written_down(running, code, change):
    """Between the sweep that found the month due and the worker that takes it up."""
    with clock.at(moment("2026-12-14 00:01")):
        [run_id] = planning.plan_due(now=clock.now())
        change(running)
        decision = runs.charge_run(run_id=run_id)

    assert (decision.wanted, decision.code) == (False, code)
    cents = 49 if code == "too_small" else 20500
    assert decision.figures == {"period": date(2026, 12, 14), "amount": Decimal(cents) / 100}
    assert running.taken() == [20500]
    assert running.logged(running.agency)[-1] == ("planned" if code == "not_due" else code)


@pytest.mark.parametrize(("seconds", "code"), [(59, "waiting"), (60, "charge")])
def test_a_month_that_waits_is_charged_from_its_moment_on(running, seconds, code):
    waits = moment("2026-12-14 00:02")
    with clock.at(moment("2026-12-14 00:01")):
        [run_id] = planning.plan_due(now=clock.now())
    run_of(running, "2026-12-14").update(next_attempt_at=waits)

    with clock.at(moment(f"2026-12-14 00:01:{seconds}") if seconds < 60 else waits):
        decision = runs.charge_run(run_id=run_id)

    assert (decision.wanted, decision.code) == (code == "charge", code)
    assert decision.figures.get("until") == (None if decision.wanted else waits)
    assert len(running.taken()) == (2 if decision.wanted else 1)


def test_a_month_that_passed_before_a_worker_came_is_missed_and_told(running):
    with clock.at(moment("2026-12-14 00:01")):
        [run_id] = planning.plan_due(now=clock.now())

    with clock.at(moment("2027-01-14 00:00")):
        assert runs.charge_run(run_id=run_id).code == "passed"

    assert running.runs[-1] == ("2026-12-14", "missed")
    assert len(running.told(running.agency, "allocation_missed")) == 1
    assert running.logged(running.agency)[-1] == "missed"
    assert running.taken() == [20500]


def test_a_paid_month_is_never_charged_again_whatever_its_row_says(running):
    run_of(running, "2026-11-14").update(state="due")

    assert running.run_at("2026-11-20") == ["purchase_pending"]

    assert running.taken() == [20500]


def test_a_month_whose_payment_has_no_outcome_yet_is_not_asked_for_again(stripe):
    world, purchase = make_unanswered(stripe)

    with clock.at(moment("2026-11-14 10:05")):
        decision = runs.charge_run(run_id=purchase.allocation_run_id)

    assert (decision.wanted, decision.code) == (False, "purchase_pending")
    assert [one.state for one in world.purchases()] == ["submitted"]


def test_an_earlier_month_that_is_asked_for_charges_no_later_one(running):
    with clock.at(moment("2026-12-14 00:01")):
        planning.plan_due(now=clock.now())
        decision = runs.charge_run(run_id=running.run("2026-11-14").pk)

    assert decision.code == "not_due"
    assert running.taken() == [20500]


def test_a_strangers_block_stops_nobody_else(running):
    stranger = make_wallet()
    block(stranger.account)

    assert running.run_at("2026-12-14 01:00") == ["charge"]


def test_a_charge_that_fell_below_stripes_minimum_fails_and_is_told(world):
    with clock.at(NOV_14):
        world.save(basic=6, premium=0, start_date=date(2026, 11, 20))
        set_rate(
            minute_type="basic",
            price=Decimal("0.05"),
            effective_from=moment("2026-11-18"),
            actor=None,
        )

    assert world.run_at("2026-11-20 08:00") == []

    assert world.runs == [("2026-11-20", "failed")]
    assert world.allocation.failed_at == moment("2026-11-20 08:00")
    assert world.told(world.agency, "allocation_failed") == [
        "The $0.30 monthly allocation for Northside Dental was not charged: "
        "A card charge must be at least $0.50. Set more minutes."
    ]
    with clock.at(moment("2026-11-20 09:00")):
        world.save(basic=10, premium=0)
    assert world.run_at("2026-11-20 09:01") == ["charge"]
    assert world.taken() == [50]
    assert world.allocation.failed_at is None


@pytest.mark.parametrize(
    ("change", "state", "next_attempt_at"),
    [
        (lambda world: world.stop(), "canceled", None),
        (lambda world: close(world.sub), "due", moment("2026-12-14 01:02")),
        (
            lambda world: AutoAllocation.objects.update(
                payment_method=add_card(world.stripe, world.agency.wallet, OTHER_GOOD_CARD).id
            ),
            "due",
            moment("2026-12-14 01:02"),
        ),
    ],
    ids=["stopped", "closed", "another card"],
)
def test_the_last_look_before_confirming_cancels_what_is_not_wanted_any_more(
    running, monkeypatch, change, state, next_attempt_at
):
    """Something changes after the purchase was decided and before Stripe takes the money."""
    real = gateway.create_intent

    def create_then_change(**facts):
        intent = real(**facts)
        monkeypatch.setattr(gateway, "create_intent", real)
        change(running)
        return intent

    monkeypatch.setattr(gateway, "create_intent", create_then_change)
    running.run_at("2026-12-14 01:00")

    assert running.taken() == [20500]
    assert [row.state for row in running.purchases()] == ["succeeded", "canceled"]
    run = running.run("2026-12-14")
    assert (run.state, run.next_attempt_at) == (state, next_attempt_at)


def test_paid_after_it_was_stopped_is_still_paid(running):
    """The money was submitted before somebody stopped it: what Stripe took is credited."""
    running.stripe.fault(kind="hang_after", path="/v1/payment_intents/.*/confirm", seconds=0.1)
    running.stripe.fault(kind="hang_after", path="/v1/payment_intents/.*/confirm", seconds=0.1)
    running.run_at("2026-12-14 01:00")
    [submitted] = Purchase.objects.filter(state="submitted")

    with clock.at(moment("2026-12-14 01:01")):
        running.stop()
        purchases.drive(purchase_id=submitted.pk)

    assert running.runs[-1] == ("2026-12-14", "paid")
    assert running.minutes == (1000, 2000)


def test_a_card_that_asks_the_bank_fails_the_month_until_it_is_confirmed(stripe):
    world = make_world(stripe, number=BANK_ASKS_CARD)
    with clock.at(NOV_14):
        world.save()

    world.run_at("2026-11-14 10:01")

    [purchase] = world.purchases()
    assert purchase.state == "requires_action"
    assert world.runs == [("2026-11-14", "failed")]
    assert world.run("2026-11-14").error_text == "Your bank needs you to confirm this payment."
    assert world.allocation.failed_at == moment("2026-11-14 10:01")
    assert world.logged(world.agency) == ["planned", "needs_bank"]
    assert world.told(world.agency, "action_required") == [
        "The $205.00 monthly allocation for Northside Dental waits for you to confirm the payment "
        "with your bank. The link works for 24 hours."
    ]
    assert world.run_at("2026-11-15 10:01") == []


@pytest.mark.parametrize(
    ("number", "state"), [(DECLINED_CARD, "declined"), (BANK_ASKS_CARD, "requires_action")]
)
def test_a_refusal_that_is_learned_after_it_was_stopped_fails_no_month(stripe, number, state):
    world, purchase = make_unanswered(stripe, number=number)
    assert purchase.state == "submitted"

    with clock.at(moment("2026-11-14 10:05")):
        world.stop()
        assert purchases.drive(purchase_id=purchase.pk).state == state

    assert world.runs == [("2026-11-14", "canceled")]
    assert world.allocation.failed_at is None
    assert world.told(world.agency, "allocation_failed") == []
    assert world.told(world.agency, "action_required") == []


def test_a_payment_learned_of_in_the_next_month_pays_its_own(stripe):
    world, purchase = make_unanswered(stripe)

    with clock.at(moment("2026-12-14 00:01")):
        planning.plan_due(now=clock.now())
        assert purchases.drive(purchase_id=purchase.pk).state == "succeeded"

    assert world.runs == [("2026-11-14", "paid"), ("2026-12-14", "due")]


def test_a_charge_stripe_never_answered_until_the_month_was_over_is_missed(running):
    running.stripe.fault(kind="500_before", path="/v1/payment_intents", times=100)
    running.run_at("2026-12-14 00:01")
    running.stripe.clear_faults()

    with clock.at(moment("2027-01-14 00:00")):
        purchase = purchases.drive(purchase_id=running.purchases()[-1].pk)

    assert purchase.state == "canceled"
    assert running.runs[-1] == ("2026-12-14", "missed")
    assert running.run("2026-12-14").next_attempt_at is None
    assert len(running.told(running.agency, "allocation_missed")) == 1
    assert running.run_at("2027-01-14 00:05") == ["charge"]
    assert running.taken() == [20500, 20500]
