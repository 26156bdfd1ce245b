"""What a restricted key needs at Stripe for each call of the gateway. README.md lists it, too.

Who may write a resource may read it.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Permission:
    """`resource` as Stripe names it in its errors; `shown` as its dashboard lists it."""

    resource: str
    access: str

    @property
    def name(self) -> str:
        return f"rak_{self.resource}_{self.access}"

    @property
    def shown(self) -> str:
        """Also of a resource that no call of ours needs."""
        resource = _SHOWN.get(self.resource) or self.resource.replace("_", " ").capitalize()
        return f"{resource}: {self.access.title()}"


_SHOWN = {
    "charge": "Charges and Refunds",
    "checkout_session": "Checkout Sessions",
    "customer": "Customers",
    "dispute": "Disputes",
    "payment_intent": "PaymentIntents",
    "payment_method": "PaymentMethods",
    "setup_intent": "SetupIntents",
}


def _read(resource: str) -> Permission:
    return Permission(resource, "read")


def _write(resource: str) -> Permission:
    return Permission(resource, "write")


# By the gateway's function. A test plays each with a key that has these, and with one less.
OF_CALLS: dict[str, tuple[Permission, ...]] = {
    "create_intent": (_write("payment_intent"),),
    "confirm_intent": (_write("payment_intent"),),
    "confirm_on_session": (_write("payment_intent"),),
    "cancel_intent": (_write("payment_intent"),),
    "retrieve_intent": (_read("payment_intent"),),
    "find_intent": (_read("payment_intent"),),
    "intents_since": (_read("payment_intent"),),
    "create_customer": (_write("customer"),),
    "retrieve_customer": (_read("customer"),),
    "customers_since": (_read("customer"),),
    "start_card_setup": (_write("checkout_session"),),
    "finished_card_setup": (_read("checkout_session"), _read("setup_intent")),
    "latest_card_setup": (
        _read("checkout_session"),
        _read("setup_intent"),
        _read("payment_method"),
    ),
    "retrieve_setup_intent": (_read("setup_intent"),),
    "retrieve_card": (_read("payment_method"),),
    "list_cards": (_read("payment_method"),),
    "detach_card": (_write("payment_method"),),
    "create_refund": (_write("charge"),),
    "retrieve_refund": (_read("charge"),),
    "list_refunds": (_read("charge"),),
    "refunds_since": (_read("charge"),),
    "retrieve_dispute": (_read("dispute"),),
    "disputes_since": (_read("dispute"),),
}


_NAMED = re.compile(r"rak_([a-z0-9_]+)_(read|write)")


def needed() -> list[Permission]:
    """What a key needs for all calls: each resource once, with the most that any call asks."""
    asked = {one for call in OF_CALLS.values() for one in call}
    return sorted(
        one for one in asked if one.access == "write" or _write(one.resource) not in asked
    )


def explained(message: str) -> str:
    """Stripe's refusal of a restricted key in the words of its dashboard."""
    found = _NAMED.search(message)
    if not found:
        return message
    missing = Permission(*found.groups())
    return (
        f"The key lacks the permission {missing.shown} ({missing.name}). Give it to the key in "
        "Stripe's dashboard; README.md lists all that it needs."
    )
