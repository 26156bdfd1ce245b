"""What the docs name is there, every room is named, and no line is too long to read."""

import re

import pytest

from thinkrr_billing.tests.environments import FOLDER

APPS = ("accounts", "wallets", "campaigns")
LONGEST = 120
# What a newcomer follows by its names.
GUIDES = ("CONTRIBUTING.md", "README.md", "docs/architecture.md")
DOCS = sorted(
    str(path.relative_to(FOLDER))
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md")
    for path in FOLDER.glob(pattern)
)
TOP = {path.name for path in FOLDER.iterdir()}

NAME = re.compile(r"(?:`|\*\*)([\w./-]+)(?:`|\*\*)")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")
DOTTED = re.compile(rf"`((?:{'|'.join(APPS)}|thinkrr_billing)(?:\.\w+)+)`")
ITEM = re.compile(r"^- \*\*.*\n(?:  .*\n)*", re.MULTILINE)
ROOM = re.compile(r"\*\*(\w+(?:/\w+)+)\*\*")
FILE = re.compile(r"`(\w+\.py)`")
CITED = re.compile(r"docs/(?:decisions/\d{4}|[\w/-]+\.md)")


def text_of(name: str) -> str:
    return (FOLDER / name).read_text()


def is_there(dotted: str) -> bool:
    """Whether it is a package, a module, a name defined at the top of one, or a task."""
    path = FOLDER.joinpath(*dotted.split("."))
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    module, name = path.parent.with_suffix(".py"), path.name
    if module.exists():
        return bool(re.search(rf"^(?:def |class )?{name}\b", module.read_text(), re.MULTILINE))
    tasks = FOLDER / dotted.split(".")[0] / "tasks.py"
    return tasks.exists() and f'name="{dotted}"' in tasks.read_text()


@pytest.mark.parametrize("guide", GUIDES)
def test_every_path_a_guide_names_is_there(guide):
    named = {name for name in NAME.findall(text_of(guide)) if name.split("/")[0] in TOP}

    assert named
    assert sorted(name for name in named if not (FOLDER / name).exists()) == []


def test_every_link_leads_somewhere():
    links = [(doc, to) for doc in DOCS for to in LINK.findall(text_of(doc))]

    assert links
    assert [(doc, to) for doc, to in links if not (FOLDER / doc).parent.joinpath(to).exists()] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_every_module_function_and_task_a_guide_names_is_there(guide):
    assert sorted(name for name in set(DOTTED.findall(text_of(guide))) if not is_there(name)) == []


def test_every_file_a_paragraph_names_is_in_its_rooms():
    rooms = [(ROOM.findall(item), FILE.findall(item)) for item in ITEM.findall(text_of(GUIDES[0]))]
    missing = [
        (names, file)
        for names, files in rooms
        for file in files
        if names and not any((FOLDER / name / file).exists() for name in names)
    ]

    assert sum(len(files) for _, files in rooms) > len(APPS)
    assert missing == []


def test_every_room_has_its_paragraph():
    rooms = [
        f"{app}/{path.parent.name}" for app in APPS for path in (FOLDER / app).glob("*/__init__.py")
    ]

    assert sorted(set(rooms) - set(ROOM.findall(text_of("CONTRIBUTING.md")))) == []


def test_no_line_of_the_docs_is_too_long_but_rows_of_tables():
    too_long = [
        f"{doc}:{number}"
        for doc in DOCS
        for number, line in enumerate(text_of(doc).splitlines(), start=1)
        if len(line) > LONGEST and not line.startswith("|")
    ]

    assert too_long == []


def test_docstrings_and_comments_cite_only_docs_that_are_there():
    cited = {
        (str(path.relative_to(FOLDER)), name)
        for folder in (*APPS, "thinkrr_billing", "tests", "benchmarks", "templates", "static")
        for path in (FOLDER / folder).rglob("*")
        if path.suffix in {".py", ".html", ".css", ".js"}
        for name in CITED.findall(path.read_text())
    }

    assert cited
    assert sorted(one for one in cited if not any(FOLDER.glob(f"{one[1]}*"))) == []
