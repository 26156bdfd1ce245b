"""A month's charge with the agency's backup card: tried once when the first is declined."""

import pytest

from accounts import clock
from accounts.tests.builders import close, owner_of
from wallets.allocations import retries
from wallets.cards import backup, keeping, mirror
from wallets.charging import purchases
from wallets.models import AutoAllocation, LoggedDecision, Wallet
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, THIRD_GOOD_CARD, add_card

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


def begin(world, **facts):
    with clock.at(moment("2026-11-14 10:00")):
        world.save(basic=100, premium=0, **facts)


def expire(world):
    mirror.keep_card(world.stripe.set_card(world.card.id, exp_year=2026, exp_month=10))


def add_third_card(world):
    return add_card(world.stripe, Wallet.objects.get(account=world.agency), THIRD_GOOD_CARD)


def choose_third_card(world):
    AutoAllocation.objects.update(payment_method=add_third_card(world).id)


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
    assert LoggedDecision.objects.get(code="backup").figures == {
        "period": "2026-11-14",
        "charge": "9",
        "minutes": "100 Basic minutes",
        "error": f"{VISA} was declined: insufficient funds. You were not charged. Try a smaller "
        "amount or another card.",
        "card": MASTERCARD,
    }
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


# --- A card that is no longer good.


@pytest.mark.usefixtures("other")
def test_a_month_whose_card_has_expired_is_paid_by_the_backup_card_without_a_try(world):
    begin(world)
    expire(world)

    assert world.run_at("2026-11-14 10:00") == ["charge"]

    [paid] = world.purchases()
    assert (paid.card, paid.instead_of) == (MASTERCARD, f"{VISA} has expired")
    assert paid.backup_of is None
    assert (world.runs, world.taken()) == ([("2026-11-14", "paid")], [900])


def test_a_backup_declined_for_good_in_place_of_an_expired_card_ends_the_month(world, other):
    begin(world)
    expire(world)
    world.stripe.set_card(other.id, behaviour={"decline_code": "invalid_account"})

    world.run_at("2026-11-14 10:00")

    assert tried(world) == [(MASTERCARD, "declined")]
    assert world.runs == [("2026-11-14", "failed")]
    assert world.run_at("2026-12-13 10:00") == []


def test_a_backup_card_that_was_declined_for_good_stands_in_for_no_expired_card(world, other):
    begin(world)
    world.decline_with()
    world.stripe.set_card(other.id, behaviour={"decline_code": "invalid_account"})
    world.run_at("2026-11-14 10:00")
    expire(world)

    assert world.run_at("2026-11-15 10:00") == ["no_card"]

    assert world.run("2026-11-14").error_text == f"{VISA} has expired. Choose another card."
    assert len(tried(world)) == 2


@pytest.mark.usefixtures("other")
def test_a_months_card_that_was_removed_waits_for_the_agency_and_not_for_the_backup_card(world):
    third = add_third_card(world)
    begin(world, payment_method=third.id)
    keeping.forget(account=world.agency, card_id=third.id)

    assert world.run_at("2026-11-14 10:00") == ["no_card"]

    assert world.purchases() == []
    assert Wallet.objects.get(account=world.agency).backup_payment_method


# --- What changes meanwhile.


@pytest.mark.parametrize(
    "change",
    [lambda world: close(world.sub), choose_third_card],
    ids=["closed", "another first card"],
)
@pytest.mark.usefixtures("other")
def test_a_decline_heard_of_when_the_month_is_not_to_be_charged_so_is_not_made_good(world, change):
    begin(world)
    world.stripe.set_card(world.card.id, behaviour="processing")
    world.run_at("2026-11-14 10:00")
    [first] = world.purchases()
    change(world)
    world.stripe.finish(first.payment_intent, "failed")

    with clock.at(moment("2026-11-14 10:05")):
        purchases.drive(purchase_id=first.pk)

    assert tried(world) == [(VISA, "declined")]
    assert "backup" not in world.logged(world.agency)
    assert world.taken() == []


@pytest.mark.parametrize(
    "change",
    [lambda world: backup.clear(account=world.agency), choose_third_card],
    ids=["no backup", "another first card"],
)
@pytest.mark.usefixtures("other")
def test_a_backup_card_that_is_not_to_be_charged_any_more_is_not(world, monkeypatch, change):
    begin(world)
    world.decline_with()
    whole = purchases._drive

    def drive(purchase):
        if purchase.instead_of:
            change(world)
        return whole(purchase)

    monkeypatch.setattr(purchases, "_drive", drive)

    world.run_at("2026-11-14 10:00")

    assert tried(world) == [(VISA, "declined"), (MASTERCARD, "canceled")]
    assert world.taken() == []
