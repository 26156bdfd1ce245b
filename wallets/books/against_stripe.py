"""I13: our paid purchases, Stripe's succeeded intents and what the ledger holds are the same set.

Stripe is read first, we second: what settles in between is asked for again, one by one. What is
still on its way here is left to the sweeps for an hour, like every unknown.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, Min, OuterRef, Q

from accounts import clock
from accounts.models import Account
from wallets import limits
from wallets.books import held
from wallets.books.held import Held
from wallets.models import LedgerEntry, Purchase, Reversal
from wallets.reversals.disputes import funds_are_withdrawn
from wallets.reversals.refunds import has_failed
from wallets.stripe import answers, gateway

Finding = tuple[int | None, str]

# Stripe's clock and ours differ a little, and an event needs its time.
SLACK = timedelta(minutes=5)


def read(*, since: datetime, until: datetime | None) -> Held:
    """What Stripe has between these moments, and a little more: ours may be a little older or
    younger there."""
    return held.read(since=since - SLACK, until=until and until + SLACK)


def compare(
    *, since: datetime | None = None, until: datetime | None = None, there: Held | None = None
) -> Iterator[Finding]:
    """Everything between these moments on which Stripe and we disagree; without them, everything.

    `there` is what `read` has answered for them: without it Stripe is asked. Call with no
    transaction open. Raises GatewayError when Stripe does not answer.
    """
    since, end = since or beginning(), until or clock.now()
    mine = held.here(there or read(since=since, until=until))
    intents, standing = mine.intents, mine.standing
    purchases = _purchases(since, end, intents)
    yield from _ours_at_stripe(purchases, intents)
    window = range(int(since.timestamp()), int(until.timestamp()) if until else sys.maxsize)
    theirs = {pk: intent for pk, intent in intents.items() if intent.created in window}
    yield from _theirs_with_us(purchases, theirs, standing)
    yield from _reversals(since, end, standing, window)


def beginning() -> datetime:
    """Before our first account there was nothing to pay for."""
    first = Purchase.objects.aggregate(first=Min("created_at"))["first"]
    opened = Account.objects.aggregate(first=Min("created_at"))["first"]
    return min(filter(None, (first, opened, clock.now()))) - SLACK


def _purchases(
    since: datetime, until: datetime, intents: dict[str, answers.Intent]
) -> dict[str, Purchase]:
    """Our purchases by their intents, each knowing whether the ledger credits it."""
    bought = LedgerEntry.objects.filter(
        purchase=OuterRef("pk"), kind__in=["recharge", "auto_recharge", "allocation"]
    )
    rows = Purchase.objects.exclude(payment_intent=None).annotate(is_credited=Exists(bought))
    rows = rows.filter(
        Q(created_at__gte=since, created_at__lt=until) | Q(payment_intent__in=list(intents))
    )
    return {row.payment_intent: row for row in rows.select_related("payer")}


def _ours_at_stripe(
    purchases: dict[str, Purchase], intents: dict[str, answers.Intent]
) -> Iterator[Finding]:
    for intent_id, purchase in purchases.items():
        if purchase.state != Purchase.State.SUCCEEDED and not purchase.is_credited:
            continue
        intent = intents.get(intent_id)
        if intent is None or intent.status != "succeeded":
            intent = _read_again(intent_id)
        if problem := _differs(purchase, intent):
            yield purchase.wallet_id, f"purchase {purchase.pk}: {problem}"


def _read_again(intent_id: str) -> answers.Intent | None:
    try:
        return gateway.retrieve_intent(intent_id=intent_id)
    except answers.Impossible:
        return None


def _differs(purchase: Purchase, intent: answers.Intent | None) -> str:
    if not purchase.is_credited:
        return "it is paid, but the ledger does not credit it"
    if purchase.state != Purchase.State.SUCCEEDED:
        return f"the ledger credits it, but it is {purchase.state}"
    if intent is None or intent.status != "succeeded":
        return f"we say paid, Stripe says {intent.status if intent else 'nothing'}"
    if intent.amount_received != purchase.amount_cents:
        return f"we credited {purchase.amount_cents} cents, Stripe took {intent.amount_received}"
    if intent.customer not in purchase.payer.customers:
        return f"Stripe took it from {intent.customer}, who is not its payer"
    return ""


def _theirs_with_us(
    purchases: dict[str, Purchase], intents: dict[str, answers.Intent], standing: dict[str, dict]
) -> Iterator[Finding]:
    given_back: Counter[str] = Counter()
    for found in standing.values():
        given_back[found.get("payment_intent") or ""] += found["amount"]
    customers = _wallets_by_customer()
    for intent in intents.values():
        if intent.status != "succeeded":
            continue
        purchase = purchases.get(intent.id) or _by_metadata(intent)
        if finding := _unbooked(intent, purchase, customers):
            back = max(given_back[intent.id], _refunded(intent))
            if back < intent.amount_received:
                yield finding


def _unbooked(
    intent: answers.Intent, purchase: Purchase | None, customers: dict[str, int | None]
) -> Finding | None:
    """What is wrong about a payment that Stripe took."""
    took = f"Stripe took {intent.amount_received} cents by {intent.id}"
    if purchase is None:
        # Another system may share the Stripe account: only our customers are our business.
        if intent.customer in customers:
            return customers[intent.customer], f"{took}, which no purchase of ours knows"
    elif purchase.payment_intent not in (None, intent.id):
        return purchase.wallet_id, f"{took}, a second time for purchase {purchase.pk}"
    elif purchase.state != Purchase.State.SUCCEEDED and not _is_on_its_way(purchase):
        return purchase.wallet_id, f"{took}, but purchase {purchase.pk} is {purchase.state}"
    return None


def _refunded(intent: answers.Intent) -> int:
    """Cents that went back, whenever that was. Asked only where something is wrong."""
    return sum(
        found["amount"]
        for found in gateway.list_refunds(intent_id=intent.id)
        if not has_failed(found)
    )


def _wallets_by_customer() -> dict[str, int | None]:
    accounts = Account.objects.exclude(stripe_customer=None).only(
        "stripe_customer", "former_customers"
    )
    return {
        customer: wallet_id
        for account, wallet_id in (
            (account, account.wallet_pk) for account in accounts.annotate(wallet_pk=F("wallet__id"))
        )
        for customer in account.customers
    }


def _by_metadata(intent: answers.Intent) -> Purchase | None:
    try:
        return Purchase.objects.filter(pk=UUID(intent.purchase_id)).first()
    except ValueError:
        return None


def _is_on_its_way(purchase: Purchase) -> bool:
    young = purchase.created_at > clock.now() - limits.UNKNOWN_REPORT_AFTER
    return purchase.is_open and young and not purchase.quarantined_at


def _reversals(
    since: datetime, until: datetime, standing: dict[str, dict], window: range
) -> Iterator[Finding]:
    ours = {
        row.stripe_id: row
        for row in Reversal.objects.standing()
        .filter(
            Q(created_at__gte=since, created_at__lt=until) | Q(stripe_id__in=list(standing)),
            stripe_id__isnull=False,
        )
        .select_related("purchase")
    }
    paid = Purchase.objects.filter(
        state=Purchase.State.SUCCEEDED,
        payment_intent__in={found.get("payment_intent") or "" for found in standing.values()},
    )
    purchases = {row.payment_intent: row for row in paid}
    for stripe_id, found in standing.items():
        purchase = purchases.get(found.get("payment_intent") or "")
        if purchase is None or _is_young(found) or found["created"] not in window:
            continue
        row = ours.get(stripe_id)
        if row is None:
            if not _stands(stripe_id, is_dispute=found["object"] == "dispute"):
                continue
            text = f"Stripe gave back {found['amount']} cents by {stripe_id}, our books did not"
            yield purchase.wallet_id, text
        elif row.amount_cents != found["amount"]:
            text = f"{stripe_id} is {found['amount']} cents at Stripe, {row.amount_cents} here"
            yield purchase.wallet_id, text
    for stripe_id, row in ours.items():
        old = row.created_at < clock.now() - SLACK
        is_dispute = row.kind == Reversal.Kind.DISPUTE
        if stripe_id not in standing and old and not _stands(stripe_id, is_dispute=is_dispute):
            text = f"our books gave back {row.amount_cents} cents by {stripe_id}, Stripe did not"
            yield row.purchase.wallet_id, text


def _stands(stripe_id: str, *, is_dispute: bool) -> bool:
    """Ask for one that one side lacks: it may be older there than here, or have ended since."""
    try:
        if is_dispute:
            return funds_are_withdrawn(gateway.retrieve_dispute(dispute_id=stripe_id))
        return not has_failed(gateway.retrieve_refund(refund_id=stripe_id))
    except answers.Impossible:
        return False


def _is_young(found: dict) -> bool:
    return found["created"] > (clock.now() - SLACK).timestamp()
