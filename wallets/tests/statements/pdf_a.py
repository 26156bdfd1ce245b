"""What PDF/A-3 (level B) and a tagged PDF ask of our files, read back from the file itself.

A validator such as veraPDF comes in none of the package registries we install from. So this proves
the rules below, and a conforming file where the rest is fpdf2's word.
"""

import io
from collections.abc import Iterator

import pikepdf
from fontTools.ttLib import TTFont

NAMESPACE = "{http://www.aiim.org/pdfa/ns/id/}"
# Where a text is shown, its strings are the last operand.
SHOWN = ("Tj", "TJ")
DRAWN = ("S", "s", "f", "F", "B", "b", "Do", *SHOWN)


def broken(content: bytes) -> list[str]:
    """Every rule that the file breaks, as a sentence; none for a good one."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return [
            *pdf.check_pdf_syntax(),
            *_file(content, pdf),
            *_metadata(pdf),
            *_colours(pdf),
            *_fonts(pdf),
            *_tags(pdf),
        ]


def _file(content: bytes, pdf: pikepdf.Pdf) -> Iterator[str]:
    head, comment = content.split(b"\n", 2)[:2]
    if not head.startswith(b"%PDF-1."):
        yield "the header is not the first line"
    if not (comment.startswith(b"%") and len([one for one in comment[1:5] if one > 127]) == 4):
        yield "no comment of four bytes above 127 follows the header"
    if pdf.is_encrypted or "/ID" not in pdf.trailer:
        yield "it is encrypted, or has no id"
    root = pdf.Root
    for forbidden in ("/AA", "/AcroForm", "/OCProperties"):
        if forbidden in root:
            yield f"the catalog has {forbidden}"
    # A place to open at is allowed, an action is not.
    if isinstance(root.get("/OpenAction"), pikepdf.Dictionary):
        yield "it does something when it is opened"
    for page in pdf.pages:
        if "/AA" in page or "/Annots" in page:
            yield "a page has actions or annotations"


def _metadata(pdf: pikepdf.Pdf) -> Iterator[str]:
    if "/Filter" in pdf.Root.Metadata:
        yield "the metadata are compressed"
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as found:
        facts = (found.get(f"{NAMESPACE}part"), found.get(f"{NAMESPACE}conformance"))
        if facts != ("3", "B"):
            yield f"the metadata say PDF/A {facts}"
        if not found.get("dc:title"):
            yield "the metadata have no title"
    if "/Info" in pdf.trailer:
        yield "the old kind of metadata is there as well"


def _colours(pdf: pikepdf.Pdf) -> Iterator[str]:
    [intent] = pdf.Root.OutputIntents
    profile = intent.DestOutputProfile
    if (str(intent.S), int(profile.N)) != ("/GTS_PDFA1", 3):
        yield "no output intent with a profile of three colours"
    if profile.read_bytes()[36:40] != b"acsp":
        yield "the profile is no ICC profile"
    for page in pdf.pages:
        for operands, operator in pikepdf.parse_content_stream(page):
            if str(operator) in ("k", "K", "cs", "CS", "sh"):
                yield f"a colour is of another kind: {operands} {operator}"


def _fonts(pdf: pikepdf.Pdf) -> Iterator[str]:
    for page in pdf.pages:
        for name, font in page.Resources.Font.items():
            if "/ToUnicode" not in font:
                yield f"{name} does not say its letters"
            [inner] = font.DescendantFonts
            if "/FontFile2" not in inner.FontDescriptor:
                yield f"{name} is not embedded"
                continue
            yield from _widths(name, inner)
        yield from _missing_glyphs(page)


def _widths(name: str, font: pikepdf.Dictionary) -> Iterator[str]:
    """What the file says a letter takes, and what the font inside says."""
    program = TTFont(io.BytesIO(font.FontDescriptor.FontFile2.read_bytes()))
    scale = 1000 / program["head"].unitsPerEm
    order, table = program.getGlyphOrder(), program["hmtx"]
    mapped = font.get("/CIDToGIDMap", pikepdf.Name.Identity)
    said = _said_widths(font.W)
    for cid, width in said.items():
        glyph = cid
        # Nothing is drawn with the first: it stands for letters that are missing.
        if not cid:
            continue
        if isinstance(mapped, pikepdf.Stream):
            glyph = int.from_bytes(mapped.read_bytes()[2 * cid : 2 * cid + 2])
        if glyph < len(order) and abs(table[order[glyph]][0] * scale - width) > 1:
            yield f"{name}: letter {cid} is said to be {width} wide"


def _said_widths(widths: pikepdf.Array) -> dict[int, float]:
    found, rest = {}, list(widths)
    while rest:
        first, second = int(rest.pop(0)), rest.pop(0)
        if isinstance(second, pikepdf.Array):
            found |= {first + place: float(width) for place, width in enumerate(second)}
        else:
            width = float(rest.pop(0))
            found |= dict.fromkeys(range(first, int(second) + 1), width)
    return found


def _missing_glyphs(page: pikepdf.Page) -> Iterator[str]:
    for operands, operator in pikepdf.parse_content_stream(page):
        if str(operator) not in SHOWN:
            continue
        parts = operands[0] if isinstance(operands[0], pikepdf.Array) else [operands[0]]
        for part in parts:
            codes = bytes(part) if isinstance(part, pikepdf.String) else b""
            if any(codes[at : at + 2] == b"\0\0" for at in range(0, len(codes), 2)):
                yield "a letter is drawn that its font does not have"


def _tags(pdf: pikepdf.Pdf) -> Iterator[str]:
    root = pdf.Root
    if not root.MarkInfo.Marked:
        yield "it does not say that it is tagged"
    if not root.ViewerPreferences.DisplayDocTitle:
        yield "the window is not named after the title"
    if str(root.get("/Lang", "")) != "en":
        yield "its language is not said"
    numbers = list(root.StructTreeRoot.ParentTree.Nums)
    parents = dict(zip(map(int, numbers[::2]), numbers[1::2], strict=True))
    for page in pdf.pages:
        marks, unmarked = _marks(page)
        if unmarked:
            yield f"{unmarked} drawings on a page belong to no part"
        listed = parents[int(page.StructParents)]
        if marks != list(range(len(listed))):
            yield f"marks {marks} and {len(listed)} parts of a page differ"
        for mark, part in enumerate(listed):
            if mark not in [int(one) for one in part.K] or part.Pg.objgen != page.obj.objgen:
                yield f"part {part.S} does not know its mark {mark}"


def _marks(page: pikepdf.Page) -> tuple[list[int], int]:
    """The numbers of the marks on a page, in order, and how much is drawn outside of any."""
    marks, depth, unmarked = [], 0, 0
    for operands, operator in pikepdf.parse_content_stream(page):
        if str(operator) in ("BDC", "BMC"):
            depth += 1
            if str(operator) == "BDC":
                marks.append(int(operands[1].MCID))
        elif str(operator) == "EMC":
            depth -= 1
        elif str(operator) in DRAWN and not depth:
            unmarked += 1
    return marks, unmarked


def outline(content: bytes) -> list[str]:
    """The tree of parts as a screen reader walks it: each part's kind, indented."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return list(_walk(pdf.Root.StructTreeRoot.K[0], 0))


def _walk(part: pikepdf.Dictionary, depth: int) -> Iterator[str]:
    yield "  " * depth + str(part.S)[1:]
    for one in part.get("/K", []):
        if isinstance(one, pikepdf.Dictionary):
            yield from _walk(one, depth + 1)
