"""Saving Auto-Recharge's settings, the preview of what saving charges, and "Try again"."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from djmoney.money import Money

from accounts import clock
from accounts.audit import seen as seen_before
from accounts.models import Account, User
from wallets import limits
from wallets.balances import ledger
from wallets.cards import payment_methods, trying
from wallets.cards.payment_methods import Card
from wallets.cards.trying import Who
from wallets.charging import backups, purchases
from wallets.errors import InvalidAmount, NoPaymentMethod, QuoteChanged, Refused, TooManyAttempts
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.recharges import auto_recharge, notices, suspensions, which_card
from wallets.stripe import gateway
from wallets.texts import usd
from wallets.why import sentences
from wallets.why.decisions import Decision

Suspended = AutoRecharge.Suspended
# What the dialog shows and saves.
SETTINGS = (
    "enabled",
    "threshold",
    "amount",
    "payment_method",
    "monthly_limit",
    "daily_ceiling",
    "resume_campaigns",
)


@dataclass(frozen=True)
class Settings:
    """What a person sets. Dollars; an empty payment method follows the wallet's default."""

    enabled: bool
    threshold: Decimal
    amount: Decimal
    payment_method: str = ""
    monthly_limit: Decimal | None = None
    # None: ten times the amount, at least $500.
    daily_ceiling: Decimal | None = None
    resume_campaigns: bool = False


@dataclass(frozen=True)
class Preview:
    """What saving these settings would do now. `charge` is in dollars, 0 for nothing."""

    charge: Decimal
    decision: Decision
    card: Card | None
    # Tried once if that card is declined; None when that card is the backup, or there is none.
    backup: Card | None = None


@dataclass(frozen=True)
class Saved:
    automatic: AutoRecharge
    decision: Decision
    purchase: Purchase | None


def preview(*, wallet_id: int, settings: Settings) -> Preview:
    """What saving would charge, from the same rules as saving. Writes nothing.

    Raises InvalidAmount or NoPaymentMethod.
    """
    wallet = Wallet.objects.select_related("account").get(pk=wallet_id)
    automatic = AutoRecharge.objects.get(wallet=wallet)
    automatic.wallet = wallet
    _apply(automatic, settings)
    return _preview(automatic)


def _preview(automatic: AutoRecharge) -> Preview:
    wallet = automatic.wallet
    decision = auto_recharge.decide(wallet=wallet, automatic=automatic)
    choice = which_card.to_charge(automatic, by_person=True)
    backup = None
    if choice.card and not choice.instead_of:
        backup = backups.card_of(account_id=wallet.account_id, first=choice.card)
    return Preview(charge=_charge(decision), decision=decision, card=choice.card, backup=backup)


def save(
    *,
    wallet_id: int,
    settings: Settings,
    actor: User | None,
    quoted_charge: Decimal | None = None,
    address: str = "",
    seen: str = "",
) -> Saved:
    """Save the settings, and charge at once when the balance is below the threshold.

    The settings stay saved whatever becomes of the charge. `quoted_charge` is what the person
    was shown: another figure raises QuoteChanged. Also raises InvalidAmount, NoPaymentMethod,
    Refused for a closed account, and TooManyAttempts when a card would be charged for somebody
    whose cards were declined too often; then nothing was changed. `address` is where they sit.
    `seen` marks the settings they were shown: others' newer ones raise Overtaken.
    """
    who = _who(wallet_id, actor, address)
    if settings.enabled and preview(wallet_id=wallet_id, settings=settings).charge:
        trying.refuse_too_many(who)
    with transaction.atomic(durable=True):
        wallet = ledger.lock_one(wallet_id=wallet_id)
        if wallet.account.is_closed:
            raise Refused("This account is closed. Contact support to open it again.")
        automatic = suspensions.locked_settings(wallet)
        before = _describe(automatic)
        with seen_before.guarding(automatic, fields=SETTINGS, seen=seen):
            _apply(automatic, settings)
        decision = auto_recharge.decide(wallet=wallet, automatic=automatic)
        if quoted_charge is not None and quoted_charge != _charge(decision):
            raise QuoteChanged(_new_quote(_charge(decision)))
        automatic.updated_at = clock.now()
        automatic.save()
        AutoRecharge.objects.watch(wallet_ids=[wallet_id], now=clock.now())
        automatic.refresh_from_db()
        automatic.wallet = wallet
        decision, purchase = auto_recharge.claim_locked(
            wallet=wallet, automatic=automatic, requested_by=actor
        )
        if purchase:
            trying.note_payment(who, purchase=purchase)
        if (after := _describe(automatic)) != before:
            notices.tell_changed(automatic, before=before, after=after, actor=actor)
    if purchase:
        with gateway.person_waiting():
            purchase = purchases.drive(purchase_id=purchase.pk)
    automatic.refresh_from_db()
    return Saved(automatic=automatic, decision=decision, purchase=purchase)


def try_again(
    *,
    wallet_id: int,
    actor: User | None,
    address: str = "",
    by_support: bool = False,
    quoted_charge: Decimal | None = None,
) -> Saved:
    """A person's one attempt after a failure, whatever the wait. At most five an hour.

    Counted among the cards that person shows, unless support tries. `quoted_charge` is what the
    person was shown: another figure raises QuoteChanged. Raises Refused when there is nothing to
    try again, or TooManyAttempts. When it is tried again by itself does not change.
    """
    who = _who(wallet_id, actor, address)
    if not by_support:
        trying.refuse_too_many(who)
    with transaction.atomic(durable=True):
        wallet = ledger.lock_one(wallet_id=wallet_id)
        automatic = suspensions.locked_settings(wallet)
        _refuse_too_many_attempts(wallet)
        if automatic.suspended_reason not in ("", *suspensions.CARD_TROUBLE):
            raise Refused(f"Auto-Recharge is suspended: {_suspended_text(automatic)}.")
        suspensions.let_person_try(automatic)
        charge = _charge(auto_recharge.decide(wallet=wallet, automatic=automatic))
        if charge and quoted_charge is not None and quoted_charge != charge:
            raise QuoteChanged(
                f"Your balance changed. The charge is now {usd(charge)}. Check and try again."
            )
        decision, purchase = auto_recharge.claim_locked(
            wallet=wallet, automatic=automatic, requested_by=actor, whatever_the_wait=True
        )
        if purchase is None:
            raise Refused(sentences.preview(decision))
        if not by_support:
            trying.note_payment(who, purchase=purchase)
    with gateway.person_waiting():
        purchase = purchases.drive(purchase_id=purchase.pk)
    automatic.refresh_from_db()
    return Saved(automatic=automatic, decision=decision, purchase=purchase)


def _who(wallet_id: int, person: User | None, address: str) -> Who:
    account = Account.objects.get(wallet=wallet_id)
    return Who(account, person, address)


def has_failed(automatic: AutoRecharge) -> bool:
    """Whether the last attempt failed, so that a person may try again."""
    waits = automatic.hold_reason in auto_recharge.STORED_HOLDS
    return automatic.enabled and (waits or automatic.suspended_reason in suspensions.CARD_TROUBLE)


def lacks_card(automatic: AutoRecharge) -> bool:
    """Whether it is on and another card would help: this one failed, or there is none."""
    declined = automatic.hold_reason == AutoRecharge.Hold.DECLINED
    return automatic.enabled and (
        declined or automatic.suspended_reason in suspensions.CARD_TROUBLE
    )


def preview_try_again(*, wallet_id: int) -> Preview:
    """What trying again would charge now, from the same rules. Writes nothing."""
    wallet = Wallet.objects.select_related("account").get(pk=wallet_id)
    automatic = AutoRecharge.objects.get(wallet=wallet)
    automatic.wallet = wallet
    if automatic.suspended_reason in suspensions.CARD_TROUBLE:
        suspensions.lift(automatic)
    automatic.not_before, automatic.hold_reason = None, ""
    return _preview(automatic)


def _suspended_text(automatic: AutoRecharge) -> str:
    text = automatic.get_suspended_reason_display()
    return text[0].lower() + text[1:]


def _refuse_too_many_attempts(wallet: Wallet) -> None:
    tried = wallet.purchases.filter(
        purpose=Purchase.Purpose.AUTO_RECHARGE,
        requested_by__isnull=False,
        created_at__gt=clock.now() - limits.PERSON_RETRY_WINDOW,
    ).count()
    if tried >= limits.PERSON_RETRIES:
        raise TooManyAttempts("You tried five times in the last hour. Wait, or use another card.")


def _charge(decision: Decision) -> Decimal:
    return decision.figures["charge"] if decision.wanted else Decimal(0)


def _new_quote(charge: Decimal) -> str:
    if not charge:
        return "Your balance changed. Nothing would be charged now. Check and save again."
    return f"Your balance changed. The charge is now {usd(charge)}. Check and save again."


def _apply(automatic: AutoRecharge, settings: Settings) -> Card | None:
    """Put checked settings into the row in memory, with what they lift. Returns the card."""
    _check_amounts(settings)
    automatic.enabled = settings.enabled
    automatic.threshold = Money(settings.threshold, "USD")
    automatic.amount = Money(settings.amount, "USD")
    limit = settings.monthly_limit
    automatic.monthly_limit = None if limit is None else Money(limit, "USD")
    ceiling = settings.daily_ceiling
    automatic.daily_ceiling = None if ceiling is None else Money(ceiling, "USD")
    automatic.resume_campaigns = settings.resume_campaigns
    automatic.payment_method = settings.payment_method
    card = _check_card(automatic)
    if settings.enabled and automatic.suspended_reason == Suspended.REFUNDED:
        # The account turns it on again itself.
        suspensions.lift(automatic)
    if card:
        suspensions.forgive_in_memory(automatic, card)
    return card


def _check_card(automatic: AutoRecharge) -> Card | None:
    account, card_id = automatic.wallet.account, automatic.effective_payment_method
    if automatic.enabled and not card_id:
        raise NoPaymentMethod(
            "Add a payment method before turning this on.",
            fields={"payment_method": "Add a payment method before turning this on."},
        )
    if not card_id:
        return None
    try:
        return payment_methods.usable_card(account=account, card_id=card_id)
    except NoPaymentMethod as error:
        if automatic.enabled or automatic.payment_method:
            raise NoPaymentMethod(str(error), fields={"payment_method": str(error)}) from error
        return None


def _check_amounts(settings: Settings) -> None:
    fields = {}
    for name, label, value, least, most in (
        (
            "threshold",
            "Minimum Threshold",
            settings.threshold,
            limits.THRESHOLD_LEAST,
            limits.THRESHOLD_MOST,
        ),
        (
            "amount",
            "Auto-Recharge Amount",
            settings.amount,
            limits.AUTO_AMOUNT_LEAST,
            limits.AUTO_AMOUNT_MOST,
        ),
    ):
        if not value.is_finite() or value != round(value, 2):
            fields[name] = "Enter an amount in dollars and cents, like 10.00"
        elif not least <= value <= most:
            fields[name] = f"{label} must be between {usd(least)} and {usd(most)}"
    limit = settings.monthly_limit
    if limit is not None and not fields:
        if not limit.is_finite() or limit != round(limit, 2) or limit > 1_000_000:
            fields["monthly_limit"] = "Enter an amount in dollars and cents, like 500.00"
        elif limit < settings.amount:
            fields["monthly_limit"] = "Monthly limit must be at least the Auto-Recharge Amount"
    if not fields and (problem := _ceiling_problem(settings)):
        fields["daily_ceiling"] = problem
    if fields:
        raise InvalidAmount(" ".join(f"{text}." for text in fields.values()), fields=fields)


def _ceiling_problem(settings: Settings) -> str:
    ceiling = settings.daily_ceiling
    if ceiling is None:
        return ""
    if not ceiling.is_finite() or ceiling != round(ceiling, 2):
        return "Enter an amount in dollars and cents, like 500.00"
    if not limits.CEILING_LEAST <= ceiling <= limits.CEILING_MOST:
        least, most = usd(limits.CEILING_LEAST), usd(limits.CEILING_MOST)
        return f"Daily ceiling must be between {least} and {most}"
    if ceiling < settings.amount:
        return "Daily ceiling must be at least the Auto-Recharge Amount"
    return ""


def _describe(automatic: AutoRecharge) -> str:
    limit = automatic.monthly_limit
    ceiling = auto_recharge.terms_of(automatic).ceiling
    return (
        f"{'on' if automatic.enabled else 'off'}, threshold {usd(automatic.threshold.amount)}, "
        f"amount {usd(automatic.amount.amount)}, "
        f"monthly limit {usd(limit.amount) if limit is not None else 'none'}, "
        f"daily ceiling {usd(ceiling)}"
    )
