"""A worker's children keep their connections: whatever ends one between two tasks costs no task,
and what ends one in a task costs that one."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tests.faults.following import Standby
from tests.faults.harness import Plant, Worker, come_to_rest, free_port
from tests.faults.people import low_balance, taken
from tests.poolers import running
from thinkrr_billing.tests.processes import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.redis]

SESSIONS = """
SELECT {what} FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
SMALL = "Task thinkrr_billing.canary["
CHARGED = "Task wallets.recharge_wallet["


def ask(plant: Plant, what: str) -> set:
    """Of each session but our own, in another database at that."""
    connection.close()
    with psycopg.connect(plant.postgres.url, dbname="postgres", autocommit=True) as db:
        return {row[0] for row in db.execute(SESSIONS.format(what=what))}


def one_child(worker: Worker) -> None:
    worker.start("--concurrency", "1", solo=False)


def do(plant: Plant, worker: Worker, times: int) -> None:
    """So many small tasks, each with a statement of its own."""
    done = worker.log.count(SMALL) + times
    plant.send_all([("thinkrr_billing.canary", ())] * times)
    worker.wait_for(lambda: worker.log.count(SMALL) == done, "all are done")


def test_each_child_keeps_one_connection_and_their_parent_none(plant):
    worker = plant.worker()
    worker.start(solo=False)
    do(plant, worker, 20)
    first = ask(plant, "pid")

    do(plant, worker, 20)

    second = ask(plant, "pid")
    # Which child takes a task is chance: one may have had none before.
    assert first
    assert first <= second
    assert len(second) <= 2


def let_go(plant: Plant) -> None:
    """As PostgreSQL does after three minutes without a task, and as a switchover does."""
    ask(plant, "pg_terminate_backend(pid, 5000)")


def restart(plant: Plant) -> None:
    connection.close()
    plant.postgres.restart()


@pytest.mark.parametrize("end", [let_go, restart])
def test_what_ended_between_two_tasks_is_made_anew(plant, stripe, end):
    wallet = low_balance(stripe)
    worker = plant.worker()
    one_child(worker)
    do(plant, worker, 2)

    end(plant)

    plant.send("wallets.recharge_wallet", wallet.pk)
    worker.wait_for(lambda: CHARGED in worker.log, "the task was done")
    assert "OperationalError" not in worker.log
    assert taken(stripe) == [5000]
    come_to_rest(stripe)


def test_a_database_that_was_away_costs_the_tasks_of_that_time_and_no_later_one(plant, stripe):
    wallet, later = low_balance(stripe), low_balance(stripe)
    worker = plant.worker()
    one_child(worker)
    do(plant, worker, 2)
    connection.close()
    plant.postgres.stop_now()
    plant.send("wallets.recharge_wallet", wallet.pk)
    worker.wait_for(lambda: "OperationalError" in worker.log, "the task failed")
    assert taken(stripe) == []

    plant.postgres.start()

    plant.send("wallets.recharge_wallet", later.pk)
    worker.wait_for(lambda: taken(stripe) == [5000], "the next one's charge was made")
    come_to_rest(stripe)
    assert taken(stripe) == [5000, 5000]


def test_a_task_cut_off_while_it_waited_leaves_the_next_one_a_connection_that_works(plant, stripe):
    """Its statement still runs: an answer is to come that nobody waits for."""
    wallet = low_balance(stripe)
    worker = plant.worker()
    one_child(worker)
    with psycopg.connect(plant.postgres.url) as other:
        other.execute("SELECT 1 FROM wallets_wallet WHERE id = %s FOR UPDATE", [wallet.pk])
        plant.send("wallets.recharge_wallet", wallet.pk, soft_time_limit=1, time_limit=60)
        worker.wait_for(lambda: "SoftTimeLimitExceeded" in worker.log, "the limit cut the task")
        do(plant, worker, 2)

    plant.send("wallets.recharge_wallet", wallet.pk)

    worker.wait_for(lambda: taken(stripe) == [5000], "the charge was made")
    come_to_rest(stripe)


@contextmanager
def pooler(port: int) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), port):
        yield


@pytest.mark.pooler
def test_a_pooler_that_was_started_anew_costs_no_task(plant, stripe):
    wallet, port = low_balance(stripe), free_port()
    name = connection.settings_dict["NAME"]
    worker = plant.worker()
    worker.env = plant.env | {
        "DATABASE_URL": f"postgres://postgres@127.0.0.1:{port}/{name}?pool_mode=transaction"
    }
    with pooler(port):
        one_child(worker)
        do(plant, worker, 2)

    with pooler(port):
        plant.send("wallets.recharge_wallet", wallet.pk)

        worker.wait_for(lambda: CHARGED in worker.log, "the task was done")
    assert "OperationalError" not in worker.log
    assert taken(stripe) == [5000]
    come_to_rest(stripe)


@contextmanager
def followed(plant: Plant) -> Iterator[Standby]:
    found = Standby(plant)
    found.start()
    yield found
    found.kill()
    shutil.rmtree(found.folder)


def test_children_follow_to_the_next_primary(plant):
    worker = plant.worker()
    with followed(plant) as standby:
        servers = f"127.0.0.1:{plant.postgres.port},127.0.0.1:{standby.port}"
        name = connection.settings_dict["NAME"]
        worker.env = plant.env | {
            "DATABASE_URL": f"postgres://postgres@{servers}/{name}?target_session_attrs=read-write"
        }
        one_child(worker)
        do(plant, worker, 2)
        wait_until(lambda: standby.has_all_of(plant.postgres), seconds=20, what="it has all")
        connection.close()

        plant.postgres.stop_now()
        assert standby.does("SELECT pg_promote()")

        do(plant, worker, 2)
        assert "OperationalError" not in worker.log
        worker.kill()
