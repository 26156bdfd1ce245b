"""Recharging by hand through the pages, against the Stripe sandbox."""

from decimal import Decimal
from urllib.parse import quote

import pytest
from django.urls import reverse

from accounts import clock
from accounts.tests.builders import add_member, make_individual, make_user
from wallets.cards import backup
from wallets.charging import purchases, rows
from wallets.models import LedgerEntry, Purchase, Seller
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    fill,
    make_wallet,
    set_auto_recharge,
)
from wallets.tests.worlds.forms import HTMX, recharging

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

URL = reverse("wallets:recharge")


@pytest.fixture
def wallet():
    return make_wallet(credit="8.20")


def test_the_dialog_is_a_fragment_for_htmx_and_a_page_for_everybody_else(stripe, browser, wallet):
    add_card(stripe, wallet)

    page = browser.get(URL)
    fragment = browser.get(URL, headers=HTMX)

    assert page.status_code == fragment.status_code == 200
    assert b"<!DOCTYPE html>" in page.content
    assert b"<!DOCTYPE html>" not in fragment.content
    assert "HX-Request" in fragment["Vary"]
    for answer in (page, fragment):
        assert b"Current balance $8.20" in answer.content
        assert "Visa •••• 4242" in answer.content.decode()


def test_without_a_card_it_asks_for_one(browser):
    answer = browser.get(URL)

    assert "No payment method yet. Add one to recharge your wallet." in answer.content.decode()


def test_the_quote_says_what_is_charged_and_renames_the_button(browser):
    answer = browser.get(reverse("wallets:recharge_quote"), {"amount": "$50", "buys": "basic"})

    text = answer.content.decode()
    assert "555 Basic minutes" in text
    assert "Pay $50.00" in text
    assert ", ≈ 312 min" in text
    assert ", ≈ 555 min" in text


def test_the_quote_warns_when_auto_recharge_will_charge_too(stripe, browser, wallet):
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10, amount=25)

    minutes = browser.get(reverse("wallets:recharge_quote"), {"amount": "50", "buys": "premium"})
    credit = browser.get(reverse("wallets:recharge_quote"), {"amount": "50", "buys": "credit"})

    assert "Auto-Recharge will also charge $25.00" in minutes.content.decode()
    assert "also charge" not in credit.content.decode()


def test_paying_charges_the_card_once_and_shows_the_receipt(stripe, browser, wallet):
    add_card(stripe, wallet)
    form = recharging(wallet)

    first = browser.post(URL, form, headers=HTMX)
    again = browser.post(URL, form, headers=HTMX)

    purchase = Purchase.objects.get()
    assert purchase.state == "succeeded"
    assert [answer.status_code for answer in (first, again)] == [200, 200]
    assert "Payment received: $50.00." in first.content.decode()
    assert reverse("wallets:receipt", args=[purchase.pk]) in first.content.decode()
    assert "balance-changed" in first["HX-Trigger"]
    wallet.refresh_from_db()
    assert wallet.premium_seconds == 18_750
    assert LedgerEntry.objects.filter(purchase=purchase).count() == 1


def test_without_javascript_paying_leads_to_the_payments_page(stripe, browser, wallet):
    add_card(stripe, wallet)

    answer = browser.post(URL, recharging(wallet), follow=True)

    purchase = Purchase.objects.get()
    assert answer.redirect_chain == [(reverse("wallets:purchase", args=[purchase.pk]), 302)]
    assert "Payment received: $50.00." in answer.content.decode()


def test_an_amount_the_button_did_not_name_is_shown_before_it_is_charged(stripe, browser, wallet):
    add_card(stripe, wallet)
    form = recharging(wallet, amount="75")

    answer = browser.post(URL, form)

    text = answer.content.decode()
    assert answer.status_code == 422
    assert "$75.00 will be charged now. Check and pay." in text
    assert "Pay $75.00" in text
    assert form["form_key"] in text
    assert not Purchase.objects.exists()


def test_a_declined_card_is_said_kindly_and_may_be_tried_again_with_a_new_key(
    stripe, browser, wallet
):
    add_card(stripe, wallet, DECLINED_CARD)
    form = recharging(wallet)

    answer = browser.post(URL, form, headers=HTMX)

    text = answer.content.decode()
    assert answer.status_code == 422
    assert "was declined" in text
    assert "You were not charged." in text
    assert 'role="alert"' in text
    assert form["form_key"] not in text
    assert Purchase.objects.get().state == "declined"
    wallet.refresh_from_db()
    assert (wallet.credit.amount, wallet.premium_seconds) == (Decimal("8.20"), 0)


def test_after_a_decline_the_backup_card_is_offered_and_not_charged_by_itself(
    stripe, browser, wallet
):
    card = add_card(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    backup.choose(account=wallet.account, card_id=other.id)
    stripe.set_card(card.id, behaviour={"decline_code": "insufficient_funds"})

    text = browser.post(URL, recharging(wallet), headers=HTMX).content.decode()

    assert "Use your backup card Mastercard •••• 4444" in text
    assert f"card={other.id}" in text
    assert [one.state for one in Purchase.objects.all()] == ["declined"]

    offered = browser.get(URL, {"amount": "50.00", "buys": "premium", "card": other.id})
    assert f'<option value="{other.id}" selected>' in offered.content.decode()


def test_after_a_decline_that_may_be_fraud_no_other_card_is_offered(stripe, browser, wallet):
    card = add_card(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    backup.choose(account=wallet.account, card_id=other.id)
    stripe.set_card(card.id, behaviour={"decline_code": "stolen_card"})

    text = browser.post(URL, recharging(wallet), headers=HTMX).content.decode()

    assert "was declined" in text
    assert "Use your backup card" not in text


def test_the_bank_may_ask_and_the_person_is_sent_there(stripe, browser, wallet):
    add_card(stripe, wallet, BANK_ASKS_CARD)

    answer = browser.post(URL, recharging(wallet), headers=HTMX)
    purchase = Purchase.objects.get()
    bank = browser.post(reverse("wallets:purchase_confirm", args=[purchase.pk]), headers=HTMX)

    assert purchase.state == "requires_action"
    assert "Your bank asks you to confirm this payment." in answer.content.decode()
    assert bank.status_code == 204
    assert bank["HX-Redirect"].startswith(stripe.base_url)


def test_coming_back_from_the_bank_settles_the_payment(stripe, browser, wallet):
    add_card(stripe, wallet, BANK_ASKS_CARD)
    browser.post(URL, recharging(wallet))
    purchase = Purchase.objects.get()
    browser.post(reverse("wallets:purchase_confirm", args=[purchase.pk]))
    stripe.answer_bank(purchase.payment_intent)

    answer = browser.get(reverse("wallets:purchase", args=[purchase.pk]))

    assert "Payment received: $50.00." in answer.content.decode()
    wallet.refresh_from_db()
    assert wallet.premium_seconds == 18_750


def test_a_payment_that_waits_for_the_bank_can_be_given_up(stripe, browser, wallet):
    add_card(stripe, wallet, BANK_ASKS_CARD)
    browser.post(URL, recharging(wallet))
    purchase = Purchase.objects.get()

    browser.post(reverse("wallets:purchase_cancel", args=[purchase.pk]))

    purchase.refresh_from_db()
    assert purchase.state == "canceled"


def test_a_payment_support_looks_at_is_not_confirmed_or_paid_again(stripe, browser, wallet):
    add_card(stripe, wallet, BANK_ASKS_CARD)
    browser.post(URL, recharging(wallet))
    purchase = Purchase.objects.get()
    rows.quarantine(purchase.pk, "The facts differ.")

    page = browser.get(reverse("wallets:purchase", args=[purchase.pk])).content.decode()
    payments = browser.get(reverse("wallets:payments")).content.decode()

    assert "Our support is looking at this payment" in page
    assert "Our support is looking at a $50.00 payment" in payments
    assert "Continue to your bank" not in page
    assert "Confirm payment" not in payments


def test_a_canceled_payment_that_was_paid_all_the_same_is_not_called_unpaid(
    stripe, browser, wallet
):
    add_card(stripe, wallet, BANK_ASKS_CARD)
    browser.post(URL, recharging(wallet))
    purchase = Purchase.objects.get()
    browser.post(reverse("wallets:purchase_cancel", args=[purchase.pk]))
    rows.quarantine(purchase.pk, "Paid after it was closed.")

    page = browser.get(reverse("wallets:purchase", args=[purchase.pk])).content.decode()

    assert "Our support is looking at this payment" in page
    assert "You were not charged" not in page


def test_no_definite_answer_is_shown_as_processing_and_polled(stripe, browser, wallet):
    add_card(stripe, wallet)
    stripe.fault(kind="500_before", path="/v1/payment_intents/.+/confirm", times=9)

    answer = browser.post(URL, recharging(wallet), headers=HTMX)

    purchase = Purchase.objects.get()
    text = answer.content.decode()
    assert purchase.state == "submitted"
    assert "Confirming your payment" in text
    assert f"{reverse('wallets:purchase', args=[purchase.pk])}?poll=1" in text
    assert "not charged" not in text


def test_after_half_a_minute_the_page_says_it_does_not_know(stripe, browser, wallet):
    add_card(stripe, wallet)
    stripe.fault(kind="500_before", path="/v1/payment_intents/", times=99)
    browser.post(URL, recharging(wallet))
    purchase = Purchase.objects.get()

    answer = browser.get(reverse("wallets:purchase", args=[purchase.pk]), {"poll": "15"})

    text = answer.content.decode()
    assert "We couldn't confirm this payment yet. Don't pay again." in text.replace("&#x27;", "'")
    assert 'hx-trigger="load delay:2s"' not in text


def test_the_page_behind_is_told_of_a_payment_that_an_event_settled_first(stripe, browser, wallet):
    add_card(stripe, wallet)
    stripe.fault(kind="500_before", path="/v1/payment_intents/.+/confirm", times=1)
    browser.post(URL, recharging(wallet), headers=HTMX)
    purchase = purchases.drive(purchase_id=Purchase.objects.get().pk)
    here = reverse("wallets:purchase", args=[purchase.pk])

    polled = browser.get(here, {"poll": "1"}, headers=HTMX)

    assert purchase.state == "succeeded"
    assert "Payment received: $50.00." in polled.content.decode()
    assert "balance-changed" in polled["HX-Trigger"]


def test_the_page_behind_is_told_of_a_charge_whose_answer_got_lost(stripe, browser, wallet):
    add_card(stripe, wallet)
    form = recharging(wallet)
    since = quote(clock.now().isoformat())
    browser.post(URL, form, headers=HTMX)

    for asked in (
        reverse("wallets:recharge_outcome", args=[form["form_key"]]),
        f"{reverse('wallets:outcome')}?since={since}",
    ):
        answer = browser.get(asked, headers=HTMX)

        assert "Payment received: $50.00." in answer.content.decode()
        assert "balance-changed" in answer["HX-Trigger"]


def test_a_second_recharge_waits_for_the_first_one(stripe, browser, wallet):
    add_card(stripe, wallet)
    stripe.fault(kind="500_before", path="/v1/payment_intents/", times=99)
    browser.post(URL, recharging(wallet))
    pending = Purchase.objects.get()

    answer = browser.post(URL, recharging(wallet), headers=HTMX)

    assert answer.status_code == 422
    assert "A $50.00 recharge is being confirmed." in answer.content.decode()
    assert reverse("wallets:purchase", args=[pending.pk]) in answer.content.decode()
    assert Purchase.objects.count() == 1


def test_a_changed_rate_is_shown_before_it_is_charged(stripe, browser, wallet):
    add_card(stripe, wallet)

    answer = browser.post(URL, recharging(wallet, quoted_rate="0.12"), headers=HTMX)

    assert answer.status_code == 422
    assert "The rate changed: $50.00 now buys 312 minutes." in answer.content.decode()
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amount": "1.234"}, "Enter an amount in dollars and cents, like 50.00"),
        (
            {"amount": "4.99", "quoted_amount": "4.99"},
            "Amount must be between $5.00 and $10,000.00",
        ),
        ({"buys": ""}, "Choose Premium or Basic Minutes"),
        ({"payment_method": "pm_of_somebody_else"}, "Choose one of your saved cards"),
    ],
)
def test_what_cannot_be_used_is_said_beside_the_field(stripe, browser, wallet, changes, message):
    add_card(stripe, wallet)
    form = recharging(wallet, **changes)

    answer = browser.post(URL, form, headers=HTMX)

    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert form["form_key"] in answer.content.decode()
    assert not Purchase.objects.exists()


def test_a_lost_answer_can_be_asked_for_by_the_forms_key(stripe, browser, wallet):
    add_card(stripe, wallet)
    form = recharging(wallet)

    before = browser.get(reverse("wallets:recharge_outcome", args=[form["form_key"]]))
    browser.post(URL, form)
    after = browser.get(reverse("wallets:recharge_outcome", args=[form["form_key"]]))

    assert before.status_code == 204
    assert "this form can be charged only once" in before["HX-Trigger"]
    assert "Payment received: $50.00." in after.content.decode()


def test_a_debt_is_named_in_the_quote(browser, wallet):
    fill(wallet, credit="-10")

    answer = browser.get(reverse("wallets:recharge_quote"), {"amount": "50", "buys": "credit"})

    assert "Covers your negative balance" in answer.content.decode()
    assert "$1.80" in answer.content.decode()


def test_another_card_can_be_chosen(stripe, browser, wallet):
    add_card(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)

    browser.post(URL, recharging(wallet, payment_method=other.id))

    assert Purchase.objects.get().card == "Mastercard •••• 4444"


def test_a_member_may_not_recharge(stripe, client, wallet):
    add_card(stripe, wallet)
    client.force_login(add_member(wallet.account))

    answer = client.post(URL, recharging(wallet))

    assert answer.status_code == 403
    assert not Purchase.objects.exists()


def test_the_receipt_names_the_buyer_and_what_was_bought(stripe, browser, wallet):
    Seller.objects.create(name="Sellers Inc", tax_sentence="No tax charged")
    add_card(stripe, wallet)
    wallet.account.billing_name = "Lovelace Ltd"
    wallet.account.billing_address = "1 Analytical Way\nLondon"
    wallet.account.tax_id = "GB123"
    wallet.account.save()
    browser.post(URL, recharging(wallet))
    purchase = Purchase.objects.get()

    text = browser.get(reverse("wallets:receipt", args=[purchase.pk])).content.decode()

    for expected in (
        "Lovelace Ltd",
        "1 Analytical Way",
        "GB123",
        "Sellers Inc",
        "No tax charged",
        "312 min",
    ):
        assert expected in text
    assert f"Receipt {purchase.receipt_number}" in text


def test_a_payment_of_another_account_is_not_found(stripe, client, browser, wallet):
    add_card(stripe, wallet)
    browser.post(URL, recharging(wallet))
    purchase = Purchase.objects.get()
    stranger = make_user()
    make_individual(owner=stranger)
    client.force_login(stranger)

    for name in ("wallets:purchase", "wallets:receipt"):
        assert client.get(reverse(name, args=[purchase.pk])).status_code == 404
