"""How often a standby answered what may be old, and why it did not: counted by each process, as
requests are. Nothing is counted where none is configured."""

import logging

from django.conf import settings
from django.dispatch import receiver
from prometheus_client import Counter

from accounts.runtime import standby
from thinkrr_billing.figures.requests import IN_MEMORY

logger = logging.getLogger(__name__)

READS = Counter(
    "thinkrr_stale_reads",
    "Questions that a standby may answer, by who did and why it was not the standby.",
    ["checkout", "by", "why"],
    registry=IN_MEMORY,
)


@receiver(standby.answered)
def _count(by: str, why: str, **kwargs: object) -> None:
    try:
        READS.labels(checkout=settings.BASE_DIR.name, by=by, why=why).inc()
    # A full or missing folder costs a figure, never an answer.
    except OSError as error:
        logger.warning("read not counted error=%s", type(error).__name__)
