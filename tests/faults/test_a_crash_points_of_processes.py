"""The two crash points that need a broker and real commits, for each purpose of a purchase."""

import pytest

from accounts.runtime import crash_points
from tests.faults.harness import come_to_rest
from tests.faults.people import SITUATIONS
from tests.faults.test_a_crash_points import assert_paid_once, die_at
from wallets.models import AllocationRun

pytestmark = [pytest.mark.faults, pytest.mark.redis]

CONFIRM = r"/v1/payment_intents/\w+/confirm"

# What a worker is told to do about each purpose. By hand is paid in the request: what is left
# for a worker is a payment whose answer was lost.
TOLD = {
    "recharge": lambda wallet: ("wallets.drive_purchase", str(wallet.purchases.get().pk)),
    "auto_recharge": lambda wallet: ("wallets.recharge_wallet", wallet.pk),
    "allocation": lambda wallet: ("wallets.run_allocation", AllocationRun.objects.get().pk),
}


@pytest.mark.parametrize("purpose", SITUATIONS)
def test_f3_killed_before_the_ack_the_redelivery_of_any_purpose_changes_nothing(
    purpose, plant, stripe
):
    situation = SITUATIONS[purpose](stripe)
    if purpose == "recharge":
        stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=2)
        situation.trigger()
    once = plant.folder / f"before_ack_{purpose}"
    worker = plant.worker()
    worker.start(crash=f"before_ack:kill:{once}", solo=False)

    plant.send(*TOLD[purpose](situation.wallet))

    worker.wait_for(once.exists, "a child died before its acknowledgement")
    worker.wait_for(lambda: "succeeded in" in worker.log, "the message was done again")
    come_to_rest(stripe)
    assert_paid_once(situation, stripe)


@pytest.mark.parametrize("purpose", SITUATIONS)
def test_f61_death_between_commit_and_publish_of_any_purpose_loses_nothing(purpose, plant, stripe):
    """Real commits: each message that would have been sent next is lost."""
    situation = SITUATIONS[purpose](stripe)
    plant.redis.client.flushall()
    die_at("after_commit_before_publish")

    with pytest.raises(crash_points.Crash):
        situation.trigger()

    come_to_rest(stripe)
    assert_paid_once(situation, stripe)
