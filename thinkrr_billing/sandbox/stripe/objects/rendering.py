"""Turns stored objects into answers: private facts out, `expand` in."""

from thinkrr_billing.sandbox.stripe.state.store import Store
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError

MAX_EXPANSIONS = 20
MAX_EXPAND_DEPTH = 4  # Stripe's own limit.
_EXPANDABLE = {
    "balance_transaction",
    "charge",
    "customer",
    "default_payment_method",
    "failure_balance_transaction",
    "latest_charge",
    "payment_intent",
    "payment_method",
    "setup_intent",
    "source",
}


def public(obj: dict) -> dict:
    return {key: value for key, value in obj.items() if key != "_sandbox"}


def render(store: Store, answer: dict, *, expand: list) -> dict:
    if answer.get("object") == "list":
        shown = {**answer, "data": [public(item) for item in answer["data"]]}
    else:
        shown = public(answer)
    if len(expand) > MAX_EXPANSIONS:
        raise ApiError(f"You can expand at most {MAX_EXPANSIONS} properties.", param="expand")
    for path in expand:
        parts = str(path).split(".")
        if len(parts) > MAX_EXPAND_DEPTH:
            raise ApiError(
                f"You can expand at most {MAX_EXPAND_DEPTH} levels: {path}", param="expand"
            )
        _expand(store, shown, parts, str(path))
    return shown


def _expand(store: Store, node: dict, parts: list[str], path: str) -> None:
    name, rest = parts[0], parts[1:]
    if name == "data" and isinstance(node.get("data"), list):
        for item in node["data"]:
            _expand(store, item, rest, path)
        return
    if name in ("invoice_settings", "last_payment_error", "last_setup_error"):
        if isinstance(node.get(name), dict) and rest:
            node[name] = dict(node[name])
            _expand(store, node[name], rest, path)
        return
    if name not in _EXPANDABLE or name not in node:
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    value = node[name]
    if isinstance(value, str):
        found = store.find_any(value)
        node[name] = public(found) if found else value
    if rest and isinstance(node[name], dict):
        _expand(store, node[name], rest, path)
