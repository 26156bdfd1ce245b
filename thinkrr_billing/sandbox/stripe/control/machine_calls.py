"""Control calls about the machine: faults, the clock, webhooks, the log of requests."""

import json
import os

from thinkrr_billing.sandbox.stripe.control import faults
from thinkrr_billing.sandbox.stripe.control.calls import BadCall, Call, on
from thinkrr_billing.sandbox.stripe.objects import files
from thinkrr_billing.sandbox.stripe.state import secret_keys, webhooks
from thinkrr_billing.sandbox.stripe.state.permissions import RESOURCES
from thinkrr_billing.sandbox.stripe.state.secret_keys import SecretKey

LISTED_ROWS = 1000


@on("GET", "health")
def health(call: Call) -> dict:
    return {"status": "ok", "now": call.clock.now(), "pid": os.getpid()}


@on("POST", "reset")
def reset(call: Call) -> dict:
    """Forget everything but where webhooks go."""
    main = call.store.meta("webhook", {})
    call.store.clear()
    call.sandbox.forget_other_accounts()
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


@on("GET", "webhooks")
def show_webhooks(call: Call) -> dict:
    main = {"mode": "normal", **call.store.meta("webhook", {})}
    if main.get("secret"):
        main["secret"] = main["secret"][:9] + "…"
    limit = int(call.query.get("limit", LISTED_ROWS))
    clauses, values = ["1"], []
    for name in ("event", "type", "status"):
        if name in call.query:
            clauses.append(f"{name}=?")
            values.append(call.query[name])
    rows = call.store.query(
        f"SELECT * FROM deliveries WHERE {' AND '.join(clauses)} ORDER BY id DESC LIMIT ?",
        *values,
        limit,
    )
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
        raise BadCall(
            f"Unknown fields {sorted(set(body) - known)}; known are {sorted(known)}, "
            "release, resend and times."
        )
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
    limit = int(call.query.get("limit", LISTED_ROWS))
    rows = call.store.query(
        f"SELECT * FROM requests WHERE {' AND '.join(clauses)} ORDER BY id LIMIT ?",
        *values,
        limit,
    )
    return {
        "requests": [
            dict(row) | {"replayed": bool(row["replayed"]), "params": json.loads(row["params"])}
            for row in rows
        ]
    }


@on("DELETE", "requests")
def clear_requests(call: Call) -> dict:
    call.store.execute("DELETE FROM requests")
    return {"requests": []}


@on("POST", "keys")
def describe_key(call: Call) -> dict:
    """Say what a secret key may do, whose it is, or that it was rolled away."""
    body = dict(call.body)
    text = body.pop("key")
    unknown = set(body) - {"permissions", "account", "expired"}
    if unknown:
        raise BadCall(f"Unknown fields {sorted(unknown)}; known are permissions, account, expired.")
    permissions = body.get("permissions")
    for resource, access in (permissions or {}).items():
        if resource not in RESOURCES or access not in secret_keys.ACCESSES:
            raise BadCall(
                f"{resource}={access!r}: resources are {', '.join(RESOURCES)}, each "
                f"{' or '.join(secret_keys.ACCESSES)}."
            )
    if permissions is not None and not text.startswith("rk_test_"):
        raise BadCall("Only a key that starts with rk_test_ is restricted.")
    secret_keys.describe(call.store, SecretKey(text=text, **body))
    return {"key": text, **body}


@on("POST", "account")
def change_account(call: Call) -> dict:
    """Give the account pictures: {"branding": {"icon": "file_…", "logo": "file_…"}}."""
    branding = call.body["branding"]
    if set(branding) - {"icon", "logo"}:
        raise BadCall("Branding has an icon and a logo.")
    call.store.set_meta("branding", branding)
    for use, file_id in branding.items():
        files.save_picture(call.ctx, file_id, use=use)
    return {"branding": call.store.meta("branding")}
