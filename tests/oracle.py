"""What must hold after every test that touches money, once everything has come to rest.

Every invariant of the books, and beside them a comparison of its own: what the sandbox really
took and gave back against what our ledger says, computed from the ledger's entries alone.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from celery import current_app
from django.db import connection
from kombu.utils import json

import accounts.tasks  # noqa: F401  (importing the tasks registers their names)
import campaigns.tasks  # noqa: F401
import wallets.tasks  # noqa: F401
from accounts import clock
from accounts.models import StaffAlert
from accounts.runtime import crash_points
from accounts.telling import mails
from campaigns import pausing
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets import sweeps
from wallets.allocations import planning
from wallets.balances import included
from wallets.books import checking
from wallets.models import LedgerEntry, Purchase, Reversal, StripeEvent
from wallets.recharges import auto_recharge
from wallets.reversals import catching_up
from wallets.stripe import answers

# Time passes in these steps until nothing is open any more: the sweeps' minute, the waits of
# declines and retries, and at last the day after which a bank's link ends.
STEPS = [timedelta(minutes=1)] * 4 + [timedelta(minutes=16), timedelta(hours=2)]
STEPS += [timedelta(hours=25)] * 3

# More pieces of work in one moment than this is a loop.
MOST_WORK = 500


class NeverQuiet(AssertionError):
    """Something stays open, or makes new work, for ever."""


def run_until_quiet(*, stripe: StripeSandbox, move: Callable[[timedelta], None]) -> None:
    """Do what workers and beat would, in virtual time, until nothing is open or waits.

    `move` lets our clock pass; the sandbox's must follow it.
    """
    for step in STEPS:
        finish_processing(stripe)
        work_off()
        if is_quiet():
            break
        move(step)
    else:
        raise NeverQuiet(f"still open: {open_things()}")
    included.reset_due()
    catching_up.catch_up(since=clock.now() - timedelta(days=3650))
    forget_mails()


def forget_mails() -> None:
    """They are no money, and to write them would take longer than all the rest."""
    for model in mails.WAITING:
        model.objects.exclude(mail_due_at=None).update(mail_due_at=None)


def work_off() -> None:
    """Every piece the sweeps find now, until they find nothing new, and the campaigns' sweep."""
    done: set[object] = set()
    pausing.sweep()
    for _ in range(MOST_WORK):
        found = [piece for piece in sweeps.find_work() if piece not in done]
        if not found:
            return
        for piece in found:
            done.add(piece)
            do(*piece)
    raise NeverQuiet(f"the sweeps find ever new work: {found[:5]}")


def do(task: str, arguments: tuple) -> None:
    """Run a task as a worker would: an error of the gateway is logged and forgotten."""
    try:
        current_app.tasks[task](*json.loads(json.dumps(list(arguments))))
    except (answers.GatewayError, crash_points.Crash):
        pass


def finish_processing(stripe: StripeSandbox) -> None:
    for intent in stripe.truth()["payment_intents"]:
        if intent["status"] == "processing":
            stripe.finish(intent["id"], "succeeded")


def is_quiet() -> bool:
    return not any(open_things().values())


def open_things() -> dict[str, list]:
    return {
        "purchases": list(Purchase.objects.open().values_list("pk", "state", "purpose")),
        "refunds": list(Reversal.objects.filter(kind="refund", state__in=["created", "submitted"])),
        "events": list(StripeEvent.objects.waiting().values_list("type", "error")),
        # Handed out and not done: a sweep gives them their next turn.
        "allocations": list(planning.DUE.rows(clock.now()).values_list("pk", "period")),
        "recharges": list(auto_recharge.DUE.rows(clock.now()).values_list("wallet", "due_since")),
    }


def check(stripe: StripeSandbox) -> None:
    """Assert every invariant, and that the ledger holds what the sandbox took and gave back."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    broken = checking.check_all(stripe=True)
    assert not broken, "\n".join(map(str, broken))
    quarantined = Purchase.objects.exclude(quarantined_at=None)
    assert not quarantined, [purchase.quarantine_reason for purchase in quarantined]
    alarms = StaffAlert.objects.filter(kind__in=["stripe_refuses_our_key", "event_given_up"])
    assert not alarms, [alarm.text for alarm in alarms]
    intents = stripe.truth()["payment_intents"]
    assert credited() == {one["id"]: one["amount"] for one in intents if one["amount_received"]}
    assert given_back() == {
        one["id"]: one["amount_refunded"] + one["amount_disputed"]
        for one in intents
        if one["amount_refunded"] + one["amount_disputed"]
    }


def credited() -> dict[str, int]:
    """Cents of each intent that the ledger credits, counted from its entries."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    bought = LedgerEntry.objects.filter(kind__in=["recharge", "auto_recharge", "allocation"])
    for entry in bought.select_related("purchase"):
        found[entry.purchase.payment_intent] += _worth(entry)
    return {intent: _cents(dollars) for intent, dollars in found.items()}


def given_back() -> dict[str, int]:
    """Cents of each intent that the ledger took back and did not return."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    moved = LedgerEntry.objects.filter(
        kind__in=["refund", "refund_failed", "dispute", "dispute_won"]
    )
    for entry in moved.select_related("purchase"):
        found[entry.purchase.payment_intent] -= _worth(entry)
    # An allocation's last second is taken whole, so a fraction of a cent may be more.
    cents = {intent: int(dollars * 100) for intent, dollars in found.items()}
    return {intent: amount for intent, amount in cents.items() if amount}


def _worth(entry: LedgerEntry) -> Decimal:
    if entry.pot == "credit":
        return entry.amount
    rate = getattr(entry.purchase, f"{entry.pot}_rate")
    return round(entry.amount * rate / 60, 6)


def _cents(dollars: Decimal) -> int:
    return int(round(dollars * 100))
