"""Whose request it is: anybody's with a test secret key."""

import base64
import re

from thinkrr_billing.sandbox.stripe.state import secret_keys
from thinkrr_billing.sandbox.stripe.state.secret_keys import SecretKey
from thinkrr_billing.sandbox.stripe.state.store import Store
from thinkrr_billing.sandbox.stripe.wire import errors

_LIVE = re.compile(r"(sk|rk|pk)_live_")
_TEST = re.compile(r"(sk|rk)_test_[A-Za-z0-9_]{8,200}")


def authenticate(store: Store, header: str, *, account: str = "") -> SecretKey:
    """Refuse everything but a test secret key. Live keys are told why.

    `account` is the one the caller wants to act in, when it names one.
    """
    scheme, _, value = header.partition(" ")
    key = value.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key, validate=True).decode().partition(":")[0]
        except ValueError:
            key = ""
    if not key:
        raise errors.unauthorized(
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY')."
        )
    if _LIVE.match(key):
        raise errors.unauthorized(
            "This is the Stripe sandbox of a developer's machine; it refuses live keys. Use a "
            "key that starts with sk_test_, and treat the live key as exposed if it was logged."
        )
    if key.startswith("pk_test_"):
        raise errors.unauthorized(
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            code="secret_key_required",
        )
    if not _TEST.fullmatch(key):
        raise errors.unauthorized(f"Invalid API Key provided: {key[:8]}****")
    found = secret_keys.find(store, key)
    if found.expired:
        raise errors.unauthorized(
            f"Expired API Key provided: {found.shown}", code="api_key_expired"
        )
    if account and account != found.account:
        raise errors.forbidden(
            f"The provided key '{found.shown}' does not have access to account '{account}' (or "
            "that account does not exist). Application access may have been revoked.",
            code="account_invalid",
        )
    return found
