"""Which months are made, by whom, and once; what a dry run says of them."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.db import connection

from accounts import clock
from accounts.runtime.time_limits import TimeIsUp
from accounts.tests.builders import make_agency
from wallets import limits
from wallets.allocations import configure, planning, runs
from wallets.charging import switch
from wallets.errors import Refused
from wallets.models import AllocationRun, AutoAllocation, LoggedDecision
from wallets.prices.rates import set_rate
from wallets.tests.worlds.allocation_world import moment

pytestmark = pytest.mark.django_db

DEC_14 = moment("2026-12-14 00:00")


def plan_at(at):
    with clock.at(at):
        return planning.plan_due(now=at)


def plan_locked(world, text):
    with clock.at(moment(text)):
        return planning.plan(locked=[planning.lock(allocation_id=world.allocation.pk)])


def runs_of(world):
    return AllocationRun.objects.filter(allocation__account=world.sub).order_by("period")


def dry_run(text):
    with clock.at(moment(text)):
        return planning.dry_run(now=moment(text))


def with_sibling(running):
    """Another sub-account of the agency, paid on the 14th as well."""
    sibling = running.sibling()
    with clock.at(moment("2026-11-14 10:00")):
        sibling.save(basic=0, premium=100)
    assert sibling.run_at("2026-11-14 10:02") == ["charge"]
    return sibling


# --- Who makes a month.


def test_every_month_that_has_begun_is_made_at_one_look(running):
    sibling = with_sibling(running)
    AutoAllocation.objects.update(look_at=moment("2026-12-01"))

    planned = plan_at(DEC_14)

    assert set(planned) == {running.run("2026-12-14").pk, sibling.run("2026-12-14").pk}


@pytest.mark.parametrize(
    ("start", "before"), [("2026-11-20", "2026-11-19"), ("2026-12-05", "2026-12-04")]
)
def test_a_first_month_after_one_that_was_never_paid_is_made_on_its_own_day(failing, start, before):
    """Two due dates of one schedule are 28 days apart; another schedule begins sooner."""
    with clock.at(moment("2026-11-15 09:00")):
        failing.stop()
        failing.save(start_date=date.fromisoformat(start))

    assert plan_at(moment(f"{before} 23:59")) == []
    assert plan_at(moment(f"{start} 00:00")) == [failing.run(start).pk]


@pytest.mark.parametrize(("day", "are_read"), [("2026-12-10 00:00", 0), ("2026-12-13 00:00", 2)])
def test_allocations_are_read_only_when_a_month_of_theirs_can_have_begun(running, day, are_read):
    with_sibling(running)
    rows = []

    def count(execute, sql, values, many, context):
        answer = execute(sql, values, many, context)
        if "latest" in sql:
            with connection.cursor() as cursor:
                cursor.cursor.execute(f"SELECT count(*) FROM ({sql}) q", values)
                rows.append(cursor.cursor.fetchone()[0])
        return answer

    with connection.execute_wrapper(count):
        planned = plan_at(moment(day))

    assert planned == []
    assert rows == [are_read]


def test_a_month_that_cannot_be_planned_holds_up_no_other_and_waits_behind_them(
    running, monkeypatch
):
    sibling, plan = with_sibling(running), planning.plan
    AutoAllocation.objects.update(look_at=moment("2026-12-01"))
    broken, looked = running.allocation.pk, []

    def fail_for_one(*, locked):
        ids = [one.allocation.pk for one in locked]
        looked.append(ids)
        if broken in ids:
            raise KeyError("a bug of ours")
        return plan(locked=locked)

    monkeypatch.setattr(planning, "plan", fail_for_one)

    assert plan_at(DEC_14) == [sibling.run("2026-12-14").pk]
    assert running.allocation.look_at == DEC_14 + timedelta(minutes=5)
    assert plan_at(DEC_14 + timedelta(seconds=299)) == []
    assert looked == [[broken, sibling.allocation.pk], [broken], [sibling.allocation.pk]]
    assert plan_at(DEC_14 + timedelta(seconds=300)) == []
    assert looked[3:] == [[broken]]
    assert running.runs == [("2026-11-14", "paid")]


def test_many_months_are_made_by_as_many_statements_as_one(running, django_assert_max_num_queries):
    def planned(day, *, most):
        AutoAllocation.objects.update(look_at=moment("2026-12-01"))
        with django_assert_max_num_queries(most) as asked:
            made = plan_at(moment(day))
        return len(made), len(asked)

    one, statements = planned("2026-12-14", most=20)
    for name in ("East", "West", "South"):
        with clock.at(moment("2026-12-14 10:00")):
            running.sibling(name).save()
    AllocationRun.objects.update(state="paid")

    assert one == 1
    # One a bite more: the months that were never paid are looked for again when there are several.
    assert planned("2027-01-14", most=statements) == (4, statements)


def test_in_one_bite_each_gets_the_month_it_would_get_alone(running):
    skipping, changing, small = (running.sibling(name) for name in ("East", "West", "South"))
    with clock.at(moment("2026-11-14 10:00")):
        skipping.save()
        changing.save()
        small.save(basic=0, premium=100)
    with clock.at(moment("2026-11-20")):
        configure.skip_next(account=skipping.sub, agency=running.agency, actor=None)
    AllocationRun.objects.update(state="paid")
    AllocationRun.objects.filter(allocation=changing.allocation).update(state="due")
    AutoAllocation.objects.filter(pk=small.allocation.pk).update(premium_minutes=1)

    planned = plan_at(DEC_14)

    assert set(planned) == {one.run("2026-12-14").pk for one in (running, changing)}
    states = [[state for _, state in one.runs] for one in (running, skipping, changing, small)]
    assert states == [["paid", "due"], ["paid", "skipped"], ["missed", "due"], ["paid", "failed"]]
    assert running.logged(running.agency)[-6:] == [
        "missed",
        "planned",
        "skipped",
        "planned",
        "planned",
        "too_small",
    ]


def test_a_bite_that_fails_when_the_time_is_used_up_is_not_looked_at_one_by_one(
    running, monkeypatch
):
    with_sibling(running)
    AutoAllocation.objects.update(look_at=moment("2026-12-01"))
    looked, seconds = [], count(step=6)

    def fail(*, locked):
        looked.append(len(locked))
        raise KeyError("a bug of ours")

    monkeypatch.setattr(planning, "plan", fail)
    monkeypatch.setattr(planning.time, "monotonic", lambda: next(seconds))

    assert plan_at(DEC_14) == []
    assert looked == [2]
    assert running.runs == [("2026-11-14", "paid")]


def test_of_two_workers_that_found_the_same_month_one_takes_it(running):
    seen = [running.allocation.pk]

    with clock.at(DEC_14):
        assert [planning._claim(seen, DEC_14) for _ in range(2)] == [seen, []]


def test_planning_that_runs_out_of_its_own_time_leaves_the_rest_to_the_next_tick(
    running, monkeypatch
):
    with monkeypatch.context() as short:
        short.setattr(limits, "PLAN_SECONDS", -1.0)
        assert plan_at(DEC_14) == []

    assert plan_at(DEC_14) == [running.run("2026-12-14").pk]


@pytest.mark.usefixtures("running")
def test_planning_ends_when_its_tick_does(monkeypatch):
    def ends(*, locked):  # noqa: ARG001
        raise TimeIsUp

    monkeypatch.setattr(planning, "plan", ends)

    with pytest.raises(TimeIsUp):
        plan_at(DEC_14)


# --- Which months are made.


def test_a_month_is_made_once_and_found_again(running):
    [made] = plan_locked(running, "2026-12-14 00:00")

    assert plan_locked(running, "2026-12-14 00:01") == [made]
    assert (made.period, made.state) == (date(2026, 12, 14), "due")


def test_of_months_that_are_made_together_only_the_one_that_runs_now_is_answered(running):
    [made] = plan_locked(running, "2027-01-14 00:00")

    assert (made.period, made.state) == (date(2027, 1, 14), "due")
    assert running.runs[1:] == [("2026-12-14", "missed"), ("2027-01-14", "due")]


@pytest.mark.parametrize("change", [{"active": False}, {"agency": "another"}])
def test_no_month_is_made_of_what_was_stopped_or_moved_meanwhile(running, change):
    with_sibling(running)
    change = {name: make_agency("Other") if value else value for name, value in change.items()}
    AutoAllocation.objects.filter(account=running.sub).update(**change)

    assert plan_locked(running, "2026-12-14 00:00") == []
    assert running.runs == [("2026-11-14", "paid")]


def test_a_month_that_is_made_says_what_became_of_it_and_when(running):
    with clock.at(moment("2026-11-20")):
        configure.skip_next(account=running.sub, agency=running.agency, actor=None)

    now = moment("2027-02-20 12:00")
    plan_at(now)

    made = [(f"{run.period}", run.state, run.closed_at) for run in runs_of(running)]
    assert made[1:] == [
        ("2026-12-14", "skipped", now),
        ("2027-01-14", "missed", now),
        ("2027-02-14", "due", None),
    ]
    assert running.logged(running.agency)[2:] == ["skipped", "missed", "planned"]
    assert len(running.told(running.agency, "allocation_missed")) == 1


@pytest.mark.parametrize(("price", "state"), [("0.0049", "failed"), ("0.005", "due")])
def test_a_month_of_fifty_cents_is_charged_and_of_less_is_not(running, price, state):
    with clock.at(moment("2026-11-20")):
        running.save(basic=100, premium=0)
        start = clock.now() + timedelta(seconds=1)
        set_rate(minute_type="basic", price=Decimal(price), effective_from=start, actor=None)

    plan_at(DEC_14)

    run = running.run("2026-12-14")
    said = "A card charge must be at least $0.50. Set more minutes."
    assert (run.state, run.error_text) == (state, said if state == "failed" else "")
    assert run.closed_at == (DEC_14 if state == "failed" else None)
    small = LoggedDecision.objects.filter(code="too_small")
    assert [one.figures["error"] for one in small] == ([said] if state == "failed" else [])


def test_saving_enough_minutes_answers_that_nothing_failed_any_more(failing):
    AllocationRun.objects.update(amount_cents=49, state="failed", next_attempt_at=None)
    AutoAllocation.objects.update(failed_at=moment("2026-11-14 10:00"))

    with clock.at(moment("2026-11-14 12:00")):
        saved = failing.save()

    assert saved.failed_at is None


def test_a_stopped_month_waits_for_nothing(failing):
    with clock.at(moment("2026-11-14 10:30")):
        failing.stop()

    run = failing.run("2026-11-14")
    assert (run.state, run.next_attempt_at) == ("canceled", None)
    assert run.closed_at == moment("2026-11-14 10:30")


# --- Whose it is.


def test_what_is_stopped_or_was_never_set_has_nothing_to_skip(running):
    fresh = running.sibling()
    with pytest.raises(Refused, match="Southside Dental has no monthly allocation"):
        configure.skip_next(account=fresh.sub, agency=fresh.agency, actor=None)
    running.stop()
    with pytest.raises(Refused, match="Northside Dental has no monthly allocation"):
        configure.skip_next(account=running.sub, agency=running.agency, actor=None)

    assert running.allocation.skip_period is None


def test_an_agency_changes_nothing_of_what_another_still_pays(running):
    """Its sub-account moved here; the former agency's allocation is not ours to skip."""
    other = make_agency("Other")
    running.sub.agency = other
    running.sub.save(update_fields=["agency"])

    with pytest.raises(Refused, match="Northside Dental has no monthly allocation"):
        configure.skip_next(account=running.sub, agency=other, actor=None)

    assert running.allocation.skip_period is None


# --- What is charged now.


def test_a_month_whose_payment_was_only_written_down_is_left_to_who_wrote_it(running):
    with clock.at(DEC_14):
        planning.plan_due(now=DEC_14)
        decision, _ = runs._claim(running.run("2026-12-14").pk, None)

    assert decision.code == "charge"
    assert not planning.chargeable(DEC_14).exists()
    assert running.run_at("2026-12-14 00:00") == []


def test_a_payment_of_one_month_is_in_no_others_way(running):
    sibling = with_sibling(running)
    with clock.at(DEC_14):
        planning.plan_due(now=DEC_14)
        runs._claim(running.run("2026-12-14").pk, None)

    assert list(planning.chargeable(DEC_14)) == [sibling.run("2026-12-14")]


def test_while_support_has_stopped_all_charges_no_month_is_chargeable(running):
    plan_at(DEC_14)
    switch.stop(actor=None, reason="looking into it")
    stopped = list(planning.chargeable(DEC_14))
    switch.start(actor=None, reason="found it")

    assert stopped == []
    assert list(planning.chargeable(DEC_14)) == [running.run("2026-12-14")]


def test_a_month_of_a_sub_account_that_moved_to_another_agency_is_not_chargeable(running):
    plan_at(DEC_14)
    running.sub.agency = make_agency("Other")
    running.sub.save(update_fields=["agency"])

    assert running.run("2026-12-14").state == "due"
    assert not planning.chargeable(DEC_14).exists()


# --- The dry run.


def test_the_dry_run_of_a_first_day_and_of_a_skipped_month(world):
    with clock.at(moment("2026-11-14 10:00")):
        world.save(basic=0, premium=100, start_date=date(2026, 12, 14))
    assert dry_run("2026-12-13 23:59") == []
    assert dry_run("2026-12-14 00:00") == [
        "Northside Dental, 14 Dec 2026: charge $16.00 for 100 Premium minutes"
    ]
    with clock.at(moment("2026-11-14 10:00")):
        configure.skip_next(account=world.sub, agency=world.agency, actor=None)

    assert dry_run("2027-02-14 00:00") == [
        "Northside Dental, 14 Dec 2026: skipped",
        "Northside Dental, 14 Jan 2027: missed",
        "Northside Dental, 14 Feb 2027: charge $16.00 for 100 Premium minutes",
    ]
    assert not AllocationRun.objects.exists()


@pytest.mark.usefixtures("failing")
def test_the_dry_run_counts_the_attempts_of_what_is_due():
    assert dry_run("2026-11-14 10:59") == []
    assert dry_run("2026-11-14 11:00") == [
        "Northside Dental, 14 Nov 2026: charge $205.00, attempt 2"
    ]
