"""Pictures of pages: taken at half their size, kept with few colours, and compared so that a moved
button is noticed and another way of smoothing letters is not."""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops

KEPT = Path(__file__).parent / "snapshots"
# Where the three pictures of a failure are left: as it was, as it is, and where they differ.
LEFT = Path(__file__).parents[2] / ".data" / "snapshots"
COLOURS = 96
# Levels of a channel: smoothing and a palette of 96 colours move a pixel by less.
SAME_WITHIN = 44
# A cell of so many pixels (twice as many of the page) is another when this part of them is.
CELL = 8
OTHER_PIXELS = 0.25

# What is not the same in each run, and no matter of looks: numbers given out, and what is drawn by
# lot.
SETTLE = r"""
async () => {
  document.documentElement.style.setProperty("caret-color", "transparent", "important");
  const settled = (text) => text
    .replace(/[\w.+-]+@example\.(com|net)/g, "somebody@example.com")
    .replace(/\b(Person |Receipt |CN-|camp-|Campaign |call-)\d+/g, "$10");
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    text.data = settled(text.data)
      .replace(/^\s*1\d{3}\s*$/, "1000")
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "00000000-0000-0000-0000-000000000000")
      .replace(/\bE\d+\b/g, "E1")
      .replace(/(T\d\d:\d\d):\d\d(\.\d+)?Z/g, "$1:00Z")
      .replace(/msg_[0-9a-f]{32}/g, "msg_" + "0".repeat(32))
      .replace(/"sequence": \d+/g, '"sequence": 1')
      .replace(/tb_[A-Za-z0-9]+_/g, "tb_00000000_")
      .replace(/^\s*([A-Z2-7]{4} ?){8}\s*$/, "AAAA ".repeat(8));
  }
  for (const code of document.querySelectorAll("img.qr")) code.style.visibility = "hidden";
  for (const field of document.querySelectorAll("input:not([type=hidden]), textarea")) {
    const value = settled(field.value);
    if (value !== field.value) field.value = value;
  }
  await document.fonts.ready;
}
"""


def take(page: object) -> Image.Image:
    """The whole page at half its size, in the few colours that are kept."""
    # What a page asks for once it is there has come.
    page.wait_for_load_state("networkidle")
    page.evaluate(SETTLE)
    picture = page.screenshot(full_page=True, animations="disabled", caret="initial")
    return smaller(Image.open(BytesIO(picture)))


def smaller(picture: Image.Image) -> Image.Image:
    halved = picture.convert("RGB").reduce(2)
    # The other methods lose a colour that only a button has.
    return halved.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def other_cells(was: Image.Image, now: Image.Image) -> list[tuple[int, int]]:
    """The cells that differ, by their place; what one of them lacks counts as black."""
    width, height = (max(sides) for sides in zip(was.size, now.size, strict=True))
    pages = []
    for one in (was, now):
        page = Image.new("RGB", (width, height))
        page.paste(one.convert("RGB"))
        pages.append(page)
    red, green, blue = ImageChops.difference(*pages).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    marked = most.point(lambda level: 255 if level > SAME_WITHIN else 0)
    parts = marked.reduce(CELL)
    columns = parts.width
    return [
        (place % columns, place // columns)
        for place, level in enumerate(parts.tobytes())
        if level >= 255 * OTHER_PIXELS
    ]


def differ(name: str, now: Image.Image) -> str:
    """Says what is wrong with this page's picture, or nothing; leaves three pictures if it is."""
    kept = KEPT / f"{name}.png"
    if not kept.exists():
        return "no picture is kept: make snapshots"
    was = Image.open(kept)
    cells = other_cells(was, now)
    if not cells:
        return ""
    LEFT.mkdir(parents=True, exist_ok=True)
    was.save(LEFT / f"{name}-was.png")
    now.save(LEFT / f"{name}-is.png")
    shown = now.convert("RGB")
    for column, row in cells:
        box = (column * CELL, row * CELL, (column + 1) * CELL, (row + 1) * CELL)
        shown.paste((255, 0, 120), box)
    shown.save(LEFT / f"{name}-difference.png")
    return f"{len(cells)} places of {2 * CELL} pixels, the first at {2 * CELL * cells[0][1]} down"


def keep(name: str, now: Image.Image) -> None:
    """As it is from now on, unless it looks as it did: the same page is not written anew."""
    kept = KEPT / f"{name}.png"
    KEPT.mkdir(exist_ok=True)
    if not kept.exists() or other_cells(Image.open(kept), now):
        now.save(kept, optimize=True)
