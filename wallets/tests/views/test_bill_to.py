"""Whom to bill is asked once, before the first payment, and may be skipped."""

from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Account, AuditEntry
from accounts.tests.builders import add_member, make_agency, make_sub_account, owner_of
from wallets.models import Parties
from wallets.recharges import by_hand
from wallets.tests.worlds.builders import add_card, make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

QUESTION = "Asked once, before your first payment."
TYPED = {
    "billing_name": "Brightline Holdings",
    "billing_address": "1 Road\nBerlin",
    "billing_country": "DE",
    "tax_id": "DE123456789",
}


@pytest.fixture
def agency():
    """One that nobody has asked yet, and that never paid."""
    agency = make_agency("Brightline Agency")
    agency.billing_asked_at = None
    agency.save()
    return agency


@pytest.fixture
def wallet(stripe, agency):
    wallet = make_wallet(account=agency)
    add_card(stripe, wallet)
    return wallet


@pytest.fixture
def browser(client, wallet):
    client.force_login(owner_of(wallet.account))
    return client


@pytest.fixture
def sub(agency):
    return make_wallet(account=make_sub_account(agency=agency)).account


@pytest.fixture
def dialogs(sub):
    return [
        reverse("wallets:recharge"),
        reverse("wallets:auto_recharge"),
        reverse("wallets:auto_allocation", args=[sub.pk]),
    ]


def asks(browser, path):
    return QUESTION in browser.get(path).content.decode()


def test_each_dialog_that_leads_to_a_first_payment_asks_before(browser, dialogs):
    assert [asks(browser, path) for path in dialogs] == [True, True, True]


def test_what_is_typed_is_kept_and_the_dialog_goes_on_where_it_was_going(browser, agency, dialogs):
    path = f"{dialogs[0]}?amount=75&buys=premium"

    answer = browser.post(reverse("wallets:bill_to"), {**TYPED, "next": path}, follow=True)

    agency.refresh_from_db()
    assert {name: getattr(agency, name) for name in TYPED} == TYPED
    assert answer.redirect_chain == [(path, 302)]
    assert 'value="75.00"' in answer.content.decode()
    assert [asks(browser, one) for one in dialogs] == [False, False, False]


def test_it_may_be_skipped_and_is_not_asked_again(browser, agency, dialogs):
    skipped = {"next": dialogs[1], "skip": "1", "billing_name": "Half a na"}

    answer = browser.post(reverse("wallets:bill_to"), skipped)

    agency.refresh_from_db()
    assert answer["Location"] == dialogs[1]
    assert (agency.billing_name, agency.billing_asked_at is not None) == ("", True)
    assert [asks(browser, one) for one in dialogs] == [False, False, False]


def test_saving_it_empty_is_an_answer_too(browser, dialogs):
    browser.post(reverse("wallets:bill_to"), {"next": dialogs[0]})

    assert not asks(browser, dialogs[0])


def test_what_was_typed_survives_a_refusal_and_it_is_asked_on(browser, agency, dialogs):
    wrong = TYPED | {"billing_country": "XX", "next": dialogs[0]}

    answer = browser.post(reverse("wallets:bill_to"), wrong)

    text = answer.content.decode()
    agency.refresh_from_db()
    assert answer.status_code == 422
    assert "Brightline Holdings" in text
    assert "DE123456789" in text
    assert f'value="{dialogs[0]}"' in text
    assert (agency.billing_name, agency.billing_asked_at) == ("", None)
    assert asks(browser, dialogs[0])


def test_closing_the_dialog_is_no_answer(browser, dialogs):
    browser.get(dialogs[0])

    assert asks(browser, dialogs[0])


def test_who_has_paid_or_filled_it_in_is_not_asked(browser, agency, wallet, dialogs):
    pay(wallet)
    paid = asks(browser, dialogs[0])
    Account.objects.filter(pk=agency.pk).update(tax_id="DE1")

    assert (paid, asks(browser, dialogs[1])) == (False, False)


def pay(wallet):
    return by_hand.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(50), buys="credit", form_key="one"
    )


def test_a_payment_that_is_sent_without_it_is_not_held_up(wallet):
    assert pay(wallet).state == "succeeded"


def test_the_first_receipt_freezes_what_was_answered(browser, agency, wallet, dialogs):
    browser.post(reverse("wallets:bill_to"), {**TYPED, "next": dialogs[0]})

    purchase = pay(wallet)
    Account.objects.filter(pk=agency.pk).update(billing_name="Another name")

    kept = Parties.objects.get(purchase=purchase)
    assert (kept.buyer_name, kept.buyer_country, kept.buyer_tax_id) == (
        "Brightline Holdings",
        "DE",
        "DE123456789",
    )


def test_the_answer_is_in_the_audit_log_and_that_it_was_asked_is_not(browser, dialogs):
    browser.post(reverse("wallets:bill_to"), {**TYPED, "next": dialogs[0]})

    entry = AuditEntry.objects.filter(table="accounts_account", operation="update").latest("pk")
    assert set(entry.after) == set(TYPED)


def test_members_cannot_answer_and_a_path_elsewhere_is_not_gone_to(client, agency, browser):
    elsewhere = browser.post(
        reverse("wallets:bill_to"), {"skip": "1", "next": "https://evil.example/"}
    )
    client.force_login(add_member(agency))
    refused = client.post(reverse("wallets:bill_to"), TYPED)

    agency.refresh_from_db()
    assert elsewhere["Location"] == reverse("wallets:recharge")
    assert (refused.status_code, agency.billing_name) == (403, "")


def test_in_a_dialog_the_question_comes_as_a_fragment_and_so_does_what_follows(browser, dialogs):
    inside = {"HX-Request": "true", "HX-Target": "dialog-body"}

    question = browser.get(dialogs[0], headers=inside).content.decode()
    after = browser.post(
        reverse("wallets:bill_to"), {"skip": "1", "next": dialogs[0]}, headers=inside, follow=True
    )

    assert "<html" not in question
    assert QUESTION in question
    assert 'id="recharge-form"' in after.content.decode()


def test_settings_have_it_whether_it_was_skipped_or_not(browser, dialogs):
    browser.post(reverse("wallets:bill_to"), {"skip": "1", "next": dialogs[0]})

    page = browser.get(reverse("accounts:settings")).content.decode()
    saved = browser.post(
        reverse("accounts:settings"),
        {"name": "Brightline Agency", "timezone": "UTC", **TYPED},
        follow=True,
    )

    assert 'name="billing_name"' in page
    assert "Settings saved." in saved.content.decode()
