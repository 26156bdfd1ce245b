"""Finding work from rows: what every lost message, dead worker or missed event left to do.

Each piece is a task's name and its arguments. Doing a piece twice, or never, harms nothing.
"""

import logging
from collections.abc import Callable, Iterator

from accounts import clock
from wallets import inbox
from wallets.allocations import planning
from wallets.charging import purchases
from wallets.recharges import auto_recharge, low_balance
from wallets.reversals import refunds

logger = logging.getLogger(__name__)

Work = tuple[str, tuple[object, ...]]


def _each(task: str, find: Callable[[], list]) -> Callable[[], Iterator[Work]]:
    return lambda: ((task, (found,)) for found in find())


def _open_purchases() -> list[str]:
    return [str(pk) for pk in purchases.sweep()]


def _due_allocations() -> Iterator[Work]:
    planning.plan_due(now=clock.now())
    for run_id in planning.due_run_ids():
        yield "wallets.run_allocation", (run_id,)


FINDERS: dict[str, Callable[[], Iterator[Work]]] = {
    "events": _each("wallets.apply_event", inbox.waiting_ids),
    "purchases": _each("wallets.drive_purchase", _open_purchases),
    "refunds": _each("wallets.drive_refund", refunds.open_reversal_ids),
    "recharges": _each("wallets.recharge_wallet", auto_recharge.due_wallet_ids),
    "low balances": _each("wallets.tell_low_balance", low_balance.untold_wallet_ids),
    "allocations": _due_allocations,
}


def find_work() -> list[Work]:
    """Everything that is due now. A finder that fails does not stop the others."""
    work: list[Work] = []
    for name, find in FINDERS.items():
        try:
            work.extend(find())
        except Exception:
            logger.exception("the sweep for %s failed", name)
    return work
