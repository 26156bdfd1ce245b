"""A PDF/A-3 whose parts say what they are: headings, paragraphs, and tables with their heads.

fpdf2 makes files for archives, and tags pictures only. This adds its own tree of structure to it;
`test_papers_for_archives.py` reads the tree back from the file, so an fpdf2 that works otherwise
fails there. Loaded by whoever prints, as fpdf2 is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fpdf import FPDF
from fpdf.output import OutputProducer
from fpdf.prefs import ViewerPreferences
from fpdf.structure_tree import StructElem, StructureTreeBuilder

CONFORMANCE = "PDF/A-3B"
ROW_HEAD = "<</O /Table /Scope /Row>>"


class Part(StructElem):
    """One part of the document, with the parts inside it or the marks on its page."""

    def __init__(self, kind: str, *, within: StructElem, page_number: int) -> None:
        super().__init__(f"/{kind}", within, [], page_number=page_number)
        # A screen reader says the head of a row beside each figure of it.
        self.a = ROW_HEAD if kind == "TH" else None


class Tree(StructureTreeBuilder):
    """Parts in parts, where fpdf2 knows a row of pictures only."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[Part] = []

    def add(self, kind: str, *, within: StructElem, page_number: int) -> Part:
        part = Part(kind, within=within, page_number=page_number)
        within.k.append(part)
        self.parts.append(part)
        return part

    def mark(self, part: Part, page_number: int) -> tuple[int, int]:
        """The page's number among the marked ones, and that of the next mark on it: this part's."""
        marked = self.spid_per_page_number
        of_page = marked.setdefault(page_number, len(marked))
        marks = self.struct_tree_root.parent_tree.nums[of_page]
        part.k.append(len(marks))
        marks.append(part)
        return of_page, len(marks) - 1

    def __iter__(self) -> Iterator[Any]:
        yield self.struct_tree_root
        yield self.doc_struct_elem
        yield self.struct_tree_root.parent_tree
        yield from self.parts


class Producer(OutputProducer):
    def _finalize_catalog(self, catalog_obj: Any, pages_root_obj: Any, **objects: Any) -> None:
        """When the pages have become objects, each part can name its own."""
        super()._finalize_catalog(catalog_obj, pages_root_obj, **objects)
        for part in self.fpdf.struct_builder.parts:
            part.pg = pages_root_obj.kids[part.page_number() - 1]


class TaggedPDF(FPDF):
    """Draw inside `part`, and rules and ornaments inside `ornament`."""

    def __init__(self, *, title: str, language: str, **facts: Any) -> None:
        super().__init__(enforce_compliance=CONFORMANCE, **facts)
        self.struct_builder = Tree()
        self._open: list[StructElem] = [self.struct_builder.doc_struct_elem]
        self.set_title(title)
        self.set_lang(language)
        # The window is named after the title, and not after the file.
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)

    @contextmanager
    def group(self, kind: str) -> Iterator[None]:
        """What is drawn inside belongs together: a section, a table, a row."""
        part = self.struct_builder.add(kind, within=self._open[-1], page_number=self.page)
        self._open.append(part)
        yield
        self._open.pop()

    @contextmanager
    def part(self, kind: str) -> Iterator[None]:
        """What is drawn inside is one heading, paragraph or cell, and fits on this page."""
        part = self.struct_builder.add(kind, within=self._open[-1], page_number=self.page)
        of_page, mark = self.struct_builder.mark(part, self.page)
        self.pages[self.page].struct_parents = of_page
        self._out(f"/{kind} <</MCID {mark}>> BDC")
        yield
        self._out("EMC")

    @contextmanager
    def ornament(self) -> Iterator[None]:
        """What is drawn inside says nothing, and is not read out."""
        self._out("/Artifact BMC")
        yield
        self._out("EMC")

    def finished(self) -> bytes:
        return bytes(self.output(output_producer_class=Producer))
