"""What a customer reads of a decline."""

import pytest

from accounts.models import StaffAlert
from thinkrr_billing.sandbox.stripe.tests.official import words
from wallets.charging import declines, purchases
from wallets.stripe import answers, gateway
from wallets.tests.worlds.purchases import claim, taken

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            "processing_error",
            "The payment could not be processed. You were not charged. Try again later.",
        ),
        (
            "generic_decline",
            "Visa •••• 4242 was declined. You were not charged. "
            "Contact your bank or use another card.",
        ),
        (
            "card_velocity_exceeded",
            "Visa •••• 4242 was declined: the card is over its limit. You were not charged. "
            "Use another card, or try again later.",
        ),
    ],
)
def test_a_decline_says_what_went_wrong_that_nothing_was_charged_and_what_helps(
    low, stripe, code, text
):
    stripe.set_card(low.default_payment_method, behaviour={"decline_code": code})

    assert purchases.drive(purchase_id=claim(low).pk).error_text == text


@pytest.mark.parametrize(
    "code",
    [
        "authentication_required",
        "payment_intent_authentication_failure",
        "payment_intent_payment_attempt_expired",
    ],
)
def test_what_was_not_confirmed_with_the_bank_is_not_called_a_decline_of_the_card(code):
    assert declines.of_refusal(code) == code
    assert declines.sentence(card="Visa •••• 4242", code=code) == (
        "Visa •••• 4242 could not be charged: the payment was not confirmed with your bank. You "
        "were not charged. Try again and confirm it, or use another card."
    )
    assert declines.was_declined("Visa •••• 4242", code) == (
        "the payment with Visa •••• 4242 was not confirmed with your bank"
    )


NOT_ACCEPTED = (
    "The payment service did not accept the payment. You were not charged. Our support has been "
    "told."
)


@pytest.mark.parametrize("step", ["create_intent", "confirm_intent"])
@pytest.mark.parametrize(
    ("code", "text", "tells_support"),
    [
        ("parameter_unknown", NOT_ACCEPTED, True),
        ("amount_too_small", NOT_ACCEPTED, True),
        ("account_invalid", NOT_ACCEPTED, True),
        (
            "payment_method_not_available",
            "Visa •••• 4242 was declined. You were not charged. "
            "Contact your bank or use another card.",
            False,
        ),
        (
            "",
            "Visa •••• 4242 was declined without a reason. You were not charged. "
            "Use another card, or contact support.",
            False,
        ),
    ],
)
def test_a_refused_request_blames_the_card_only_where_it_is_the_cards(
    low, stripe, monkeypatch, step, code, text, tells_support
):
    def refuse(**_: object) -> None:
        raise answers.Impossible("It says why.", code=code)

    purchase = claim(low)
    monkeypatch.setattr(gateway, step, refuse)

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.error_text) == ("declined", text)
    assert taken(stripe) == []
    told = StaffAlert.objects.filter(kind="payment_not_accepted")
    assert [code in alert.text for alert in told] == [True] * tells_support


def test_every_code_we_know_is_one_of_stripes():
    known = declines.HARD | declines.NEEDS_BANK | declines._OF_THE_CARD - {declines.UNEXPLAINED}

    assert known - words.CODES - words.DECLINE_CODES == set()
