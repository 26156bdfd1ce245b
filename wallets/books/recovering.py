"""After a restore from a backup: what Stripe holds and we do not, made into rows and credited once.

Looked at in the order in which one rests on the other: customers, payments, what went back, cards.
Whatever is not plain is reported and left alone.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.cells import directory, place
from accounts.models import Account
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.cards import keeping, payment_methods
from wallets.charging import facts, purchases, switch
from wallets.charging.cells import cells_of
from wallets.charging.facts import Unreadable
from wallets.errors import Refused
from wallets.models import AllocationRun, AutoAllocation, Purchase, Reversal
from wallets.prices.amounts import dollars
from wallets.reversals.crediting import NotYet
from wallets.reversals.disputes import apply_dispute_from, funds_are_withdrawn
from wallets.reversals.refunds import has_failed, settle_refund_from
from wallets.stripe import answers, gateway
from wallets.stripe.answers import Intent
from wallets.texts import usd

MAKE_UP, LOOK = "recover", "look into"

T = TypeVar("T", Intent, dict[str, Any])


@dataclass(frozen=True)
class Found:
    """One thing that Stripe holds and we do not. `what` is "recover", or "look into"."""

    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.what}: {self.text}"


def recover(*, since: datetime, apply: bool) -> Iterator[Found]:
    """Everything Stripe has since then that is missing here; with `apply` it is made up for.

    Where there are cells, of the one that this is called in: what is nobody's is told in the first.
    Safe to repeat: what was recovered is not found again. Call with no transaction open. Raises
    Refused while automatic charges go on, and GatewayError when Stripe does not answer.
    """
    if apply and not switch.are_stopped():
        raise Refused("Stop the automatic charges first: manage.py charges stop --reason …")
    linked: dict[UUID, str] = {}
    yield from _customers(since, linked, apply=apply)
    recovered: set[str] = set()
    yield from _payments(since, linked, recovered, apply=apply)
    yield from _reversals(since, recovered, apply=apply)
    yield from _cards(apply=apply)


def _of_here(found: Iterable[T]) -> Iterator[T]:
    for one in found:
        says = one if isinstance(one, dict) else vars(one)
        if cells_of(says)[0] == place.current():
            yield one


def _customers(since: datetime, linked: dict[UUID, str], *, apply: bool) -> Iterator[Found]:
    """Customers made for accounts that do not know them; `linked` is filled with those."""
    candidates: dict[UUID, list[str]] = {}
    for customer in _of_here(gateway.customers_since(since=since)):
        try:
            pk = UUID((customer.get("metadata") or {}).get("account") or "")
        except ValueError:
            continue  # Not made by us.
        account = Account.objects.filter(pk=pk).first()
        if account is None:
            yield Found(LOOK, f"customer {customer['id']} is of account {pk}, which is not here")
        elif account.stripe_customer is None:
            candidates.setdefault(pk, []).append(customer["id"])
        elif customer["id"] not in account.customers:
            text = f"customer {customer['id']} is a second one of {account.name}"
            yield Found(LOOK, f"{text}, beside {account.stripe_customer}")
    for pk, customers in candidates.items():
        if len(customers) > 1:
            yield Found(LOOK, f"account {pk} has several customers: {', '.join(customers)}")
            continue
        linked[pk] = customers[0]
        yield Found(MAKE_UP, f"customer {customers[0]} of account {pk}")
        if apply:
            _link(pk, customers[0])


def _link(account_id: UUID, customer: str) -> None:
    """Unless the account has one by now, or has moved to another cell."""
    with transaction.atomic():
        unlinked = Account.objects.filter(pk=account_id, stripe_customer=None)
        if unlinked.update(stripe_customer=customer):
            directory.note_customer(customer)


def _payments(
    since: datetime, linked: dict[UUID, str], recovered: set[str], *, apply: bool
) -> Iterator[Found]:
    """Succeeded intents whose purchase is missing or not paid, oldest first."""
    intents = _of_here(gateway.intents_since(since=since))
    paid = [one for one in intents if one.status == "succeeded"]
    for intent in reversed(paid):
        if found := _payment(intent, linked, apply=apply):
            yield found
            if found.what == MAKE_UP:
                recovered.add(intent.id)


def _payment(intent: Intent, linked: dict[UUID, str], *, apply: bool) -> Found | None:
    text = f"payment {intent.id} of {usd(dollars(intent.amount_received))}"
    row = _row_of(intent)
    if row and row.payment_intent not in (None, intent.id):
        return Found(LOOK, f"{text}: a second one of purchase {row.pk}")
    if row and row.state == Purchase.State.SUCCEEDED:
        return None
    if row and (not row.is_open or row.quarantined_at):
        state = "in quarantine" if row.quarantined_at else row.state
        return Found(LOOK, f"{text}: purchase {row.pk} is {state} here")
    if row is None and not intent.purchase_id:
        return None if _is_a_strangers(intent, linked) else Found(LOOK, f"{text}: not made by us")
    try:
        if row is None:
            _write_again(intent, linked, apply=apply)
    except Unreadable as error:
        return Found(LOOK, f"{text}: {error}")
    except IntegrityError:
        return Found(LOOK, f"{text}: another charge for the same is in the way here")
    if apply and purchases.settle(payment_intent=intent.id).state != Purchase.State.SUCCEEDED:
        return Found(LOOK, f"{text}: it is in quarantine now")
    return Found(MAKE_UP, text)


def _row_of(intent: Intent) -> Purchase | None:
    if row := Purchase.objects.filter(payment_intent=intent.id).first():
        return row
    try:
        return Purchase.objects.filter(pk=UUID(intent.purchase_id)).first()
    except ValueError:
        return None


def _is_a_strangers(intent: Intent, linked: dict[UUID, str]) -> bool:
    """Another system may share the Stripe account: only our customers are our business."""
    ours = Account.objects.filter(stripe_customer=intent.customer).exists()
    return not ours and intent.customer not in linked.values()


def _write_again(intent: Intent, linked: dict[UUID, str], *, apply: bool) -> None:
    """The lost row, as it was when it was submitted. Raises Unreadable or IntegrityError."""
    payer, account = facts.parties(intent)
    purchase = facts.purchase_of(intent)
    if intent.customer not in [*payer.customers, linked.get(payer.pk)]:
        raise Unreadable(f"it was taken from {intent.customer}, who is not {payer.name}")
    with transaction.atomic():
        purchase.wallet = ledger.lock_one(wallet_id=open_wallet(account=account).pk)
        # Minutes given once have no month, but the form they were given by.
        is_month = "period" in intent.metadata or not purchase.form_key
        if purchase.purpose == Purchase.Purpose.ALLOCATION and is_month:
            purchase.allocation_run = _run(purchase, facts.period_of(intent), account)
        purchase.save(force_insert=True)
        if not apply:
            transaction.set_rollback(True)


def _run(purchase: Purchase, period: object, account: Account) -> AllocationRun:
    """The month that was paid. What the agency had set up since the backup is not guessed."""
    allocation = AutoAllocation.objects.filter(account=account, agency=purchase.payer).first()
    if allocation is None:
        raise Unreadable(f"{account.name} has no monthly allocation of {purchase.payer.name} here")
    run, _ = AllocationRun.objects.get_or_create(
        allocation=allocation,
        period=period,
        defaults={
            "basic_minutes": purchase.basic_minutes,
            "premium_minutes": purchase.premium_minutes,
            "basic_rate": purchase.basic_rate,
            "premium_rate": purchase.premium_rate,
            "amount_cents": purchase.amount_cents,
            "created_at": purchase.created_at,
        },
    )
    return run


def _reversals(since: datetime, recovered: set[str], *, apply: bool) -> Iterator[Found]:
    """Refunds and disputes of payments of ours that our books do not have."""
    refunds = (
        (found, settle_refund_from)
        for found in gateway.refunds_since(since=since)
        if not has_failed(found)
    )
    disputes = (
        (found, apply_dispute_from)
        for found in gateway.disputes_since(since=since)
        if funds_are_withdrawn(found)
    )
    for found, book in [*refunds, *disputes]:
        intent = found.get("payment_intent") or ""
        if Reversal.objects.filter(stripe_id=found["id"]).exists():
            continue
        if not Purchase.objects.filter(payment_intent=intent).exists() and intent not in recovered:
            continue  # Of nothing we credited.
        text = f"{found['object']} {found['id']} of {usd(dollars(found['amount']))}"
        if apply and not _is_booked(found, book):
            yield Found(LOOK, f"{text}: its payment {intent} is not paid here")
        else:
            yield Found(MAKE_UP, text)


def _is_booked(found: dict[str, Any], book: Callable[..., Reversal | None]) -> bool:
    try:
        return book(found=found) is not None
    except NotYet:
        return False


def _cards(*, apply: bool) -> Iterator[Found]:
    """Cards that came or went meanwhile, of every account with a customer."""
    for account in Account.objects.exclude(stripe_customer=None).order_by("pk").iterator():
        try:
            there = {one["id"] for one in gateway.list_cards(customer=account.stripe_customer)}
        except answers.Impossible as error:
            yield Found(LOOK, f"cards of {account.name}: {error}")
            continue
        here = {card.id for card in payment_methods.cards(account)}
        for card_id in sorted(there - here):
            yield Found(MAKE_UP, f"card {card_id} of {account.name}")
            if apply:
                keeping.adopt(account=account, card_id=card_id)
        for card_id in sorted(here - there):
            yield Found(MAKE_UP, f"card {card_id} of {account.name} is gone")
            if apply:
                keeping.forget(account=account, card_id=card_id)
