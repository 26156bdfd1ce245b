"""Refunds: giving money back, and what happens when the bank refuses it."""

from thinkrr_billing.sandbox.stripe.objects import cards, charges
from thinkrr_billing.sandbox.stripe.objects.events import emit
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError


def create(
    ctx: Context,
    charge: dict,
    *,
    amount: int | None,
    reason: str | None = None,
    metadata: dict | None = None,
    id: str | None = None,
) -> dict:
    """Refund a charge, the whole rest without an amount. `id` is for the bulk import."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    wanted = left if amount is None else amount
    _check(ctx, charge, wanted=wanted, left=left)
    fault = ctx.fault or {}
    kind = fault.get("outcome") or fault.get("kind")
    refund = ctx.stamp("re", "refund", mode=False) | {
        "amount": wanted,
        "balance_transaction": None,
        "charge": charge["id"],
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": metadata or {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if kind == "processing" else _begins(ctx, charge),
        "transfer_reversal": None,
    }
    if id:
        refund["id"] = id
    transaction = charges.balance_transaction(
        ctx, amount=-wanted, fee=0, source=refund["id"], type="refund", category="refund"
    )
    refund["balance_transaction"] = transaction["id"]
    ctx.store.save(refund)
    _move(ctx, charge, refund["amount"])
    emit(ctx, "refund.created", refund)
    emit(ctx, "charge.refunded", charge)
    if kind == "decline":
        fail(ctx, refund, reason=fault.get("code") or "unknown")
    return refund


def _begins(ctx: Context, charge: dict) -> str:
    method = ctx.store.find(kind="payment_method", id=charge["payment_method"])
    return cards.BY_NUMBER[method["_sandbox"]["number"]].refunds if method else "succeeded"


def _check(ctx: Context, charge: dict, *, wanted: int, left: int) -> None:
    if charge["status"] != "succeeded":
        raise ApiError(f"Charge {charge['id']} has not succeeded, so it cannot be refunded.")
    if any(_blocks(one) for one in ctx.store.list(kind="dispute", where={"charge": charge["id"]})):
        raise ApiError(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if left <= 0:
        raise ApiError(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if wanted < 1:
        raise ApiError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if wanted > left:
        raise ApiError(
            f"Refund amount ({dollars(wanted)}) is greater than unrefunded amount on charge "
            f"({dollars(left)})",
            param="amount",
        )


def _blocks(dispute: dict) -> bool:
    return not dispute["is_charge_refundable"] and dispute["status"] != "won"


def dollars(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02}"


def _move(ctx: Context, charge: dict, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] >= charge["amount"]
    ctx.store.save(charge)


def settle(ctx: Context, refund: dict, *, status: str) -> dict:
    """End a pending refund well, or put a succeeded one back to pending."""
    refund["status"] = status
    ctx.store.save(refund)
    emit(ctx, "refund.updated", refund)
    emit(ctx, "charge.refund.updated", refund)
    return refund


def fail(ctx: Context, refund: dict, *, reason: str) -> dict:
    """The bank sent the money back: it is ours again, and the charge can be refunded anew."""
    if refund["status"] in ("failed", "canceled"):
        return refund
    transaction = charges.balance_transaction(
        ctx,
        amount=refund["amount"],
        fee=0,
        source=refund["id"],
        type="refund_failure",
        category="refund_failure",
    )
    refund |= {
        "status": "failed",
        "failure_reason": reason,
        "failure_balance_transaction": transaction["id"],
    }
    ctx.store.save(refund)
    _move(ctx, ctx.get(kind="charge", id=refund["charge"]), -refund["amount"])
    emit(ctx, "refund.updated", refund)
    emit(ctx, "charge.refund.updated", refund)
    emit(ctx, "refund.failed", refund)
    return refund
