"""A receipt as a PDF page: the same figures as its page, drawn with fonts of our own.

Names in scripts the font lacks are printed as far as it goes; the HTML receipt has them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos

FONTS = Path(__file__).parent / "fonts"
# Millimetres of a letter page.
MARGIN = 20
LABEL_WIDTH = 45
LINE = 6.5
GREY = (70, 81, 96)
HAIRLINE = (216, 222, 230)


@dataclass(frozen=True)
class Receipt:
    """What is printed, in words and figures as people read them."""

    number: str
    amount: str
    facts: Sequence[tuple[str, str]]
    title: str
    lines: Sequence[tuple[str, str]]
    total: str
    notes: Sequence[str]
    reference: str


def draw(receipt: Receipt) -> bytes:
    page = _blank(receipt)
    _heading(page, receipt)
    for label, text in receipt.facts:
        _fact(page, label, text)
    page.ln(LINE)
    _write(page, receipt.title, size=13, bold=True)
    for text, figure in receipt.lines:
        _line(page, text, figure)
    _line(page, "Total", receipt.total, bold=True)
    page.ln(LINE)
    for note in receipt.notes:
        _write(page, note, size=9)
    page.set_text_color(*GREY)
    _write(page, f"Reference {receipt.reference}", size=8)
    return bytes(page.output())


def _blank(receipt: Receipt) -> FPDF:
    page = FPDF(format="letter")
    page.add_font("DejaVu", "", FONTS / "DejaVuSans.ttf")
    page.add_font("DejaVu", "B", FONTS / "DejaVuSans-Bold.ttf")
    page.set_title(f"Receipt {receipt.number}")
    page.set_lang("en")
    page.set_margins(MARGIN, MARGIN)
    page.add_page()
    return page


def _heading(page: FPDF, receipt: Receipt) -> None:
    page.set_text_color(*GREY)
    _write(page, "thinkrr billing", size=10, bold=True)
    page.set_text_color(0)
    _write(page, f"Receipt {receipt.number}", size=18, bold=True, height=12)
    _write(page, f"{receipt.amount} paid", size=13, height=9)
    page.ln(LINE)


def _write(
    page: FPDF, text: str, *, size: int, bold: bool = False, height: float = LINE, width: float = 0
) -> None:
    page.set_font("DejaVu", "B" if bold else "", size)
    page.multi_cell(width, height, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _fact(page: FPDF, label: str, text: str) -> None:
    page.set_font("DejaVu", "", 10)
    page.set_text_color(*GREY)
    page.cell(LABEL_WIDTH, LINE, label)
    page.set_text_color(0)
    page.multi_cell(0, LINE, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _line(page: FPDF, text: str, figure: str, *, bold: bool = False) -> None:
    page.set_draw_color(*HAIRLINE)
    page.line(MARGIN, page.get_y() + 1, page.w - MARGIN, page.get_y() + 1)
    page.set_font("DejaVu", "B" if bold else "", 10)
    page.cell(page.epw * 0.65, LINE + 3, text)
    page.cell(0, LINE + 3, figure, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
