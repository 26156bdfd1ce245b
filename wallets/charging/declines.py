"""What a decline means: the sentence for the customer, and what Auto-Recharge may do about it.

Codes are Stripe's. Lost, stolen and fraud codes are never revealed to the customer.
"""

from typing import NamedTuple

from wallets.stripe.answers import CardSetup, Intent

# A code of its own, and what a bank may advise beside any other (Stripe's "advice codes").
DO_NOT_TRY_AGAIN = "do_not_try_again"

# Never charged again without another card.
HARD = frozenset(
    {
        "incorrect_number",
        "invalid_number",
        "lost_card",
        "pickup_card",
        "stolen_card",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "highest_risk_level",
        "transaction_not_allowed",
        "expired_card",
        "fraudulent",
        "invalid_account",
        "restricted_card",
        "stop_payment_order",
        "currency_not_supported",
        "card_not_supported",
        DO_NOT_TRY_AGAIN,
        "security_violation",
        "merchant_blacklist",
        # The card or the customer is gone at Stripe.
        "resource_missing",
        "payment_method_unexpected_state",
    }
)

# After these another card of the same customer may be tried by itself: they are about this card,
# its money or its bank's systems. All others wait for a person. Stolen, lost, suspected of fraud, a
# customer who told the bank not to pay us, a code that is new to us: a second card charged at once
# would be what a thief does, or what its owner has forbidden.
BACKUP_HELPS = frozenset(
    {
        "card_declined",
        "generic_decline",
        "do_not_honor",
        "call_issuer",
        "insufficient_funds",
        "card_velocity_exceeded",
        "withdrawal_count_limit_exceeded",
        "no_action_taken",
        "not_permitted",
        "service_not_allowed",
        "transaction_not_allowed",
        "invalid_amount",
        "expired_card",
        "incorrect_number",
        "invalid_number",
        "incorrect_cvc",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_account",
        "new_account_information_available",
        "card_not_supported",
        "currency_not_supported",
        "processing_error",
        "try_again_later",
        "issuer_not_available",
        "reenter_transaction",
        # The card is gone at Stripe.
        "resource_missing",
        "payment_method_unexpected_state",
    }
)

NEEDS_BANK = frozenset({"authentication_required"})
# The bank asked; the customer said no, or could not say yes: the card itself was not declined.
_NOT_CONFIRMED = NEEDS_BANK | {
    "setup_intent_authentication_failure",
    "payment_intent_authentication_failure",
    "payment_intent_payment_attempt_expired",
}

# Ours: Stripe refused and named no code. A refusal all the same, so that it waits like one.
UNEXPLAINED = "unexplained"
# Ours: Stripe named a code that is not about the card, so neither the card nor the bank can help.
REQUEST_REFUSED = "request_refused"
CANCELED_UNEXPLAINED = "The payment was canceled without a reason. You were not charged."


class DeclineText(NamedTuple):
    """The rest of "Visa •••• 4242 was declined…", and what helps."""

    reason: str
    advice: str


_OTHER_CARD = "Contact your bank or use another card."
_UPDATE_CARD = "Update the card or use another one."

_TEXTS = {
    "insufficient_funds": DeclineText(
        ": insufficient funds.", "Try a smaller amount or another card."
    ),
    "expired_card": DeclineText(": the card has expired.", _UPDATE_CARD),
    "incorrect_cvc": DeclineText(": the card details are incorrect.", _UPDATE_CARD),
    "incorrect_number": DeclineText(": the card details are incorrect.", _UPDATE_CARD),
    "card_velocity_exceeded": DeclineText(
        ": the card is over its limit.", "Use another card, or try again later."
    ),
    "currency_not_supported": DeclineText(
        ": this card can't be used for this payment.", "Use another card."
    ),
    "card_not_supported": DeclineText(
        ": this card can't be used for this payment.", "Use another card."
    ),
    "resource_missing": DeclineText(": the card is no longer saved.", "Add a card."),
    UNEXPLAINED: DeclineText(" without a reason.", "Use another card, or contact support."),
}

NO_CARD_ADDED = "No payment method was added."
# Where only the payment could be another, or the card is not saved yet: what helps instead.
_WHEN_SAVED = {
    "Try a smaller amount or another card.": "Use another card.",
    _UPDATE_CARD: "Check its details, or use another card.",
}

# Codes of a refused request that are about the card, or its owner, all the same.
_OF_THE_CARD = (
    HARD
    | _NOT_CONFIRMED
    | _TEXTS.keys()
    | {"card_declined", "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year"}
    | {"incorrect_zip", "incorrect_address", "processing_error"}
)
_CARD_PREFIXES = ("payment_method_", "card_")

_NOT_PROCESSED = frozenset({"processing_error", "try_again_later", "issuer_not_available"})


def sentence(*, card: str, code: str) -> str:
    """What went wrong, that no money moved, and what helps, for the customer."""
    if code == REQUEST_REFUSED:
        return (
            "The payment service did not accept the payment. You were not charged. Our support "
            "has been told."
        )
    if code in _NOT_PROCESSED:
        return "The payment could not be processed. You were not charged. Try again later."
    if is_unconfirmed(code):
        return (
            f"{card} could not be charged: the payment was not confirmed with your bank. You were "
            "not charged. Try again and confirm it, or use another card."
        )
    reason, advice = _TEXTS.get(code, DeclineText(".", _OTHER_CARD))
    return f"{card} was declined{reason} You were not charged. {advice}"


def not_saved(setup: CardSetup | None, *, customer: str) -> str:
    """Why the account's latest page saved no card, for the person who comes back from it."""
    if setup is None:
        return NO_CARD_ADDED
    code = setup.decline_code or setup.error_code
    match setup.page:
        case "complete" if setup.saved_type not in ("card", ""):
            return "What you saved is not a card, and only cards can be charged. Add a card."
        case "complete" if setup.saved_type and setup.saved_for != customer:
            return "This card is no longer saved. Add it again."
        case "complete":
            return NO_CARD_ADDED
        case _ if is_unconfirmed(code):
            return (
                "Your bank could not confirm that it was you, so the card was not saved. Add it "
                "again and confirm with your bank, or use another card."
            )
        case _ if code in _NOT_PROCESSED:
            return "The card could not be checked, so it was not saved. Try again later."
        case _ if code:
            return _declined_when_saved(code)
        case "expired":
            return "The page for your card has expired, so no card was saved. Add the card again."
        case _ if setup.setup == "requires_action":
            return (
                "Your bank has not confirmed the card, so it was not saved. Add it again and "
                "confirm with your bank."
            )
    return NO_CARD_ADDED


def _declined_when_saved(code: str) -> str:
    reason, advice = _TEXTS.get(code, DeclineText(".", _OTHER_CARD))
    advice = _WHEN_SAVED.get(advice, advice)
    return f"Your card was declined{reason} It was not saved, and nothing was charged. {advice}"


def of_refusal(code: str) -> str:
    """What to keep of a refused request's code: itself when it is about the card, "" for none."""
    of_card = code in _OF_THE_CARD or code.startswith(_CARD_PREFIXES)
    return code if of_card or not code else REQUEST_REFUSED


def code_of(intent: Intent, *, kept: str = "") -> str:
    """Why an intent was declined, else what was `kept`. A bank that advises never to try this card
    again outweighs a code that would be tried again."""
    code = intent.decline_code or intent.error_code or kept
    never_again = intent.advice_code == DO_NOT_TRY_AGAIN
    return DO_NOT_TRY_AGAIN if never_again and not is_hard(code) else code


def is_hard(code: str) -> bool:
    """Whether only another card can help. Unknown codes count as soft, with bounded retries."""
    return code in HARD


def backup_helps(code: str) -> bool:
    """Whether the customer's backup card may be tried by itself after this decline."""
    return code in BACKUP_HELPS


def is_unconfirmed(code: str) -> bool:
    """Whether the bank asked and was not answered, or told no: the card itself was not declined."""
    return code in _NOT_CONFIRMED


def was_declined(card: str, code: str) -> str:
    """What became of the charge in a few words, like "Visa •••• 4242 was declined"."""
    if is_unconfirmed(code):
        return f"the payment with {card} was not confirmed with your bank"
    return f"{card} has expired" if code == "expired_card" else f"{card} was declined"


def of_backup(*, card: str, code: str, instead_of: str) -> str:
    """`sentence` for the backup card, which was tried because the first could not be charged."""
    return f"{instead_of}. {sentence(card=f'Your backup card {card}', code=code)}"
