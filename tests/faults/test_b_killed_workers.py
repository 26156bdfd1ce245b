"""Real workers are killed, cut off and hurried; PostgreSQL and Redis go away and come back.

THINKRR_BATCH_ACCOUNTS sets how many accounts the batch has that PostgreSQL's restart interrupts:
THINKRR_BATCH_ACCOUNTS=1000 make faults ARGS="-k f67"
"""

import json
import os
import random
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection, transaction

from accounts.models import Scope
from accounts.tests.builders import make_agency, make_individual, make_key, make_sub_account
from campaigns import calls
from campaigns.tests.builders import make_report
from tests.faults.harness import Plant, come_to_rest
from tests.faults.people import automatic, low_balance, monthly, taken
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from thinkrr_billing.tests.processes import wait_until
from wallets.allocations import configure, planning
from wallets.balances.opening import open_wallet
from wallets.models import AllocationRun, LedgerEntry, Purchase
from wallets.tests.worlds.builders import add_card

pytestmark = [pytest.mark.faults, pytest.mark.redis]

ACCOUNTS = int(os.environ.get("THINKRR_BATCH_ACCOUNTS", "50"))


@pytest.mark.parametrize("point", ["before_confirm", "after_confirm", "before_settle_commit"])
def test_f1_f2_a_worker_killed_in_the_middle_charges_once(point, plant, stripe, tmp_path):
    wallet = low_balance(stripe)
    worker = plant.worker()
    worker.start(crash=f"{point}:kill:{tmp_path / point}")
    plant.send("wallets.recharge_wallet", wallet.pk)
    worker.wait_for_end()
    assert taken(stripe) == ([] if point == "before_confirm" else [5000])
    assert not LedgerEntry.objects.filter(kind="auto_recharge").exists()

    come_to_rest(stripe)

    wallet.refresh_from_db()
    assert (taken(stripe), wallet.credit.amount) == ([5000], Decimal(58))


def test_f13_a_task_cut_by_its_time_limit_ends_with_one_charge(plant, stripe, tmp_path):
    """After Stripe took the money, before the ledger heard of it."""
    wallet = low_balance(stripe)
    worker = plant.worker()
    worker.start(crash=f"after_confirm:wait:{tmp_path / 'never'}", solo=False)

    plant.send("wallets.recharge_wallet", wallet.pk, soft_time_limit=3, time_limit=60)

    worker.wait_for(lambda: "SoftTimeLimitExceeded" in worker.log, "the limit cut the task")
    worker.kill()
    assert taken(stripe) == [5000]
    come_to_rest(stripe)
    wallet.refresh_from_db()
    assert (taken(stripe), wallet.credit.amount) == ([5000], Decimal(58))


def test_f14_a_connection_lost_at_the_commit_of_the_credit_credits_once(plant, stripe):
    from accounts.runtime import crash_points

    situation = automatic(stripe)

    def lose_connection() -> None:
        crash_points.hook("before_settle_commit", None)
        import psycopg

        pid = connection.connection.info.backend_pid
        with psycopg.connect(plant.postgres.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [pid])

    crash_points.hook("before_settle_commit", lose_connection)
    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        situation.trigger()
    connection.close()
    assert taken(stripe) == [5000]

    come_to_rest(stripe)

    situation.wallet.refresh_from_db()
    assert situation.wallet.credit.amount == Decimal(58)


def test_f15_a_lock_that_never_comes_is_given_up_and_the_charge_is_made_once(plant, stripe):
    situation = automatic(stripe)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")
    import psycopg

    with psycopg.connect(plant.postgres.url) as other:
        other.execute(
            "SELECT 1 FROM wallets_wallet WHERE id = %s FOR UPDATE", [situation.wallet.pk]
        )
        with pytest.raises(Exception, match="lock timeout"):
            situation.trigger()
    assert stripe.requests(path="/v1/payment_intents") == []

    come_to_rest(stripe)

    situation.wallet.refresh_from_db()
    assert (taken(stripe), situation.wallet.credit.amount) == ([5000], Decimal(58))


def test_f15_a_deadlock_over_two_wallets_is_ended_by_repeating_ours(plant, stripe):
    """The other side locks in reverse order, and PostgreSQL lets it live."""
    import psycopg

    first, second = (open_wallet(account=make_individual()) for _ in range(2))
    reports = [
        make_report(wallet.account, seconds=60, minute_type="premium") for wallet in (first, second)
    ]
    lock = "SELECT 1 FROM wallets_wallet WHERE id = %s FOR UPDATE"
    with connection.cursor() as cursor:
        # We look for a deadlock when the other side waits, too, and so are the one to end it.
        cursor.execute("SET deadlock_timeout = '3s'")
        cursor.execute("SELECT pg_backend_pid()")
        [ours] = cursor.fetchone()
    with (
        psycopg.connect(plant.postgres.url) as other,
        psycopg.connect(plant.postgres.url, autocommit=True) as watcher,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("SET deadlock_timeout = '1min'")
        other.execute(lock, [second.pk])

        def lock_the_first() -> None:
            waits = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
            wait_until(
                lambda: watcher.execute(waits, [ours]).fetchone()[0],
                seconds=20,
                what="we wait for the second wallet",
            )
            other.execute(lock, [first.pk])
            other.commit()

        crossing = pool.submit(lock_the_first)
        results = calls.record(reports=reports, reporter=None)
        crossing.result(20)
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        wait_until(
            lambda: watcher.execute(deadlocks).fetchone()[0] >= 1,
            seconds=20,
            what="PostgreSQL counts the deadlock",
        )

    assert [result.status for result in results] == ["charged", "charged"]
    assert LedgerEntry.objects.filter(kind="calls").count() == 2
    come_to_rest(stripe)


def test_f19_without_postgresql_stripe_is_never_asked(plant, stripe):
    wallet = low_balance(stripe)
    worker = plant.worker()
    worker.start()
    stripe.clear_requests()
    connection.close()
    plant.postgres.stop_now()

    plant.send("wallets.recharge_wallet", wallet.pk)

    worker.wait_for(lambda: "OperationalError" in worker.log, "the task failed")
    assert stripe.requests() == []
    plant.postgres.start()
    come_to_rest(stripe)
    assert taken(stripe) == [5000]


def test_f20_twenty_messages_and_four_workers_charge_once(plant, stripe):
    wallet = low_balance(stripe)
    plant.send_all([("wallets.recharge_wallet", (wallet.pk,))] * 20)
    # Two processes with two children each.
    workers = [plant.worker(name) for name in ("one", "two")]
    for worker in workers:
        worker.start(solo=False)

    wait_until(
        lambda: sum(worker.log.count("Task wallets.recharge_wallet[") for worker in workers) >= 20,
        seconds=60,
        what="all twenty messages are done",
    )

    assert taken(stripe) == [5000]
    come_to_rest(stripe)
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal(58)


def test_f61_death_between_commit_and_publish_is_found_by_the_sweep(plant, stripe, tmp_path):
    """The web process dies after the debit is committed and before its nudge is sent."""
    wallet = low_balance(stripe, credit="10")
    _, token = make_key(None, Scope.CALLS)
    web = plant.web()
    web.start(crash=f"after_commit_before_publish:kill:{tmp_path / 'publish'}")

    with pytest.raises(OSError, match="closed|reset|refused"):
        post_calls(web.url, token, wallet.account_id, seconds=600)

    assert LedgerEntry.objects.filter(wallet=wallet, kind="calls").count() == 1
    assert plant.waiting_messages() == 0
    come_to_rest(stripe)
    wallet.refresh_from_db()
    assert (taken(stripe), wallet.credit.amount) == ([5000], Decimal("58.40"))


def post_calls(url: str, token: str, account: object, *, seconds: int, id: str = "c1") -> dict:
    report = make_report(str(account), seconds=seconds, minute_type="premium", id=id)
    call = {
        "id": report.id,
        "account": report.account,
        "seconds": report.seconds,
        "minute_type": report.minute_type,
        "ended_at": report.ended_at.isoformat(),
    }
    request = urllib.request.Request(
        f"{url}/api/v1/calls",
        data=json.dumps({"calls": [call]}).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_f62_a_flushed_broker_loses_no_money(plant, stripe):
    wallets = [low_balance(stripe) for _ in range(10)]
    plant.send_all([("wallets.recharge_wallet", (wallet.pk,)) for wallet in wallets] * 50)
    assert plant.waiting_messages() == 500
    worker = plant.worker()
    worker.start()
    worker.wait_for(lambda: taken(stripe), "the first charge")

    assert plant.waiting_messages() > 400
    plant.redis.client.flushall()

    worker.kill()
    come_to_rest(stripe)
    assert taken(stripe) == [5000] * 10


@pytest.mark.parametrize(("trouble", "within"), [("kill", 3.0), ("freeze", 6.0)])
def test_f63_f64_without_a_broker_a_request_is_answered_in_time(trouble, within, plant, stripe):
    wallet = low_balance(stripe, credit="10")
    _, token = make_key(None, Scope.CALLS)
    web = plant.web()
    web.start()
    post_calls(web.url, token, wallet.account_id, seconds=1, id="warm")
    getattr(plant.redis, trouble)()

    started = time.monotonic()
    answer = post_calls(web.url, token, wallet.account_id, seconds=600)
    took = time.monotonic() - started

    assert answer["results"][0]["status"] == "charged"
    assert took < within, f"{took:.1f} s"
    come_to_rest(stripe)
    assert taken(stripe) == [5000]


def test_f65_workers_go_on_after_redis_was_restarted(plant, stripe):
    wallet = low_balance(stripe)
    worker = plant.worker()
    worker.start()
    plant.redis.kill()
    plant.redis.start()
    worker.wait_for(lambda: _is_consuming(plant), "the worker consumes again", seconds=60)

    plant.send("wallets.recharge_wallet", wallet.pk)

    worker.wait_for(lambda: taken(stripe) == [5000], "the charge was made")
    come_to_rest(stripe)


def _is_consuming(plant: Plant) -> bool:
    return any(client["cmd"].startswith("brpop") for client in plant.redis.client.client_list())


def test_f67_postgresql_restarted_in_the_middle_of_the_allocations_runs_each_once(plant, stripe):
    agency = make_agency()
    card = add_card(stripe, open_wallet(account=agency))
    agency.refresh_from_db()
    for number in range(ACCOUNTS):
        configure.save(
            account=make_sub_account(f"Sub {number}", agency=agency),
            agency=agency,
            actor=None,
            basic_minutes=0,
            premium_minutes=100,
            payment_method=card.id,
        )
    worker = plant.worker()
    worker.start()
    plant.send_all([("wallets.run_allocation", (run_id,)) for run_id in planning.DUE.take()])
    part = random.randint(1, ACCOUNTS * 3 // 4)
    worker.wait_for(lambda: len(taken(stripe)) >= part, f"{part} are paid", seconds=10 * ACCOUNTS)
    connection.close()

    plant.postgres.restart()

    worker.wait_for(
        lambda: plant.waiting_messages() == 0, "the rest was tried", seconds=10 * ACCOUNTS
    )
    worker.kill()
    come_to_rest(stripe)
    assert taken(stripe) == [1600] * ACCOUNTS
    assert set(AllocationRun.objects.values_list("state", flat=True)) == {"paid"}


def test_f69_a_read_only_database_charges_nothing_and_says_that_it_is_not_ready(plant, stripe):
    wallet = low_balance(stripe)
    worker, web = plant.worker(), plant.web()
    connection.close()
    plant.postgres.restart("default_transaction_read_only=on")
    worker.start()
    web.start()
    stripe.clear_requests()

    plant.send("wallets.recharge_wallet", wallet.pk)

    worker.wait_for(lambda: "read-only transaction" in worker.log, "the task failed")
    assert stripe.requests() == []
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(f"{web.url}/readyz", timeout=20)
    plant.stop_apps()
    connection.close()
    plant.postgres.restart()
    come_to_rest(stripe)
    assert taken(stripe) == [5000]


def test_f70_f72_poisonous_messages_do_not_stop_the_queue(plant, stripe):
    wallet = low_balance(stripe)
    worker = plant.worker()
    worker.start()
    plant.send("wallets.recharge_wallet", 999_999_999)
    plant.send("wallets.recharge_wallet", "no number")
    plant.send("wallets.drive_purchase", "no uuid")
    plant.send("wallets.a_task_of_tomorrow", 1)
    plant.send("wallets.recharge_wallet", wallet.pk, "an argument of tomorrow")

    plant.send("wallets.recharge_wallet", wallet.pk)

    worker.wait_for(lambda: taken(stripe) == [5000], "the good message was done")
    assert plant.waiting_messages() == 0
    come_to_rest(stripe)


def test_f70_what_is_no_message_at_all_ends_a_worker_and_the_next_one_goes_on(plant, stripe):
    """Only somebody inside Redis can put it there; it is gone when the worker starts again."""
    wallet = low_balance(stripe)
    worker = plant.worker()
    worker.start()
    plant.redis.client.lpush("celery", b"{not json")
    worker.wait_for_end()

    worker.start()
    plant.send("wallets.recharge_wallet", wallet.pk)

    worker.wait_for(lambda: taken(stripe) == [5000], "the good message was done")
    come_to_rest(stripe)


def test_f28_two_beats_make_one_charge_and_one_run(plant, stripe):
    """Both send what is due on the same minute, as after a failed failover."""
    wallet, due = low_balance(stripe), monthly(stripe)
    beats = [plant.beat(name) for name in ("first-beat", "second-beat")]
    for beat in beats:
        beat.start()
    worker = plant.worker()
    worker.start(solo=False)

    for beat in beats:
        beat.wait_for(lambda beat=beat: "(wallets.tick)" in beat.log, "its minute", seconds=75)
    worker.wait_for(
        lambda: worker.log.count("Task wallets.tick[") >= 2 and plant.waiting_messages() == 0,
        "both ticks were done",
    )
    worker.wait_for(lambda: len(taken(stripe)) == 2, "the charges were made", seconds=130)

    come_to_rest(stripe)
    assert sorted(taken(stripe)) == [1600, 5000]
    for paid in (wallet, due.wallet):
        assert Purchase.objects.filter(wallet=paid).count() == 1


@pytest.mark.usefixtures("plant")
def test_a_refusal_at_commit_leaves_no_trace(stripe: StripeSandbox):
    """The control: without a commit nothing of a claim is there, and Stripe was not asked."""
    wallet = low_balance(stripe)
    stripe.clear_requests()
    from wallets.recharges import auto_recharge, suspensions

    with transaction.atomic():
        auto_recharge.claim_locked(wallet=wallet, automatic=suspensions.locked_settings(wallet))
        transaction.set_rollback(True)

    assert not Purchase.objects.exists()
    assert stripe.requests() == []
