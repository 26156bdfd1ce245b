"""Charging months: runs of monthly allocation, charged at the Stripe sandbox by a worker.

One Celery worker as `deploy/` starts it, Redis between, and the sandbox over HTTP, which answers at
once or after a wait. Prints a table, and writes `.data/bench/charging.json`.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection

from benchmarks.reporting import settings_of_the_server
from benchmarks.running import environment
from benchmarks.sides.measuring import processor_seconds
from benchmarks.sides.programs import free_port, seconds_of, start_redis, start_worker
from benchmarks.sides.served import postgres_seconds
from thinkrr_billing.sandbox.stripe import process as sandboxes

KEPT = Path(__file__).resolve().parents[1] / ".data" / "bench"
RUNS, AGENCIES = 1_000, 20
# What Stripe waits before it answers, and how many children a worker has: `deploy/` starts 2.
MEASURED = ((0.0, 2), (0.05, 2), (0.05, 8))
# Of each child's: it connects, and compiles what it asks.
WARM_UPS = 10
GIVES_UP_SECONDS = 900
# As many as the sandbox keeps.
MOST_REQUESTS = 50_000
MANY = 100_000


def run(*, runs: int = RUNS) -> None:
    """Measure each wait and number of children, with so many runs."""
    found = {}
    for wait, children in MEASURED:
        with _played(wait, children) as charge:
            _due(WARM_UPS * children)
            charge()
            _due(runs)
            found[f"{wait * 1000:.0f} ms, {children} children"] = _told(charge(), runs, children)
    _keep(found, runs)


@contextmanager
def _played(wait: float, children: int) -> Iterator[Callable[[], dict]]:
    """All that there is besides PostgreSQL. What it gives charges what is due, and measures it."""
    from celery import Celery

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        port = free_port()
        stack.callback(_end, start_redis(port, folder))
        sandbox = stack.enter_context(sandboxes.start(Path(folder, "stripe.sqlite3")))
        _agencies(sandbox)
        if wait:
            sandbox.fault(kind="slow", path="/v1/", times=None, seconds=wait)
        url = urlsplit(environment()["DATABASE_URL"])
        database = url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        worker = start_worker(
            children, database=database, redis=port, stripe=sandbox.base_url, folder=folder
        )
        stack.callback(_end, worker)
        broker = Celery(broker=f"redis://127.0.0.1:{port}/0")

        def charge() -> dict:
            sandbox.clear_requests()
            before = seconds_of(worker), _postgres(), processor_seconds(sandbox.process.pid)
            began = time.perf_counter()
            for run_id in _runs("due"):
                broker.send_task("wallets.run_allocation", args=(run_id,))
            _wait_until_paid()
            took = time.perf_counter() - began
            asked = sandbox.call("GET", "requests", path="/v1/", limit=MOST_REQUESTS)["requests"]
            return {
                "seconds": took,
                "python": seconds_of(worker) - before[0],
                "postgres": _postgres() - before[1],
                "sandbox": processor_seconds(sandbox.process.pid) - before[2],
                "stripe": [one["ms"] / 1000 for one in asked],
            }

        yield charge


def _end(program: subprocess.Popen) -> None:
    program.terminate()
    program.wait()


def _postgres() -> float:
    """Processor seconds of the backends of this database, and of all that have ended."""
    own = connection.connection.info.backend_pid
    server = int(Path(f"/proc/{own}/stat").read_text().rpartition(")")[2].split()[1])
    ended = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[13:15]
    return sum(postgres_seconds().values()) + sum(map(int, ended)) / os.sysconf("SC_CLK_TCK")


def _agencies(sandbox: sandboxes.StripeSandbox) -> None:
    """Agencies with a card at this sandbox, and in the mirror of it."""
    from djstripe.models import Customer, PaymentMethod

    from accounts.models import Account
    from wallets.balances.opening import open_wallet

    for number in range(AGENCIES):
        customer = f"cus_bench{number}"
        sandbox.import_(customers=[{"id": customer}])
        card = sandbox.add_card(customer)
        agency, _ = Account.objects.get_or_create(
            kind="agency", name=f"Agency {number}", stripe_customer=customer
        )
        open_wallet(account=agency)
        Customer.objects.get_or_create(id=customer, livemode=False)
        PaymentMethod.objects.filter(customer_id=customer).delete()
        PaymentMethod.objects.create(
            id=card["id"], livemode=False, customer_id=customer, stripe_data=card
        )


def _due(count: int) -> None:
    """So many sub-accounts more whose month begins today, planned as the clock's tick does."""
    from djstripe.models import PaymentMethod

    from accounts import clock
    from accounts.models import Account
    from wallets.allocations import planning
    from wallets.models import AutoAllocation, AutoRecharge, Wallet

    cards = dict(PaymentMethod.objects.values_list("customer_id", "id"))
    agencies = list(Account.objects.filter(stripe_customer__in=cards).order_by("name"))
    subs = Account.objects.bulk_create(
        Account(kind="sub_account", name="Client", timezone="UTC", agency=agency)
        for agency in islice(cycle(agencies), count)
    )
    wallets = Wallet.objects.bulk_create(Wallet(account=sub) for sub in subs)
    AutoRecharge.objects.bulk_create(AutoRecharge(wallet=wallet) for wallet in wallets)
    AutoAllocation.objects.bulk_create(
        AutoAllocation(
            agency=sub.agency,
            account=sub,
            basic_minutes=500,
            payment_method=cards[sub.agency.stripe_customer],
            anchor_date=sub.agency.local_date(clock.now()),
        )
        for sub in subs
    )
    planned = planning.plan_due(now=clock.now())
    if len(planned) != count:
        raise RuntimeError(f"{len(planned)} of {count} months were planned.")


def _runs(state: str) -> list[int]:
    from wallets.models import AllocationRun

    return list(AllocationRun.objects.filter(state=state).values_list("pk", flat=True))


def _wait_until_paid() -> None:
    ends = time.monotonic() + GIVES_UP_SECONDS
    while due := _runs("due"):
        if time.monotonic() > ends:
            raise RuntimeError(f"{len(due)} runs were not charged: see the worker's log.")
        time.sleep(0.2)
    if failed := _runs("failed"):
        raise RuntimeError(f"{len(failed)} runs failed: see the worker's log.")


def _told(measured: dict, runs: int, children: int) -> dict[str, float]:
    """Of one run, in seconds; and what of the pace that Stripe allows was reached."""
    stripe = sum(measured["stripe"]) / runs
    pace = runs / measured["seconds"]
    return {
        "runs_a_second": pace,
        "requests": len(measured["stripe"]) / runs,
        "stripe": stripe,
        **{name: measured[name] / runs for name in ("python", "postgres", "sandbox")},
        "of_stripes_pace": pace * stripe / children,
        "hours_for_many": MANY / pace / 3600,
    }


def _keep(found: dict[str, dict[str, float]], runs: int) -> None:
    heads = (
        "runs/s",
        "requests",
        "Stripe ms",
        "Python ms",
        "PostgreSQL",
        "sandbox ms",
        "of Stripe's",
    )
    print(f"{f'a run, of {runs:,}':24}" + "".join(f"{head:>13}" for head in heads))
    for name, one in found.items():
        cells = (
            one["runs_a_second"],
            one["requests"],
            *(1000 * one[part] for part in ("stripe", "python", "postgres", "sandbox")),
            one["of_stripes_pace"],
        )
        print(f"{name:24}" + "".join(f"{cell:13.2f}" for cell in cells))
    for name, one in found.items():
        print(f"{MANY:,} runs at {name}: {one['hours_for_many']:.1f} hours (computed)")
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = {"settings": settings_of_the_server(), "runs": runs, "found": found}
    (KEPT / "charging.json").write_text(json.dumps(kept, indent=2) + "\n")
