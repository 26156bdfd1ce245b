"""Recharging by hand: what an amount buys, paying it, and confirming it with the bank."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.runtime import crash_points
from accounts.runtime.nudges import nudge
from wallets import limits
from wallets.balances import ledger
from wallets.cards import payment_methods, trying
from wallets.cards.trying import Who
from wallets.charging import outcomes, purchases, rows
from wallets.charging.policies import Policy
from wallets.errors import (
    FormReused,
    GatewayUnreachable,
    InvalidAmount,
    OurKeyRefused,
    PurchaseInProgress,
    QuoteChanged,
    Refused,
)
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.prices.amounts import bought, cents, dollars
from wallets.prices.rates import rate
from wallets.recharges import expected, notices, suspensions
from wallets.stripe import answers, gateway
from wallets.texts import usd
from wallets.why.codes import Recharge
from wallets.why.decisions import Decision

Buys = Purchase.Buys
State = Purchase.State


@dataclass(frozen=True)
class Quote:
    """What an amount would buy now. Dollars; `rate` per minute, None for plain credit."""

    amount: Decimal
    buys: str
    rate: Decimal | None
    debt: Decimal
    seconds: int
    credit: Decimal
    credit_after: Decimal
    # What Auto-Recharge would charge on top, because credit stays below its threshold.
    auto_recharge: Decimal

    @property
    def minutes(self) -> int:
        return self.seconds // 60


def quote(*, wallet_id: int, amount: Decimal, buys: str, payment_method: str = "") -> Quote:
    """What `amount` dollars buy now: debt first, then minutes at the rate in force, or credit.

    Writes nothing. An empty payment method means the default. Raises InvalidAmount.
    """
    check_amount(amount)
    check_buys(buys)
    wallet = Wallet.objects.select_related("account").get(pk=wallet_id)
    return _quote(wallet, amount, buys, payment_method or wallet.default_payment_method)


def _quote(wallet: Wallet, amount: Decimal, buys: str, card_id: str) -> Quote:
    price = None if buys == Buys.CREDIT else rate(minute_type=buys)
    found = bought(amount=amount, credit=wallet.credit.amount, rate=price)
    after = wallet.credit.amount + found.credit
    return Quote(
        amount=amount,
        buys=buys,
        rate=price,
        debt=found.debt,
        seconds=found.seconds,
        credit=found.left_over,
        credit_after=after,
        auto_recharge=_also_charged(wallet, after, card_id),
    )


def _also_charged(wallet: Wallet, credit: Decimal, card_id: str) -> Decimal:
    """What the rule would charge once this is paid, by the rule itself."""
    automatic = AutoRecharge.objects.get(wallet=wallet)
    automatic.wallet = wallet
    if automatic.effective_payment_method == card_id:
        suspensions.forgive_own_card_in_memory(automatic)
    return expected.charge_at(wallet=wallet, automatic=automatic, credit=credit)


def check_amount(amount: Decimal) -> None:
    """Raises InvalidAmount unless it is $5 to $10,000 in whole cents."""
    text = ""
    if not amount.is_finite() or amount != round(amount, 2):
        text = "Enter an amount in dollars and cents, like 50.00"
    elif not limits.RECHARGE_LEAST <= amount <= limits.RECHARGE_MOST:
        least, most = usd(limits.RECHARGE_LEAST), usd(limits.RECHARGE_MOST)
        text = f"Amount must be between {least} and {most}"
    if text:
        raise InvalidAmount(f"{text}.", fields={"amount": text})


def check_buys(buys: str) -> None:
    if buys not in (Buys.PREMIUM, Buys.BASIC, Buys.CREDIT):
        text = "Choose Premium or Basic Minutes"
        raise InvalidAmount(f"{text}.", fields={"buys": text})


def recharge(
    *,
    wallet_id: int,
    actor: User | None,
    amount: Decimal,
    buys: str,
    form_key: str,
    payment_method: str = "",
    quoted_rate: Decimal | None = None,
    quoted_debt: Decimal | None = None,
    address: str = "",
) -> Purchase:
    """Charge a card now, and credit what it buys when Stripe says it is paid.

    Repeating a `form_key` with the same facts answers with the first purchase, for ever; with
    other facts it raises FormReused. A decline is not an error: the purchase says so. Without a
    definite answer the purchase stays submitted, and while the first request is at work `created`.
    An empty payment method means the default.

    `address` is where the person sits, if known. Raises InvalidAmount, NoPaymentMethod,
    PurchaseInProgress, QuoteChanged, Refused, TooManyAttempts; then nothing was charged.
    """
    check_amount(amount)
    check_buys(buys)
    wallet = Wallet.objects.select_related("account").get(pk=wallet_id)
    if repeated := _repeated(wallet, form_key, amount, buys, payment_method):
        return repeated
    who = Who(wallet.account, actor, address)
    trying.refuse_too_many(who)
    with gateway.person_waiting():
        _take_over_waiting(wallet)
        crash_points.reach("before_claim")
        purchase = _decide(
            wallet_id, who, amount, buys, form_key, payment_method, quoted_rate, quoted_debt
        )
        crash_points.reach("after_claim_commit")
        if purchase.state == State.CREATED and not purchase.is_repeat:
            purchase = purchases.drive(purchase_id=purchase.pk)
    return purchase


def _repeated(
    wallet: Wallet, form_key: str, amount: Decimal, buys: str, payment_method: str
) -> Purchase | None:
    """The purchase this form made before, if it did."""
    found = Purchase.objects.filter(payer=wallet.account, form_key=form_key).first()
    if found is None:
        return None
    same = (found.amount_cents, found.buys) == (cents(amount), buys)
    if not same or (payment_method and payment_method != found.payment_method):
        raise FormReused("This key was used for another recharge. Send a new one.")
    found.is_repeat = True
    return found


@transaction.atomic(durable=True)
def _decide(
    wallet_id: int,
    who: Who,
    amount: Decimal,
    buys: str,
    form_key: str,
    payment_method: str,
    quoted_rate: Decimal | None,
    quoted_debt: Decimal | None,
) -> Purchase:
    wallet = ledger.lock_one(wallet_id=wallet_id)
    if repeated := _repeated(wallet, form_key, amount, buys, payment_method):
        return repeated
    if wallet.account.is_closed:
        raise Refused("This account is closed. Contact support to open it again.")
    if pending := wallet.purchases.recharges().open().first():
        raise in_progress(pending)
    card = payment_methods.usable_card(
        account=wallet.account, card_id=payment_method or wallet.default_payment_method
    )
    now = _quote(wallet, amount, buys, card.id)
    _refuse_changed(now, quoted_rate, quoted_debt)
    purchase = Purchase.objects.create(
        payer=wallet.account,
        wallet=wallet,
        purpose=Purchase.Purpose.RECHARGE,
        amount_cents=cents(amount),
        buys=buys,
        premium_rate=now.rate if buys == Buys.PREMIUM else None,
        basic_rate=now.rate if buys == Buys.BASIC else None,
        payment_method=card.id,
        card=card.label,
        card_fingerprint=card.fingerprint,
        requested_by=who.person,
        form_key=form_key,
    )
    trying.note_payment(who, purchase=purchase)
    return purchase


def _refuse_changed(now: Quote, rate: Decimal | None, debt: Decimal | None) -> None:
    if rate is not None and now.rate is not None and rate != now.rate:
        raise QuoteChanged(
            f"The rate changed: {usd(now.amount)} now buys {now.minutes} minutes. "
            "Check and pay again."
        )
    if debt is not None and debt != now.debt:
        raise QuoteChanged(
            f"Your balance changed: {usd(now.debt)} of the payment now covers what is owed. "
            "Check and pay again."
        )


def in_progress(purchase: Purchase) -> PurchaseInProgress:
    """The refusal that leads to the charge in the way."""
    amount = usd(dollars(purchase.amount_cents))
    if purchase.state == State.REQUIRES_ACTION:
        text = f"A {amount} recharge waits for you to confirm it with your bank."
    else:
        text = f"A {amount} recharge is being confirmed. Wait for its result before you pay again."
    return PurchaseInProgress(text, purchase_id=purchase.pk)


def _take_over_waiting(wallet: Wallet) -> None:
    """End an automatic purchase that waits for the bank, or never left `created`."""
    waiting = wallet.purchases.filter(
        purpose=Purchase.Purpose.AUTO_RECHARGE, state__in=[State.CREATED, State.REQUIRES_ACTION]
    ).first()
    if waiting is None:
        return
    try:
        ended = purchases.cancel(purchase_id=waiting.pk)
    except answers.GatewayError as error:
        raise in_progress(waiting) from error
    if ended.state == State.SUCCEEDED:
        raise QuoteChanged(
            f"A {usd(dollars(ended.amount_cents))} recharge was just paid. Check your balance "
            "before you pay again."
        )


def cancel_waiting(*, purchase_id: UUID) -> Purchase:
    """Give up a payment that waits for the bank. Raises GatewayUnreachable."""
    try:
        with gateway.person_waiting():
            return purchases.cancel(purchase_id=purchase_id)
    except answers.Misconfigured as error:
        raise OurKeyRefused("The payment was not canceled. Try again later.") from error
    except answers.GatewayError as error:
        raise GatewayUnreachable(
            "The payment service is not answering. The payment was not canceled; try again."
        ) from error


def confirm_with_bank(*, purchase_id: UUID, return_url: str) -> str:
    """Where to send the person so that the bank can ask them; "" when nothing is left to ask.

    Raises Refused when the payment does not wait for the bank or is in quarantine, where what it
    takes would not be credited; or GatewayUnreachable.
    """
    purchase = Purchase.objects.get(pk=purchase_id)
    if purchase.state != State.REQUIRES_ACTION:
        raise Refused("This payment does not wait for your bank.")
    if purchase.quarantined_at:
        raise _in_quarantine()
    try:
        with gateway.person_waiting():
            return _bank_url(purchase, return_url)
    except answers.Misconfigured as error:
        raise OurKeyRefused("Nothing was confirmed. Try again later.") from error
    except answers.GatewayError as error:
        raise GatewayUnreachable(
            "The payment service is not answering. Try again in a minute."
        ) from error


def _in_quarantine() -> Refused:
    return Refused("Our support is looking at this payment, so it cannot be confirmed now.")


def _bank_url(purchase: Purchase, return_url: str) -> str:
    intent = gateway.retrieve_intent(intent_id=purchase.payment_intent)
    if not purchases.agrees(purchase.pk, intent):
        raise _in_quarantine()
    if outcomes.was_declined(intent):
        purchases.settle(payment_intent=intent.id)
        return ""
    if intent.status in ("requires_payment_method", "requires_confirmation"):
        try:
            intent = gateway.confirm_on_session(
                key=f"{purchase.pk}:confirm:{rows.count_attempt(purchase_id=purchase.pk)}",
                intent_id=intent.id,
                payment_method=purchase.payment_method,
                return_url=return_url,
            )
        except (answers.Declined, answers.StateChanged):
            pass  # Reading the intent tells.
        except answers.Impossible as error:
            # Its card or customer is gone: it can never be confirmed, so it ends here.
            rows.keep_code(purchase.pk, purchases.code_of_refusal(purchase, error))
            purchases.cancel(purchase_id=purchase.pk)
            return ""
    if intent.bank_url:
        return intent.bank_url
    purchases.settle(payment_intent=intent.id)
    return ""


def _still_wanted(purchase: Purchase, wallet: Wallet) -> Decision:  # noqa: ARG001
    """A person asked for it: only closing the account takes the reason away."""
    closed = wallet.account.is_closed
    return Decision(not closed, Recharge.CLOSED if closed else Recharge.CHARGE, {})


def _succeeded(purchase: Purchase, wallet: Wallet) -> None:
    automatic = suspensions.locked_settings(wallet)
    own_card = automatic.effective_payment_method == purchase.payment_method
    if own_card and suspensions.has_trouble(automatic):
        suspensions.start_afresh(automatic)
    notices.tell_paid(purchase, wallet)
    nudge("wallets.recharge_wallet", wallet.pk)


def _declined(purchase: Purchase, wallet: Wallet) -> None:
    notices.tell_declined(purchase)
    nudge("wallets.recharge_wallet", wallet.pk)


def _requires_action(purchase: Purchase, wallet: Wallet) -> None:  # noqa: ARG001
    notices.tell_needs_bank(purchase)


def _canceled(purchase: Purchase, wallet: Wallet) -> None:  # noqa: ARG001
    nudge("wallets.recharge_wallet", wallet.pk)


POLICY = Policy(
    still_wanted=_still_wanted,
    succeeded=_succeeded,
    declined=_declined,
    requires_action=_requires_action,
    canceled=_canceled,
)
