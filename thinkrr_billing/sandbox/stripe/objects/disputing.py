"""Disputes: a cardholder asks the bank for the money back."""

from thinkrr_billing.sandbox.stripe.objects import charges
from thinkrr_billing.sandbox.stripe.objects.events import emit
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError

INQUIRY, FORMAL = "warning_needs_response", "needs_response"
CLOSED = ("won", "lost", "warning_closed")
# What a merchant may send against a dispute; all of it is there from the start, and empty.
EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
EVIDENCE_SECONDS = 9 * 24 * 3600


def open_dispute(
    ctx: Context, charge: dict, *, amount: int | None, status: str, reason: str, withdraw: bool
) -> dict:
    """A formal dispute takes the money at once unless told otherwise; an inquiry never does."""
    if status not in (INQUIRY, FORMAL):
        raise ApiError(f"A dispute starts as {FORMAL} or {INQUIRY}, not {status}.", param="status")
    wanted = charge["amount"] if amount is None else amount
    if charge["status"] != "succeeded" or not 1 <= wanted <= charge["amount"]:
        raise ApiError("Only a succeeded charge can be disputed, up to its amount.")
    stamp = ctx.stamp("du", "dispute")
    dispute = stamp | {
        "amount": wanted,
        "balance_transactions": [],
        "charge": charge["id"],
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": stamp["created"] + EVIDENCE_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": status == INQUIRY,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "inquiry" if status == INQUIRY else "chargeback",
                "network": charge["payment_method_details"]["card"]["network"],
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": status,
    }
    ctx.store.save(dispute)
    charge["disputed"] = True
    ctx.store.save(charge)
    emit(ctx, "charge.dispute.created", dispute)
    if withdraw and status == FORMAL:
        withdraw_funds(ctx, dispute)
    return dispute


def withdraw_funds(ctx: Context, dispute: dict) -> dict:
    """Take the amount and the fee from the balance; an inquiry becomes a formal dispute."""
    if dispute["balance_transactions"] or dispute["status"] in CLOSED:
        raise ApiError("The funds of this dispute were already withdrawn, or it is closed.")
    transaction = charges.balance_transaction(
        ctx,
        amount=-dispute["amount"],
        fee=charges.DISPUTE_FEE,
        source=dispute["id"],
        type="adjustment",
        category="dispute",
        description=f"Chargeback for {dispute['charge']}",
    )
    dispute |= {
        "balance_transactions": [transaction],
        "status": FORMAL,
        "is_charge_refundable": False,
    }
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    ctx.store.save(dispute)
    emit(ctx, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def win(ctx: Context, dispute: dict) -> dict:
    _must_be_open(dispute)
    if dispute["balance_transactions"]:
        back = charges.balance_transaction(
            ctx,
            amount=dispute["amount"],
            fee=-charges.DISPUTE_FEE,
            source=dispute["id"],
            type="adjustment",
            category="dispute_reversal",
            description=f"Chargeback reversal for {dispute['charge']}",
        )
        dispute["balance_transactions"] = [*dispute["balance_transactions"], back]
    dispute["status"] = "won"
    ctx.store.save(dispute)
    if len(dispute["balance_transactions"]) > 1:
        emit(ctx, "charge.dispute.funds_reinstated", dispute)
    emit(ctx, "charge.dispute.closed", dispute)
    return dispute


def lose(ctx: Context, dispute: dict) -> dict:
    _must_be_open(dispute)
    return _close(ctx, dispute, status="lost")


def close(ctx: Context, dispute: dict) -> dict:
    """We give in: an inquiry simply ends, a formal dispute is lost."""
    _must_be_open(dispute)
    inquiry = dispute["status"].startswith("warning_")
    return _close(ctx, dispute, status="warning_closed" if inquiry else "lost")


def inquire(ctx: Context, dispute: dict) -> dict:
    _must_be_open(dispute)
    if dispute["balance_transactions"]:
        raise ApiError("The funds were withdrawn: this can no longer be an inquiry.")
    dispute |= {"status": INQUIRY, "is_charge_refundable": True}
    ctx.store.save(dispute)
    emit(ctx, "charge.dispute.updated", dispute)
    return dispute


def _close(ctx: Context, dispute: dict, *, status: str) -> dict:
    dispute["status"] = status
    ctx.store.save(dispute)
    emit(ctx, "charge.dispute.closed", dispute)
    return dispute


def _must_be_open(dispute: dict) -> None:
    if dispute["status"] in CLOSED:
        raise ApiError(f"This dispute is already closed with status {dispute['status']}.")


ACTIONS = {"withdraw": withdraw_funds, "win": win, "lose": lose, "close": close, "inquiry": inquire}
