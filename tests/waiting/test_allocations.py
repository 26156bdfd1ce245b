"""Monthly allocations: planned, due, failed, missed, and every way out."""

from datetime import timedelta
from uuid import uuid4

import pytest

from accounts import clock
from accounts.models import Account
from accounts.runtime.queues import TRIES
from accounts.tests.builders import owner_of
from tests.waiting.test_purchases import Killed, kill
from tests.waiting.ways import post, support, tick, waits_for, way_out
from wallets.allocations import asks, planning
from wallets.cards import mirror
from wallets.models import AllocationRun
from wallets.tests.worlds.allocation_world import moment
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card

pytestmark = [pytest.mark.django_db, pytest.mark.journey, pytest.mark.usefixtures("nudges")]

START = moment("2026-11-14 10:00")
NEXT = moment("2026-12-14 00:01")


def retry_now(world):
    post(world.agency, "wallets:auto_allocation_retry", world.sub.pk, quoted_charge="205")


def stop(world):
    save(world, basic_minutes="0", premium_minutes="0")


def save(world, **changes):
    facts = {
        "basic_minutes": "500",
        "premium_minutes": "1,000",
        "payment_method": world.card.id,
        "start_date": "",
        "quoted_charge": "0",
    }
    post(world.agency, "wallets:auto_allocation", world.sub.pk, **(facts | changes))


def run_by_support(world):
    support("accounts.account", "run_allocation", world.sub.pk)


def unplanned(world):
    """The second month has begun, and nobody has planned it."""
    paid(world)
    return "month_unplanned", NEXT


def due(world):
    paid(world)
    with clock.at(NEXT):
        planning.plan_due(now=NEXT)
    return "allocation", NEXT


def resting(world):
    """It killed ten workers."""
    due(world)
    run = world.run("2026-12-14")
    with clock.at(NEXT):
        for _ in range(TRIES):
            with pytest.raises(Killed):
                planning.DUE.attempt(run.pk, kill, tell=print)
        planning.DUE.attempt(run.pk, kill, tell=print)
    return "resting", NEXT + timedelta(minutes=1)


def retried(world):
    """Declined once: it waits for an hour."""
    world.decline_with()
    with clock.at(START):
        world.save()
    world.run_at("2026-11-14 10:00")
    world.accept()
    return "month_retried", START + timedelta(minutes=1)


def ahead(world):
    """Planned, and then its agency moved west, where the day has not begun."""
    due(world)
    Account.objects.filter(pk=world.agency.pk).update(timezone="Pacific/Pago_Pago")
    with clock.at(NEXT):
        tick()
    return "month_ahead", NEXT + timedelta(minutes=1)


def missed(world):
    with clock.at(START):
        world.save()
        AllocationRun.objects.update(state="missed", closed_at=START)
    return "month_missed", START + timedelta(minutes=1)


def failed(world):
    """Declined four times."""
    world.decline_with()
    with clock.at(START):
        world.save()
    give_up()
    world.accept()
    return "allocation_failed", START + timedelta(hours=99)


def give_up():
    for hours in (0, 1, 25, 97):
        with clock.at(START + timedelta(hours=hours)):
            tick()


def untried(world):
    """Its card had expired each time, and is renewed by now; the message of that was lost."""
    with clock.at(START):
        world.save()
    mirror.keep_card(world.stripe.set_card(world.card.id, exp_year=2026, exp_month=10))
    give_up()
    assert world.purchases() == []
    mirror.keep_card(world.stripe.set_card(world.card.id, exp_year=2030))
    return "month_untried", START + timedelta(hours=99)


def paid(world):
    with clock.at(START):
        world.save()
        tick()
    assert world.runs == [("2026-11-14", "paid")]


STATES = {
    "month_unplanned": unplanned,
    "allocation": due,
    "resting": resting,
    "month_retried": retried,
    "month_ahead": ahead,
    "month_missed": missed,
    "allocation_failed": failed,
    "month_untried": untried,
}


@pytest.fixture
def waiting(world, kind):
    """A world in which this kind waits, and the moment."""
    name, now = STATES[kind](world)
    with clock.at(now):
        assert waits_for(name)
    return world, now


UNPAID = (
    "allocation",
    "resting",
    "month_retried",
    "month_missed",
    "allocation_failed",
    "month_untried",
)
STOPPED = tuple(kind for kind in STATES if kind != "resting")


@way_out(*UNPAID, by="customer", how="Retry now")
@pytest.mark.parametrize("kind", UNPAID)
def test_the_agency_pays_a_month_at_once(waiting, kind):
    world, now = waiting
    with clock.at(now):
        retry_now(world)

        assert not waits_for(kind)
    assert world.taken()[-1] == 20500


@way_out(*UNPAID[2:], "allocation", by="support", how="Run or retry this month's allocation")
@pytest.mark.parametrize("kind", [*UNPAID[2:], "allocation"])
def test_support_charges_a_month_at_once(waiting, kind):
    world, now = waiting
    with clock.at(now):
        run_by_support(world)

        assert not waits_for(kind)
    assert world.taken()[-1] == 20500


@way_out(*STOPPED, by="customer", how="stopping")
@pytest.mark.parametrize("kind", STOPPED)
def test_the_agency_stops_it_whatever_it_waits_for(waiting, kind):
    world, now = waiting
    before = world.taken()
    with clock.at(now):
        stop(world)
        tick()

        assert not waits_for(kind)
    assert world.taken() == before


@way_out("allocation_failed", "month_untried", by="customer", how="another card")
@pytest.mark.parametrize("kind", ["allocation_failed", "month_untried"])
def test_another_card_makes_a_failed_month_due_again(waiting, kind, stripe):
    world, now = waiting
    card = add_card(stripe, world.agency.wallet, OTHER_GOOD_CARD)
    with clock.at(now):
        save(world, payment_method=card.id, quoted_charge="205")
        tick()

        assert not waits_for(kind)
    assert world.runs == [("2026-11-14", "paid")]
    assert world.purchases()[-1].payment_method == card.id


@way_out("month_untried", by="time", how="tried")
@pytest.mark.parametrize("kind", ["month_untried"])
def test_a_card_that_is_usable_again_is_tried_by_the_sweep(waiting):
    world, now = waiting
    with clock.at(now):
        tick()
        assert not waits_for("month_untried")
    with clock.at(now + timedelta(minutes=1)):
        tick()

    assert world.runs == [("2026-11-14", "paid")]


@way_out("month_unplanned", by="time", how="planned")
@way_out("allocation", by="time", how="charged")
@pytest.mark.parametrize("kind", ["month_unplanned", "allocation"])
def test_a_month_that_has_begun_is_planned_and_charged_by_the_sweep(waiting, kind):
    world, now = waiting
    with clock.at(now):
        tick()

        assert not waits_for(kind)
    assert world.runs == [("2026-11-14", "paid"), ("2026-12-14", "paid")]


@way_out("month_retried", by="time", how="1, 24 and 72 hours later")
@pytest.mark.parametrize("kind", ["month_retried"])
def test_a_month_that_was_declined_is_tried_again_after_an_hour(waiting):
    world, _ = waiting
    with clock.at(START + timedelta(hours=1)):
        tick()

        assert not waits_for("month_retried")
    assert world.runs == [("2026-11-14", "paid")]


@way_out("month_ahead", by="time", how="its day")
@pytest.mark.parametrize("kind", ["month_ahead"])
def test_a_month_that_lies_ahead_is_charged_on_its_day(waiting):
    world, _ = waiting
    with clock.at(moment("2026-12-14 11:02")):
        tick()

        assert not waits_for("month_ahead")
    assert world.runs == [("2026-11-14", "paid"), ("2026-12-14", "paid")]


@way_out("month_missed", by="time", how="the next month")
@way_out("allocation_failed", by="time", how="the next month is paid")
@pytest.mark.parametrize("kind", ["month_missed", "allocation_failed"])
def test_the_next_month_ends_one_that_was_never_paid(waiting, kind):
    world, _ = waiting
    with clock.at(NEXT):
        tick()

        assert not waits_for(kind)
    assert world.runs[-1] == ("2026-12-14", "paid")


# --- What a sub-account asks its agency for.


@pytest.fixture
def asked(world):
    row = asks.ask(
        account=world.sub, actor=owner_of(world.sub), basic_minutes=0, premium_minutes=100
    )
    assert waits_for("minute_ask")
    return row


@way_out("minute_ask", by="customer", how="giving")
def test_the_agency_gives_what_was_asked_for(world, asked):
    post(
        world.agency,
        "wallets:give_minutes",
        world.sub.pk,
        basic_minutes="0",
        premium_minutes="100",
        payment_method=world.card.id,
        form_key=str(uuid4()),
        quoted_charge="16.00",
        ask=asked.pk,
    )

    assert not waits_for("minute_ask")
    assert world.minutes == (0, 100)
    assert world.taken() == [1600]


@way_out("minute_ask", by="customer", how="declining")
def test_the_agency_declines(world, asked):
    post(world.agency, "wallets:decline_ask", world.sub.pk, asked.pk, answer="Not this month")

    assert not waits_for("minute_ask")
    assert world.taken() == []


@way_out("minute_ask", by="customer", how="withdrawing")
def test_whoever_asked_takes_it_back(world, asked):
    post(world.sub, "wallets:withdraw_ask", asked.pk)

    assert not waits_for("minute_ask")
    assert world.taken() == []


@way_out("minute_ask", by="time", how="7 days")
def test_an_ask_that_nobody_answered_ends_by_the_tick(world, asked):
    with clock.at(asked.expires_at):
        tick()

    assert not waits_for("minute_ask")
    assert len(world.told(world.sub, "minutes_answered")) == 1
