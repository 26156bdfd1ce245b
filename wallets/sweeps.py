"""Finding work from rows: what every lost message, dead worker or missed event left to do.

Each piece is a task's name and its arguments. Doing a piece twice, or never, harms nothing. Each
list is a fair queue (`accounts.runtime.queues`): what is handed out waits behind all others.
"""

import logging
from collections.abc import Callable, Iterator

from accounts import clock
from accounts.cells import place
from accounts.runtime.queues import Queue
from accounts.runtime.time_limits import TimeIsUp
from wallets import inbox
from wallets.alerts import crossing, sending
from wallets.allocations import asks, planning, retries
from wallets.balances import holds
from wallets.books import comparing
from wallets.charging import purchases
from wallets.recharges import auto_recharge, low_balance, low_minutes, suspensions
from wallets.reversals import catching_up, refunds
from wallets.statements import mailing

logger = logging.getLogger(__name__)

Work = tuple[str, tuple[object, ...]]


def _each(task: str, queue: Queue, as_told: type = int) -> Callable[[], Iterator[Work]]:
    return lambda: ((task, (as_told(key),)) for key in queue.take())


def _open_purchases() -> Iterator[Work]:
    purchases.report_unknown()
    yield from _each("wallets.drive_purchase", purchases.OPEN, str)()


def _due_allocations() -> Iterator[Work]:
    planning.plan_due(now=clock.now())
    yield from _each("wallets.run_allocation", planning.DUE)()


def _own_alerts() -> Iterator[Work]:
    crossing.look()
    yield from _each("wallets.tell_alert", crossing.UNTOLD)()


def _ended_asks() -> Iterator[Work]:
    """Done here and now: a row and a notice each, and nothing is left for a worker."""
    asks.end_expired()
    yield from ()


def _ended_holds() -> Iterator[Work]:
    """The same: what has expired counts for nothing, and is only deleted."""
    holds.end_expired()
    yield from ()


FINDERS: dict[str, Callable[[], Iterator[Work]]] = {
    "events": _each("wallets.apply_event", inbox.WAITING),
    "purchases": _open_purchases,
    "refunds": _each("wallets.drive_refund", refunds.WAITING, str),
    "recharges": _each("wallets.recharge_wallet", auto_recharge.DUE),
    "other cards": _each("wallets.payment_method_changed", suspensions.ANOTHER_CARD),
    "untried months": _each("wallets.revive_month", retries.UNTRIED),
    "low balances": _each("wallets.tell_low_balance", low_balance.UNTOLD),
    "low minutes": _each("wallets.tell_low_minutes", low_minutes.UNTOLD),
    "own alerts": _own_alerts,
    "runway alerts": _each("wallets.look_at_runway", crossing.RUNWAYS),
    "slack": _each("wallets.send_slack", sending.WAITING),
    "allocations": _due_allocations,
    "papers": lambda: (("wallets.mail_paper", (pk,)) for pk in mailing.work()),
    "requests for minutes": _ended_asks,
    "holds of calls": _ended_holds,
    "refunds and disputes": lambda: (("wallets.catch_up", (pk,)) for pk in catching_up.left_ids()),
    "comparisons": lambda: (("wallets.compare_stripe", (pk,)) for pk in comparing.left_ids()),
}


# Of what no account has: Stripe's events, and looks at all that Stripe has.
EVERYBODYS = frozenset({"events", "refunds and disputes", "comparisons"})


def work() -> Iterator[Work]:
    """Everything that is due here and now, as it is found. A finder that fails does not stop the
    others."""
    for name, find in FINDERS.items():
        if not (place.has_everybodys() if name in EVERYBODYS else place.has_accounts()):
            continue
        try:
            yield from find()
        except TimeIsUp:
            raise
        except Exception:
            logger.exception("the sweep for %s failed", name)


def find_work() -> list[Work]:
    """The same at once."""
    return list(work())
