"""Telling people that their minutes are about to run out, once per crossing, and at which level.

Only while credit is low, too: above the threshold of Auto-Recharge it carries calls on.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts.audit import seen as seen_before
from accounts.runtime.queues import Queue, awake
from wallets import limits
from wallets.balances import ledger
from wallets.errors import InvalidAmount
from wallets.models import AutoRecharge
from wallets.recharges import notices, suspensions


@transaction.atomic
def tell(*, wallet_id: int) -> None:
    """Tell the account, if it has not been told since its minutes fell. Safe to repeat."""
    wallet = ledger.lock_one(wallet_id=wallet_id)
    automatic = suspensions.locked_settings(wallet)
    if automatic.minutes_low_since is None or wallet.account.is_closed:
        return
    seconds = wallet.premium_seconds + wallet.basic_seconds + wallet.included_seconds
    notices.tell_low_minutes(automatic, minutes=seconds // 60, credit=wallet.credit.amount)
    automatic.minutes_low_since = None
    automatic.save(update_fields=["minutes_low_since"])


def _untold(now: datetime) -> QuerySet[AutoRecharge]:
    """Settings of the wallets whose people have not heard yet."""
    return AutoRecharge.objects.filter(
        awake(now, "minutes_rests_until"),
        minutes_low_since__isnull=False,
        wallet__account__status="active",
    )


UNTOLD = Queue(
    kind="low_minutes",
    rows=_untold,
    key="wallet_id",
    since="minutes_low_since",
    column="minutes_look_at",
    tries="minutes_tries",
    rests_until="minutes_rests_until",
)


@transaction.atomic
def set_level(*, wallet_id: int, minutes: int | None, seen: str = "") -> None:
    """From how many minutes on to tell; None for ours, 0 for never. Raises InvalidAmount, or
    Overtaken when it is not the level any more whose mark (`seen`) was shown."""
    if minutes is not None and not 0 <= minutes <= limits.MINUTES_LEVEL_MOST:
        text = f"Enter 0 to {limits.MINUTES_LEVEL_MOST:,} minutes."
        raise InvalidAmount(text, fields={"minutes": text})
    automatic = suspensions.locked_settings(ledger.lock_one(wallet_id=wallet_id))
    with seen_before.guarding(automatic, fields=["minutes_level"], seen=seen):
        automatic.minutes_level = minutes
    automatic.save(update_fields=["minutes_level"])


@transaction.atomic
def let_agency_hear(*, wallet_id: int, hears: bool) -> None:
    """Whether the account's agency is told of its low balance and minutes, too. Repeatable."""
    automatic = suspensions.locked_settings(ledger.lock_one(wallet_id=wallet_id))
    automatic.agency_hears = hears
    automatic.save(update_fields=["agency_hears"])
