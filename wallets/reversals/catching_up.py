"""Refunds and disputes that no event told us of: asked of Stripe, and applied."""

import logging
from datetime import datetime

from accounts.runtime.time_limits import TimeIsUp
from wallets.reversals.crediting import NotYet
from wallets.reversals.disputes import apply_dispute_from
from wallets.reversals.refunds import settle_refund_from
from wallets.stripe import gateway

logger = logging.getLogger(__name__)


def catch_up(*, since: datetime) -> int:
    """Apply every refund and dispute Stripe has known since then, for events that never came.

    Returns how many are ours. One that fails does not stop the others.
    """
    known = 0
    for found, apply in [
        *((found, settle_refund_from) for found in gateway.refunds_since(since=since)),
        *((found, apply_dispute_from) for found in gateway.disputes_since(since=since)),
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
