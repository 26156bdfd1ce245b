"""A process dies at any step of any purchase: once quiet, one success at Stripe and one credit.

The table raises in this process; the next module kills real workers at some of the same places.
"""

import pytest

from accounts.runtime import crash_points
from tests.faults.harness import come_to_rest
from tests.faults.people import SITUATIONS, taken

pytestmark = [pytest.mark.faults, pytest.mark.django_db]

# The other two need a broker and real commits: see test_a_crash_points_of_processes.py.
POINTS = sorted(crash_points.POINTS - {"before_ack", "after_commit_before_publish"})


def die_at(point: str) -> None:
    """Once: the next process gets past it."""

    def die() -> None:
        crash_points.hook(point, None)
        raise crash_points.Crash

    crash_points.hook(point, die)


def assert_paid_once(situation, stripe) -> None:
    situation.wallet.refresh_from_db()
    assert taken(stripe) == [situation.cents]
    assert situation.wallet.credit.amount == situation.credit
    assert situation.wallet.premium_seconds == situation.premium_seconds
    (purchase,) = situation.wallet.purchases.filter(state="succeeded")
    assert len(stripe.truth()["payment_intents"]) == 1
    assert purchase.payment_intent


@pytest.mark.parametrize("purpose", SITUATIONS)
@pytest.mark.parametrize("point", POINTS)
def test_f1_f2_f18_death_at_any_point_ends_with_one_charge_and_one_credit(point, purpose, stripe):
    situation = SITUATIONS[purpose](stripe)
    die_at(point)
    with pytest.raises(crash_points.Crash):
        situation.trigger()

    # The person clicks again, the message is delivered again; then the sweeps do their work.
    situation.trigger()
    come_to_rest(stripe)

    assert_paid_once(situation, stripe)


@pytest.mark.parametrize("purpose", SITUATIONS)
@pytest.mark.parametrize("point", [point for point in POINTS if point != "before_claim"])
def test_f4_without_anybody_trying_again_the_sweeps_alone_finish_it(point, purpose, stripe):
    situation = SITUATIONS[purpose](stripe)
    die_at(point)
    with pytest.raises(crash_points.Crash):
        situation.trigger()

    come_to_rest(stripe)

    assert_paid_once(situation, stripe)


@pytest.mark.parametrize("purpose", SITUATIONS)
def test_f3_a_redelivery_after_everything_was_done_changes_nothing(purpose, stripe):
    situation = SITUATIONS[purpose](stripe)
    situation.trigger()

    situation.trigger()
    come_to_rest(stripe)

    assert_paid_once(situation, stripe)


@pytest.mark.parametrize("purpose", SITUATIONS)
@pytest.mark.parametrize(
    "kind", ["reset_before", "reset_after", "500_before", "500_after", "409", "429"]
)
@pytest.mark.parametrize("step", ["create", "confirm"])
def test_f5_f6_f7_f10_f11_no_definite_answer_ends_with_one_charge(step, kind, purpose, stripe):
    situation = SITUATIONS[purpose](stripe)
    path = "/v1/payment_intents" + (r"/\w+/confirm" if step == "confirm" else "$")
    stripe.fault(kind=kind, path=path, method="POST", times=3)
    situation.trigger()
    assert situation.wallet.purchases.filter(state="succeeded").count() == 0

    come_to_rest(stripe)

    assert_paid_once(situation, stripe)
    created = stripe.requests(path="/v1/payment_intents", method="POST")
    keys = {one["idempotency_key"] for one in created if one["path"] == "/v1/payment_intents"}
    assert len(keys) == 1
