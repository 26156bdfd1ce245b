"""A failed month whose own card is usable again is found by the sweep, if no message came."""

from datetime import timedelta

import pytest
from django.db import connection
from djstripe.models import PaymentMethod

from accounts import clock
from accounts.models import Account
from accounts.tests.builders import close, make_agency
from tests.databases import as_owner
from tests.plans import rows_read_by
from wallets import sweeps, tasks
from wallets.allocations import month_runs, planning, retries
from wallets.cards import keeping, mirror, payment_methods
from wallets.models import AllocationRun, AutoAllocation, Purchase
from wallets.prices.rates import rates_now
from wallets.tests.allocations.test_retries import expire, renew, without_a_card
from wallets.tests.worlds.allocation_world import make_world, moment

pytestmark = [pytest.mark.django_db, pytest.mark.journey]

UNTRIED = "wallets.revive_month"


def found_at(text):
    """The months whose card the sweep finds usable and untried, no message having come."""
    with clock.at(moment(text)):
        return [key for name, (key, *_) in sweeps.find_work() if name == UNTRIED]


def revive_at(text, run):
    with clock.at(moment(text)):
        tasks.revive_month(run.pk)


def test_a_renewed_card_is_tried_also_when_its_message_was_lost(stripe, nudges):
    world, other = without_a_card(stripe), without_a_card(stripe)
    renew(world)
    nudges.clear()
    run = world.run("2026-11-14")

    assert found_at("2026-11-19 00:00") == [run.pk]
    revive_at("2026-11-19 00:00", run)

    # Nor does it need the next one.
    with clock.at(moment("2026-11-19 00:01")):
        assert ("wallets.run_allocation", (run.pk,)) in sweeps.find_work()
    assert world.run_at("2026-11-19 00:01") == ["charge"]
    assert world.taken() == [20500]
    assert other.runs == [("2026-11-14", "failed")]
    assert found_at("2026-11-19 02:00") == []


def test_a_month_that_was_handed_out_for_hours_is_charged_within_a_minute(stripe):
    world = without_a_card(stripe)
    renew(world)
    run = world.run("2026-11-14")
    for hour in range(5):
        assert found_at(f"2026-11-19 0{hour}:00") == [run.pk]

    revive_at("2026-11-19 04:00", run)

    with clock.at(moment("2026-11-19 04:01")):
        assert list(planning.DUE.take()) == [run.pk]


def lose_the_card(world):
    keeping.forget(account=world.agency, card_id=world.card.id)


def another_agencys(world):
    other = make_world(world.stripe)
    AutoAllocation.objects.filter(account=world.sub).update(payment_method=other.card.id)


def tried(world):
    run = world.run("2026-11-14")
    Purchase.objects.create(
        payer=world.agency,
        wallet=world.sub.wallet,
        purpose="allocation",
        amount_cents=20500,
        buys="allocation",
        allocation_run=run,
        payment_method=world.card.id,
        state="declined",
        closed_at=clock.now(),
    )


def the_next_month(world):
    world.run_at("2026-12-14 00:00")


CANNOT_BE_REVIVED = {
    "expired": expire,
    "gone": lose_the_card,
    "not the agency's": another_agencys,
    "tried": tried,
    "too small": lambda _: AllocationRun.objects.update(amount_cents=49),
    "over": the_next_month,
    "stopped": lambda world: world.stop(),
    "canceled": lambda _: AllocationRun.objects.update(state="canceled"),
    "closed agency": lambda world: close(world.agency),
    "closed sub-account": lambda world: close(world.sub),
    "moved": lambda world: Account.objects.filter(pk=world.sub.pk).update(agency=make_agency()),
}


@pytest.mark.parametrize("why", CANNOT_BE_REVIVED)
def test_a_month_that_cannot_be_revived_is_not_looked_for(stripe, why):
    world = without_a_card(stripe)
    renew(world)
    with clock.at(moment("2026-11-19 00:00")):
        assert retries.UNTRIED.due(clock.now()).count() == 1

        CANNOT_BE_REVIVED[why](world)

    assert found_at("2026-12-14 00:00" if why == "over" else "2026-11-19 00:00") == []


@pytest.mark.parametrize(
    ("year", "month", "good_until"), [(2026, 11, "2026-11-30 23:59:59"), (2027, 1, "2027-01-31")]
)
def test_the_sweep_and_the_charge_agree_on_the_last_day_of_a_card(stripe, year, month, good_until):
    world = make_world(stripe)
    mirror.keep_card(stripe.set_card(world.card.id, exp_year=year, exp_month=month))
    last = moment(good_until)
    looks = []
    for now in (last, last + timedelta(days=1)):
        with clock.at(now):
            card = payment_methods.card(account=world.agency, card_id=world.card.id)
            looks.append((payment_methods.good_at(now).exists(), not card.is_expired))

    assert looks == [(True, True), (False, False)]


def test_a_card_that_says_no_end_is_good_to_both(stripe):
    world = make_world(stripe)
    row = PaymentMethod.objects.get(id=world.card.id)
    row.stripe_data["card"] |= {"exp_year": None, "exp_month": None}
    row.save()

    assert not payment_methods.card(account=world.agency, card_id=world.card.id).is_expired
    assert payment_methods.good_at(clock.now()).exists()


def test_a_month_that_a_worker_refuses_waits_for_up_to_an_hour(stripe):
    """In the agency's zone the next month has begun, and nothing has planned it yet."""
    world = without_a_card(stripe)
    renew(world)
    looks = []
    start = moment("2026-12-14 00:00")
    for minute in range(240):
        with clock.at(start + timedelta(minutes=minute)):
            for run_id in retries.UNTRIED.take():
                looks.append(minute)
                tasks.revive_month(run_id)

    assert looks == [0, 60, 120, 180]
    assert world.runs == [("2026-11-14", "failed")]


def test_failed_months_are_found_without_reading_all_allocations(stripe):
    world = without_a_card(stripe)
    renew(world)
    add_paid_months(world, 2000)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "ANALYZE accounts_account, djstripe_paymentmethod, wallets_allocationrun, "
            "wallets_autoallocation, wallets_purchase"
        )

    read = rows_read_by(
        lambda: list(retries.UNTRIED.due(moment("2026-11-19"))), of="wallets_autoallocation"
    )

    assert read <= 2


def add_paid_months(world, count):
    """Of as many other sub-accounts of the agency, each with a card of its own."""
    agency = Account.objects.get(pk=world.agency.pk)
    accounts = Account.objects.bulk_create(
        Account(kind="sub_account", agency=agency, name=f"Sub {number}", timezone="UTC")
        for number in range(count)
    )
    PaymentMethod.objects.bulk_create(
        PaymentMethod(
            id=f"pm_{number}",
            customer_id=agency.stripe_customer,
            stripe_data={"card": {"exp_year": 2900}},
        )
        for number in range(count)
    )
    first = world.allocation
    allocations = AutoAllocation.objects.bulk_create(
        AutoAllocation(
            agency=agency,
            account=account,
            basic_minutes=first.basic_minutes,
            payment_method=f"pm_{number}",
            anchor_date=first.anchor_date,
        )
        for number, account in enumerate(accounts)
    )
    runs = [AllocationRun(allocation=one, period=one.anchor_date) for one in allocations]
    for run in runs:
        month_runs.freeze(run, rates_now())
        run.state = AllocationRun.State.PAID
    AllocationRun.objects.bulk_create(runs)
