"""What the outcomes of automatic charges mean for the next one: waiting, suspending, going on.

Everything here runs with the wallet locked, then its settings.
"""

from accounts import clock
from accounts.runtime.nudges import nudge
from wallets import limits
from wallets.charging import declines, rows
from wallets.charging.policies import Policy
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.prices.amounts import dollars
from wallets.recharges import auto_recharge, monthly_limit, notices, suspensions
from wallets.recharges.suspensions import Hold, Suspended
from wallets.why.codes import Recharge
from wallets.why.decisions import Decision


def still_wanted(purchase: Purchase, wallet: Wallet) -> Decision:
    """The last look: enabled, same card, still below, not blocked."""
    automatic = suspensions.locked_settings(wallet)
    terms = auto_recharge.terms_of(automatic)
    refusal = auto_recharge.standing_refusal(wallet, automatic, terms)
    if not refusal and wallet.credit.amount >= automatic.threshold.amount:
        refusal = Recharge.BALANCE_FINE
    if not refusal and automatic.effective_payment_method != purchase.payment_method:
        refusal = Recharge.CARD_CHANGED
    return Decision(not refusal, refusal or Recharge.CHARGE, {})


def succeeded(purchase: Purchase, wallet: Wallet) -> None:
    automatic = suspensions.locked_settings(wallet)
    automatic.consecutive_declines = 0
    automatic.failed_fingerprint = ""
    automatic.save(update_fields=["consecutive_declines", "failed_fingerprint"])
    suspensions.hold(automatic, Hold.COOLDOWN, clock.now() + limits.COOLDOWN)
    charge = dollars(purchase.amount_cents)
    suspensions.log(
        automatic, Recharge.PAID, charge=charge, card=purchase.card, credit=wallet.credit
    )
    suspensions.lift_card_trouble(automatic)
    notices.tell_paid_automatically(purchase, wallet)
    monthly_limit.tell_used(automatic)


def declined(purchase: Purchase, wallet: Wallet) -> None:
    """Wait an hour, then six; the third in a row, or a hard decline, suspends.

    What a person tried meanwhile is no try of ours: the promised one stays.
    """
    automatic = suspensions.locked_settings(wallet)
    if _was_tried_in_between(automatic, purchase):
        _log_failed(automatic, purchase)
        return
    automatic.consecutive_declines += 1
    automatic.failed_fingerprint = purchase.card_fingerprint
    automatic.save(update_fields=["consecutive_declines", "failed_fingerprint"])
    count = automatic.consecutive_declines
    if automatic.suspended_at:
        pass  # It was waiting for the bank; the suspension stays.
    elif declines.is_hard(purchase.decline_code) or count >= limits.DECLINES_TO_SUSPEND:
        _log_failed(automatic, purchase)
        suspensions.mark_suspended(automatic, Suspended.PAYMENT_FAILED, purchase.card_fingerprint)
        notices.tell_suspended(automatic, purchase.error_text)
        return
    else:
        until = clock.now() + limits.DECLINE_WAITS[count - 1]
        suspensions.hold(automatic, Hold.DECLINED, until)
    _log_failed(automatic, purchase)
    notices.tell_declined_automatically(purchase, automatic.not_before)


def _was_tried_in_between(automatic: AutoRecharge, purchase: Purchase) -> bool:
    promised = automatic.hold_reason == Hold.DECLINED and automatic.not_before > clock.now()
    by_person = purchase.requested_by_id is not None
    return promised and by_person and not declines.is_hard(purchase.decline_code)


def _log_failed(automatic: AutoRecharge, purchase: Purchase) -> None:
    until = automatic.not_before
    code = Recharge.FAILED if until else Recharge.FAILED_FOR_GOOD
    charge = dollars(purchase.amount_cents)
    suspensions.log(automatic, code, charge=charge, error=purchase.error_text, until=until)


def requires_action(purchase: Purchase, wallet: Wallet) -> None:
    """Not a decline: automatic charges wait until the account has confirmed with its bank."""
    automatic = suspensions.locked_settings(wallet)
    suspensions.log(automatic, Recharge.NEEDS_BANK, charge=dollars(purchase.amount_cents))
    if not automatic.suspended_at:
        fingerprint = purchase.card_fingerprint
        suspensions.mark_suspended(automatic, Suspended.NEEDS_CONFIRMATION, fingerprint)
    notices.tell_needs_bank_automatically(purchase)


def canceled(purchase: Purchase, wallet: Wallet) -> None:
    """The reason was gone, or Stripe gave no answer in time: wait a little, then look again.

    What nobody can explain counts as a failure: the next try must not follow at once.
    """
    if purchase.ended_unexplained:
        declined(purchase, wallet)
        return
    automatic = suspensions.locked_settings(wallet)
    suspensions.log(automatic, Recharge.CANCELED, charge=dollars(purchase.amount_cents))
    if purchase.payment_intent is None or rows.is_stale(purchase):
        suspensions.hold(automatic, Hold.GATEWAY, clock.now() + limits.GATEWAY_WAIT)
    nudge("wallets.recharge_wallet", wallet.pk)


POLICY = Policy(
    still_wanted=still_wanted,
    succeeded=succeeded,
    declined=declined,
    requires_action=requires_action,
    canceled=canceled,
)
