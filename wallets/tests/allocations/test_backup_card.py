"""A month's charge with the agency's backup card: tried once when the first is declined."""

import pytest

from accounts.tests.builders import owner_of
from wallets.allocations import retries
from wallets.cards import backup
from wallets.models import Wallet
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card

pytestmark = pytest.mark.django_db

VISA, MASTERCARD = "Visa •••• 4242", "Mastercard •••• 4444"


@pytest.fixture
def world(stripe):
    return make_world(stripe)


@pytest.fixture
def other(world):
    card = add_card(world.stripe, Wallet.objects.get(account=world.agency), OTHER_GOOD_CARD)
    backup.choose(account=world.agency, card_id=card.id)
    return card


def begin(world):
    from accounts import clock

    with clock.at(moment("2026-11-14 10:00")):
        world.save(basic=100, premium=0)


def tried(world) -> list[tuple[str, str]]:
    found = sorted(world.purchases(), key=lambda one: (one.created_at, one.instead_of))
    return [(one.card, one.state) for one in found]


@pytest.mark.usefixtures("other")
def test_a_declined_month_is_paid_by_the_backup_card_and_told_plainly(world):
    begin(world)
    world.decline_with()

    world.run_at("2026-11-14 10:00")

    assert tried(world) == [(VISA, "declined"), (MASTERCARD, "succeeded")]
    assert world.runs == [("2026-11-14", "paid")]
    assert (world.minutes, world.taken()) == ((100, 0), [900])
    assert world.told(world.agency, "backup_charged") == [
        f"{VISA} was declined; $9.00 was charged to your backup card {MASTERCARD}. "
        "Northside Dental got 100 Basic minutes."
    ]
    assert world.told(world.agency, "allocation_failed") == []
    assert "backup" in world.logged(world.agency)
    # The sub-account never hears of its agency's cards.
    assert "backup" not in world.logged(world.sub)
    assert world.told(world.sub, "allocation_received") == [
        "100 Basic minutes from Brightline Agency."
    ]


def test_when_both_are_declined_both_count_and_the_month_waits_a_day(world, other):
    begin(world)
    world.decline_with()
    world.stripe.set_card(other.id, behaviour={"decline_code": "do_not_honor"})

    world.run_at("2026-11-14 10:00")

    run = world.run("2026-11-14")
    assert (run.state, run.attempts) == ("due", 2)
    assert run.next_attempt_at == moment("2026-11-15 10:00")
    assert world.taken() == []


@pytest.mark.usefixtures("other")
def test_a_stolen_first_card_ends_the_month_and_leaves_the_backup_card_alone(world):
    begin(world)
    world.decline_with("stolen_card")

    world.run_at("2026-11-14 10:00")

    assert tried(world) == [(VISA, "declined")]
    assert world.runs == [("2026-11-14", "failed")]


def test_a_backup_declined_for_good_leaves_the_first_card_its_own_retries(world, other):
    begin(world)
    world.decline_with()
    world.stripe.set_card(other.id, behaviour={"decline_code": "stolen_card"})
    world.run_at("2026-11-14 10:00")
    world.accept()

    world.run_at("2026-11-15 10:01")

    assert tried(world)[-1] == (VISA, "succeeded")
    assert world.runs == [("2026-11-14", "paid")]


@pytest.mark.usefixtures("other")
def test_an_unknown_first_charge_is_never_followed_by_the_backup_card(world):
    begin(world)
    world.stripe.fault(kind="reset_after", path="/v1/payment_intents/.*/confirm", times=2)

    world.run_at("2026-11-14 10:00")

    assert tried(world) == [(VISA, "submitted")]


def test_a_person_who_retries_gets_the_backup_charge_as_the_answer(world, other):
    from accounts import clock

    begin(world)
    world.decline_with()
    world.stripe.set_card(other.id, behaviour={"decline_code": "do_not_honor"})
    world.run_at("2026-11-14 10:00")
    world.stripe.set_card(other.id, behaviour="ok")

    with clock.at(moment("2026-11-14 12:00")):
        purchase = retries.retry_now(
            account=world.sub, agency=world.agency, actor=owner_of(world.agency)
        )

    assert (purchase.card, purchase.state) == (MASTERCARD, "succeeded")
    assert world.taken() == [900]
    assert purchase.card_attempts.count() == purchase.backup_of.card_attempts.count() == 1
