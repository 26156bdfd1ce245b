"""Telling people that the balance is low when Auto-Recharge will not charge: once per crossing.

The ledger notes the crossing (`AutoRecharge.watch`); a payment that lifts it to the level arms it
again, and so does any balance well above. While Auto-Recharge is about to charge nobody is told;
should it be suspended, blocked or stopped by a limit meanwhile, the sweep finds the wallet.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import clock
from accounts.runtime.queues import Queue, awake
from wallets.balances import ledger
from wallets.charging import switch
from wallets.models import AutoRecharge
from wallets.prices.payable import payable_minutes
from wallets.prices.rates import rates_now
from wallets.recharges import notices, suspensions
from wallets.recharges.suspensions import Hold

# It goes on by itself after these, and people hear of a decline by its own notice.
_SOON = ("", Hold.COOLDOWN, Hold.DECLINED, Hold.GATEWAY)


@transaction.atomic
def tell(*, wallet_id: int) -> None:
    """Tell the account, if it has not been told since its balance fell. Safe to repeat."""
    wallet = ledger.lock_one(wallet_id=wallet_id)
    automatic = suspensions.locked_settings(wallet)
    if not _untold(clock.now()).filter(pk=automatic.pk).exists():
        return
    credit = wallet.credit.amount
    minutes = payable_minutes(pots=wallet.pots, usable="premium", rates=rates_now())
    notices.tell_low_balance(automatic, credit=credit, minutes=minutes, why=_why(automatic))
    automatic.low_since = None
    automatic.save(update_fields=["low_since"])


def _untold(now: datetime) -> QuerySet[AutoRecharge]:
    """Low, not told, and nothing is charged by itself: only these are in the list."""
    low = AutoRecharge.objects.filter(
        awake(now, "low_rests_until"), low_since__isnull=False, wallet__account__status="active"
    )
    return low if switch.are_stopped() else low.filter(_will_not_charge(now))


UNTOLD = Queue(
    kind="low_balance",
    rows=_untold,
    key="wallet_id",
    since="low_since",
    column="low_look_at",
    tries="low_tries",
    rests_until="low_rests_until",
)


def _will_not_charge(now: datetime) -> Q:
    at_a_limit = Q(not_before__gt=now) & ~Q(hold_reason__in=_SOON)
    return (
        Q(enabled=False)
        | Q(suspended_at__isnull=False)
        | Q(wallet__blocked_at__isnull=False)
        | Q(payment_method="", wallet__default_payment_method="")
        | at_a_limit
    )


def _why(automatic: AutoRecharge) -> str:
    """Why Auto-Recharge does not help, for whoever counts on it; "" where it is off."""
    if not automatic.enabled:
        return ""
    if automatic.wallet.blocked_at:
        return "automatic charges are blocked"
    if automatic.suspended_at:
        reason = automatic.get_suspended_reason_display()
        return f"it is suspended ({reason[0].lower()}{reason[1:]})"
    if not automatic.effective_payment_method:
        return "there is no card"
    if automatic.hold_reason not in _SOON:
        return automatic.get_hold_reason_display().lower()
    return "automatic charges are paused by support"
