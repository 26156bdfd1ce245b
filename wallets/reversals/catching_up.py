"""Refunds and disputes that no event told us of: asked of Stripe, and applied.

The last hours at once; what a bank may take months over in steps, each night: each commits where
it is, and another process may go on.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F

from accounts import clock
from accounts.cells import place
from accounts.runtime.steps import Steps
from accounts.runtime.time_limits import TimeIsUp
from wallets import limits
from wallets.charging.cells import cells_of
from wallets.models import CatchUp
from wallets.reversals.crediting import NotYet
from wallets.reversals.disputes import apply_dispute_from
from wallets.reversals.refunds import settle_refund_from
from wallets.stripe import gateway

logger = logging.getLogger(__name__)

STEPS = Steps(longest=limits.CATCH_UP_SLICE, shortest=limits.CATCH_UP_SLICE_LEAST)


def begin() -> CatchUp:
    """The look of this night: the one that is under way, or a new one at the last four months."""
    now = clock.now()
    row, _ = CatchUp.objects.get_or_create(
        finished_at=None,
        defaults=STEPS.from_here(since=now - limits.CATCH_UP_NIGHTLY, now=now),
    )
    return row


def go_on(*, catch_up_id: int, within: timedelta = limits.CATCH_UP_BUDGET) -> CatchUp:
    """Step after step until it is complete, or `within` is used up. Repeatable, at any moment.

    Call with no transaction open. Raises GatewayError when Stripe does not answer; then the next
    one goes on from there.
    """
    row = CatchUp.objects.get(pk=catch_up_id)
    return STEPS.go_on(row, within=within, look=_look)


def _look(
    *, since: datetime, until: datetime | None
) -> tuple[dict[str, object], Callable[[], object]]:
    known = catch_up(since=since, until=until)
    return {"known": F("known") + known}, lambda: None


def _is_known(found: dict[str, object], apply: Callable[..., object | None]) -> bool:
    for cell in cells_of(found):
        with place.inside(cell):
            if apply(found=found) is not None:
                return True
    return False


def left_ids() -> list[int]:
    """Looks that nobody is at: another process goes on. For the sweep."""
    idle = CatchUp.objects.filter(
        finished_at=None, touched_at__lt=clock.now() - limits.CATCH_UP_IDLE
    )
    return list(idle.values_list("pk", flat=True))


def catch_up(*, since: datetime, until: datetime | None = None) -> int:
    """Apply every refund and dispute of that time that Stripe knows, for events that never came.

    Returns how many are ours. One that fails does not stop the others.
    """
    known = 0
    span = {"since": since, "until": until}
    for found, apply in [
        *((found, settle_refund_from) for found in gateway.refunds_since(**span)),
        *((found, apply_dispute_from) for found in gateway.disputes_since(**span)),
    ]:
        try:
            known += _is_known(found, apply)
        except NotYet as error:
            logger.warning("%s must wait: %s", found.get("id"), error)
        except TimeIsUp:
            raise
        except Exception:
            logger.exception("%s could not be applied", found.get("id"))
    return known
