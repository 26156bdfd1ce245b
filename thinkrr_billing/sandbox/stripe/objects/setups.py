"""Saving a card through a setup intent: confirming it, and the bank's answer."""

from thinkrr_billing.sandbox.stripe.objects import attempts, cards, intents, methods
from thinkrr_billing.sandbox.stripe.objects.events import emit
from thinkrr_billing.sandbox.stripe.objects.expanding import public
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError


def build(ctx: Context, facts: dict) -> dict:
    """Return a new setup intent that is not stored yet."""
    stamp = ctx.stamp("seti", "setup_intent")
    return stamp | {
        "allowed_payment_method_types": None,
        "application": None,
        "automatic_payment_methods": facts.get("automatic_payment_methods"),
        "cancellation_reason": None,
        "client_secret": intents.new_secret(stamp["id"]),
        "customer": facts.get("customer") or None,
        "description": facts.get("description") or None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "mandate": None,
        "metadata": facts.get("metadata") or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": facts.get("payment_method_types") or ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": facts.get("usage", "off_session"),
        "_sandbox": {"session": None},
    }


def confirm(ctx: Context, setup: dict, method: dict, *, return_url: str | None) -> dict:
    """Try to save the card. Raises the 402 of a decline."""
    methods.refuse_other_types(method)
    setup["payment_method"] = method["id"]
    card = cards.BY_NUMBER[method["_sandbox"]["number"]]
    verdict, decline, advice = _verdict(ctx, card, method)
    if verdict == attempts.ACTION:
        setup |= {
            "status": "requires_action",
            "next_action": attempts.next_action(ctx, setup["id"], return_url=return_url),
        }
        ctx.store.save(setup)
        emit(ctx, "setup_intent.requires_action", setup)
        return setup
    if verdict == attempts.DECLINED:
        error = cards.decline_error(decline, advice_code=advice)
        error |= {"payment_method": public(method)}
        raise fail(ctx, setup, error=error)
    return succeed(ctx, setup, method)


def _verdict(ctx: Context, card: cards.TestCard, method: dict) -> tuple[str, str, str | None]:
    """What the bank says; for a decline its code, and what it advises."""
    fault = ctx.fault or {}
    kind = fault.get("outcome") or fault.get("kind")
    if kind == "decline":
        code = fault.get("decline_code") or "generic_decline"
        return attempts.DECLINED, code, fault.get("advice_code")
    asks = card.authentication in ("always", "until_set_up")
    if kind == "requires_action" or (asks and not method["_sandbox"]["set_up"]):
        return attempts.ACTION, "", None
    if card.saving and method["_sandbox"]["behaviour"] != "ok":
        return attempts.DECLINED, card.saving, None
    return attempts.SUCCEEDED, "", None


def succeed(ctx: Context, setup: dict, method: dict) -> dict:
    setup |= {
        "status": "succeeded",
        "next_action": None,
        "last_setup_error": None,
        "payment_method": method["id"],
    }
    ctx.store.save(setup)
    method["_sandbox"]["set_up"] = True
    ctx.store.save(method)
    if setup["customer"]:
        methods.attach(ctx, method, customer=setup["customer"], check=False)
    emit(ctx, "setup_intent.succeeded", setup)
    return setup


def fail(ctx: Context, setup: dict, *, error: dict) -> ApiError:
    setup |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_setup_error": error,
    }
    ctx.store.save(setup)
    emit(ctx, "setup_intent.setup_failed", setup)
    told = ("decline_code", "advice_code", "payment_method")
    extra = {key: error[key] for key in told if key in error}
    return ApiError(
        error["message"],
        status=402,
        kind="card_error",
        code=error["code"],
        executed=True,
        extra=extra | {"setup_intent": public(setup)},
    )


def answer_of_bank(ctx: Context, setup: dict, method: dict, *, approved: bool) -> dict:
    if approved:
        return succeed(ctx, setup, method)
    fail(ctx, setup, error=attempts.authentication_failure(method, kind="setup_intent"))
    return setup
