"""Refunds and disputes that no event told us of: asked of Stripe, and applied.

The last hours at once; what a bank may take months over in steps, each night: each commits where
it is, and another process may go on.
"""

import logging
import time
from datetime import datetime, timedelta

from django.db.models import F

from accounts import clock
from accounts.runtime.time_limits import TimeIsUp
from wallets import limits
from wallets.models import CatchUp
from wallets.reversals.crediting import NotYet
from wallets.reversals.disputes import apply_dispute_from
from wallets.reversals.refunds import settle_refund_from
from wallets.stripe import gateway

logger = logging.getLogger(__name__)


def begin() -> CatchUp:
    """The look of this night: the one that is under way, or a new one at the last four months."""
    now = clock.now()
    since = now - limits.CATCH_UP_NIGHTLY
    row, _ = CatchUp.objects.get_or_create(
        finished_at=None,
        defaults={
            "since": since,
            "at": since,
            "until": now,
            "slice_seconds": int(limits.CATCH_UP_SLICE.total_seconds()),
            "touched_at": now,
        },
    )
    return row


def go_on(*, catch_up_id: int, within: timedelta = limits.CATCH_UP_BUDGET) -> CatchUp:
    """Step after step until it is complete, or `within` is used up. Repeatable, at any moment.

    Call with no transaction open. Raises GatewayError when Stripe does not answer; then the next
    one goes on from there.
    """
    ends = time.monotonic() + within.total_seconds()
    row = CatchUp.objects.get(pk=catch_up_id)
    while row.finished_at is None and time.monotonic() < ends:
        _step(row)
        row.refresh_from_db()
    return row


def _step(row: CatchUp) -> None:
    """One slice of time. A slice that kills its process is half as long the next time."""
    most, least = (
        int(one.total_seconds()) for one in (limits.CATCH_UP_SLICE, limits.CATCH_UP_SLICE_LEAST)
    )
    waiting = CatchUp.objects.filter(pk=row.pk, at=row.at, finished_at=None)
    waiting.update(slice_seconds=max(least, row.slice_seconds // 2), touched_at=clock.now())
    upto = min(row.at + timedelta(seconds=row.slice_seconds), row.until)
    known = catch_up(since=row.at, until=upto if upto < row.until else None)
    waiting.update(
        at=upto,
        slice_seconds=min(row.slice_seconds * 2, most),
        known=F("known") + known,
        touched_at=clock.now(),
        finished_at=clock.now() if upto >= row.until else None,
    )


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
            known += apply(found=found) is not None
        except NotYet as error:
            logger.warning("%s must wait: %s", found.get("id"), error)
        except TimeIsUp:
            raise
        except Exception:
            logger.exception("%s could not be applied", found.get("id"))
    return known
