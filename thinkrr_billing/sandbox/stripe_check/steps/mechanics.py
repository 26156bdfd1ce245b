"""Idempotency, lists, states, what is gone, what is wrong: how the API itself behaves."""

from thinkrr_billing.sandbox.stripe_check import recording
from thinkrr_billing.sandbox.stripe_check.steps.course import AMOUNT, Course, Step
from thinkrr_billing.sandbox.stripe_check.steps.story import EMAIL, NAME
from wallets import limits
from wallets.stripe import gateway

# Nobody's. The key is shorter than any, since the sandbox takes all that have the shape of one.
WRONG_KEY = "_".join(["sk", "test", "nobody"])
UNKNOWN_VERSION = "2019-01-32"


def _same_again(course: Course) -> None:
    course.intent("auto-recharge", payment_method=course["card"])


def _decline_again(course: Course) -> None:
    gateway.confirm_intent(
        key=course.key_of("confirm-declined: saved card"),
        intent_id=course["declined: saved card"],
    )


def _other_parameters(course: Course) -> None:
    course.intent("auto-recharge", payment_method=course["card"], amount=AMOUNT + 1)


def _pages(course: Course) -> None:
    asked = {"customer": course["customer"], "limit": 2}
    first = course.sdk().payment_intents.list(asked)
    second = course.sdk().payment_intents.list(asked | {"starting_after": first.data[-1].id})
    course.sdk().payment_intents.list(asked | {"ending_before": second.data[0].id})


def _page_too_long(course: Course) -> None:
    course.sdk().payment_intents.list({"customer": course["customer"], "limit": 101})


def _event(course: Course) -> None:
    def ask() -> list:
        found = course.sdk().events.list({"type": "customer.created", "limit": 20}).data
        return [one for one in found if one.data.object.id == course["customer"]]

    found = course.asked_until_there(ask)
    if not found:
        raise LookupError("no event tells of the customer")
    # The list holds what others did in that account: the event alone is compared.
    recording.forget()
    course.sdk().events.retrieve(found[0].id)


def _confirm_paid(course: Course) -> None:
    gateway.confirm_intent(key=course.key_of("confirm-paid"), intent_id=course["allocation"])


def _cancel_paid(course: Course) -> None:
    gateway.cancel_intent(intent_id=course["allocation"])


def _cancel(course: Course) -> None:
    course.intent("canceled", payment_method=course["card"])
    gateway.cancel_intent(intent_id=course["canceled"])


def _confirm_canceled(course: Course) -> None:
    gateway.confirm_intent(key=course.key_of("confirm-canceled"), intent_id=course["canceled"])


def _too_little(course: Course) -> None:
    course.intent("too little", payment_method=course["card"], amount=limits.CARD_LEAST_CENTS - 1)


def _too_much(course: Course) -> None:
    course.intent("too much", payment_method=course["card"], amount=limits.CARD_MOST_CENTS + 1)


def _unknown_parameter(course: Course) -> None:
    course.sdk().customers.update(course["customer"], {"nickname": "check"})


def _email(course: Course) -> None:
    gateway.create_customer(
        key=course.key_of("bad-email"), name=NAME, email="no address", metadata={}
    )


def _unknown_intent(course: Course) -> None:  # noqa: ARG001
    gateway.retrieve_intent(intent_id="pi_" + "0" * 24)


def _unknown_card(course: Course) -> None:
    course.intent("unknown card", payment_method="pm_" + "0" * 24)


def _detach(course: Course) -> None:
    gateway.detach_card(card_id=course["card"])


def _detach_again(course: Course) -> None:
    gateway.detach_card(card_id=course["card"])


def _charge_detached(course: Course) -> None:
    course.intent("detached card", payment_method=course["card"])


def _attach_detached(course: Course) -> None:
    course.sdk().payment_methods.attach(course["card"], {"customer": course["customer"]})


def _delete(course: Course) -> None:
    made = gateway.create_customer(
        key=course.key_of("to-delete"), name=NAME, email=EMAIL, metadata={}
    )
    course.customers.append(made)
    course["deleted customer"] = made
    course.sdk().customers.delete(made)


def _read_deleted(course: Course) -> None:
    gateway.retrieve_customer(customer=course["deleted customer"])


def _charge_deleted(course: Course) -> None:
    course.intent(
        "deleted customer's", payment_method="pm_card_visa", customer=course["deleted customer"]
    )


def _page_of_deleted(course: Course) -> None:
    gateway.start_card_setup(
        customer=course["deleted customer"],
        success_url="https://example.com/a",
        cancel_url="https://example.com/b",
    )


def _cards_of_deleted(course: Course) -> None:
    gateway.list_cards(customer=course["deleted customer"])


def _wrong_key(course: Course) -> None:
    course.sdk(key=WRONG_KEY).customers.retrieve(course["customer"])


def _unknown_version(course: Course) -> None:
    course.sdk(version=UNKNOWN_VERSION).customers.retrieve(course["customer"])


STEPS = (
    Step("the same key, the same parameters", _same_again),
    Step("the same key after a decline", _decline_again),
    Step("the same key, other parameters", _other_parameters),
    Step("page through intents, on and back", _pages),
    Step("a page longer than allowed", _page_too_long),
    Step("read an event", _event),
    Step("confirm what is paid", _confirm_paid),
    Step("cancel what is paid", _cancel_paid),
    Step("cancel", _cancel),
    Step("confirm what is canceled", _confirm_canceled),
    Step("less than the least amount", _too_little),
    Step("more than the largest amount", _too_much),
    Step("a parameter that does not exist", _unknown_parameter),
    Step("an e-mail address that is none", _email),
    Step("an intent that does not exist", _unknown_intent),
    Step("a card that does not exist", _unknown_card),
    Step("remove the card", _detach),
    Step("remove the card again", _detach_again),
    Step("charge a removed card", _charge_detached),
    Step("save a removed card again", _attach_detached),
    Step("delete a customer", _delete),
    Step("read a deleted customer", _read_deleted),
    Step("charge a deleted customer", _charge_deleted),
    Step("a page for a deleted customer", _page_of_deleted),
    Step("the cards of a deleted customer", _cards_of_deleted),
    Step("a key that is wrong", _wrong_key),
    Step("an API version that does not exist", _unknown_version),
)
