"""What a restricted key needs for a request: resources as Stripe's own names have them."""

from collections.abc import Iterator

from thinkrr_billing.sandbox.stripe.state.secret_keys import SecretKey
from thinkrr_billing.sandbox.stripe.wire import errors

# The beginning of a path under /v1/, the longest that fits; and what guards it.
_GUARDED = {
    "account": "accounts_kyc_basic",
    "accounts": "accounts_kyc_basic",
    "balance": "balance",
    "balance_transactions": "balance_transaction_source",
    "charges": "charge",
    "checkout/sessions": "checkout_session",
    "customers": "customer",
    "disputes": "dispute",
    "events": "event",
    "file_links": "file",
    "files": "file",
    "payment_intents": "payment_intent",
    "payment_methods": "payment_method",
    "refunds": "charge",
    "setup_intents": "setup_intent",
    "webhook_endpoints": "webhook",
}
# An object that is answered within another one is read as well.
_EXPANDED = {
    "balance_transaction": "balance_transaction_source",
    "charge": "charge",
    "customer": "customer",
    "default_payment_method": "payment_method",
    "latest_charge": "charge",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "setup_intent": "setup_intent",
}
RESOURCES = sorted(set(_GUARDED.values()))


def needed(*, method: str, path: str, expand: object) -> Iterator[tuple[str, str]]:
    """The resources this request touches, and whether it reads or writes them."""
    parts = path.removeprefix("/v1/").split("/")
    if parts[0] == "customers" and "payment_methods" in parts:
        parts = ["payment_methods"]
    resource = _GUARDED.get("/".join(parts[:2])) or _GUARDED.get(parts[0])
    if resource:
        yield resource, "read" if method == "GET" else "write"
    for one in expand if isinstance(expand, list) else []:
        for name in str(one).split("."):
            if name in _EXPANDED:
                yield _EXPANDED[name], "read"


def check(key: SecretKey, *, method: str, path: str, expand: object) -> None:
    """Raise Stripe's 403 for the first permission this key lacks."""
    for resource, access in needed(method=method, path=path, expand=expand):
        if not key.may(resource, access):
            raise errors.forbidden(
                f"The provided key '{key.shown}' does not have the required permissions for this "
                f"endpoint on account '{key.account}'. Having the 'rak_{resource}_{access}' "
                "permission would allow this request to continue."
            )
