"""Holding and suspending Auto-Recharge, and what lifts it again.

Everything here runs with the wallet locked, then its settings.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, NullIf
from djstripe.models import PaymentMethod

from accounts import clock
from accounts.runtime.nudges import nudge
from accounts.runtime.queues import Queue, awake
from wallets.balances import ledger
from wallets.cards import payment_methods
from wallets.cards.payment_methods import Card
from wallets.errors import Refused
from wallets.models import AutoRecharge, Wallet
from wallets.recharges import notices
from wallets.why import decisions
from wallets.why.codes import Code, Recharge

Hold = AutoRecharge.Hold
Suspended = AutoRecharge.Suspended

# Lifted by another card, by confirming with the bank, or by paying by hand with this card.
CARD_TROUBLE = (Suspended.PAYMENT_FAILED, Suspended.NEEDS_CONFIRMATION, Suspended.NO_CARD)


def locked_settings(wallet: Wallet) -> AutoRecharge:
    """The wallet's settings, locked; the wallet must be locked first."""
    automatic = AutoRecharge.objects.select_for_update(no_key=True).get(wallet=wallet)
    automatic.wallet = wallet
    return automatic


def log(automatic: AutoRecharge, code: Code, **figures: object) -> None:
    """Write down for people what became of it, and on which figures."""
    decisions.record(
        decisions.Entry(
            wallet_id=automatic.wallet_id,
            code=code,
            figures=figures,
        )
    )


def hold(automatic: AutoRecharge, reason: str, until: datetime | None) -> None:
    """No automatic charge before `until`, and why; "" and None end it."""
    automatic.hold_reason = reason
    automatic.not_before = until
    automatic.look_at = until or clock.now()
    automatic.save(update_fields=["hold_reason", "not_before", "look_at"])


def suspend(*, wallet: Wallet, reason: str) -> None:
    """Stop automatic charges until the reason is gone. The switch stays as the account set it.

    Call with the wallet locked. A refund or a dispute does it, and outweighs trouble with the
    card: another card does not make refunded money chargeable again.
    """
    automatic = locked_settings(wallet)
    if automatic.enabled and automatic.suspended_reason in ("", *CARD_TROUBLE):
        mark_suspended(automatic, reason, "")
        notices.tell_suspended(automatic, automatic.get_suspended_reason_display() + ".")


def mark_suspended(automatic: AutoRecharge, reason: str, fingerprint: str) -> None:
    automatic.suspended_at = automatic.look_at = clock.now()
    automatic.suspended_reason = reason
    automatic.failed_fingerprint = fingerprint or automatic.failed_fingerprint
    automatic.save(
        update_fields=["suspended_at", "suspended_reason", "failed_fingerprint", "look_at"]
    )
    log(automatic, Recharge.NOW_SUSPENDED, reason=reason)


def lift_card_trouble(automatic: AutoRecharge) -> None:
    """A payment succeeded: what was wrong with the card, or with its bank, is not any more."""
    if automatic.suspended_reason not in CARD_TROUBLE:
        return
    lift(automatic)
    automatic.save(update_fields=["suspended_at", "suspended_reason", "look_at"])
    log(automatic, Recharge.LIFTED)


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
            "look_at",
        ]
    )
    if was_suspended and not automatic.suspended_at:
        log(automatic, Recharge.LIFTED)
    nudge("wallets.recharge_wallet", automatic.wallet_id)


def consider_card(automatic: AutoRecharge) -> None:
    """Lift a suspension or a wait if the card in force is another one than failed."""
    card = payment_methods.card(
        account=automatic.wallet.account, card_id=automatic.effective_payment_method
    )
    if card and _helps(automatic, card):
        start_afresh(automatic)


def _with_another_card(now: datetime) -> QuerySet[AutoRecharge]:
    """Suspended by card trouble, with another card than failed: nobody has looked at it yet."""
    others = PaymentMethod.objects.alias(fingerprint=KT("stripe_data__card__fingerprint"))
    others = others.filter(id=OuterRef("card")).exclude(fingerprint=OuterRef("failed_fingerprint"))
    card = Coalesce(NullIf("payment_method", Value("")), "wallet__default_payment_method")
    return AutoRecharge.objects.alias(card=card).filter(
        Exists(others),
        awake(now),
        enabled=True,
        # With its reason, and by an index that has nothing else.
        suspended_at__isnull=False,
        suspended_reason__in=CARD_TROUBLE,
        wallet__blocked_at=None,
        wallet__account__status="active",
    )


# One that has expired lifts nothing, and stays here until it is renewed: an hour is often enough.
ANOTHER_CARD = Queue(
    kind="another_card",
    rows=_with_another_card,
    key="wallet_id",
    since="suspended_at",
    longest_wait=timedelta(hours=1),
)


def forgive_in_memory(automatic: AutoRecharge, card: Card) -> None:
    """The same on the row in memory, for a caller that saves it, or only wants to know."""
    if _helps(automatic, card):
        _forgive(automatic)


def has_trouble(automatic: AutoRecharge) -> bool:
    """Whether a payment by hand with its card would let it start afresh."""
    return bool(automatic.suspended_reason or automatic.consecutive_declines)


def forgive_own_card_in_memory(automatic: AutoRecharge) -> None:
    """What `start_afresh` would do once somebody has paid by hand with the card in force."""
    if has_trouble(automatic):
        _forgive(automatic)


@transaction.atomic
def suspend_by_support(*, wallet_id: int) -> None:
    """Stop automatic charges until support lifts it. Raises Refused when they are stopped."""
    wallet = ledger.lock_one(wallet_id=wallet_id)
    automatic = locked_settings(wallet)
    if automatic.suspended_at:
        why = automatic.get_suspended_reason_display()
        raise Refused(f"Auto-Recharge is suspended already: {why}.")
    mark_suspended(automatic, Suspended.SUPPORT, "")
    notices.tell_suspended(automatic, "Support stopped it.")


@transaction.atomic
def lift_by_support(*, wallet_id: int) -> None:
    """End a suspension of any kind and forget declines; the rule is then looked at again.

    Raises Refused when nothing is suspended.
    """
    wallet = ledger.lock_one(wallet_id=wallet_id)
    automatic = locked_settings(wallet)
    if not automatic.suspended_at:
        raise Refused("Auto-Recharge is not suspended.")
    lift(automatic)
    start_afresh(automatic)
    log(automatic, Recharge.LIFTED)
    notices.tell_lifted(wallet)


def let_person_try(automatic: AutoRecharge) -> None:
    """Put the suspension aside for one attempt, whose outcome decides anew; and, on the row in
    memory alone, the wait: when it is tried again by itself has been promised.

    One that was left alone because it killed workers is taken up again.
    """
    lift(automatic)
    automatic.tries, automatic.rests_until = 0, None
    automatic.save(
        update_fields=["look_at", "suspended_at", "suspended_reason", "tries", "rests_until"]
    )
    automatic.not_before, automatic.hold_reason = None, ""


def _helps(automatic: AutoRecharge, card: Card) -> bool:
    troubled = automatic.suspended_reason in CARD_TROUBLE or automatic.consecutive_declines
    return (
        bool(troubled) and not card.is_expired and card.fingerprint != automatic.failed_fingerprint
    )


def lift(automatic: AutoRecharge) -> None:
    """End a suspension, on the row in memory. Its turn is now: it was that of a wait that is over,
    and whoever lifts it may be kept from charging at once."""
    automatic.suspended_at, automatic.suspended_reason = None, ""
    automatic.look_at = clock.now()


def _forgive(automatic: AutoRecharge) -> None:
    automatic.consecutive_declines = 0
    automatic.failed_fingerprint = ""
    automatic.look_at = clock.now()
    if automatic.hold_reason == Hold.DECLINED:
        automatic.hold_reason, automatic.not_before = "", None
    if automatic.suspended_reason in CARD_TROUBLE:
        lift(automatic)
