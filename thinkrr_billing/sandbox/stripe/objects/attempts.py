"""Charging a card for a payment intent: what the bank says, and what that leaves behind."""

import time

from thinkrr_billing.sandbox.stripe.objects import cards, charges, disputing
from thinkrr_billing.sandbox.stripe.objects.events import emit
from thinkrr_billing.sandbox.stripe.objects.expanding import public
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError

SUCCEEDED, PROCESSING, ACTION, DECLINED = "succeeded", "processing", "requires_action", "declined"
AUTHENTICATION = "authentication_required"
# What a bank's decline may carry.
_CODES = ("decline_code", "code", "advice_code")


def attempt(
    ctx: Context,
    intent: dict,
    method: dict,
    *,
    present: bool,
    return_url: str | None,
    refuse_action: bool = False,
) -> dict:
    """Try the card once and return the saved intent. Raises the 402 of a decline."""
    verdict, decline = verdict_of(ctx, method, present=present)
    if verdict == ACTION and refuse_action:
        verdict, decline = DECLINED, {"decline_code": AUTHENTICATION}
    intent["payment_method"] = method["id"]
    if verdict == SUCCEEDED:
        return succeed(ctx, intent, method)
    if verdict == PROCESSING:
        return _start_processing(ctx, intent, method)
    if verdict == ACTION:
        return _ask_the_bank(ctx, intent, return_url=return_url)
    raise decline_intent(ctx, intent, method, **decline)


def verdict_of(ctx: Context, method: dict, *, present: bool) -> tuple[str, dict]:
    """Return what the bank says and, for a decline, its codes."""
    scripted = _scripted(ctx.fault)
    if scripted:
        return scripted
    behaviour = method["_sandbox"]["behaviour"]
    card = cards.BY_NUMBER[method["_sandbox"]["number"]]
    if behaviour == "ok":
        return SUCCEEDED, {}
    if behaviour == "processing":
        return PROCESSING, {}
    if isinstance(behaviour, dict):
        return DECLINED, {name: behaviour.get(name) for name in _CODES}
    if _is_expired(ctx, method):
        return DECLINED, {"decline_code": "expired_card"}
    if _needs_bank(card, method, present=present) or behaviour == AUTHENTICATION:
        return (ACTION, {}) if present else (DECLINED, {"decline_code": AUTHENTICATION})
    if card.charging:
        return DECLINED, {"decline_code": card.charging}
    return SUCCEEDED, {}


def _scripted(fault: dict | None) -> tuple[str, dict] | None:
    if fault is None:
        return None
    kind = fault.get("outcome") or fault["kind"]
    if kind == "decline":
        return DECLINED, {
            "decline_code": fault.get("decline_code") or "generic_decline",
            "code": fault.get("code"),
            "advice_code": fault.get("advice_code"),
        }
    return {
        "processing": (PROCESSING, {}),
        "requires_action": (ACTION, {}),
        "ok": (SUCCEEDED, {}) if fault.get("outcome") == "ok" else None,
    }.get(kind)


def _needs_bank(card: cards.TestCard, method: dict, *, present: bool) -> bool:
    if card.authentication == "until_set_up":
        return not method["_sandbox"]["set_up"]
    if card.authentication == "on_session":
        return present
    return card.authentication == "always"


def _is_expired(ctx: Context, method: dict) -> bool:
    now = time.gmtime(ctx.clock.now())
    card = method["card"]
    return (card["exp_year"], card["exp_month"]) < (now.tm_year, now.tm_mon)


def succeed(ctx: Context, intent: dict, method: dict) -> dict:
    charge = charges.create(ctx, intent, method, status="succeeded")
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge["id"],
        "next_action": None,
        "last_payment_error": None,
        "payment_method": method["id"],
    }
    ctx.store.save(intent)
    if intent["setup_future_usage"] and intent["customer"]:
        keep_for_later(ctx, method, customer=intent["customer"])
    emit(ctx, "charge.succeeded", charge)
    emit(ctx, "payment_intent.succeeded", intent)
    reason = cards.BY_NUMBER[method["_sandbox"]["number"]].disputed
    if reason:
        disputing.open_dispute(
            ctx, charge, amount=None, status=disputing.FORMAL, reason=reason, withdraw=True
        )
    return intent


def keep_for_later(ctx: Context, method: dict, *, customer: str) -> None:
    """Attach a payment method that the bank has agreed to charge off-session."""
    fresh = method["customer"] is None
    method["customer"] = customer
    method["_sandbox"]["set_up"] = True
    ctx.store.save(method)
    if fresh:
        emit(ctx, "payment_method.attached", method)


def _start_processing(ctx: Context, intent: dict, method: dict) -> dict:
    charge = charges.create(ctx, intent, method, status="pending")
    intent |= {"status": "processing", "latest_charge": charge["id"], "next_action": None}
    ctx.store.save(intent)
    emit(ctx, "charge.pending", charge)
    emit(ctx, "payment_intent.processing", intent)
    return intent


def _ask_the_bank(ctx: Context, intent: dict, *, return_url: str | None) -> dict:
    intent |= {
        "status": "requires_action",
        "next_action": next_action(ctx, intent["id"], return_url=return_url),
    }
    ctx.store.save(intent)
    emit(ctx, "payment_intent.requires_action", intent)
    return intent


def next_action(ctx: Context, intent_id: str, *, return_url: str | None) -> dict:
    url = f"{ctx.base_url}/bank/{intent_id}"
    if return_url:
        redirect = {"return_url": return_url, "url": url}
        return {"redirect_to_url": redirect, "type": "redirect_to_url"}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url},
    }


def decline_intent(
    ctx: Context,
    intent: dict,
    method: dict,
    *,
    decline_code: str,
    code: str | None = None,
    advice_code: str | None = None,
    charge: dict | None = None,
) -> ApiError:
    """Leave the intent waiting for a payment method, and return the 402."""
    error = cards.decline_error(decline_code, code=code, advice_code=advice_code)
    charge = charges.create(ctx, intent, method, status="failed", error=error, charge=charge)
    error |= {"charge": charge["id"], "payment_method": public(method)}
    return fail_intent(ctx, intent, error=error, charge=charge)


def fail_intent(ctx: Context, intent: dict, *, error: dict, charge: dict | None = None) -> ApiError:
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": error,
    }
    if charge:
        intent["latest_charge"] = charge["id"]
        emit(ctx, "charge.failed", charge)
    ctx.store.save(intent)
    emit(ctx, "payment_intent.payment_failed", intent)
    extra = {
        key: error[key]
        for key in ("decline_code", "advice_code", "charge", "payment_method")
        if key in error
    } | {"payment_intent": public(intent)}
    return ApiError(
        error["message"],
        status=402,
        kind="card_error",
        code=error["code"],
        executed=True,
        extra=extra,
    )


def authentication_failure(method: dict, *, kind: str) -> dict:
    """The error an intent of this kind keeps when the customer did not agree."""
    code = f"{kind}_authentication_failure"
    return {
        "code": code,
        "doc_url": f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}",
        "message": "We are unable to authenticate your payment method. Please choose a different "
        "payment method and try again.",
        "payment_method": public(method),
        "type": "invalid_request_error",
    }


def answer_of_bank(ctx: Context, intent: dict, method: dict, *, approved: bool) -> dict:
    """Finish an intent in requires_action the way the customer answered the bank."""
    try:
        if not approved:
            raise fail_intent(
                ctx, intent, error=authentication_failure(method, kind="payment_intent")
            )
        card = cards.BY_NUMBER[method["_sandbox"]["number"]]
        behaviour = method["_sandbox"]["behaviour"]
        if card.charging and behaviour is None:
            raise decline_intent(ctx, intent, method, decline_code=card.charging)
        if isinstance(behaviour, dict):
            raise decline_intent(ctx, intent, method, decline_code=behaviour["decline_code"])
        return succeed(ctx, intent, method)
    except ApiError as error:
        if not error.executed:
            raise
        return intent


def finish_processing(
    ctx: Context, intent: dict, *, succeeded: bool, decline_code: str = "generic_decline"
) -> dict:
    """End an intent in processing."""
    method = ctx.get(kind="payment_method", id=intent["payment_method"])
    charge = ctx.get(kind="charge", id=intent["latest_charge"])
    if succeeded:
        charges.complete(ctx, charge)
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        ctx.store.save(intent)
        emit(ctx, "charge.succeeded", charge)
        emit(ctx, "payment_intent.succeeded", intent)
    else:
        decline_intent(ctx, intent, method, decline_code=decline_code, charge=charge)
    return intent
