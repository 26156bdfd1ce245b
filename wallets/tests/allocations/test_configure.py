"""Saving, stopping and skipping: who may, what is kept, what is told, what it leaves alone."""

from datetime import date

import pytest

from accounts import clock
from accounts.tests.builders import close, make_agency, make_user
from wallets.allocations import configure, planning, runs
from wallets.errors import InvalidAmount, Refused
from wallets.models import AllocationRun, AutoAllocation
from wallets.tests.worlds.allocation_world import make_unanswered, make_world, moment
from wallets.tests.worlds.builders import BANK_ASKS_CARD, OTHER_GOOD_CARD, add_card

pytestmark = pytest.mark.django_db

STRANGER = "Northside Dental is not a sub-account of Other."


def who(world, **change):
    return {"account": world.sub, "agency": world.agency, "actor": None} | change


def another_card(world):
    return add_card(world.stripe, world.agency.wallet, OTHER_GOOD_CARD).id


def waiting_run(world):
    return AllocationRun.objects.filter(allocation__account=world.sub, period="2026-11-14")


# --- Who may.


def test_the_preview_is_refused_where_saving_is(world):
    other = make_agency("Other")
    with pytest.raises(InvalidAmount, match="0 or more"):
        world.preview(basic=-1)
    close(world.sub)
    with pytest.raises(Refused, match="Northside Dental is closed"):
        world.preview()
    world.agency = other
    with pytest.raises(Refused, match=STRANGER):
        world.preview()


def test_a_stranger_learns_nothing_of_an_allocation_by_stopping_it(running):
    running.agency, owner = make_agency("Other"), running.agency

    with pytest.raises(Refused, match=STRANGER):
        running.save(basic=0, premium=0)
    with pytest.raises(Refused, match=STRANGER):
        running.stop()

    assert running.allocation.active
    assert running.allocation.agency == owner


def test_a_stranger_is_refused_before_anything_is_said_of_the_minutes(world):
    world.agency = make_agency("Other")

    for minutes in (0, -1):
        with pytest.raises(Refused, match=STRANGER):
            world.save(basic=minutes, premium=minutes)

    assert not AutoAllocation.objects.exists()


@pytest.mark.parametrize("change", [configure.skip_next, configure.unskip])
def test_no_month_of_a_closed_account_is_skipped_or_taken_back(running, change):
    with clock.at(moment("2026-11-20")):
        configure.skip_next(**who(running))
        before = running.allocation.skip_period
        close(running.sub)
        with pytest.raises(Refused, match="Northside Dental is closed"):
            change(**who(running))

    assert running.allocation.skip_period == before == date(2026, 12, 14)


# --- Saving.


def test_saving_says_what_was_set_and_by_whom(world):
    person = make_user()
    with clock.at(moment("2026-11-14 10:00")):
        allocation = configure.save(
            **who(world, actor=person),
            basic_minutes=500,
            premium_minutes=0,
            payment_method=world.card.id,
        )

    assert world.told(world.agency, "allocation_changed") == [
        "Monthly allocation for Northside Dental: 500 Basic, 0 Premium a month. "
        f"Changed by {person}."
    ]
    assert allocation == world.allocation


def test_each_sub_account_has_an_allocation_of_its_own(running):
    sibling = running.sibling()

    with clock.at(moment("2026-11-20")):
        shown = sibling.preview()
        none = {"basic_minutes": 0, "premium_minutes": 0, "payment_method": ""}
        with pytest.raises(InvalidAmount, match="Enter minutes for at least one type"):
            configure.save(**who(sibling), **none)
        sibling.save()

    assert shown.text == "First charge today, $205.00, then monthly on the 20th."
    assert running.allocation.active
    assert running.allocation.anchor_date == date(2026, 11, 14)
    assert sibling.allocation.anchor_date == date(2026, 11, 20)


def test_saving_in_a_paid_month_nudges_no_charge(
    running, nudges, django_capture_on_commit_callbacks
):
    with clock.at(moment("2026-11-20")), django_capture_on_commit_callbacks(execute=True):
        running.save(basic=600)

    assert "wallets.run_allocation" not in [name for name, _ in nudges]


def test_saving_before_the_first_month_nudges_no_charge(
    world, nudges, django_capture_on_commit_callbacks
):
    with clock.at(moment("2026-11-14")), django_capture_on_commit_callbacks(execute=True):
        world.save(start_date=date(2026, 11, 20))

    assert "wallets.run_allocation" not in [name for name, _ in nudges]


def test_a_change_says_when_it_was_made(running):
    with clock.at(moment("2026-11-20")):
        running.save(basic=600)

    assert running.allocation.updated_at == moment("2026-11-20")


def test_other_minutes_keep_the_month_that_is_skipped(running):
    with clock.at(moment("2026-11-20")):
        configure.skip_next(**who(running))
        running.save(basic=600)

    assert running.allocation.skip_period == date(2026, 12, 14)


def test_another_start_forgets_the_month_that_was_skipped(world):
    with clock.at(moment("2026-11-14")):
        world.save(start_date=date(2026, 12, 1))
        configure.skip_next(**who(world))
        assert world.allocation.skip_period == date(2026, 12, 1)
        world.save(start_date=date(2026, 12, 5))

    assert world.allocation.skip_period is None


def test_an_account_that_moved_is_paid_by_its_new_agency_once_that_saves(running):
    other = make_world(running.stripe)
    running.sub.agency = other.agency
    running.sub.save(update_fields=["agency"])
    other.sub = running.sub

    with clock.at(moment("2026-11-20")):
        other.save()

    assert other.allocation.agency == other.agency
    assert other.run_at("2026-12-14 00:00") == ["charge"]
    assert (running.taken(), other.taken()) == ([20500], [20500])


def test_a_paid_month_is_not_charged_again_with_another_card(running):
    with clock.at(moment("2026-11-20")):
        running.save(payment_method=another_card(running))

    assert running.runs == [("2026-11-14", "paid")]
    assert running.run_at("2026-11-20 00:01") == []
    assert running.taken() == [20500]


def test_another_card_pays_no_month_that_passed(failing):
    waiting_run(failing).update(state="failed", next_attempt_at=None)

    with clock.at(moment("2026-12-14 00:00")):
        failing.save(payment_method=another_card(failing))

    assert failing.runs == [("2026-11-14", "failed"), ("2026-12-14", "due")]
    assert failing.run_at("2026-12-14 00:01") == ["charge"]
    assert failing.taken() == [20500]


@pytest.mark.parametrize(("cents", "state"), [(49, "due"), (50, "failed")])
def test_only_a_month_below_stripes_minimum_is_tried_anew_with_the_same_card(failing, cents, state):
    waiting_run(failing).update(amount_cents=cents, state="failed", next_attempt_at=None)

    with clock.at(moment("2026-11-19")):
        failing.save(basic=600)

    run = failing.run("2026-11-14")
    assert (run.state, run.basic_minutes) == (state, 600 if state == "due" else 500)


def test_a_canceled_month_whose_payment_has_no_outcome_keeps_its_figures(stripe):
    world, purchase = make_unanswered(stripe)
    with clock.at(moment("2026-11-14 10:01")):
        world.stop()
        world.save(basic=0, premium=100)

    run = world.run("2026-11-14")
    assert (run.state, run.amount_cents, run.basic_minutes) == ("due", 20500, 500)
    assert world.purchases() == [purchase]


def test_a_month_that_was_paid_keeps_its_figures_whatever_its_row_says(running):
    waiting_run(running).update(state="canceled")

    with clock.at(moment("2026-11-14 11:00")):
        running.save(basic=0, premium=100)

    run = running.run("2026-11-14")
    assert (run.amount_cents, run.basic_minutes, run.premium_minutes) == (20500, 500, 1000)
    assert running.run_at("2026-11-14 11:01") == ["purchase_pending"]
    assert running.taken() == [20500]


# --- Stopping.


def test_stopping_says_who_did_it_and_keeps_no_minutes(running):
    person = make_user()

    stopped = configure.stop(**who(running, actor=person))

    assert (stopped.active, stopped.basic_minutes, stopped.premium_minutes) == (False, 0, 0)
    kept = running.allocation
    assert (kept.active, kept.basic_minutes, kept.premium_minutes) == (False, 0, 0)
    assert running.told(running.agency, "allocation_changed")[-1] == (
        "Monthly allocation for Northside Dental: stopped. Minutes already credited stay. "
        f"Changed by {person}."
    )


def test_saving_no_minutes_says_who_stopped_it_and_wants_minutes_when_it_is_stopped(running):
    person = make_user()
    none = {"basic_minutes": 0, "premium_minutes": 0, "payment_method": ""}
    configure.save(**who(running, actor=person), **none)

    with pytest.raises(InvalidAmount) as refusal:
        configure.save(**who(running, actor=person), **none)

    assert refusal.value.fields == {"basic_minutes": "Enter minutes for at least one type."}
    told = running.told(running.agency, "allocation_changed")
    assert [text.endswith(f"Changed by {person}.") for text in told] == [False, True]


def test_stopping_gives_up_what_was_not_asked_for_yet(world):
    with clock.at(moment("2026-11-14 10:00")):
        world.save()
        decision, _ = runs._claim(world.run("2026-11-14").pk, None)
        assert decision.code == "charge"
        world.stop()

    assert [one.state for one in world.purchases()] == ["canceled"]
    assert world.taken() == []


def test_stopping_leaves_a_payment_whose_outcome_is_not_known_to_stripes_word(stripe):
    world, purchase = make_unanswered(stripe)

    with clock.at(moment("2026-11-14 10:01")):
        world.stop()

    purchase.refresh_from_db()
    assert purchase.state == "submitted"
    assert stripe.requests(path="/v1/payment_intents/.*/cancel") == []


def test_stopping_leaves_what_waits_at_the_bank_for_another_sub_account(stripe):
    world = make_world(stripe, number=BANK_ASKS_CARD)
    sibling = world.sibling()
    with clock.at(moment("2026-11-14 10:00")):
        world.save()
        sibling.save()
        runs.charge_due(now=clock.now())
        world.stop()

    assert world.run("2026-11-14").purchases.get().state == "canceled"
    assert sibling.run("2026-11-14").purchases.get().state == "requires_action"


# --- Skipping.


def test_skipping_is_told_once_with_the_day_and_the_person(running):
    person = make_user()
    before = len(running.told(running.agency, "allocation_changed"))
    with clock.at(moment("2026-11-20")):
        for _ in range(2):
            skipped = configure.skip_next(**who(running, actor=person))
            assert skipped.skip_period == date(2026, 12, 14)
        charged = configure.unskip(**who(running, actor=person))

    assert charged.skip_period is None
    assert running.told(running.agency, "allocation_changed")[before:] == [
        f"Monthly allocation for Northside Dental: 14 Dec is skipped. Changed by {person}.",
        "Monthly allocation for Northside Dental: 14 Dec is charged after all. "
        f"Changed by {person}.",
    ]


def test_a_skipped_month_that_has_begun_is_not_taken_back(running):
    with clock.at(moment("2026-11-20")):
        configure.skip_next(**who(running))
    running.run_at("2026-12-14 00:00")

    with clock.at(moment("2026-12-14 00:01")), pytest.raises(Refused, match="No coming month"):
        configure.unskip(**who(running))

    assert running.runs[-1] == ("2026-12-14", "skipped")


def test_after_a_skipped_month_has_begun_the_next_one_can_be_skipped(running):
    with clock.at(moment("2026-11-20")):
        configure.skip_next(**who(running))
    assert running.run_at("2026-12-14 00:01") == []
    begun = running.allocation.skip_period

    with clock.at(moment("2026-12-20")):
        configure.skip_next(**who(running))

    assert begun is None
    assert running.allocation.skip_period == date(2027, 1, 14)
    assert running.run_at("2027-01-14 00:01") == []
    assert running.run_at("2027-02-14 00:01") == ["charge"]


@pytest.mark.parametrize(
    ("at", "first"),
    [
        ("2026-11-14 11:00", date(2026, 12, 14)),
        ("2026-12-14 00:00", date(2026, 12, 14)),
        ("2026-12-15 00:00", date(2027, 1, 14)),
    ],
)
def test_a_coming_charge_has_no_run_yet_and_its_day_has_not_passed(running, at, first):
    with clock.at(moment(at)):
        assert configure.upcoming(running.allocation, 1) == [first]


def test_a_month_that_was_made_ahead_does_not_come_again(running):
    """By a host whose day has begun already."""
    with clock.at(moment("2026-12-14 00:00")):
        planning.plan_due(now=clock.now())

    with clock.at(moment("2026-12-13 23:59")):
        assert configure.upcoming(running.allocation, 1) == [date(2027, 1, 14)]


def test_a_stopped_allocation_has_no_coming_charges(running):
    running.stop()

    assert configure.upcoming(running.allocation) == []
    assert AutoAllocation.objects.count() == 1
