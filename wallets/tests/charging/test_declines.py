"""What a customer reads of a decline."""

import pytest

from wallets.charging import purchases
from wallets.tests.worlds.purchases import claim

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
