"""Whoever dies between a decline and the backup card's charge: once quiet, charged exactly once."""

from decimal import Decimal

import pytest

from accounts.runtime import crash_points
from tests.faults.harness import come_to_rest
from tests.faults.people import Situation, low_balance, monthly, taken
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.cards import backup
from wallets.models import Purchase, Wallet
from wallets.recharges import auto_recharge
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card

pytestmark = [pytest.mark.faults]

# Reached by the charge of the first card and again by that of the second.
POINTS = (
    "after_claim_commit",
    "after_intent_create",
    "after_intent_commit",
    "before_confirm",
    "after_confirm",
    "before_settle_commit",
    "after_settle_commit",
)


def with_backup(stripe: StripeSandbox, wallet: Wallet) -> None:
    """The first card of this wallet's account is declined from now on; another stands in."""
    stripe.set_card(wallet.default_payment_method, behaviour={"decline_code": "insufficient_funds"})
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    backup.choose(account=wallet.account, card_id=other.id)


def automatic(stripe: StripeSandbox) -> Situation:
    wallet = low_balance(stripe)
    with_backup(stripe, wallet)
    return Situation(wallet, lambda: auto_recharge.run(wallet_id=wallet.pk), 5000, Decimal("58"))


def of_agency(stripe: StripeSandbox) -> Situation:
    situation = monthly(stripe)
    agency = situation.wallet.account.agency
    with_backup(stripe, Wallet.objects.get(account=agency))
    return situation


SITUATIONS = {"auto_recharge": automatic, "allocation": of_agency}


def die_at(point: str, *, time: int) -> None:
    """When it is reached for the first or the second time."""
    left = [time]

    def die() -> None:
        left[0] -= 1
        if not left[0]:
            crash_points.hook(point, None)
            raise crash_points.Crash

    crash_points.hook(point, die)


def assert_charged_once_to_the_backup_card(situation: Situation, stripe: StripeSandbox) -> None:
    situation.wallet.refresh_from_db()
    assert taken(stripe) == [situation.cents]
    assert situation.wallet.credit.amount == situation.credit
    assert situation.wallet.premium_seconds == situation.premium_seconds
    [first] = Purchase.objects.filter(state="declined")
    [paid] = Purchase.objects.filter(state="succeeded")
    assert (paid.card, paid.backup_of) == ("Mastercard •••• 4444", first)
    assert len(stripe.truth()["payment_intents"]) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("purpose", SITUATIONS)
@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_death_at_any_point_of_either_charge_neither_loses_nor_doubles(
    point, time, purpose, stripe
):
    situation = SITUATIONS[purpose](stripe)
    die_at(point, time=time)
    try:
        situation.trigger()
    except crash_points.Crash:
        pass

    come_to_rest(stripe)

    assert_charged_once_to_the_backup_card(situation, stripe)


@pytest.mark.django_db
@pytest.mark.parametrize("purpose", SITUATIONS)
@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "500_after", "409"])
def test_an_answer_lost_on_the_second_card_is_found_out_and_charged_once(kind, purpose, stripe):
    situation = SITUATIONS[purpose](stripe)

    def lose_the_next() -> None:
        crash_points.hook("after_settle_commit", None)
        path = r"/v1/payment_intents/\w+/confirm"
        stripe.fault(kind=kind, path=path, method="POST", times=3)

    crash_points.hook("after_settle_commit", lose_the_next)
    situation.trigger()
    assert not Purchase.objects.filter(state="succeeded").exists()

    come_to_rest(stripe)

    assert_charged_once_to_the_backup_card(situation, stripe)


@pytest.mark.redis
def test_a_worker_killed_between_the_decline_and_the_backup_card_charges_once(
    plant, stripe, tmp_path
):
    situation = automatic(stripe)
    worker = plant.worker()
    worker.start(crash=f"after_settle_commit:kill:{tmp_path / 'backup'}")
    plant.send("wallets.recharge_wallet", situation.wallet.pk)
    worker.wait_for_end()
    assert taken(stripe) == []
    assert Purchase.objects.get(state="created").instead_of == "Visa •••• 4242 was declined"

    come_to_rest(stripe)

    assert_charged_once_to_the_backup_card(situation, stripe)
