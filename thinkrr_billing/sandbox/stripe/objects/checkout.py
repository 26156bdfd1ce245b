"""Checkout sessions in setup mode: opening, completing and expiring them."""

from thinkrr_billing.sandbox.stripe.objects import cards, setups
from thinkrr_billing.sandbox.stripe.objects.events import emit
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.state.ids import random_text
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError

LIFETIME_SECONDS = 24 * 3600


def open_session(ctx: Context, facts: dict) -> dict:
    """Store a session and its setup intent."""
    customer = facts.get("customer") or None
    inner = facts.get("setup_intent_data") or {}
    setup = setups.build(
        ctx,
        {
            "customer": customer,
            "metadata": inner.get("metadata"),
            "description": inner.get("description"),
            "payment_method_types": facts.get("payment_method_types"),
        },
    )
    session_id = f"cs_test_{random_text(58)}"
    setup["_sandbox"]["session"] = session_id
    session = _session(ctx, session_id, facts, setup=setup)
    ctx.store.save(setup)
    ctx.store.save(session)
    emit(ctx, "setup_intent.created", setup)
    return session


def _session(ctx: Context, session_id: str, facts: dict, *, setup: dict) -> dict:
    now = ctx.clock.seconds()
    return {
        "id": session_id,
        "object": "checkout.session",
        "created": now,
        "livemode": False,
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": facts.get("billing_address_collection"),
        "cancel_url": facts.get("cancel_url"),
        "client_reference_id": facts.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "currency": facts.get("currency"),
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": setup["customer"],
        "customer_account": None,
        "customer_creation": None,
        "customer_details": None,
        "customer_email": facts.get("customer_email"),
        "discounts": None,
        "expires_at": facts.get("expires_at", now + LIFETIME_SECONDS),
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": None,
        "locale": facts.get("locale"),
        "managed_payments": None,
        "metadata": facts.get("metadata") or {},
        "mode": "setup",
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always",
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": setup["payment_method_types"],
        "payment_status": "no_payment_required",
        "permissions": None,
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": setup["id"],
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": facts["success_url"],
        "total_details": None,
        "ui_mode": "hosted_page",
        "url": f"{ctx.base_url}/c/pay/{session_id}",
        "wallet_options": None,
    }


def current(ctx: Context, session_id: str) -> dict:
    """Return the session, expired when its time has come."""
    session = ctx.get(kind="checkout.session", id=session_id, param="session")
    if session["status"] == "open" and ctx.clock.now() >= session["expires_at"]:
        return expire(ctx, session)
    return session


def expire(ctx: Context, session: dict) -> dict:
    session |= {"status": "expired", "url": None}
    ctx.store.save(session)
    setup = ctx.get(kind="setup_intent", id=session["setup_intent"])
    setup |= {"status": "canceled", "next_action": None, "cancellation_reason": "abandoned"}
    ctx.store.save(setup)
    emit(ctx, "setup_intent.canceled", setup)
    emit(ctx, "checkout.session.expired", session)
    return session


def save_card(
    ctx: Context, session: dict, *, number: str, behaviour: object = None
) -> tuple[dict, str]:
    """Do what the customer asked on the hosted page.

    Return the session and where to go next. Raises the 402 of a card that cannot be saved; the
    session stays open for another one.
    """
    if session["status"] != "open":
        raise ApiError("This session is no longer open.")
    setup = ctx.get(kind="setup_intent", id=session["setup_intent"])
    method = cards.payment_method(ctx, cards.numbered(number))
    if behaviour is not None:
        method["_sandbox"]["behaviour"] = behaviour
    ctx.store.save(method)
    setup = setups.confirm(ctx, setup, method, return_url=session["success_url"])
    if setup["status"] == "requires_action":
        return session, f"{ctx.base_url}/bank/{setup['id']}"
    return complete(ctx, session)


def complete(ctx: Context, session: dict) -> tuple[dict, str]:
    customer = ctx.store.find(kind="customer", id=session["customer"] or "")
    session |= {
        "status": "complete",
        "url": None,
        "customer_details": {
            "address": None,
            "business_name": None,
            "email": customer["email"] if customer else None,
            "individual_name": None,
            "name": customer["name"] if customer else None,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": None,
        },
    }
    ctx.store.save(session)
    emit(ctx, "checkout.session.completed", session)
    return session, session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
