"""Payment methods: finding one that may be used, attaching, detaching."""

from thinkrr_billing.sandbox.stripe.objects import cards
from thinkrr_billing.sandbox.stripe.objects.events import emit
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError, missing


def usable(
    ctx: Context,
    id: str,
    *,
    customer: str | None,
    attached: bool = False,
    status: int = 400,
    param: str = "payment_method",
) -> dict:
    """Return the stored payment method, or refuse as Stripe does.

    A predefined one (`pm_card_visa`) becomes a fresh payment method. `attached`: only one that
    belongs to the customer will do.
    """
    card = cards.named(id)
    if card:
        method = cards.payment_method(ctx, card)
        ctx.store.save(method)
        return method
    method = ctx.store.find(kind="payment_method", id=id)
    if method is None:
        raise missing(kind="PaymentMethod", id=id, param=param, status=status)
    if attached and method["customer"] is None:
        raise ApiError(
            f"The customer does not have a payment method with the ID {id}. The payment method "
            "must be attached to the customer.",
            code="resource_missing",
            param=param,
        )
    if method["_sandbox"]["detached"]:
        raise _used_up()
    if method["customer"] and method["customer"] != customer:
        raise ApiError(
            f"The payment method {id} does not belong to the customer "
            f"{customer or '(none was given)'}. Please use this payment method with the customer "
            "that it belongs to instead.",
            code="resource_missing" if attached else None,
            param=param,
        )
    return method


def refuse_other_types(method: dict) -> None:
    """Only cards are charged and saved here; other methods exist to be told apart from them."""
    if method["type"] != "card":
        raise ApiError(
            f"The PaymentMethod provided ({method['type']}) is not allowed here. Please attempt "
            "the transaction again with a PaymentMethod of an allowed type: card.",
            param="payment_method",
        )


def _used_up() -> ApiError:
    """Public recordings show neither a code nor a parameter."""
    return ApiError(
        "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
        "attachment, or was detached from a Customer. It may not be used again. To use a "
        "PaymentMethod multiple times, you must attach it to a Customer first."
    )


def attach(ctx: Context, method: dict, *, customer: str, check: bool = True) -> dict:
    """Attach. Cards that decline when saved are refused with a 402, unless `check` is off."""
    if check and method["type"] == "card":
        _check_saving(method)
    if method["customer"] != customer:
        method["customer"] = customer
        ctx.store.save(method)
        emit(ctx, "payment_method.attached", method)
    return method


def _check_saving(method: dict) -> None:
    card = cards.BY_NUMBER[method["_sandbox"]["number"]]
    if card.saving and method["_sandbox"]["behaviour"] != "ok":
        raise saving_declined(card.saving)


def saving_declined(decline_code: str) -> ApiError:
    error = cards.decline_error(decline_code)
    return ApiError(
        error["message"],
        status=402,
        kind="card_error",
        code=error["code"],
        executed=True,
        extra={"decline_code": decline_code},
    )


def detach(ctx: Context, method: dict) -> dict:
    """Detach for ever: Stripe does not let a detached payment method be used again."""
    owner = method["customer"]
    method["customer"] = None
    method["_sandbox"]["detached"] = True
    ctx.store.save(method)
    customer = ctx.store.find(kind="customer", id=owner)
    if customer and customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        ctx.store.save(customer)
    emit(ctx, "payment_method.detached", method, previous={"customer": owner})
    return method
