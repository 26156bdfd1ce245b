"""Receipts as people keep them: the PDF says what the page says."""

import re
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.tests.builders import make_individual, owner_of
from wallets import recharges
from wallets.receipt_pdf import Receipt, draw
from wallets.tests.builders import DECLINED_CARD, add_card, make_wallet

PAGES = re.compile(rb"/Type /Page\b")


@pytest.fixture
def wallet(stripe, nudges):
    account = make_individual(name="Łukasz Żółć & Söhne")
    account.billing_address = "Ulica 5\n00-001 Warszawa"
    account.save()
    wallet = make_wallet(account=account)
    add_card(stripe, wallet)
    return wallet


def pay(wallet):
    return recharges.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(50), buys="premium", form_key="one"
    )


@pytest.fixture
def browser(client: Client, wallet) -> Client:
    client.force_login(owner_of(wallet.account))
    return client


def test_a_paid_recharge_has_a_pdf_of_one_page_named_by_its_number(db, browser, wallet):
    purchase = pay(wallet)

    answer = browser.get(reverse("wallets:receipt_pdf", args=[purchase.pk]))

    assert answer["Content-Type"] == "application/pdf"
    assert f'filename="receipt-{purchase.receipt_number}.pdf"' in answer["Content-Disposition"]
    assert answer.content.startswith(b"%PDF-")
    assert len(PAGES.findall(answer.content)) == 1


def test_what_was_not_paid_and_what_others_paid_has_none(db, stripe, client, browser, wallet):
    paid = pay(wallet)
    declined = recharges.recharge(
        wallet_id=wallet.pk,
        actor=None,
        amount=Decimal(60),
        buys="credit",
        payment_method=add_card(stripe, wallet, DECLINED_CARD).id,
        form_key="two",
    )
    unpaid = browser.get(reverse("wallets:receipt_pdf", args=[declined.pk]))
    client.force_login(owner_of(make_individual()))

    assert unpaid.status_code == 404
    assert client.get(reverse("wallets:receipt_pdf", args=[paid.pk])).status_code == 404


def test_the_page_offers_the_pdf(db, browser, wallet):
    purchase = pay(wallet)

    page = browser.get(reverse("wallets:receipt", args=[purchase.pk])).content.decode()

    assert reverse("wallets:receipt_pdf", args=[purchase.pk]) in page


def test_letters_of_any_european_alphabet_are_embedded():
    receipt = Receipt(
        number="R-1",
        amount="$1.00",
        facts=[("Billed to", "Łukasz Ελλάς Привет")],
        title="Recharge",
        lines=[("Credit", "+$1.00")],
        total="$1.00 USD",
        notes=["Refund of $0.50"],
        reference="r",
    )

    letters = letters_of(draw(receipt))

    assert set("ŁΕλПр") <= letters


def letters_of(pdf: bytes) -> set[str]:
    """The letters the embedded fonts can say, from their maps to Unicode."""
    codes = re.findall(rb"<[0-9A-F]{4}> <([0-9A-F]{4})>", pdf)
    return {chr(int(code, 16)) for code in codes}
