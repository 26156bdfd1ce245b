"""A restricted key with exactly the permissions README lists can do all we ask; with one less,
that one call says which is missing."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import stripe as stripe_sdk
from django.conf import settings as django_settings

from accounts import clock
from accounts.models import StaffAlert
from thinkrr_billing.sandbox.stripe.tests.browsing import press
from wallets.stripe import gateway, permissions
from wallets.stripe.answers import Misconfigured
from wallets.tests.stripe.test_every_answer import CALLS
from wallets.tests.worlds.builders import pay

# Support is told of a key that is refused.
pytestmark = pytest.mark.django_db

KEY = "rk_test_" + "0" * 20 + "some"
SINCE = clock.now() - timedelta(days=1)
README = Path(django_settings.BASE_DIR, "README.md")


class World:
    """At Stripe, made with a key that may do everything: what each call is about."""

    def __init__(self, stripe) -> None:
        self.stripe = stripe
        self.customer = gateway.create_customer(key="cus", name="A", email="", metadata={})
        self.card = stripe.add_card(self.customer)["id"]

    def intent(self) -> str:
        return gateway.create_intent(key="pi", **self.payment()).id

    def payment(self) -> dict:
        return {
            "amount": 500,
            "customer": self.customer,
            "payment_method": self.card,
            "metadata": {},
            "description": "d",
        }

    def paid(self) -> str:
        return pay(self.stripe, self.customer, cents=500)

    def refund(self) -> str:
        return gateway.create_refund(key="re", intent_id=self.paid(), amount=500, metadata={})["id"]

    def session(self) -> str:
        """Of a page on which the card was saved."""
        page = gateway.start_card_setup(customer=self.customer, **RETURNS)
        return press(page, action="save", card="4242424242424242").partition("s=")[2]

    def setup_intent(self) -> str:
        return client(self.stripe).setup_intents.create({"customer": self.customer}).id


RETURNS = {
    "success_url": "http://testserver/?s={CHECKOUT_SESSION_ID}",
    "cancel_url": "http://testserver/",
}


def client(stripe_process):
    return stripe_sdk.StripeClient(
        django_settings.STRIPE_SECRET_KEY, base_addresses={"api": stripe_process.base_url}
    ).v1


# A call's name: what it is called with, made in the world beforehand.
ARGUMENTS: dict[str, Callable[[World], dict]] = {
    "create_intent": lambda world: {"key": "k", **world.payment()},
    "confirm_intent": lambda world: {"key": "k", "intent_id": world.intent()},
    "confirm_on_session": lambda world: {
        "key": "k",
        "intent_id": world.intent(),
        "payment_method": world.card,
        "return_url": "http://testserver/",
    },
    "retrieve_intent": lambda world: {"intent_id": world.intent()},
    "cancel_intent": lambda world: {"intent_id": world.intent()},
    "find_intent": lambda world: {
        "customer": world.customer,
        "purchase_id": "none",
        "since": SINCE,
    },
    "intents_since": lambda _: {"since": SINCE},
    "create_customer": lambda _: {"key": "k", "name": "B", "email": "", "metadata": {}},
    "start_card_setup": lambda world: {"customer": world.customer, **RETURNS},
    "finished_card_setup": lambda world: {"session_id": world.session()},
    "latest_card_setup": lambda world: {"customer": world.session() and world.customer},
    "retrieve_setup_intent": lambda world: {"setup_intent_id": world.setup_intent()},
    "retrieve_customer": lambda world: {"customer": world.customer},
    "retrieve_card": lambda world: {"card_id": world.card},
    "list_cards": lambda world: {"customer": world.customer},
    "detach_card": lambda world: {"card_id": world.card},
    "create_refund": lambda world: {
        "key": "k",
        "intent_id": world.paid(),
        "amount": 500,
        "metadata": {},
    },
    "retrieve_refund": lambda world: {"refund_id": world.refund()},
    "list_refunds": lambda world: {"intent_id": world.paid()},
    "refunds_since": lambda _: {"since": SINCE},
    "retrieve_dispute": lambda world: {"dispute_id": world.stripe.dispute(world.paid())["id"]},
    "disputes_since": lambda _: {"since": SINCE},
    "customers_since": lambda _: {"since": SINCE},
}


@pytest.fixture
def call(stripe, settings) -> Callable[[str, dict], object]:
    """One call of the gateway, with a key that has these permissions."""
    world = World(stripe)

    def called(name: str, allowed: dict[str, str]) -> object:
        arguments = ARGUMENTS[name](world)
        settings.STRIPE_SECRET_KEY = stripe.describe_key(KEY, permissions=allowed)
        answer = getattr(gateway, name)(**arguments)
        return list(answer) if name.endswith("_since") else answer

    return called


def allowed(*wanted: permissions.Permission) -> dict[str, str]:
    return {one.resource: one.access for one in wanted}


def less(missing: permissions.Permission) -> dict[str, str]:
    """All that README lists but this one; where it is to write, reading is left."""
    left = {"read": "none", "write": "read"}[missing.access]
    return allowed(*permissions.needed()) | {missing.resource: left}


def test_every_call_of_the_gateway_is_in_the_table():
    assert set(permissions.OF_CALLS) == set(CALLS) == set(ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_key_with_the_permissions_of_a_call_can_make_it(call, name):
    call(name, allowed(*permissions.OF_CALLS[name]))


@pytest.mark.parametrize(
    ("name", "missing"),
    [(name, one) for name, needed in permissions.OF_CALLS.items() for one in needed],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_without_it_the_call_says_which_permission_is_missing(call, name, missing):
    with pytest.raises(Misconfigured) as refusal:
        call(name, less(missing))

    said = (
        f"The key lacks the permission {missing.shown} ({missing.name}). Give it to the key in "
        "Stripe's dashboard; README.md lists all that it needs."
    )
    assert str(refusal.value) == said
    assert StaffAlert.objects.get().text == f"Stripe refuses our key: {said}"


def test_what_is_needed_is_each_resource_once_with_the_most_that_is_asked():
    assert [one.shown for one in permissions.needed()] == [
        "Charges and Refunds: Write",
        "Checkout Sessions: Write",
        "Customers: Write",
        "Disputes: Read",
        "PaymentIntents: Write",
        "PaymentMethods: Write",
        "SetupIntents: Read",
    ]


def test_a_permission_that_no_call_needs_is_named_as_well():
    said = permissions.explained("Having the 'rak_accounts_kyc_basic_read' permission would allow")

    assert "the permission Accounts kyc basic: Read (rak_accounts_kyc_basic_read)" in said


def test_a_refusal_that_names_no_permission_is_told_in_stripes_words():
    assert permissions.explained("Invalid API Key provided") == "Invalid API Key provided"


def test_readme_lists_exactly_what_a_key_needs():
    listed = [line for line in README.read_text().splitlines() if "`rak_" in line]

    assert listed == [
        f"| {one.shown} | `{one.name}` |".replace(": ", " | ") for one in permissions.needed()
    ]
