"""Receipts, credit notes and statements are PDF/A-3, and say what their parts are."""

import pikepdf
import pytest
from fpdf import FPDF

from wallets.statements.receipt_pdf import FONTS, Receipt, draw, draw_all
from wallets.tests.statements.pdf_a import broken, outline

pytestmark = pytest.mark.journey


def paper(name: str = "Łukasz Żółć", *, rows: int = 1, notes: int = 1) -> Receipt:
    return Receipt(
        number="R-1",
        amount="$1.00",
        facts=[("Seller", "Sellers Inc\n1 Road\nTown"), ("Billed to", name)],
        title=f"Monthly allocation for {name}",
        lines=[("Credit", f"+${number}.00") for number in range(rows)],
        total="$1.00 USD",
        after=[("Given back", "−$0.50 USD"), ("Net", "$0.50 USD")],
        notes=["Refund of $0.50"] * notes,
        reference="r",
        address="https://billing.example/r",
    )


@pytest.mark.parametrize(
    "name",
    [
        "Łukasz Ελλάς Привет",
        "株式会社さくらクリニック",
        "서울 치과의원",
        "مرحبا 12 (Dubai) سلام\u200cنامه",
        "מרפאת שיניים",
        "हिन्दी Clinic",
        "Café ☕ 😀 \u2066a\u2069 b\ufe0f c\u200bd",
        "A name so long that it takes " + "more than a line " * 12,
        "bell\x07 and private \ue000",
    ],
)
def test_a_paper_of_any_name_breaks_no_rule_of_pdf_a_3(name):
    assert broken(draw(paper(name))) == []


def test_many_papers_in_one_file_and_papers_of_many_pages_break_none_either():
    content = draw_all([paper(rows=120), paper("株式会社"), paper(notes=60)], title="Receipts 2026")

    assert broken(content) == []
    assert outline(content).count("  Sect") == 3


def test_a_paper_is_read_out_as_headings_paragraphs_and_tables_with_their_heads():
    row = ["      TR", "        TH", "        TD"]

    assert outline(draw(paper())) == [
        "Document",
        "  Sect",
        *["    P", "    H1", "    P"],
        *["    Table", *row * 2],
        "    H2",
        *["    Table", *row * 4],
        *["    P", "    P"],
    ]


def test_the_head_of_a_row_is_said_to_be_its_head(tmp_path):
    (tmp_path / "paper.pdf").write_bytes(draw(paper()))

    with pikepdf.open(tmp_path / "paper.pdf") as pdf:
        heads = [one for one in pdf.objects if one.get("/S") == "/TH"]

    assert len(heads) == 6
    assert {str(one.A.Scope) for one in heads} == {"/Row"}


def test_the_title_and_the_language_are_the_papers(tmp_path):
    (tmp_path / "paper.pdf").write_bytes(draw(paper()))

    with pikepdf.open(tmp_path / "paper.pdf") as pdf:
        title = pdf.open_metadata()["dc:title"]
        language = str(pdf.Root.Lang)

    assert (title, language) == ("Receipt R-1", "en")


def test_a_file_that_is_no_pdf_a_is_noticed():
    """What the checks are worth: an ordinary file breaks most of them."""
    plain = FPDF()
    plain.add_font("DejaVu", "", FONTS / "DejaVuSans.ttf")
    plain.add_page()
    plain.set_font("DejaVu", "", 10)
    plain.cell(text="Receipt")

    with pytest.raises(AttributeError, match="Metadata|OutputIntents"):
        broken(bytes(plain.output()))


def test_a_drawing_outside_of_every_part_is_noticed():
    from wallets.statements.tagged_pdf import TaggedPDF

    page = TaggedPDF(title="Receipt", language="en", format="letter")
    page.add_font("DejaVu", "", FONTS / "DejaVuSans.ttf")
    page.add_page()
    page.set_font("DejaVu", "", 10)
    with page.part("P"):
        page.cell(text="Inside")
    page.cell(text="Outside")

    assert broken(page.finished()) == ["1 drawings on a page belong to no part"]
