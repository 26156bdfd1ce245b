"""What the outcomes of automatic charges mean: waiting, suspending, lifting, and telling people.

Everything here runs with the wallet locked, then its settings.
"""

from datetime import datetime

from django.db import transaction

from accounts import clock
from accounts.models import User
from accounts.runtime.nudges import nudge
from accounts.telling.notifications import notify
from wallets import limits
from wallets.balances import ledger
from wallets.cards import payment_methods
from wallets.cards.payment_methods import Card
from wallets.charging import declines
from wallets.errors import Refused
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.prices.amounts import dollars
from wallets.recharges import monthly_limit
from wallets.texts import usd
from wallets.why import decisions

Hold = AutoRecharge.Hold
Suspended = AutoRecharge.Suspended

# Lifted by another card, by confirming with the bank, or by paying by hand with this card.
CARD_TROUBLE = (Suspended.PAYMENT_FAILED, Suspended.NEEDS_CONFIRMATION, Suspended.NO_CARD)


def locked_settings(wallet: Wallet) -> AutoRecharge:
    """The wallet's settings, locked; the wallet must be locked first."""
    automatic = AutoRecharge.objects.select_for_update(no_key=True).get(wallet=wallet)
    automatic.wallet = wallet
    return automatic


def _log(automatic: AutoRecharge, code: str, **figures: object) -> None:
    decisions.record(
        decisions.Entry(
            wallet_id=automatic.wallet_id,
            subject=decisions.Subject.AUTO_RECHARGE,
            code=code,
            figures=figures,
        )
    )


def hold(automatic: AutoRecharge, reason: str, until: datetime | None) -> None:
    """No automatic charge before `until`, and why; "" and None end it."""
    automatic.hold_reason = reason
    automatic.not_before = until
    automatic.save(update_fields=["hold_reason", "not_before"])


def succeeded(purchase: Purchase, wallet: Wallet) -> None:
    automatic = locked_settings(wallet)
    automatic.consecutive_declines = 0
    automatic.failed_fingerprint = ""
    automatic.save(update_fields=["consecutive_declines", "failed_fingerprint"])
    hold(automatic, Hold.COOLDOWN, clock.now() + limits.COOLDOWN)
    charge = dollars(purchase.amount_cents)
    _log(automatic, "paid", charge=charge, card=purchase.card, credit=wallet.credit)
    if automatic.suspended_reason in CARD_TROUBLE:
        _lift(automatic)
    notify(
        account=wallet.account,
        kind="recharge_paid",
        text=(
            f"Auto-Recharge charged {purchase.card} {usd(dollars(purchase.amount_cents))}. "
            f"Your balance is {usd(wallet.credit.amount)}."
        ),
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"paid:{purchase.pk}",
        link=f"/payments/receipts/{purchase.pk}/",
    )
    monthly_limit.tell_used(automatic)


def declined(purchase: Purchase, wallet: Wallet) -> None:
    """Wait an hour, then six; the third in a row, or a hard decline, suspends."""
    automatic = locked_settings(wallet)
    automatic.consecutive_declines += 1
    automatic.failed_fingerprint = purchase.card_fingerprint
    automatic.save(update_fields=["consecutive_declines", "failed_fingerprint"])
    count = automatic.consecutive_declines
    if automatic.suspended_at:
        pass  # It was waiting for the bank; the suspension stays.
    elif declines.is_hard(purchase.decline_code) or count >= limits.DECLINES_TO_SUSPEND:
        _log_failed(automatic, purchase)
        mark_suspended(automatic, Suspended.PAYMENT_FAILED, purchase.card_fingerprint)
        tell_suspended(automatic, purchase.error_text)
        return
    else:
        hold(automatic, Hold.DECLINED, clock.now() + limits.DECLINE_WAITS[count - 1])
    _log_failed(automatic, purchase)
    _tell_failed(automatic, purchase)


def _log_failed(automatic: AutoRecharge, purchase: Purchase) -> None:
    until = automatic.not_before
    code = "failed" if until else "failed_for_good"
    charge = dollars(purchase.amount_cents)
    _log(automatic, code, charge=charge, error=purchase.error_text, until=until)


def _tell_failed(automatic: AutoRecharge, purchase: Purchase) -> None:
    retry = ""
    if automatic.not_before:
        at = automatic.not_before.astimezone(automatic.wallet.account.zone)
        retry = f" We try again at {at:%H:%M} ({at.tzname()})."
    notify(
        account=automatic.wallet.account,
        kind="recharge_failed",
        text=f"Auto-Recharge failed: {purchase.error_text}{retry}",
        level="danger",
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"failed:{purchase.pk}",
        link="/payments/",
    )


def requires_action(purchase: Purchase, wallet: Wallet) -> None:
    """Not a decline: automatic charges wait until the account has confirmed with its bank."""
    automatic = locked_settings(wallet)
    _log(automatic, "needs_bank", charge=dollars(purchase.amount_cents))
    if not automatic.suspended_at:
        mark_suspended(automatic, Suspended.NEEDS_CONFIRMATION, purchase.card_fingerprint)
    notify(
        account=wallet.account,
        kind="action_required",
        text=(
            f"Your bank needs you to confirm a {usd(dollars(purchase.amount_cents))} payment. "
            "Auto-Recharge waits until you do."
        ),
        level="danger",
        data={"purchase": str(purchase.pk)},
        dedupe_key=f"bank:{purchase.pk}",
        link=f"/payments/purchases/{purchase.pk}/",
    )


def canceled(purchase: Purchase, wallet: Wallet) -> None:
    """The reason was gone, or Stripe gave no answer in time: wait a little, then look again."""
    automatic = locked_settings(wallet)
    _log(automatic, "canceled", charge=dollars(purchase.amount_cents))
    if purchase.payment_intent is None:
        hold(automatic, Hold.GATEWAY, clock.now() + limits.GATEWAY_WAIT)
    nudge("wallets.recharge_wallet", wallet.pk)


def suspend(*, wallet: Wallet, reason: str) -> None:
    """Stop automatic charges until the reason is gone. The switch stays as the account set it.

    Call with the wallet locked. A refund or a dispute does it, and outweighs trouble with the
    card: another card does not make refunded money chargeable again.
    """
    automatic = locked_settings(wallet)
    if automatic.enabled and automatic.suspended_reason in ("", *CARD_TROUBLE):
        mark_suspended(automatic, reason, "")
        tell_suspended(automatic, automatic.get_suspended_reason_display() + ".")


def mark_suspended(automatic: AutoRecharge, reason: str, fingerprint: str) -> None:
    automatic.suspended_at = clock.now()
    automatic.suspended_reason = reason
    automatic.failed_fingerprint = fingerprint or automatic.failed_fingerprint
    automatic.save(update_fields=["suspended_at", "suspended_reason", "failed_fingerprint"])
    _log(automatic, "now_suspended", reason=reason)


def tell_suspended(automatic: AutoRecharge, why: str) -> None:
    notify(
        account=automatic.wallet.account,
        kind="auto_recharge_suspended",
        text=f"Auto-Recharge is suspended. {why}",
        level="danger",
        link="/payments/",
    )


def _lift(automatic: AutoRecharge) -> None:
    automatic.suspended_at = None
    automatic.suspended_reason = ""
    automatic.save(update_fields=["suspended_at", "suspended_reason"])
    _log(automatic, "lifted")


def start_afresh(automatic: AutoRecharge) -> None:
    """Forget declines and card trouble: another card was chosen, or a person paid with this one."""
    was_suspended = automatic.suspended_at is not None
    _forgive(automatic)
    automatic.save(
        update_fields=[
            "consecutive_declines",
            "failed_fingerprint",
            "hold_reason",
            "not_before",
            "suspended_at",
            "suspended_reason",
        ]
    )
    if was_suspended and not automatic.suspended_at:
        _log(automatic, "lifted")
    nudge("wallets.recharge_wallet", automatic.wallet_id)


def consider_card(automatic: AutoRecharge) -> None:
    """Lift a suspension or a wait if the card in force is another one than failed."""
    card = payment_methods.card(
        account=automatic.wallet.account, card_id=automatic.effective_payment_method
    )
    if card and _helps(automatic, card):
        start_afresh(automatic)


def forgive_in_memory(automatic: AutoRecharge, card: Card) -> None:
    """The same on the row in memory, for a caller that saves it, or only wants to know."""
    if _helps(automatic, card):
        _forgive(automatic)


@transaction.atomic
def suspend_by_support(*, wallet_id: int, actor: User) -> None:
    """Stop automatic charges until support lifts it. Raises Refused when they are stopped."""
    wallet = ledger.lock_one(wallet_id=wallet_id)
    automatic = locked_settings(wallet)
    if automatic.suspended_at:
        why = automatic.get_suspended_reason_display()
        raise Refused(f"Auto-Recharge is suspended already: {why}.")
    mark_suspended(automatic, Suspended.SUPPORT, "")
    tell_suspended(automatic, "Support stopped it.")


@transaction.atomic
def lift_by_support(*, wallet_id: int, actor: User) -> None:
    """End a suspension of any kind and forget declines; the rule is then looked at again.

    Raises Refused when nothing is suspended.
    """
    wallet = ledger.lock_one(wallet_id=wallet_id)
    automatic = locked_settings(wallet)
    if not automatic.suspended_at:
        raise Refused("Auto-Recharge is not suspended.")
    automatic.suspended_at, automatic.suspended_reason = None, ""
    start_afresh(automatic)
    _log(automatic, "lifted")
    _tell_lifted(wallet)


def _tell_lifted(wallet: Wallet) -> None:
    notify(
        account=wallet.account,
        kind="auto_recharge_resumed",
        title="Auto-Recharge works again",
        text="Support lifted the suspension. Auto-Recharge charges again when you run low.",
        link="/payments/",
    )


def let_person_try(automatic: AutoRecharge) -> None:
    """Put the wait and the suspension aside for one attempt; its outcome decides anew."""
    automatic.suspended_at, automatic.suspended_reason = None, ""
    automatic.not_before, automatic.hold_reason = None, ""
    automatic.save(update_fields=["suspended_at", "suspended_reason", "not_before", "hold_reason"])


def _helps(automatic: AutoRecharge, card: Card) -> bool:
    troubled = automatic.suspended_reason in CARD_TROUBLE or automatic.consecutive_declines
    return (
        bool(troubled) and not card.is_expired and card.fingerprint != automatic.failed_fingerprint
    )


def _forgive(automatic: AutoRecharge) -> None:
    automatic.consecutive_declines = 0
    automatic.failed_fingerprint = ""
    if automatic.hold_reason == Hold.DECLINED:
        automatic.hold_reason, automatic.not_before = "", None
    if automatic.suspended_reason in CARD_TROUBLE:
        automatic.suspended_at, automatic.suspended_reason = None, ""
