"""Control calls about money: what only a bank or a cardholder can do, and the truth."""

from thinkrr_billing.sandbox.stripe.control import importing
from thinkrr_billing.sandbox.stripe.control.calls import BadCall, Call, on
from thinkrr_billing.sandbox.stripe.control.truth import truth
from thinkrr_billing.sandbox.stripe.objects import (
    attempts,
    cards,
    disputing,
    methods,
    other_methods,
    refunding,
)
from thinkrr_billing.sandbox.stripe.objects.events import emit
from thinkrr_billing.sandbox.stripe.objects.expanding import public


@on("POST", "payment_intents/{id}/finish")
def finish_payment(call: Call, id: str) -> dict:
    intent = call.ctx.get(kind="payment_intent", id=id)
    if intent["status"] != "processing":
        raise BadCall(f"{id} is {intent['status']}; only a processing one can be finished.")
    outcome = call.body.get("outcome")
    if outcome not in ("succeeded", "failed"):
        raise BadCall('Give {"outcome": "succeeded"} or {"outcome": "failed"}.')
    return public(
        attempts.finish_processing(
            call.ctx,
            intent,
            succeeded=outcome == "succeeded",
            decline_code=call.body.get("decline_code", "generic_decline"),
        )
    )


@on("POST", "payment_intents/{id}/bank")
def answer_bank(call: Call, id: str) -> dict:
    """Answer the bank's question without opening its page."""
    intent = call.ctx.get(kind="payment_intent", id=id)
    if intent["status"] != "requires_action":
        raise BadCall(f"{id} is {intent['status']}; the bank asks nothing.")
    method = call.ctx.get(kind="payment_method", id=intent["payment_method"])
    approved = call.body.get("approved", True)
    return public(attempts.answer_of_bank(call.ctx, intent, method, approved=approved))


@on("POST", "cards/{id}")
def change_card(call: Call, id: str) -> dict:
    """Change what a saved card does from now on, or when it expires (as a bank's update does)."""
    method = call.ctx.get(kind="payment_method", id=id)
    if method["type"] != "card":
        raise BadCall(f"{id} is a {method['type']}; only a card can be changed.")
    if "behaviour" in call.body:
        method["_sandbox"]["behaviour"] = cards.checked_behaviour(call.body["behaviour"])
    dates = {name: int(call.body[name]) for name in ("exp_month", "exp_year") if name in call.body}
    old = {name: method["card"][name] for name in dates}
    method["card"] |= dates
    call.store.save(method)
    if old != dates:
        emit(call.ctx, "payment_method.automatically_updated", method, previous={"card": old})
    return public(method) | {"behaviour": method["_sandbox"]["behaviour"]}


@on("POST", "customers/{id}/cards")
def add_card(call: Call, id: str) -> dict:
    """Attach a test card as if it had been saved, even one that declines when saved."""
    customer = call.ctx.get(kind="customer", id=id)
    card = cards.numbered(call.body.get("number", "4242424242424242"))
    method = cards.payment_method(
        call.ctx,
        card,
        exp_month=call.body.get("exp_month", 12),
        exp_year=call.body.get("exp_year"),
    )
    method["_sandbox"]["behaviour"] = cards.checked_behaviour(call.body.get("behaviour"))
    method["_sandbox"]["set_up"] = call.body.get("set_up", True)
    return public(methods.attach(call.ctx, method, customer=customer["id"], check=False))


@on("POST", "customers/{id}/payment_methods")
def add_other_method(call: Call, id: str) -> dict:
    """Attach a payment method that is no card, as another door of the account's would."""
    customer = call.ctx.get(kind="customer", id=id)
    kind = call.body.get("type")
    if kind not in other_methods.BUILDERS:
        raise BadCall(f"type={kind!r}: use one of {', '.join(other_methods.BUILDERS)}.")
    method = other_methods.build(call.ctx, kind)
    return public(methods.attach(call.ctx, method, customer=customer["id"]))


@on("POST", "disputes")
def open_dispute(call: Call) -> dict:
    intent = call.ctx.get(kind="payment_intent", id=call.body["payment_intent"])
    charge = call.ctx.get(kind="charge", id=intent["latest_charge"] or "none")
    return public(
        disputing.open_dispute(
            call.ctx,
            charge,
            amount=call.body.get("amount"),
            status=call.body.get("status", disputing.FORMAL),
            reason=call.body.get("reason", "fraudulent"),
            withdraw=call.body.get("withdraw", True),
        )
    )


@on("POST", "disputes/{id}")
def move_dispute(call: Call, id: str) -> dict:
    action = call.body.get("action")
    if action not in disputing.ACTIONS:
        raise BadCall(f"action={action!r}: use one of {', '.join(disputing.ACTIONS)}.")
    dispute = call.ctx.get(kind="dispute", id=id)
    return public(disputing.ACTIONS[action](call.ctx, dispute))


@on("POST", "refunds/{id}")
def change_refund(call: Call, id: str) -> dict:
    refund = call.ctx.get(kind="refund", id=id)
    status = call.body.get("status")
    if status == "failed":
        return public(
            refunding.fail(
                call.ctx, refund, reason=call.body.get("failure_reason", "lost_or_stolen_card")
            )
        )
    if status not in ("pending", "succeeded") or refund["status"] == "failed":
        raise BadCall(
            f"A {refund['status']} refund cannot become {status!r}; use failed, pending "
            "or succeeded."
        )
    return public(refunding.settle(call.ctx, refund, status=status))


@on("GET", "truth")
def tell_truth(call: Call) -> dict:
    return truth(call.store, customer=call.query.get("customer"))


@on("POST", "import")
def bulk_import(call: Call) -> dict:
    return importing.import_all(call.ctx, call.body)
