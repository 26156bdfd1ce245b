"""Scripted faults: what the next matching request shall suffer. They survive restarts."""

import json
import re

from thinkrr_billing.sandbox.stripe.state.store import Store
from thinkrr_billing.sandbox.stripe.wire.messages import Answer

OUTCOMES = ("decline", "processing", "requires_action")
TRANSPORT = (
    "reset_before",
    "reset_after",
    "hang_before",
    "hang_after",
    "500_before",
    "500_after",
    "500_saved",
    "answer_before",
    "answer_after",
    "429",
    "409",
    "lock_timeout",
    "slow",
    "slow_after",
)
KINDS = ("ok", *OUTCOMES, *TRANSPORT)
FIELDS = {
    "method",
    "path",
    "kind",
    "code",
    "decline_code",
    "advice_code",
    "seconds",
    "times",
    "skip",
    "customer",
    "payment_intent",
    "outcome",
    "status",
    "headers",
    "body",
}


_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")


class BadFault(ValueError):
    """The script cannot be read."""


def add(store: Store, fault: dict) -> dict:
    """Queue a fault. `times` null means for ever; `skip` lets the first matches pass."""
    unknown = set(fault) - FIELDS
    if unknown:
        raise BadFault(f"Unknown fields {sorted(unknown)}; known are {sorted(FIELDS)}.")
    if fault.get("kind") not in KINDS:
        raise BadFault(f"kind={fault.get('kind')!r}: use one of {', '.join(KINDS)}.")
    if fault.get("outcome", "ok") not in ("ok", *OUTCOMES):
        raise BadFault(f"outcome={fault['outcome']!r}: use ok or one of {', '.join(OUTCOMES)}.")
    if not 200 <= _whole(fault.get("status", 200)) <= 599:
        raise BadFault(f"status={fault['status']!r}: a whole number from 200 to 599.")
    headers = fault.get("headers", {})
    if not isinstance(headers, dict) or not all(_is_header(*one) for one in headers.items()):
        raise BadFault("headers: names and values, each text on one line.")
    try:
        re.compile(fault.get("path", ""))
    except re.error as error:
        raise BadFault(f"path={fault['path']!r} is no regular expression: {error}.") from None
    full = {"times": 1, "skip": 0, **fault}
    cursor = store.execute("INSERT INTO faults (body) VALUES (?)", json.dumps(full))
    return {"id": cursor.lastrowid, **full}


def _whole(number: object) -> int:
    return number if isinstance(number, int) and not isinstance(number, bool) else -1


def _is_header(name: str, value: object) -> bool:
    return bool(_HEADER_NAME.fullmatch(name)) and isinstance(value, str) and value.isprintable()


def scripted_answer(fault: dict) -> Answer:
    """The answer of `answer_before` and `answer_after`: text as it is, anything else as JSON."""
    body = fault.get("body", "")
    return Answer(
        status=fault.get("status", 200),
        body=(body if isinstance(body, str) else json.dumps(body)).encode(),
        headers={"Content-Type": "application/json", **fault.get("headers", {})},
        scripted=True,
        trickle_seconds=fault.get("seconds", 0),
    )


def listing(store: Store) -> list[dict]:
    rows = store.query("SELECT * FROM faults ORDER BY id")
    return [
        {"id": row["id"], "matched": row["seen"], "used": row["used"], **json.loads(row["body"])}
        for row in rows
    ]


def clear(store: Store, *, id: int | None = None) -> None:
    if id is None:
        store.execute("DELETE FROM faults")
    else:
        store.execute("DELETE FROM faults WHERE id=?", id)


def take(store: Store, *, method: str, path: str, facts: dict) -> dict | None:
    """Return the first live fault that matches, and count it as used.

    `facts`: customer and payment_intent of the request, and `attempt`: does it try a card now.
    """
    for row in store.query("SELECT * FROM faults ORDER BY id"):
        fault = json.loads(row["body"])
        if fault["times"] is not None and row["used"] >= fault["times"]:
            continue
        if not _matches(fault, method=method, path=path, facts=facts):
            continue
        used = row["seen"] >= fault["skip"]
        store.execute("UPDATE faults SET seen=seen+1, used=used+? WHERE id=?", int(used), row["id"])
        if used:
            return fault
    return None


def _matches(fault: dict, *, method: str, path: str, facts: dict) -> bool:
    if fault.get("method") and fault["method"].upper() != method:
        return False
    wanted = fault.get("path", "")
    if not path.startswith(wanted) and not re.fullmatch(wanted, path):
        return False
    if fault["kind"] in OUTCOMES and not facts["attempt"]:
        return False
    return all(
        not fault.get(name) or fault[name] == facts[name] for name in ("customer", "payment_intent")
    )
