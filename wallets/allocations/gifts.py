"""Minutes that an agency gives a sub-account once: an allocation without a month.

The same purchase, charged and credited the same way. A person asked for it and sees what became
of it, so nothing is tried again by itself: after a decline they choose another card.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from accounts import clock
from accounts.models import Account, User
from accounts.runtime import crash_points
from wallets import limits
from wallets.allocations import asks, decision_log, gift_notices
from wallets.allocations.terms import Wish, check_minutes, check_parties
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods, trying
from wallets.cards.payment_methods import Card
from wallets.cards.trying import Who
from wallets.charging import purchases
from wallets.charging.policies import Policy
from wallets.errors import FormReused, InvalidAmount, QuoteChanged, Refused, TooManyAttempts
from wallets.models import Purchase, Wallet
from wallets.prices.amounts import dollars
from wallets.prices.estimates import Estimate, estimate
from wallets.stripe import gateway
from wallets.texts import usd
from wallets.why.codes import Allocation, Code
from wallets.why.decisions import Decision

State = Purchase.State


@dataclass(frozen=True)
class Gift:
    """What a person wants to give, and from which form. `quoted_charge` is what they were shown."""

    basic_minutes: int
    premium_minutes: int
    payment_method: str
    form_key: str
    quoted_charge: Decimal | None = None
    # The ask that this answers.
    ask_id: int | None = None


def cost(*, basic_minutes: int, premium_minutes: int) -> Estimate:
    """What these minutes cost now. Raises InvalidAmount for what no card can be charged."""
    wish = Wish(basic_minutes, premium_minutes)
    check_minutes(wish)
    field = "premium_minutes" if premium_minutes and not basic_minutes else "basic_minutes"
    if wish.is_nothing:
        raise _unusable(field, "Enter minutes for at least one type.")
    found = estimate(basic_minutes=basic_minutes, premium_minutes=premium_minutes)
    if found.total_cents < limits.CARD_LEAST_CENTS:
        least = usd(dollars(limits.CARD_LEAST_CENTS))
        raise _unusable(field, f"The charge must be at least {least}. Enter more minutes.")
    if found.total_cents > limits.CARD_MOST_CENTS:
        most = usd(dollars(limits.CARD_MOST_CENTS))
        raise _unusable(field, f"The charge can be at most {most}. Enter fewer minutes.")
    return found


def give(
    *, account: Account, agency: Account, actor: User | None, gift: Gift, address: str = ""
) -> Purchase:
    """Charge the agency's card now, and credit the sub-account when Stripe says it is paid.

    Repeating a `form_key` with the same facts answers with the first purchase, for ever; with
    other facts it raises FormReused. An ask is paid for once, however many answer it. A decline
    is not an error: read the purchase. Raises InvalidAmount, NoPaymentMethod, QuoteChanged,
    Refused, TooManyAttempts; then nothing was charged. Call with no transaction open.
    """
    check_parties(account=account, agency=agency)
    cost(basic_minutes=gift.basic_minutes, premium_minutes=gift.premium_minutes)
    if repeated := _repeated(account, agency, gift):
        return repeated
    who = Who(agency, actor, address)
    trying.refuse_too_many(who)
    wallet_id = open_wallet(account=account).pk
    with gateway.person_waiting():
        crash_points.reach("before_claim")
        purchase = _decide(wallet_id, who, gift)
        crash_points.reach("after_claim_commit")
        if purchase.state == State.CREATED and not purchase.is_repeat:
            purchase = purchases.drive(purchase_id=purchase.pk)
    return purchase


def _repeated(account: Account, agency: Account, gift: Gift) -> Purchase | None:
    """The purchase this form made before, if it did."""
    found = Purchase.objects.filter(payer=agency, form_key=gift.form_key).first()
    if found is None:
        return None
    same = (found.is_gift, found.basic_minutes, found.premium_minutes, found.payment_method) == (
        True,
        gift.basic_minutes,
        gift.premium_minutes,
        gift.payment_method,
    )
    same = same and found.wallet.account_id == account.pk
    if not same or not asks.may_answer(purchase=found, ask_id=gift.ask_id):
        raise FormReused("This form was used for another payment. Open it again.")
    found.is_repeat = True
    return found


@transaction.atomic(durable=True)
def _decide(wallet_id: int, who: Who, gift: Gift) -> Purchase:
    wallet = ledger.lock_one(wallet_id=wallet_id)
    agency = Account.objects.get(pk=who.account.pk)
    if repeated := _repeated(wallet.account, agency, gift):
        return repeated
    check_parties(account=wallet.account, agency=agency)
    if refusal := _standing_refusal(agency, wallet):
        raise Refused(_REFUSALS[refusal])
    asked = asks.lock(ask_id=gift.ask_id, account=wallet.account) if gift.ask_id else None
    if asked and asked.agency_id != agency.pk:
        raise Refused("This was asked of another agency.")
    now = cost(basic_minutes=gift.basic_minutes, premium_minutes=gift.premium_minutes)
    if gift.quoted_charge is not None and gift.quoted_charge != now.total:
        raise QuoteChanged(f"These minutes cost {usd(now.total)} now. Check and pay again.")
    card = payment_methods.usable_card(account=agency, card_id=gift.payment_method)
    _refuse_loop(wallet)
    purchase = _written(wallet, who, now, card, form_key=gift.form_key)
    if asked:
        asked.purchase = purchase
        asked.save(update_fields=["purchase"])
    trying.note_payment(who, purchase=purchase)
    return purchase


def _written(wallet: Wallet, who: Who, now: Estimate, card: Card, *, form_key: str) -> Purchase:
    """The row of the payment, with the rates of this moment."""
    return Purchase.objects.create(
        payer=who.account,
        wallet=wallet,
        purpose=Purchase.Purpose.ALLOCATION,
        amount_cents=now.total_cents,
        buys=Purchase.Buys.ALLOCATION,
        premium_rate=now.premium_rate,
        basic_rate=now.basic_rate,
        premium_minutes=now.premium_minutes,
        basic_minutes=now.basic_minutes,
        payment_method=card.id,
        card=card.label,
        card_fingerprint=card.fingerprint,
        requested_by=who.person,
        form_key=form_key,
    )


def _refuse_loop(wallet: Wallet) -> None:
    """Months and gifts together: more intents than these in ten minutes are a loop."""
    since = clock.now() - limits.CHARGE_WINDOW
    tried = wallet.purchases.filter(
        purpose=Purchase.Purpose.ALLOCATION, created_at__gt=since
    ).count()
    if tried >= limits.INTENTS_PER_WINDOW:
        raise TooManyAttempts(
            f"{wallet.account.name} was paid for {tried} times in ten minutes. Try again later. "
            "Nothing was charged."
        )


_REFUSALS: dict[Code, str] = {
    Allocation.MOVED: "This is not your sub-account any more.",
    Allocation.CLOSED: "An account is closed. Contact support to open it again.",
    Allocation.BLOCKED: "Payments for this account are blocked until support lifts it.",
}


def _standing_refusal(agency: Account, wallet: Wallet) -> Code | None:
    account = wallet.account
    payer = Wallet.objects.filter(account=agency, blocked_at__isnull=False)
    refusals = {
        Allocation.MOVED: account.agency_id != agency.pk,
        Allocation.CLOSED: account.is_closed or agency.is_closed,
        Allocation.BLOCKED: wallet.blocked_at is not None or payer.exists(),
    }
    return next((code for code, applies in refusals.items() if applies), None)


def _still_wanted(purchase: Purchase, wallet: Wallet) -> Decision:
    """A person asked for it: only a closed, blocked or moved account takes the reason away."""
    refusal = _standing_refusal(Account.objects.get(pk=purchase.payer_id), wallet)
    return Decision(not refusal, refusal or Allocation.CHARGE, {})


def _succeeded(purchase: Purchase, wallet: Wallet) -> None:  # noqa: ARG001
    asks.mark_given(purchase=purchase)
    gift_notices.tell_given(purchase)
    decision_log.given(purchase)


def _declined(purchase: Purchase, wallet: Wallet) -> None:  # noqa: ARG001
    gift_notices.tell_not_given(purchase)


def _requires_action(purchase: Purchase, wallet: Wallet) -> None:  # noqa: ARG001
    gift_notices.tell_needs_bank(purchase)


def _canceled(purchase: Purchase, wallet: Wallet) -> None:
    """Nothing was taken, and nothing is tried again by itself: an ask is open as it was."""


def _unusable(field: str, text: str) -> InvalidAmount:
    return InvalidAmount(text, fields={field: text})


POLICY = Policy(
    still_wanted=_still_wanted,
    succeeded=_succeeded,
    declined=_declined,
    requires_action=_requires_action,
    canceled=_canceled,
)
