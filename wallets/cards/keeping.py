"""Keeping cards in step with Stripe: adding, choosing, taking away, and what events tell."""

import logging
from functools import partial
from typing import Any

from django.db import transaction

from accounts import clock
from accounts.audit import seen as seen_before
from accounts.cells import directory
from accounts.models import Account, User
from accounts.runtime.nudges import nudge
from accounts.telling.notifications import alert_staff
from wallets.balances.opening import open_wallet
from wallets.cards import customers, mirror, notices, payment_methods, trying, uses
from wallets.cards.payment_methods import Card
from wallets.cards.trying import Who
from wallets.errors import (
    GatewayUnreachable,
    NoPaymentMethod,
    OurKeyRefused,
    PaymentMethodInUse,
    Refused,
)
from wallets.models import Wallet
from wallets.stripe import answers, gateway

logger = logging.getLogger(__name__)


def start_adding(
    *,
    account: Account,
    success_url: str,
    cancel_url: str,
    person: User | None = None,
    address: str = "",
) -> str:
    """The address of Stripe's hosted page that saves a card.

    `success_url` carries {CHECKOUT_SESSION_ID}, which Stripe fills in. A customer that was deleted
    at Stripe is replaced by a new one. Raises TooManyAttempts, GatewayUnreachable, or Refused when
    trying again does not help; support is told then. Call with no transaction open.
    """
    trying.note_new_card(Who(account, person, address))
    page = partial(gateway.start_card_setup, success_url=success_url, cancel_url=cancel_url)
    try:
        with gateway.person_waiting():
            customer = customers.ensure(account=account)
            try:
                return page(customer=customer)
            except answers.Impossible as error:
                if not error.customer_is_gone:
                    raise
            return page(customer=_replace_customer(account, gone=customer))
    except answers.Impossible as error:
        raise _cannot_add(account, error) from error
    except answers.Misconfigured as error:
        raise OurKeyRefused("No card was added. Try again later.") from error
    except answers.GatewayError as error:
        raise GatewayUnreachable(
            "The payment service is not answering. Try again in a minute."
        ) from error


def _cannot_add(account: Account, error: answers.GatewayError) -> Refused:
    """Asking again would be answered the same: support has to look."""
    alert_staff(
        kind="card_cannot_be_added",
        text=f"Stripe refuses to save a card of {account.name}: {error}",
        data={"account": str(account.pk)},
        dedupe_key=f"card-cannot-be-added:{account.pk}:{clock.now():%Y-%m-%d}",
    )
    return Refused(
        "The payment service refused to save a card for this account. Support has been told."
    )


def _replace_customer(account: Account, *, gone: str) -> str:
    """A new customer; the cards of the old one are gone with it, and people hear so."""
    lost = payment_methods.cards(account)
    customer = customers.replace(account=account, gone=gone)
    for card in lost:
        forget(account=account, card_id=card.id)
    return customer


def renew_customer(*, account: Account) -> str:
    """Put the link to Stripe's customer right, and the cards here with it. Returns what was done.

    A customer that is gone is replaced; of one that is there the cards are read again. Safe to
    repeat. Raises GatewayUnreachable, or Refused with what Stripe said.
    """
    try:
        with gateway.person_waiting():
            before = account.stripe_customer
            customer = customers.ensure(account=account)
            if not before:
                return f"Stripe's customer {customer} is linked."
            if customers.is_gone(customer=customer):
                made = _replace_customer(account, gone=customer)
                return f"{customer} was deleted at Stripe. {made} takes its place, without cards."
            added, lost = _read_cards_again(account, customer)
            return f"{customer} is there. Cards: {added} added here, {lost} taken away."
    except (answers.Impossible, answers.Misconfigured) as error:
        raise Refused(f"Stripe refuses it: {error}") from error
    except answers.GatewayError as error:
        raise GatewayUnreachable(
            "Stripe is not answering. Nothing was changed; try again in a minute."
        ) from error


def _read_cards_again(account: Account, customer: str) -> tuple[int, int]:
    """How many cards were added to and taken from the mirror."""
    there = {data["id"]: data for data in gateway.list_cards(customer=customer)}
    here = {card.id for card in payment_methods.cards(account)}
    wallet = open_wallet(account=account)
    lost = here - there.keys()
    if wallet.default_payment_method:
        lost |= {wallet.default_payment_method} - there.keys()
    for card_id in sorted(there.keys() - here):
        adopt(account=account, card_id=card_id)
    for card_id in sorted(lost):
        forget(account=account, card_id=card_id)
    return len(there.keys() - here), len(lost)


def finish_adding(*, account: Account, session_id: str) -> Card | None:
    """Take over the card of a finished hosted page; None when nothing was saved. Repeatable."""
    try:
        with gateway.person_waiting():
            customer, card_id = gateway.finished_card_setup(session_id=session_id)
            if not card_id or customer != account.stripe_customer:
                return None
            return adopt(account=account, card_id=card_id)
    except answers.Impossible:
        return None
    except answers.Misconfigured as error:
        raise OurKeyRefused(
            "If your card was saved there, it appears here once that is mended."
        ) from error
    except answers.GatewayError as error:
        raise GatewayUnreachable(
            "Your card is being saved. Reload this page in a minute."
        ) from error


def latest_setup(*, account: Account) -> answers.CardSetup | None:
    """What became of the account's latest page that saves a card; None when that is not known."""
    if not account.stripe_customer:
        return None
    try:
        with gateway.person_waiting():
            return gateway.latest_card_setup(customer=account.stripe_customer)
    except answers.GatewayError:
        return None


def adopt(*, account: Account, card_id: str) -> Card | None:
    """Mirror a card Stripe has saved for this account; the first one becomes the default.

    The page's return and the event both call this; the second changes nothing. None when it is no
    card, or has been taken off the account's customer meanwhile: nothing could charge it. Raises
    GatewayError; and NoCell where the account has moved meanwhile, and nothing is kept.
    """
    data = gateway.retrieve_card(card_id=card_id)
    if not data.get("card") or data.get("customer") != account.stripe_customer:
        return None
    # Left where the account was, it would be in its way back.
    directory.refuse_moved(account.stripe_customer)
    known = payment_methods.card(account=account, card_id=card_id) is not None
    mirror.keep_card(data)
    wallet = open_wallet(account=account)
    with transaction.atomic():
        wallet = Wallet.objects.filter(pk=wallet.pk).locked().get()
        # One that is not here any more stands in nobody's way: whoever took it away was cut short.
        if not payment_methods.card(account=account, card_id=wallet.default_payment_method):
            wallet.default_payment_method = card_id
            wallet.save(update_fields=["default_payment_method"])
            nudge("wallets.payment_method_changed", wallet.pk)
        if not known:
            notices.tell_added(account, payment_methods.read_card(data))
    return payment_methods.read_card(data)


def make_default(*, account: Account, card_id: str, seen: str = "") -> Card:
    """Charge this card by default from now on. Raises NoPaymentMethod.

    A backup card that becomes the default stands in for none any more. `seen` marks the choice of
    cards that was shown: others' newer one raises Overtaken.
    """
    wallet = open_wallet(account=account)
    with transaction.atomic():
        wallet = Wallet.objects.filter(pk=wallet.pk).locked().get()
        # Under the lock: who takes this card away meanwhile finds it as the default afterwards.
        chosen = payment_methods.usable_card(account=account, card_id=card_id)
        with seen_before.guarding(wallet, fields=payment_methods.CHOSEN, seen=seen):
            wallet.default_payment_method = card_id
            _let_default_stand_in_for_none(wallet)
        wallet.save(update_fields=["default_payment_method", "backup_payment_method"])
        nudge("wallets.payment_method_changed", wallet.pk)
    return chosen


def _let_default_stand_in_for_none(wallet: Wallet) -> None:
    if wallet.backup_payment_method == wallet.default_payment_method:
        wallet.backup_payment_method = ""


def remove(*, account: Account, card_id: str, agreed: bool = False) -> Card:
    """Take the card off at Stripe and here, and end what it pays for by itself.

    Without `agreed`, a card in use raises PaymentMethodInUse with what would end, each as a
    sentence. Also raises NoPaymentMethod; then nothing was changed. With GatewayUnreachable or
    OurKeyRefused the card is still here, but what it paid for has ended.
    """
    found = payment_methods.card(account=account, card_id=card_id)
    if found is None:
        raise NoPaymentMethod("This card is no longer saved.")
    used = uses.found(account=account, card_id=card_id)
    if used and not agreed:
        raise PaymentMethodInUse(f"{found.label} is in use. {' '.join(used)}", uses=used)
    # First: Stripe's event may be faster than its answer, or the answer get lost. To the event the
    # card is one that Stripe lost, and what follows the default goes on with the next card.
    uses.end(account=account, card_id=card_id, by_person=True)
    ended = " What it paid for by itself has ended." if used else ""
    try:
        with gateway.person_waiting():
            gateway.detach_card(card_id=card_id)
    except answers.Impossible:
        pass  # It is gone at Stripe already.
    except answers.Misconfigured as error:
        raise OurKeyRefused(f"The card was not removed. Try again later.{ended}") from error
    except answers.GatewayError as error:
        raise GatewayUnreachable(
            f"The payment service is not answering. The card was not removed; try again.{ended}"
        ) from error
    forget(account=account, card_id=card_id, by_person=True)
    return found


def forget(*, account: Account, card_id: str, by_person: bool = False) -> None:
    """Take a card that Stripe no longer has from the mirror and from the default. Repeatable.

    What it paid for by itself ends first, or is suspended when nobody here took the card away. The
    backup card becomes the default in its place, else the oldest.
    """
    mirror.forget_card(card_id)
    uses.end(account=account, card_id=card_id, by_person=by_person)
    with transaction.atomic():
        wallet = Wallet.objects.filter(account=account).locked().first()
        if wallet and wallet.default_payment_method == card_id:
            # Under the lock, as in `make_default`: several cards may go at once.
            rest = [card for card in payment_methods.cards(account) if not card.is_expired]
            rest.sort(key=lambda card: card.id != wallet.backup_payment_method)
            wallet.default_payment_method = rest[0].id if rest else ""
            _let_default_stand_in_for_none(wallet)
            wallet.save(update_fields=["default_payment_method", "backup_payment_method"])
            nudge("wallets.payment_method_changed", wallet.pk)
        notices.tell_removed(account, card_id)


def card_saved(found: dict[str, Any]) -> bool:
    """A set-up finished; the person may have closed the window before coming back to us.

    Answers whether it is of an account here, as the next two.
    """
    if found.get("object") == "checkout.session":
        customer, card_id = gateway.finished_card_setup(session_id=found["id"])
    else:
        setup = gateway.retrieve_setup_intent(setup_intent_id=found["id"])
        customer, card_id = setup.get("customer"), setup.get("payment_method")
    account = Account.objects.filter(stripe_customer=customer).first() if customer else None
    if account and card_id:
        adopt(account=account, card_id=card_id)
    return account is not None


def card_changed(found: dict[str, Any]) -> bool:
    """A card was renewed by its bank, or taken off the customer.

    What is no card never enters the mirror, so nobody hears of its end either.
    """
    try:
        data = gateway.retrieve_card(card_id=found["id"])
    except answers.Impossible:
        data = {}
    if customer := data.get("customer"):
        is_here = directory.has_customer(customer)
        if is_here and data.get("card"):
            mirror.keep_card(data)
        return is_here
    account = payment_methods.owner_of(card_id=found["id"])
    if account:
        forget(account=account, card_id=found["id"])
    return account is not None


def customer_deleted(found: dict[str, Any]) -> bool:
    """Every card of a deleted customer is gone."""
    account = Account.objects.filter(stripe_customer=found["id"]).first()
    if account and customers.is_gone(customer=found["id"]):
        for card in payment_methods.cards(account):
            forget(account=account, card_id=card.id)
    return account is not None
