"""Receipts as people keep them: the PDF says what the page says."""

import re
import unicodedata
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from accounts.models import Account, AuditEntry, StaffAction
from accounts.tests.builders import make_individual, owner_of
from tests.databases import as_owner
from thinkrr_billing.staff.groups import BILLING, READ_ONLY, SUPPORT
from thinkrr_billing.staff.tests.phone import press, said, staff_client
from wallets.models import Parties, Purchase, Reversal, Seller
from wallets.recharges import by_hand
from wallets.reversals import refunds
from wallets.statements import papers
from wallets.statements.receipt_pdf import MISSING, Receipt, draw
from wallets.support import selling
from wallets.tests.worlds.at_once import at_once
from wallets.tests.worlds.builders import DECLINED_CARD, add_card, make_wallet
from wallets.tests.worlds.pages import text_of

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


def refund(purchase, cents: int):
    reversal = refunds.refund(
        purchase_id=purchase.pk,
        amount_cents=cents,
        actor=None,
        reason="Called twice, our mistake",
        form_key=str(uuid4()),
    )
    return refunds.drive_refund(reversal_id=reversal.pk)


@pytest.mark.django_db
def test_after_a_partial_refund_the_receipt_says_so_with_the_net(browser, wallet):
    purchase = pay(wallet)
    reversal = refund(purchase, 1000)
    reversal.refresh_from_db()

    text = text_of(browser.get(reverse("wallets:receipt", args=[purchase.pk])))
    paper = papers.receipt(purchase, address="https://billing.example/r")

    assert "Given back in part or whole" in text
    assert "Given back −$10.00 USD" in text
    assert "Net $40.00 USD" in text
    assert f"Credit note CN-{reversal.credit_note_number}" in text
    assert (paper.total, paper.state) == (
        "$50.00 USD",
        "paid, $40.00 after what was given back",
    )


@pytest.mark.django_db
def test_a_refund_that_failed_takes_nothing_off_the_receipt(wallet):
    purchase = pay(wallet)
    Reversal.objects.create(
        purchase=purchase, kind="refund", amount_cents=1000, state="failed", reason="Asked for"
    )

    assert list(papers.receipt(purchase, address="").after) == []


@pytest.mark.django_db
def test_a_refund_that_was_made_has_a_credit_note_with_a_number_of_its_own(browser, wallet):
    purchase = pay(wallet)
    first, second = refund(purchase, 1000), refund(purchase, 500)
    for one in (first, second):
        one.refresh_from_db()

    page = browser.get(reverse("wallets:credit_note", args=[first.pk]))
    printed = browser.get(reverse("wallets:credit_note_pdf", args=[first.pk]))

    assert second.credit_note_number == first.credit_note_number + 1
    text = text_of(page)
    assert f"Credit note number CN-{first.credit_note_number}" in text
    assert f"Corrects receipt {purchase.receipt_number}" in text
    assert "Total $10.00 USD" in text
    assert "Called twice" not in text
    name = f'filename="credit-note-CN-{first.credit_note_number}.pdf"'
    assert name in printed["Content-Disposition"]
    assert printed.content.startswith(b"%PDF-")


@pytest.mark.django_db
def test_a_refund_on_its_way_has_no_credit_note_yet(browser, wallet):
    purchase = pay(wallet)
    reversal = Reversal.objects.create(
        purchase=purchase, kind="refund", amount_cents=1000, reason="Asked for"
    )

    page = browser.get(reverse("wallets:credit_note", args=[reversal.pk]))
    printed = browser.get(reverse("wallets:credit_note_pdf", args=[reversal.pk]))

    assert "on its way to Visa •••• 4242" in text_of(page)
    assert printed.status_code == 404
    reversal.refresh_from_db()
    assert reversal.credit_note_number is None


@pytest.mark.django_db
def test_the_number_of_a_credit_note_never_changes(wallet):
    purchase = pay(wallet)
    reversal = refund(purchase, 1000)
    reversal.refresh_from_db()
    number = reversal.credit_note_number

    Reversal.objects.filter(pk=reversal.pk).update(credit_note_number=7, state="failed")

    reversal.refresh_from_db()
    assert reversal.credit_note_number == number
    assert papers.credit_note(reversal, address="").notes == [papers.VOID]


def made(purchase, cents: int = 100) -> Reversal:
    found = Reversal.objects.create(
        purchase=purchase, kind="refund", amount_cents=cents, state="succeeded", reason="Asked for"
    )
    found.refresh_from_db()
    return found


@pytest.mark.django_db
def test_a_credit_note_that_was_undone_leaves_no_number_out(wallet):
    purchase = pay(wallet)
    first = made(purchase)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        made(purchase)
        raise ZeroDivisionError

    assert made(purchase).credit_note_number == first.credit_note_number + 1


@pytest.mark.django_db
def test_what_a_credit_note_says_to_the_customer_is_never_changed(wallet):
    found = made(pay(wallet))

    with pytest.raises(DatabaseError), transaction.atomic():
        Reversal.objects.filter(pk=found.pk).update(customer_note="Something else")

    found.refresh_from_db()
    assert found.customer_note == ""


@pytest.mark.django_db(transaction=True)
def test_credit_notes_of_several_workers_have_one_number_after_the_other(wallet):
    purchase = pay(wallet)

    numbers = at_once(lambda _: made(purchase).credit_note_number, range(8))

    assert sorted(numbers) == list(range(min(numbers), min(numbers) + 8))


@pytest.mark.django_db
def test_others_find_no_credit_note(client, wallet):
    reversal = refund(pay(wallet), 1000)
    client.force_login(owner_of(make_individual()))

    for name in ("wallets:credit_note", "wallets:credit_note_pdf"):
        assert client.get(reverse(name, args=[reversal.pk])).status_code == 404


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


def facts_of(purchase) -> dict[str, str]:
    paper = papers.receipt(purchase, address="")
    return dict(paper.facts) | {"Tax": dict(paper.lines)["Tax"]}


@pytest.mark.django_db
def test_a_receipt_keeps_seller_and_buyer_as_they_were_when_it_was_paid(wallet):
    facts = {"address": "1 Main St", "tax_id": "US-1", "tax_sentence": "No sales tax"}
    selling.set_seller(country="", name="Thinkrr Inc.", actor=None, **facts)
    purchase = pay(wallet)
    before = facts_of(purchase)
    account = wallet.account
    account.billing_name, account.billing_address, account.tax_id = "New", "Elsewhere", "PL-9"
    account.save()
    selling.set_seller(country="", name="Thinkrr SE", actor=None, **facts)
    reversal = refund(purchase, 1000)
    reversal.refresh_from_db()

    assert before == facts_of(Purchase.objects.get(pk=purchase.pk))
    assert before["Seller"] == "Thinkrr Inc.\n1 Main St"
    assert before["Seller's tax ID"] == "US-1"
    assert before["Billed to"] == "Łukasz Żółć & Söhne\nUlica 5\n00-001 Warszawa"
    assert (before["Tax"], "Tax ID" in before) == ("No sales tax", False)
    note = dict(papers.credit_note(reversal, address="").facts)
    assert (note["Seller"], note["Billed to"]) == (before["Seller"], before["Billed to"])


@pytest.mark.django_db
def test_the_seller_is_the_one_of_the_buyers_country(wallet):
    account = wallet.account
    account.billing_country = "PL"
    account.save()
    for country, name in (("", "Thinkrr Inc."), ("DE", "Thinkrr GmbH"), ("PL", "Thinkrr Sp.")):
        selling.set_seller(
            country=country,
            name=name,
            address="",
            tax_id="",
            tax_sentence="Reverse charge",
            actor=None,
        )

    facts = facts_of(pay(wallet))

    assert (facts["Seller"], facts["Tax"]) == ("Thinkrr Sp.", "Reverse charge")
    assert facts["Billed to"].endswith("\nPoland")


def seller(name: str, country: str = "", said: str = "No tax charged") -> Seller:
    facts = {"address": "", "tax_id": "", "tax_sentence": said}
    return selling.set_seller(country=country, name=name, actor=None, **facts)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("buyer", "found"),
    [
        ("", "For everybody"),
        ("DE", "German, anew"),
        ("PL", "Polish"),
        # No seller of its own.
        ("FR", "For everybody"),
    ],
)
def test_who_sells_is_the_newest_of_the_buyers_country_or_else_of_everybody(wallet, buyer, found):
    seller("For everybody, once")
    seller("German", "DE")
    seller("Polish", "PL")
    seller("German, anew", "DE")
    seller("For everybody", said="Said to everybody")
    Account.objects.filter(pk=wallet.account_id).update(billing_country=buyer)

    purchase = pay(wallet)
    reversal = refund(purchase, 1000)
    reversal.refresh_from_db()
    note = papers.credit_note(reversal, address="")
    said = "Said to everybody" if found == "For everybody" else "No tax charged"

    assert (facts_of(purchase)["Seller"], facts_of(purchase)["Tax"]) == (found, said)
    assert (dict(note.facts)["Seller"], dict(note.lines)["Tax"]) == (found, said)


@pytest.mark.django_db
def test_a_seller_of_another_country_sells_to_nobody_else(wallet):
    seller("German", "DE")

    assert facts_of(pay(wallet))["Seller"] == papers.UNNAMED


@pytest.mark.django_db
def test_until_support_sets_one_a_paper_says_so_and_makes_nobody_up(wallet):
    facts = facts_of(pay(wallet))

    assert facts["Seller"] == "Not named yet. Support can name it; load this paper again then."
    assert facts["Tax"] == "Not said yet"
    assert "Seller's tax ID" not in facts


@pytest.mark.django_db
def test_a_paper_that_named_no_seller_takes_the_first_that_is_set_and_keeps_it(wallet):
    purchase = pay(wallet)
    seller("German", "DE")
    between = facts_of(purchase)["Seller"]
    seller("Thinkrr Inc.")
    first = facts_of(purchase)
    seller("Thinkrr SE", said="Another")

    assert between == papers.UNNAMED
    assert (first["Seller"], first["Tax"]) == ("Thinkrr Inc.", "No tax charged")
    assert facts_of(purchase) == first


@pytest.mark.django_db
def test_what_is_frozen_is_never_changed(wallet):
    purchase = pay(wallet)

    for change in ("UPDATE wallets_parties SET seller_name = 'x'", "DELETE FROM wallets_parties"):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            as_owner(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)
    assert Parties.objects.get().purchase_id == purchase.pk


@pytest.mark.django_db
def test_support_sets_the_seller_with_a_button_and_a_country_is_one_of_the_list(wallet):
    staff = staff_client(BILLING)
    fields = {"name": "Thinkrr GmbH", "tax_sentence": "Reverse charge", "address": "", "tax_id": ""}

    wrong = [
        press(staff, "wallets.seller", "set_seller", country=code, **fields)
        for code in ("de", "XX", "EU")
    ]
    kept = Seller.objects.count()
    answer = press(staff, "wallets.seller", "set_seller", country="DE", **fields)

    assert [
        f"“{code}” is no country" in text_of(one)
        for code, one in zip(("de", "XX", "EU"), wrong, strict=True)
    ] == [True, True, True]
    assert kept == 0
    assert said(answer) == "Thinkrr GmbH for DE, from now on. Before: nobody."
    assert [(one.country, one.name) for one in Seller.objects.all()] == [("DE", "Thinkrr GmbH")]
    assert wallet is not None


@pytest.mark.django_db
def test_who_set_a_seller_when_and_what_it_was_before_and_after_is_kept():
    staff = staff_client(BILLING)
    first = {
        "name": "Thinkrr Inc.",
        "tax_sentence": "No tax charged",
        "address": "1 Main St\r\nUSA",
    }
    second = {"name": "Thinkrr SE", "tax_sentence": "Reverse charge", "tax_id": "DE1"}

    press(staff, "wallets.seller", "set_seller", **first)
    press(staff, "wallets.seller", "set_seller", **second)

    noted = AuditEntry.objects.filter(table="wallets_seller").order_by("pk")
    assert [(one.operation, one.after["name"]) for one in noted] == [
        ("insert", "Thinkrr Inc."),
        ("insert", "Thinkrr SE"),
    ]
    deed = StaffAction.objects.latest("pk")
    assert noted[1].actor == deed.actor.email
    assert (deed.kind, deed.reason) == ("set_seller", "Asked on the phone")
    assert deed.facts == {"country": "", "address": ""} | second
    assert deed.result == (
        "Thinkrr SE for everybody else, from now on. "
        "Before: Thinkrr Inc., 1 Main St, USA, “No tax charged”."
    )


@pytest.mark.django_db
def test_the_dialog_says_who_sells_now_and_helps_with_every_field():
    seller("Thinkrr GmbH", "DE", said="Reverse charge")
    staff = staff_client(BILLING)

    dialog = text_of(staff.get(reverse("admin:wallets_seller_set_seller")))

    assert "Germany Thinkrr GmbH, “Reverse charge”" in dialog
    for help_text in (
        "By the billing country of the account that pays.",
        "As it is registered.",
        "A line each, as it is printed",
        "Such as a VAT number",
        "your tax adviser says what has to stand here",
        "take the first that is set for their buyer, for good",
    ):
        assert help_text in dialog


@pytest.mark.django_db
def test_the_list_of_sellers_says_which_is_in_force():
    for name in ("Old", "New"):
        seller(name, "DE")
    page = staff_client(BILLING).get(reverse("admin:wallets_seller_changelist"))

    found = {one.name: one.is_in_force for one in page.context["cl"].result_list}
    assert found == {"Old": False, "New": True}


@pytest.mark.django_db
def test_only_billing_operations_set_a_seller():
    for role in (READ_ONLY, SUPPORT):
        answer = press(staff_client(role), "wallets.seller", "set_seller", name="X")
        assert answer.status_code == 403

    assert not Seller.objects.exists()
