"""What became of a trial's load: asked of the database, of the sandbox, of the books and of each
worker, and of a customer's server."""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import Celery

from tests.cluster import load, plan
from tests.cluster.cluster import Cluster, rows
from tests.cluster.judge import Facts, Purchase
from tests.cluster.waiting import wait_until
from thinkrr_billing import redis_servers
from thinkrr_billing.sandbox.stripe.process import StripeSandbox

# A worker has its next task within this, or it is down.
WORKS_WITHIN = 30
# What the product itself allows, before the books say so.
TOLD_WITHIN = 300
UNTOLD = """
SELECT 1 FROM accounts_webhookevent WHERE sequence IS NULL
UNION ALL SELECT 1 FROM accounts_webhookdelivery WHERE state = 'waiting' LIMIT 1
"""
BACKWARDS = """
SELECT count(*) FROM (
    SELECT id, created_at < lag(created_at) OVER (PARTITION BY wallet_id ORDER BY id) AS backwards
    FROM wallets_ledgerentry) e
WHERE backwards AND id > %s
"""
DONE = re.compile(r"Task accounts\.tick\[\S+\] succeeded")


@dataclass(frozen=True)
class Before:
    """When the load began, and the last entry of any ledger until then."""

    at: float
    entry: int


def before() -> Before:
    return Before(time.time(), rows("SELECT COALESCE(max(id), 0) FROM wallets_ledgerentry")[0][0])


def gathered(
    cluster: Cluster, *, name: str, lines: Path, world: Path, before: Before, fault_at: float
) -> Facts:
    like = f"{name}-%"
    try:
        wait_until(lambda: not rows(UNTOLD), "all events are told", seconds=TOLD_WITHIN)
    except TimeoutError:
        pass  # The judge names each of them.
    calls = rows(
        "SELECT external_id, count(*) FROM campaigns_call WHERE external_id LIKE %s GROUP BY 1",
        like,
    )
    bought = rows(
        "SELECT form_key, state, amount_cents, payment_intent, id::text FROM wallets_purchase "
        "WHERE form_key LIKE %s",
        like,
    )
    credited = rows(
        "SELECT p.form_key, sum(e.amount * 100)::int FROM wallets_ledgerentry e "
        "JOIN wallets_purchase p ON p.id = e.purchase_id WHERE p.form_key LIKE %s GROUP BY 1",
        like,
    )
    known = rows(
        "SELECT payment_intent, amount_cents FROM wallets_purchase WHERE state = 'succeeded'"
    )
    address = f"http://{plan.address('stripe')}:{plan.STRIPE_PORT}"
    intents = StripeSandbox(base_url=address).truth()["payment_intents"]
    return Facts(
        attempts=[json.loads(line) for line in lines.read_text().splitlines()],
        fault_at=fault_at,
        calls=dict(calls),
        purchases={key: Purchase(*facts) for key, *facts in bought},
        credited=dict(credited),
        charged={one["id"]: one["amount_received"] for one in intents if one["amount_received"]},
        known=dict(known),
        events=_events(before.at),
        switchers={
            load.SWITCHERS + number: one["account"]
            for number, one in enumerate(json.loads(world.read_text())["switchers"])
        },
        backwards=rows(BACKWARDS, before.entry)[0][0],
        books=cluster.manage("verify_books", "--stripe", check=False).splitlines(),
        workers_down=_that_do_nothing(cluster),
    )


def _events(began: float) -> list[dict[str, Any]]:
    """Since then, but for repeats of what was told before."""
    told = [json.loads(line) for line in (plan.RUN / plan.TOLD).read_text().splitlines()]
    before = {one["id"] for one in told if one["at"] < began}
    return [one for one in told if one["id"] not in before]


def _that_do_nothing(cluster: Cluster) -> list[str]:
    """Worker hosts that do no task although there are some for everybody."""
    logs = {host: cluster.hosts.service(host, "worker").log for host in plan.WORKERS}
    before = {host: _done(log) for host, log in logs.items()}
    address, options = redis_servers.broker(plan.redis_url())
    deadline = time.monotonic() + WORKS_WITHIN
    with Celery(broker=address, set_as_current=False) as sender:
        sender.conf.broker_transport_options = options
        while time.monotonic() < deadline:
            sender.send_task("accounts.tick", headers={"from_beat": True}, ignore_result=True)
            time.sleep(0.3)
            if idle := [host for host, log in logs.items() if _done(log) == before[host]]:
                continue
            return []
    return idle


def _done(log: Path) -> int:
    return len(DONE.findall(log.read_text(errors="replace")))
