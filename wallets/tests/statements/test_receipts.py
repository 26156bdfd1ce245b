"""Receipts as people keep them: the PDF says what the page says."""

import re
import unicodedata
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.tests.builders import make_individual, owner_of
from wallets.recharges import by_hand
from wallets.statements.receipt_pdf import MISSING, Receipt, draw
from wallets.tests.worlds.builders import DECLINED_CARD, add_card, make_wallet

PAGES = re.compile(rb"/Type /Page\b")
FONT_NAMES = re.compile(rb"/FontName")

pytestmark = [pytest.mark.usefixtures("nudges"), pytest.mark.journey]


@pytest.fixture
def wallet(stripe):
    account = make_individual(name="Łukasz Żółć & Söhne")
    account.billing_address = "Ulica 5\n00-001 Warszawa"
    account.save()
    wallet = make_wallet(account=account)
    add_card(stripe, wallet)
    return wallet


def pay(wallet):
    return by_hand.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(50), buys="premium", form_key="one"
    )


@pytest.mark.django_db
def test_a_paid_recharge_has_a_pdf_of_one_page_named_by_its_number(browser, wallet):
    purchase = pay(wallet)

    answer = browser.get(reverse("wallets:receipt_pdf", args=[purchase.pk]))

    assert answer["Content-Type"] == "application/pdf"
    assert f'filename="receipt-{purchase.receipt_number}.pdf"' in answer["Content-Disposition"]
    assert answer.content.startswith(b"%PDF-")
    assert len(PAGES.findall(answer.content)) == 1


@pytest.mark.django_db
def test_what_was_not_paid_and_what_others_paid_has_none(stripe, client, browser, wallet):
    paid = pay(wallet)
    declined = by_hand.recharge(
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


@pytest.mark.django_db
def test_the_page_offers_the_pdf(browser, wallet):
    purchase = pay(wallet)

    page = browser.get(reverse("wallets:receipt", args=[purchase.pk])).content.decode()

    assert reverse("wallets:receipt_pdf", args=[purchase.pk]) in page


@pytest.mark.parametrize(
    "name",
    [
        "Łukasz Ελλάς Привет",
        "株式会社さくらクリニック",
        "北京华夏科技有限公司 臺灣電信",
        "서울 치과의원",
        "مرحبا 12 (Dubai)",
        "מרפאת שיניים",
        "Café ☕ 😀",
        "Zoe\u0308",
    ],
)
def test_names_of_many_scripts_are_printed_with_letters_of_their_own(name):
    letters = letters_of(draw(receipt_for(name)))

    assert set(unicodedata.normalize("NFC", name)) - {" "} <= letters
    assert MISSING not in letters


def test_a_letter_without_a_font_is_marked_and_a_line_names_the_page():
    letters = letters_of(draw(receipt_for("हिन्दी Clinic")))

    assert MISSING in letters
    assert set("https://billing.example/r") <= letters
    assert MISSING not in letters_of(draw(receipt_for("Clinic")))


def test_european_names_need_none_of_the_larger_fonts():
    assert len(FONT_NAMES.findall(draw(receipt_for("Łukasz")))) < len(
        FONT_NAMES.findall(draw(receipt_for("서울")))
    )


def receipt_for(name: str) -> Receipt:
    return Receipt(
        number="R-1",
        amount="$1.00",
        facts=[("Billed to", name)],
        title=f"Monthly allocation for {name}",
        lines=[("Credit", "+$1.00")],
        total="$1.00 USD",
        notes=["Refund of $0.50"],
        reference="r",
        address="https://billing.example/r",
    )


def letters_of(pdf: bytes) -> set[str]:
    """The letters the embedded fonts can say, from their maps to Unicode."""
    maps = b"".join(re.findall(rb"beginbfchar(.*?)endbfchar", pdf, re.DOTALL))
    codes = re.findall(rb"<[0-9A-F]{4}> <([0-9A-F]+)>", maps)
    return set("".join(bytes.fromhex(code.decode()).decode("utf-16-be") for code in codes))
