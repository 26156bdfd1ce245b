"""3-D Secure, up to the bank's page: there only a person in a browser can go on."""

from thinkrr_billing.sandbox.stripe_check.steps.course import RETURN_URL, Course, Step
from wallets.stripe import gateway

_ALWAYS_ASKS = "pm_card_authenticationRequired"
_ASKS_WHEN_SAVED = "pm_card_authenticationRequiredOnSetup"


def _off_session(course: Course) -> None:
    course.charge("bank, off-session", payment_method=_ALWAYS_ASKS)


def _on_session(course: Course) -> None:
    created = course.intent("bank, on-session", payment_method=_ALWAYS_ASKS)
    found = gateway.confirm_on_session(
        key=course.key_of("confirm-bank-on-session"),
        intent_id=created.id,
        payment_method=created.payment_method,
        return_url=RETURN_URL,
    )
    if not found.bank_url:
        raise LookupError("the intent has no address of the bank's page")


def _give_up(course: Course) -> None:
    gateway.cancel_intent(intent_id=course["bank, on-session"])


def _saving(course: Course) -> None:
    course.sdk().setup_intents.create(
        {
            "customer": course["customer"],
            "payment_method": _ASKS_WHEN_SAVED,
            "payment_method_types": ["card"],
            "usage": "off_session",
            "confirm": True,
            "return_url": RETURN_URL,
        },
        {"idempotency_key": course.key_of("setup-with-bank")},
    )


STEPS = (
    Step("the bank wants the owner, who is not there", _off_session),
    Step("the bank wants the owner, who is there", _on_session),
    Step("cancel what waits for the bank", _give_up),
    Step("the bank wants the owner when the card is saved", _saving),
)
