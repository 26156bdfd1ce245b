"""A receipt or a credit note as a PDF page: the same as its page, drawn with fonts of our own.

Most receipts need European letters only. Chinese, Japanese, Korean, Arabic, Hebrew and the like
bring larger fonts, and shaping from right to left. A letter that no font has is printed as a mark,
and a line says where the whole name stands.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wallets.statements.tagged_pdf import TaggedPDF

FONTS = Path(__file__).parent / "fonts"
# Asked in this order for a letter that the first font lacks.
WIDER_FONTS = ("DejaVuSans-More", "DroidSansFallback")
# What stands for letters without a font.
MISSING = "\ufffd"
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
    # Where the receipt's page is, for letters that cannot be printed.
    address: str
    name: str = "Receipt"
    # What became of the amount: "paid", "paid, $40.00 after refunds".
    state: str = "paid"
    # Below the total: what was given back, and what is left.
    after: Sequence[tuple[str, str]] = ()

    @property
    def file_name(self) -> str:
        return f"{self.name.lower().replace(' ', '-')}-{self.number}.pdf"

    @property
    def texts(self) -> list[str]:
        """All that is printed and not ours."""
        return [*(text for fact in self.facts for text in fact), self.title, *self.notes]


def draw(receipt: Receipt) -> bytes:
    return draw_all([receipt], title=f"{receipt.name} {receipt.number}")


def draw_all(receipts: Iterable[Receipt], *, title: str) -> bytes:
    """Each from a page of its own on, in this order, as one file: a tagged PDF/A-3."""
    pages = _blank(title)
    for receipt in receipts:
        pages.add_page()
        printable = _printable(pages, receipt)
        with pages.group("Sect"):
            _draw(pages, printable)
    return pages.finished()


def _draw(page: "TaggedPDF", receipt: Receipt) -> None:
    _heading(page, receipt)
    with page.group("Table"):
        for label, text in receipt.facts:
            _fact(page, label, text)
    page.ln(LINE)
    _write(page, receipt.title, kind="H2", size=13, bold=True)
    with page.group("Table"):
        for text, figure in receipt.lines:
            _line(page, text, figure)
        if receipt.total:
            _line(page, "Total", receipt.total, bold=True)
        for text, figure in receipt.after:
            _line(page, text, figure, bold=text == receipt.after[-1][0])
    page.ln(LINE)
    for note in receipt.notes:
        _write(page, note, size=9)
    page.set_text_color(*GREY)
    _write(page, f"Reference {receipt.reference}", size=8)
    page.set_text_color(0)


def _blank(title: str) -> "TaggedPDF":
    # Only who prints one loads it: it takes 25 MB and a quarter of a second in each process.
    from wallets.statements.tagged_pdf import TaggedPDF

    page = TaggedPDF(title=title, language="en", format="letter")
    page.add_font("DejaVu", "", FONTS / "DejaVuSans.ttf")
    page.add_font("DejaVu", "B", FONTS / "DejaVuSans-Bold.ttf")
    page.set_margins(MARGIN, MARGIN)
    return page


def _printable(page: "TaggedPDF", receipt: Receipt) -> Receipt:
    """The receipt in letters that the file's fonts have, widening them only when it must."""
    composed = _rewritten(receipt, lambda text: unicodedata.normalize("NFC", text))
    if not _letters(composed) - _known(page):
        return composed
    if WIDER_FONTS[0].lower() not in page.fonts:
        for name in WIDER_FONTS:
            page.add_font(name, "", FONTS / f"{name}.ttf")
        page.set_fallback_fonts(list(WIDER_FONTS), exact_match=False)
        page.set_text_shaping(True)
    missing = _letters(composed) - _known(page)
    if not missing:
        return composed
    marked = _rewritten(composed, lambda text: _marked(text, missing))
    note = (
        f"{MISSING} stands for letters that cannot be printed here. "
        f"The {receipt.name.lower()}'s page shows them: {receipt.address}"
    )
    return replace(marked, notes=[*marked.notes, note])


def _known(page: "TaggedPDF") -> set[int]:
    """What the regular fonts of the file can draw."""
    names = ("dejavu", *(name.lower() for name in WIDER_FONTS))
    return {letter for name in names if name in page.fonts for letter in page.fonts[name].cmap}


def _rewritten(receipt: Receipt, change: Callable[[str], str]) -> Receipt:
    return replace(
        receipt,
        facts=[(label, change(text)) for label, text in receipt.facts],
        title=change(receipt.title),
        notes=[change(note) for note in receipt.notes],
    )


def _letters(receipt: Receipt) -> set[int]:
    """What has to be drawn: a joiner or a variation selector has no shape of its own."""
    return {
        ord(letter)
        for text in receipt.texts
        for letter in text
        if unicodedata.category(letter) not in ("Cc", "Cf") and not "\ufe00" <= letter <= "\ufe0f"
    }


def _marked(text: str, missing: set[int]) -> str:
    """One mark for each run of letters without a font."""
    marked = "".join(MISSING if ord(letter) in missing else letter for letter in text)
    return re.sub(f"{MISSING}[{MISSING}\u200d\ufe0f]*", MISSING, marked)


def _heading(page: "TaggedPDF", receipt: Receipt) -> None:
    page.set_text_color(*GREY)
    _write(page, "thinkrr billing", size=10, bold=True)
    page.set_text_color(0)
    _write(page, f"{receipt.name} {receipt.number}", kind="H1", size=18, bold=True, height=12)
    _write(page, f"{receipt.amount} {receipt.state}", size=13, height=9)
    page.ln(LINE)


def _write(
    page: "TaggedPDF",
    text: str,
    *,
    size: int,
    kind: str = "P",
    bold: bool = False,
    height: float = LINE,
) -> None:
    page.set_font("DejaVu", "B" if bold else "", size)
    _make_room(page, text, height=height, width=page.epw)
    with page.part(kind):
        page.multi_cell(0, height, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _fact(page: "TaggedPDF", label: str, text: str) -> None:
    page.set_font("DejaVu", "", 10)
    _make_room(page, text, height=LINE, width=page.epw - LABEL_WIDTH)
    with page.group("TR"):
        page.set_text_color(*GREY)
        with page.part("TH"):
            page.cell(LABEL_WIDTH, LINE, label)
        page.set_text_color(0)
        with page.part("TD"):
            page.multi_cell(0, LINE, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _line(page: "TaggedPDF", text: str, figure: str, *, bold: bool = False) -> None:
    page.set_draw_color(*HAIRLINE)
    page.set_font("DejaVu", "B" if bold else "", 10)
    _make_room(page, text, height=LINE + 3, width=page.epw)
    with page.ornament():
        page.line(MARGIN, page.get_y() + 1, page.w - MARGIN, page.get_y() + 1)
    with page.group("TR"):
        with page.part("TH"):
            page.cell(page.epw * 0.65, LINE + 3, text)
        with page.part("TD"):
            page.cell(0, LINE + 3, figure, align="R", new_x="LMARGIN", new_y="NEXT")


def _make_room(page: "TaggedPDF", text: str, *, height: float, width: float) -> None:
    """Begin another page before what would not fit whole: a part stands on one page."""
    lines = page.multi_cell(width, height, text, align="L", dry_run=True, output="LINES")
    if page.will_page_break(height * max(len(lines), 1)):
        page.add_page()
