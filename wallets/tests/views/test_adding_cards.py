"""Coming back from Stripe's page without a card: what was refused, why, and what helps."""

import pytest
from django.urls import reverse

from accounts.models import Account
from thinkrr_billing.sandbox.stripe.tests.browsing import press
from wallets.cards import payment_methods
from wallets.charging import declines
from wallets.stripe import gateway
from wallets.stripe.answers import CardSetup
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

NOTHING = "No payment method was added."
NOT_CONFIRMED = (
    "Your bank could not confirm that it was you, so the card was not saved. Add it again and "
    "confirm with your bank, or use another card."
)


@pytest.fixture
def wallet():
    return make_wallet()


def page_of(browser) -> str:
    return browser.post(reverse("wallets:methods_add")).headers["Location"]


def leave(browser, page: str) -> str:
    """Press "Back" on Stripe's page. What our page says then."""
    answer = browser.get(press(page, action="cancel"), follow=True)
    assert answer.status_code == 200
    [message] = answer.context["messages"]
    return str(message)


def cards_of(wallet) -> list:
    return payment_methods.cards(Account.objects.get(pk=wallet.account_id))


UNSAVED = "It was not saved, and nothing was charged."
BANK = f". {UNSAVED} Contact your bank or use another card."
DECLINED = {
    "insufficient_funds": f": insufficient funds. {UNSAVED} Use another card.",
    "expired_card": f": the card has expired. {UNSAVED} Check its details, or use another card.",
    "incorrect_cvc": f": the card details are incorrect. {UNSAVED} Check its details, or use "
    "another card.",
    "incorrect_number": f": the card details are incorrect. {UNSAVED} Check its details, or use "
    "another card.",
    "card_velocity_exceeded": f": the card is over its limit. {UNSAVED} Use another card, or try "
    "again later.",
    "card_not_supported": f": this card can't be used for this payment. {UNSAVED} Use another "
    "card.",
    # What these mean is for nobody to read who may have found the card.
    **dict.fromkeys(["lost_card", "stolen_card", "fraudulent", "pickup_card"], BANK),
    **dict.fromkeys(["generic_decline", "do_not_honor", "of_tomorrow"], BANK),
}


def setup(page: str = "open", setup: str = "requires_payment_method", **facts: str) -> CardSetup:
    none = {"error_code": "", "decline_code": "", "saved_type": "", "saved_for": ""}
    return CardSetup(page=page, setup=setup, **none | facts)


@pytest.mark.parametrize("page", ["open", "expired"])
@pytest.mark.parametrize(("code", "says"), DECLINED.items())
def test_each_decline_is_said_with_what_helps(page, code, says):
    found = setup(page, error_code="card_declined", decline_code=code)

    assert declines.not_saved(found, customer="cus_1") == f"Your card was declined{says}"


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, NOTHING),
        (setup(), NOTHING),
        (setup("expired", "canceled"), "The page for your card has expired, so no card was saved. "
         "Add the card again."),
        (setup(setup="requires_action"), "Your bank has not confirmed the card, so it was not "
         "saved. Add it again and confirm with your bank."),
        (setup(error_code="setup_intent_authentication_failure"), NOT_CONFIRMED),
        (setup(error_code="card_declined", decline_code="authentication_required"), NOT_CONFIRMED),
        (setup(error_code="processing_error"), "The card could not be checked, so it was not "
         "saved. Try again later."),
        (setup("complete", "succeeded", saved_type="us_bank_account", saved_for="cus_1"),
         "What you saved is not a card, and only cards can be charged. Add a card."),
        (setup("complete", "succeeded", saved_type="card", saved_for="cus_2"),
         "This card is no longer saved. Add it again."),
        (setup("complete", "succeeded", saved_type="card"),
         "This card is no longer saved. Add it again."),
        (setup("complete", "succeeded", saved_type="card", saved_for="cus_1"), NOTHING),
        (setup("of tomorrow"), NOTHING),
    ],
)  # fmt: skip
def test_each_other_end_is_said_with_what_helps(found, says):
    assert declines.not_saved(found, customer="cus_1") == says


def test_going_back_without_trying_a_card_says_that_none_was_added(stripe, browser):  # noqa: ARG001
    assert leave(browser, page_of(browser)) == NOTHING


@pytest.mark.parametrize(
    ("number", "code"), [("4000000000009995", "insufficient_funds"), ("4000000000009979", "lost")]
)
def test_going_back_after_a_decline_says_why(stripe, browser, wallet, number, code):  # noqa: ARG001
    page = page_of(browser)
    press(page, action="save", number=number)

    said = leave(browser, page)

    assert said == "Your card was declined" + DECLINED.get(code, BANK)
    assert cards_of(wallet) == []


def test_going_back_from_the_bank_says_that_it_did_not_confirm(stripe, browser, wallet):  # noqa: ARG001
    page = page_of(browser)
    bank = press(page, action="save", card="4000002500003155")
    assert leave(browser, page).startswith("Your bank has not confirmed the card")

    press(bank, action="fail")

    assert leave(browser, page) == NOT_CONFIRMED
    assert cards_of(wallet) == []


def test_a_page_that_expired_says_so(stripe, browser):
    page = page_of(browser)
    session = page.rpartition("/")[2]
    stripe.advance(25 * 3600)

    answer = browser.get(reverse("wallets:methods_added"), {"session_id": session}, follow=True)

    assert "The page for your card has expired" in answer.content.decode()


def test_a_card_that_was_taken_off_again_is_not_added(stripe, browser, wallet):  # noqa: ARG001
    back = press(page_of(browser), action="save", card="4242424242424242")
    [card] = gateway.list_cards(customer=Account.objects.get(pk=wallet.account_id).stripe_customer)
    gateway.detach_card(card_id=card["id"])

    answer = browser.get(back, follow=True)

    assert "This card is no longer saved. Add it again." in answer.content.decode()
    assert cards_of(wallet) == []


def test_where_stripe_does_not_say_why_it_is_not_made_up(stripe, browser):
    page = page_of(browser)
    press(page, action="save", number="4000000000009995")
    stripe.fault(kind="500_before", path="/v1/checkout/sessions", method="GET", times=None)

    assert leave(browser, page) == NOTHING
