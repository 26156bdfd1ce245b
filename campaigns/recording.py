"""Small batches of one API key that come at once are recorded as one.

A call alone is a transaction: messages, a lock, the disk. Many calls of one wallet, each alone,
wait for each other's.
"""

from collections.abc import Hashable, Sequence
from functools import partial

from accounts.cells import place
from accounts.models import Account
from accounts.runtime.group_commit import GroupCommit
from accounts.runtime.outages import is_outage
from campaigns import batches, limits
from campaigns.calls import Result
from campaigns.errors import Busy
from campaigns.reports import Report


def _concerns_all(failure: Exception) -> bool:
    """What cannot be done now can be done for none of them: each is told so in time."""
    return isinstance(failure, Busy) or is_outage(failure)


_groups = GroupCommit[Report, Result](most=limits.CALLS_PER_BATCH, concerns_all=_concerns_all)


def record(
    *, reports: Sequence[Report], reporter: Account | None, client: Hashable
) -> list[Result]:
    """The same as `batches.record`, perhaps in one transaction with others of the same client.

    `client` stands for one API key: whoever it is, its reporter is always the same. Raises what
    `batches.record` raises.
    """
    if len(reports) > limits.CALLS_ALONE:
        return batches.record(reports=reports, reporter=reporter)
    work = partial(_record, reporter)
    return _groups.do(key=(client, place.current()), wishes=reports, work=work)


def _record(reporter: Account | None, reports: Sequence[Report]) -> list[Result]:
    return batches.record(reports=reports, reporter=reporter, within=limits.SMALL_BATCH_SECONDS)
