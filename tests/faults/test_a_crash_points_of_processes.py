"""The two crash points that need a broker and real commits, for each purpose of a purchase."""

import pytest

from accounts.runtime import crash_points
from tests.faults.harness import come_to_rest
from tests.faults.people import SITUATIONS, low_balance, taken
from tests.faults.test_a_crash_points import assert_paid_once, die_at
from wallets.models import AllocationRun, AutoRecharge

pytestmark = [pytest.mark.faults, pytest.mark.redis]

CONFIRM = r"/v1/payment_intents/\w+/confirm"

# What a worker is told to do about each purpose. By hand is paid in the request: what is left
# for a worker is a payment whose answer was lost.
TOLD = {
    "recharge": lambda wallet: ("wallets.drive_purchase", str(wallet.purchases.get().pk)),
    "gift": lambda wallet: ("wallets.drive_purchase", str(wallet.purchases.get().pk)),
    "auto_recharge": lambda wallet: ("wallets.recharge_wallet", wallet.pk),
    "allocation": lambda wallet: ("wallets.run_allocation", AllocationRun.objects.get().pk),
}


@pytest.mark.parametrize("purpose", SITUATIONS)
def test_f3_killed_before_the_ack_the_sweep_finds_nothing_left_to_do_for_any_purpose(
    purpose, plant, stripe, tmp_path
):
    situation = SITUATIONS[purpose](stripe)
    if purpose in ("recharge", "gift"):
        stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=2)
        situation.trigger()
    once = tmp_path / f"before_ack_{purpose}"
    worker = plant.worker()
    worker.start(crash=f"before_ack:kill:{once}", solo=False)

    plant.send(*TOLD[purpose](situation.wallet))

    worker.wait_for(once.exists, "a child died before its acknowledgement")
    worker.wait_for(lambda: "WorkerLostError" in worker.log, "its death was noticed")
    worker.wait_for(lambda: not plant.redis.client.hlen("unacked"), "all was acknowledged")
    assert plant.waiting_messages() == 0
    come_to_rest(stripe)
    assert_paid_once(situation, stripe)


def test_f3_a_message_that_kills_its_worker_is_not_given_to_the_next(plant, stripe, tmp_path):
    """What it was about is found by the sweeps, which count; a message would come for ever."""
    wallet = low_balance(stripe)
    deaths = tmp_path / "deaths"
    worker = plant.worker("killed")
    worker.start(crash=f"before_claim:kill:{deaths}", solo=False)

    plant.send("wallets.recharge_wallet", wallet.pk)
    worker.wait_for(lambda: "WorkerLostError" in worker.log, "its death was noticed")
    plant.send("thinkrr_billing.canary")
    worker.wait_for(lambda: "thinkrr_billing.canary" in worker.log, "another message was done")
    worker.wait_for(lambda: not plant.redis.client.hlen("unacked"), "both were acknowledged")

    assert taken(stripe) == []
    assert plant.waiting_messages() == 0
    assert AutoRecharge.objects.get(wallet=wallet).tries == 1
    come_to_rest(stripe)
    assert taken(stripe) == [5000]


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
