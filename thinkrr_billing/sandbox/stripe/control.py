"""The control API under `/_sandbox/`: JSON, loopback only. What Stripe does not let anyone do."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from . import attempts, cards, disputing, errors, faults, importing, methods, refunding, webhooks
from .events import emit
from .rendering import public
from .router import Context
from .truth import truth

if TYPE_CHECKING:
    from .app import Answer, Request, Sandbox

LISTED_REQUESTS = 1000
_ROUTES: list[tuple[str, re.Pattern, Callable]] = []


class BadCall(ValueError):
    """A control call that cannot be understood; the text says how to mend it."""


class Call:
    """One control request."""

    def __init__(self, sandbox: "Sandbox", ctx: Context, body: dict, query: dict) -> None:
        self.sandbox, self.ctx, self.body, self.query = sandbox, ctx, body, query
        self.store, self.clock = sandbox.store, sandbox.clock


def answer(sandbox: "Sandbox", request: "Request") -> "Answer":
    from .app import Answer  # Here, because app imports this module.

    status, body = _dispatch(sandbox, request)
    return Answer(status=status, body=json.dumps(body, indent=2).encode(),
                  headers={"Content-Type": "application/json"})  # fmt: skip


def _dispatch(sandbox: "Sandbox", request: "Request") -> tuple[int, dict]:
    if "origin" in request.headers:
        return 403, {"error": "The control API is not for web pages."}
    try:
        body = json.loads(request.body) if request.body else {}
        query = dict(parse_qsl(request.query))
    except ValueError as error:
        return 400, {"error": f"The body is not JSON: {error}"}
    if not isinstance(body, dict):
        return 400, {"error": "The body must be a JSON object."}
    for method, pattern, function in _ROUTES:
        match = pattern.fullmatch(request.path)
        if match and method == request.method:
            call = Call(sandbox, sandbox.context(base_url=request.base_url), body, query)
            return _run(sandbox, function, call, match.groupdict())
    return 404, {"error": f"No control call {request.method} {request.path}."}


def _run(sandbox: "Sandbox", function: Callable, call: Call, names: dict) -> tuple[int, dict]:
    try:
        with sandbox.store.transaction():
            return 200, function(call, **names)
    except errors.ApiError as error:
        return error.status, {"error": error.message, "code": error.code}
    except (BadCall, faults.BadFault, importing.BadImport) as error:
        return 400, {"error": str(error)}
    except (KeyError, TypeError, ValueError) as error:
        return 400, {"error": f"The call cannot be understood: {type(error).__name__}: {error}"}


def on(method: str, path: str) -> Callable:
    pattern = re.compile("/_sandbox/" + re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9_]+)", path))

    def register(function: Callable) -> Callable:
        _ROUTES.append((method, pattern, function))
        return function

    return register


@on("GET", "health")
def health(call: Call) -> dict:
    return {"status": "ok", "now": call.clock.now()}


@on("POST", "reset")
def reset(call: Call) -> dict:
    """Forget everything but where webhooks go."""
    main = call.store.meta("webhook", {})
    call.store.clear()
    call.clock.move(offset=0.0)
    call.store.set_meta("webhook", {name: main[name] for name in ("url", "secret") if name in main})
    return {"status": "ok"}


@on("GET", "faults")
def list_faults(call: Call) -> dict:
    return {"faults": faults.listing(call.store)}


@on("POST", "faults")
def add_fault(call: Call) -> dict:
    return faults.add(call.store, call.body)


@on("DELETE", "faults")
def clear_faults(call: Call) -> dict:
    faults.clear(call.store)
    return {"faults": []}


@on("DELETE", "faults/{id}")
def clear_fault(call: Call, id: str) -> dict:
    faults.clear(call.store, id=int(id))
    return {"faults": faults.listing(call.store)}


@on("GET", "clock")
def show_clock(call: Call) -> dict:
    return {"now": call.clock.now(), "offset_seconds": call.clock.offset}


@on("POST", "clock")
def move_clock(call: Call) -> dict:
    body = call.body
    if body.get("reset"):
        call.clock.move(offset=0.0)
    elif "now" in body:
        call.clock.move(offset=float(body["now"]) - (call.clock.now() - call.clock.offset))
    elif "advance_seconds" in body:
        call.clock.move(offset=call.clock.offset + float(body["advance_seconds"]))
    else:
        raise BadCall('Give {"advance_seconds": n}, {"now": unix time} or {"reset": true}.')
    webhooks.wake()
    return show_clock(call)


@on("POST", "payment_intents/{id}/finish")
def finish_payment(call: Call, id: str) -> dict:
    intent = call.ctx.get(kind="payment_intent", id=id)
    if intent["status"] != "processing":
        raise BadCall(f"{id} is {intent['status']}; only a processing one can be finished.")
    outcome = call.body.get("outcome")
    if outcome not in ("succeeded", "failed"):
        raise BadCall('Give {"outcome": "succeeded"} or {"outcome": "failed"}.')
    return public(attempts.finish_processing(
        call.ctx, intent, succeeded=outcome == "succeeded",
        decline_code=call.body.get("decline_code", "generic_decline"),
    ))  # fmt: skip


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
        call.ctx, card, exp_month=call.body.get("exp_month", 12),
        exp_year=call.body.get("exp_year"),
    )  # fmt: skip
    method["_sandbox"]["behaviour"] = cards.checked_behaviour(call.body.get("behaviour"))
    method["_sandbox"]["set_up"] = call.body.get("set_up", True)
    return public(methods.attach(call.ctx, method, customer=customer["id"], check=False))


@on("POST", "disputes")
def open_dispute(call: Call) -> dict:
    intent = call.ctx.get(kind="payment_intent", id=call.body["payment_intent"])
    charge = call.ctx.get(kind="charge", id=intent["latest_charge"] or "none")
    return public(disputing.open_dispute(
        call.ctx, charge, amount=call.body.get("amount"),
        status=call.body.get("status", disputing.FORMAL),
        reason=call.body.get("reason", "fraudulent"), withdraw=call.body.get("withdraw", True),
    ))  # fmt: skip


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
        return public(refunding.fail(
            call.ctx, refund, reason=call.body.get("failure_reason", "lost_or_stolen_card")
        ))  # fmt: skip
    if status not in ("pending", "succeeded") or refund["status"] == "failed":
        raise BadCall(f"A {refund['status']} refund cannot become {status!r}; use failed, pending "
                      "or succeeded.")  # fmt: skip
    return public(refunding.settle(call.ctx, refund, status=status))


@on("GET", "webhooks")
def show_webhooks(call: Call) -> dict:
    main = {"mode": "normal", **call.store.meta("webhook", {})}
    if main.get("secret"):
        main["secret"] = main["secret"][:9] + "…"
    limit = int(call.query.get("limit", LISTED_REQUESTS))
    clauses, values = ["1"], []
    for name in ("event", "type", "status"):
        if name in call.query:
            clauses.append(f"{name}=?")
            values.append(call.query[name])
    rows = call.store.query(
        f"SELECT * FROM deliveries WHERE {' AND '.join(clauses)} ORDER BY id DESC LIMIT ?",
        *values, limit,
    )  # fmt: skip
    return {"settings": main, "deliveries": [dict(row) for row in rows][::-1]}


@on("POST", "webhooks")
def change_webhooks(call: Call) -> dict:
    """Set where events go and how badly; or release held ones; or resend one."""
    body = dict(call.body)
    now = call.clock.now()
    if body.pop("release", False):
        webhooks.release(call.store, now=now)
    if "resend" in body:
        event = call.ctx.get(kind="event", id=body.pop("resend"))
        for _ in range(int(body.pop("times", 1))):
            webhooks.resend(call.store, event=event, now=now)
    known = {"url", "secret", "mode", "n", "seconds", "types", "sign_time"}
    if set(body) - known:
        raise BadCall(f"Unknown fields {sorted(set(body) - known)}; known are {sorted(known)}, "
                      "release, resend and times.")  # fmt: skip
    if body.get("mode", "normal") not in webhooks.MODES:
        raise BadCall(f"mode={body['mode']!r}: use one of {', '.join(webhooks.MODES)}.")
    if body:
        main = call.store.meta("webhook", {})
        if "mode" in body:
            for name in ("n", "seconds", "types"):
                main.pop(name, None)
        call.store.set_meta("webhook", main | body)
    webhooks.wake()
    return show_webhooks(call)


@on("GET", "requests")
def list_requests(call: Call) -> dict:
    """The API requests after id `since`, oldest first; `path` is a prefix."""
    clauses, values = ["id>?"], [int(call.query.get("since", 0))]
    for name in ("method", "request_id", "idempotency_key"):
        if name in call.query:
            clauses.append(f"{name}=?")
            values.append(call.query[name])
    if "path" in call.query:
        clauses.append("substr(path, 1, ?)=?")
        values += [len(call.query["path"]), call.query["path"]]
    limit = int(call.query.get("limit", LISTED_REQUESTS))
    rows = call.store.query(
        f"SELECT * FROM requests WHERE {' AND '.join(clauses)} ORDER BY id LIMIT ?",
        *values, limit,
    )  # fmt: skip
    return {"requests": [
        dict(row) | {"replayed": bool(row["replayed"]), "params": json.loads(row["params"])}
        for row in rows
    ]}  # fmt: skip


@on("DELETE", "requests")
def clear_requests(call: Call) -> dict:
    call.store.execute("DELETE FROM requests")
    return {"requests": []}


@on("GET", "truth")
def tell_truth(call: Call) -> dict:
    return truth(call.store, customer=call.query.get("customer"))


@on("POST", "import")
def bulk_import(call: Call) -> dict:
    return importing.import_all(call.ctx, call.body)
