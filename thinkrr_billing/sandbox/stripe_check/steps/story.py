"""The guide's story: a customer, a card, a threshold recharge, one by hand, a month's minutes."""

from datetime import UTC, datetime, timedelta

from thinkrr_billing.sandbox.stripe_check.steps.course import RETURN_URL, Course, Step
from wallets.stripe import gateway

NAME, EMAIL = "Stripe check (may be deleted)", "stripe-check@example.com"
# Their clock and ours may differ a little; nothing else is in this customer's past.
_BEFORE = timedelta(hours=1)


def _customer(course: Course) -> None:
    course["customer"] = gateway.create_customer(
        key=course.key_of("customer"), name=NAME, email=EMAIL, metadata={"check": "stripe-check"}
    )
    course.customers.append(course["customer"])


def _read_customer(course: Course) -> None:
    gateway.retrieve_customer(customer=course["customer"])


def _hosted_page(course: Course) -> None:
    gateway.start_card_setup(
        customer=course["customer"], success_url=RETURN_URL, cancel_url=RETURN_URL
    )


def _unfinished_page(course: Course) -> None:
    found = course.sdk().checkout.sessions.list({"customer": course["customer"], "limit": 1})
    course["session"] = found.data[0].id
    gateway.finished_card_setup(session_id=course["session"])


def _close_page(course: Course) -> None:
    course.sdk().checkout.sessions.expire(course["session"])


def _save_card(course: Course) -> None:
    setup = course.sdk().setup_intents.create(
        {
            "customer": course["customer"],
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
            "usage": "off_session",
            "confirm": True,
        },
        {"idempotency_key": course.key_of("setup")},
    )
    course["setup"] = setup.id
    course["card"] = setup.payment_method


def _read_card(course: Course) -> None:
    gateway.retrieve_setup_intent(setup_intent_id=course["setup"])
    gateway.retrieve_card(card_id=course["card"])


def _list_cards(course: Course) -> None:
    gateway.list_cards(customer=course["customer"])


def _threshold_recharge(course: Course) -> None:
    course.charge("auto-recharge", payment_method=course["card"])


def _by_hand(course: Course) -> None:
    course.intent("by-hand", payment_method=course["card"])
    gateway.confirm_on_session(
        key=course.key_of("confirm-by-hand"),
        intent_id=course["by-hand"],
        payment_method=course["card"],
        return_url=RETURN_URL,
    )


def _allocation(course: Course) -> None:
    course.charge("allocation", payment_method=course["card"], amount=12_345)


def _find(course: Course) -> None:
    found = gateway.find_intent(
        customer=course["customer"],
        purchase_id="auto-recharge",
        since=datetime.now(UTC) - _BEFORE,
    )
    if found is None:
        raise LookupError("the intent of this purchase is not in the list")


STEPS = (
    Step("make a customer", _customer),
    Step("read the customer", _read_customer),
    Step("open the page that saves a card", _hosted_page),
    Step("read the page before anybody filled it in", _unfinished_page),
    Step("close the page", _close_page),
    Step("save a card", _save_card),
    Step("read the card and how it was saved", _read_card),
    Step("list the cards", _list_cards),
    Step("threshold recharge, off-session", _threshold_recharge),
    Step("buy by hand, on-session", _by_hand),
    Step("monthly allocation, off-session", _allocation),
    Step("find a purchase among the intents", _find),
)
