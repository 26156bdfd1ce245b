"""Holding seconds for a call before it starts, and while it runs.

`calls.authorize` answers from balances of this moment and reserves nothing, so calls that start
together can all be told yes. What is held counts at once, for every other hold and question.
"""

from dataclasses import dataclass
from datetime import datetime

from accounts.cells import directory, place
from accounts.cells.directory import NoCell
from accounts.models import Account
from accounts.runtime import reachable
from campaigns.calls import cannot_pay, not_running
from campaigns.models import PLATFORM, Campaign
from wallets.balances import holds
from wallets.balances.hold_statements import placing
from wallets.balances.opening import open_wallet

REPORTED = """EXISTS (
    SELECT FROM campaigns_call k
    WHERE k.reporter = %(reporter)s::uuid AND k.external_id = %(call)s::text)"""
PLACE = placing(unless=REPORTED)


@dataclass(frozen=True)
class Hold:
    """Whether a call may last, for how long in all, and why not."""

    allowed: bool
    # Whole seconds of the whole call that are reserved. 0 when not allowed.
    seconds: int
    # From then on they are not reserved any more. None when not allowed.
    expires_at: datetime | None
    # As of `calls.Authorization`, and: reported, held_elsewhere.
    reason: str


def hold(
    *,
    account: Account,
    call: str,
    seconds: int,
    reporter: Account | None,
    campaign: Campaign | None = None,
    minute_type: str | None = None,
) -> Hold:
    """Reserve up to so many seconds for one call of the account, by the id it is reported by.

    Fewer are granted when no more can be paid. The same call again extends its hold: `seconds`
    are of the whole call, so asking for 120 after 60 adds 60, and asking for 60 again adds none.
    A call that has a hold may be extended when its campaign pauses: calls in progress finish.
    Safe to repeat and to race. A refusal changes nothing. Give the campaign, or the minute type.
    """
    if account.is_closed:
        return _refused("closed")
    stopped = not_running(account, campaign)

    def ask() -> holds.Placed | None:
        return holds.place(
            statement=PLACE,
            account_id=account.pk,
            reporter=reporter.pk if reporter else PLATFORM,
            call=call,
            minute_type=campaign.minute_type if campaign else minute_type,
            seconds=seconds,
            may_start=not stopped,
        )

    placed = ask()
    if placed is None:
        open_wallet(account=account)
        placed = ask()
    if placed.seconds:
        return Hold(True, placed.seconds, placed.expires_at, "ok")
    return _refused(_why_not(placed, stopped))


def release(*, call: str, reporter: Account | None) -> None:
    """Give back what is reserved for a call that will not be, or is over. Repeatable.

    The platform names no account: from outside of all cells the hold is looked for in each. Raises
    NoCell when it may be in one that cannot be asked, or its account is being moved.
    """
    whose = {"reporter": reporter.pk if reporter else PLATFORM, "call": call}
    if place.has_accounts():
        holds.release(**whose)
        return
    found, away = reachable.ask_each(directory.names(), lambda _: holds.account_of(**whose))
    accounts = list(filter(None, found.values()))
    if away and not accounts:
        raise NoCell(f"a hold may be in {', '.join(away)}")
    for account_id in accounts:
        with place.inside(directory.must_have(account_id)):
            holds.release(**whose)


def _refused(reason: str) -> Hold:
    return Hold(False, 0, None, reason)


def _why_not(placed: holds.Placed, stopped: str) -> str:
    if placed.is_settled:
        return "reported"
    if placed.is_elsewhere:
        return "held_elsewhere"
    if stopped:
        return stopped
    # Somebody was a moment faster with the same id for another account.
    return cannot_pay(placed.wallet_id) if not placed.payable_seconds else "held_elsewhere"
