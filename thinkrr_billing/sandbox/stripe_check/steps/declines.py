"""Cards that are declined, by Stripe's own test tokens: when charged, and when saved."""

from collections.abc import Callable

from thinkrr_billing.sandbox.stripe_check.steps.course import Course, Step

_CHARGED = {
    "generic decline": "pm_card_visa_chargeDeclined",
    "insufficient funds": "pm_card_visa_chargeDeclinedInsufficientFunds",
    "lost card": "pm_card_visa_chargeDeclinedLostCard",
    "stolen card": "pm_card_visa_chargeDeclinedStolenCard",
    "expired card": "pm_card_chargeDeclinedExpiredCard",
    "wrong CVC": "pm_card_chargeDeclinedIncorrectCvc",
    "processing error": "pm_card_chargeDeclinedProcessingError",
    "used too often": "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
    "blocked by Radar": "pm_card_radarBlock",
}
_SAVED = {
    "generic decline": "pm_card_visa_chargeDeclined",
    "insufficient funds": "pm_card_visa_chargeDeclinedInsufficientFunds",
}


def _charged(name: str, token: str) -> Callable[[Course], None]:
    return lambda course: course.charge(f"declined: {name}", payment_method=token)


def _saved(token: str) -> Callable[[Course], None]:
    def attach(course: Course) -> None:
        course.sdk().payment_methods.attach(token, {"customer": course["customer"]})

    return attach


def _save_what_declines(course: Course) -> None:
    found = course.sdk().payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": course["customer"]}
    )
    course["card that declines"] = found.id


def _charge_what_declines(course: Course) -> None:
    course.charge("declined: saved card", payment_method=course["card that declines"])


STEPS = (
    *(Step(f"charge is declined: {name}", _charged(name, card)) for name, card in _CHARGED.items()),
    *(Step(f"saving is declined: {name}", _saved(card)) for name, card in _SAVED.items()),
    Step("save a card that declines later", _save_what_declines),
    Step("charge the card that declines later", _charge_what_declines),
)
