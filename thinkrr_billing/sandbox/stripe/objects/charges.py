"""Charges and balance transactions: what a payment intent leaves in Stripe's own books."""

from thinkrr_billing.sandbox.stripe.state.context import Context

FEE_PERMILLE = 29  # Stripe's US card price: 2.9 % + 30 cents.
FEE_FIXED = 30
DISPUTE_FEE = 1500
AVAILABLE_AFTER_SECONDS = 2 * 24 * 3600


def create(
    ctx: Context,
    intent: dict,
    method: dict,
    *,
    status: str,
    error: dict | None = None,
    charge: dict | None = None,
) -> dict:
    """Store a charge of the whole intent; `charge` is a pending one that now fails."""
    if charge is None:
        charge = _new(ctx, intent, method)
    charge["status"] = status
    if status == "succeeded":
        return complete(ctx, charge)
    if error:
        charge |= {
            "failure_code": error["code"],
            "failure_message": error["message"],
            "outcome": {
                "advice_code": error.get("advice_code"),
                "network_advice_code": None,
                "network_decline_code": None,
                "network_status": "declined_by_network",
                "reason": error.get("decline_code"),
                "risk_level": "normal",
                "seller_message": "The bank declined the payment.",
                "type": "issuer_declined",
            },
        }
    ctx.store.save(charge)
    return charge


def complete(ctx: Context, charge: dict) -> dict:
    amount = charge["amount"]
    fee = (amount * FEE_PERMILLE + 500) // 1000 + FEE_FIXED
    transaction = balance_transaction(
        ctx, amount=amount, fee=fee, source=charge["id"], type="charge", category="charge"
    )
    charge |= {
        "status": "succeeded",
        "paid": True,
        "captured": True,
        "amount_captured": amount,
        "balance_transaction": transaction["id"],
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 10,
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
    }
    ctx.store.save(charge)
    return charge


def _new(ctx: Context, intent: dict, method: dict) -> dict:
    card = method["card"]
    details = {
        key: card[key]
        for key in ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    }
    return ctx.stamp("ch", "charge") | {
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "THINKRR",
        "captured": False,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": details
            | {
                "amount_authorized": intent["amount"],
                "authorization_code": None,
                "checks": card["checks"],
                "installments": None,
                "mandate": None,
                "network": card["brand"],
                "network_transaction_id": None,
                "regulated_status": card["regulated_status"],
                "three_d_secure": None,
                "transaction_link_id": None,
                "wallet": None,
            },
            "type": "card",
        },
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "pending",
        "transfer_data": None,
        "transfer_group": None,
    }


def balance_transaction(
    ctx: Context,
    *,
    amount: int,
    fee: int,
    source: str,
    type: str,
    category: str,
    description: str | None = None,
) -> dict:
    """Store one line of Stripe's balance: positive came in, negative went out."""
    stamp = ctx.stamp("txn", "balance_transaction", mode=False)
    transaction = stamp | {
        "amount": amount,
        "available_on": stamp["created"] + AVAILABLE_AFTER_SECONDS,
        "balance_type": "payments",
        "currency": "usd",
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [
            {
                "amount": fee,
                "application": None,
                "currency": "usd",
                "description": "Stripe processing fees",
                "type": "stripe_fee",
            }
        ]
        if fee
        else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": "pending",
        "type": type,
    }
    ctx.store.save(transaction)
    return transaction
