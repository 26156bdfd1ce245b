"""What the outcomes of automatic charges mean for the next one: waiting, suspending, going on.

Everything here runs with the wallet locked, then its settings.
"""

from accounts import clock
from accounts.runtime.nudges import nudge
from wallets import limits
from wallets.cards import payment_methods
from wallets.charging import backups, declines, rows
from wallets.charging.policies import Policy
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.prices.amounts import dollars
from wallets.recharges import (
    auto_recharge,
    monthly_limit,
    notices,
    spending,
    suspensions,
    which_card,
)
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
    if not refusal and not _is_of_chosen_card(automatic, purchase):
        refusal = Recharge.CARD_CHANGED
    return Decision(not refusal, refusal or Recharge.CHARGE, {})


def _is_of_chosen_card(automatic: AutoRecharge, purchase: Purchase) -> bool:
    """Whether its card is still the one to charge: the first, or the backup of the same first."""
    first = automatic.effective_payment_method
    if not purchase.instead_of:
        return purchase.payment_method == first
    same_first = purchase.backup_of is None or purchase.backup_of.payment_method == first
    return same_first and backups.is_still_chosen(purchase)


def succeeded(purchase: Purchase, wallet: Wallet) -> None:
    automatic = suspensions.locked_settings(wallet)
    if not purchase.instead_of:
        # What the backup card paid says nothing about the first, which rests (`which_card`).
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
    if automatic.monthly_limit is not None:
        used = spending.spent(wallet=automatic.wallet, now=clock.now()).month
        monthly_limit.tell_used(automatic, used=used)


def declined(purchase: Purchase, wallet: Wallet) -> None:
    """Try the backup card once; else wait an hour, then six; the third in a row, or a hard decline,
    suspends. Each card's decline is one.

    What a person tried meanwhile is no try of ours: the promised one stays.
    """
    automatic = suspensions.locked_settings(wallet)
    in_between = _was_tried_in_between(automatic, purchase)
    if not in_between:
        _count(automatic, purchase)
    if backup := _try_backup(automatic, purchase, wallet):
        _log_backup(automatic, purchase, backup)
        return
    if in_between:
        _log_failed(automatic, purchase)
        return
    count = automatic.consecutive_declines
    if automatic.suspended_at:
        pass  # It was waiting for the bank; the suspension stays.
    elif _is_for_good(automatic, purchase) or count >= limits.DECLINES_TO_SUSPEND:
        _log_failed(automatic, purchase)
        fingerprint = automatic.failed_fingerprint
        suspensions.mark_suspended(automatic, Suspended.PAYMENT_FAILED, fingerprint)
        notices.tell_suspended(automatic, purchase.error_text)
        return
    else:
        until = clock.now() + limits.DECLINE_WAITS[count - 1]
        suspensions.hold(automatic, Hold.DECLINED, until)
    _log_failed(automatic, purchase)
    notices.tell_declined_automatically(purchase, automatic.not_before)


def _count(automatic: AutoRecharge, purchase: Purchase) -> None:
    """One more decline in a row. Only another first card lifts what follows from it."""
    automatic.consecutive_declines += 1
    if _is_of_first(automatic, purchase):
        automatic.failed_fingerprint = purchase.card_fingerprint
    automatic.save(update_fields=["consecutive_declines", "failed_fingerprint"])


def _is_of_first(automatic: AutoRecharge, purchase: Purchase) -> bool:
    """Whether it charged the first card, which a backup may have become meanwhile."""
    if not purchase.instead_of:
        return True
    return purchase.payment_method == automatic.effective_payment_method


def _try_backup(automatic: AutoRecharge, purchase: Purchase, wallet: Wallet) -> Purchase | None:
    """Unless it is not wanted any more: switched off, suspended, stopped, paid meanwhile, or for
    another first card."""
    terms = auto_recharge.terms_of(automatic)
    if auto_recharge.standing_refusal(wallet, automatic, terms):
        return None
    if wallet.credit.amount >= automatic.threshold.amount:
        return None
    if automatic.effective_payment_method != purchase.payment_method:
        return None
    return backups.try_after(purchase)


def _is_for_good(automatic: AutoRecharge, purchase: Purchase) -> bool:
    """Whether no card is left that might be charged later. Of the backup only when the card that is
    first by now is gone, or was declined for good, too: else that is tried again."""
    if not declines.is_hard(purchase.decline_code):
        return False
    if _is_of_first(automatic, purchase):
        return True
    first = payment_methods.card(account=purchase.payer, card_id=automatic.effective_payment_method)
    if first is None or first.is_expired:
        return True
    rest = which_card.rest_of(automatic, first)
    return rest is not None and rest.until is None


def _was_tried_in_between(automatic: AutoRecharge, purchase: Purchase) -> bool:
    promised = automatic.hold_reason == Hold.DECLINED and automatic.not_before > clock.now()
    by_person = purchase.requested_by_id is not None
    return promised and by_person and not declines.is_hard(purchase.decline_code)


def _log_backup(automatic: AutoRecharge, purchase: Purchase, backup: Purchase) -> None:
    charge = dollars(purchase.amount_cents)
    error, card = purchase.error_text, backup.card
    suspensions.log(automatic, Recharge.BACKUP, charge=charge, error=error, card=card)


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
    unasked = purchase.payment_intent is None or rows.is_stale(purchase)
    until = clock.now() + limits.GATEWAY_WAIT
    # A longer wait was promised, or is a brake: what a person tried meanwhile does not end it.
    if unasked and not auto_recharge.waits(automatic, until):
        suspensions.hold(automatic, Hold.GATEWAY, until)
    nudge("wallets.recharge_wallet", wallet.pk)


POLICY = Policy(
    still_wanted=still_wanted,
    succeeded=succeeded,
    declined=declined,
    requires_action=requires_action,
    canceled=canceled,
)
