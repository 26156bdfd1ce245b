"""What every template and the style sheet promise: strict CSP, nothing idle, readable colours."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template import Context, Engine, Template

TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))
APP_CSS = Path(settings.BASE_DIR, "static/ui/app.css").read_text()
APP_JS = "".join(
    path.read_text() for path in sorted(Path(settings.BASE_DIR, "static/ui").glob("*.js"))
)
IN_BRACES = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}")

FORBIDDEN = {
    "an inline style": re.compile(r"\sstyle\s*="),
    "an inline handler": re.compile(r"\son[a-z]+\s*="),
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)"),
    "a style element": re.compile(r"<style"),
    "an htmx handler": re.compile(r"hx-on"),
    "evaluated code": re.compile(r"""["']js:"""),
}

# The longest line, as docs wrap. A line of a text mail may be longer: it is a paragraph.
LONGEST = 120
# White space in front of a mark: it would show. The formatter parts two tags that touch, so that
# `{% local_date day %}{% if more %}, and` gets a space; `{{ }}` and text it leaves where they are.
SPACE_BEFORE_A_MARK = re.compile(
    r"\s(\{% (if|endif|for|endfor|with|endwith)\b[^%]*%\})*[,.;:!?)](?=[\s{<]|$)"
)

# Where an attribute does something: with one of these on the same element. htmx hands none down,
# `disableInheritance` in base.html.
REQUESTS = ("hx-get", "hx-post")
LEANS_ON = {
    **dict.fromkeys(("hx-target", "hx-swap", "hx-trigger", "hx-include", "hx-params"), REQUESTS),
    **dict.fromkeys(("hx-sync", "hx-select", "hx-select-oob", "data-quiet"), REQUESTS),
    "data-money": ("hx-post",),
    "data-outcome-url": ("data-money",),
    "data-keep": ("hx-post",),
    "data-fill": ("data-fill-into",),
    "data-fill-into": ("data-fill",),
}
# What htmx does without being told.
ANYWAY = {("hx-target", "this"), ("hx-swap", "innerHTML"), ("hx-sync", "this:queue last")}

# Text on its ground, as the tokens are used. Normal text wants 4.5 to 1.
TEXT_PAIRS = [
    *((text, ground) for text in ("text", "text-2", "text-3") for ground in ("bg", "surface")),
    *((text, "surface-2") for text in ("text", "text-2")),
    *((tone, ground) for tone in ("primary", "danger") for ground in ("bg", "surface")),
    *((tone, f"{tone}-soft") for tone in ("success", "warning", "danger", "premium", "basic")),
    *(("text", f"{tone}-soft") for tone in ("primary", "success", "warning", "danger")),
    *(("text-2", f"{tone}-soft") for tone in ("premium", "basic", "primary")),
    ("on-primary", "primary"),
    ("on-primary", "primary-hover"),
    ("primary", "primary-soft"),
]
# The edge of a control on its ground wants 3 to 1.
EDGE_PAIRS = [("border-strong", ground) for ground in ("bg", "surface")]


def is_a_mail(template: Path) -> bool:
    """Mail programs know no style sheets."""
    return "mail" in template.parts


@pytest.mark.parametrize(
    "template",
    [path for path in TEMPLATES if not is_a_mail(path)],
    ids=lambda path: str(path.relative_to(settings.BASE_DIR)),
)
def test_no_template_needs_more_than_the_strict_policy_allows(template):
    text = template.read_text()

    assert [name for name, pattern in FORBIDDEN.items() if pattern.search(text)] == []


def lines_of(template: Path) -> list[tuple[str, int, str]]:
    numbered = enumerate(template.read_text().splitlines(), start=1)
    return [(str(template.relative_to(settings.BASE_DIR)), *line) for line in numbered]


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_a_comment_ends_in_its_line(path):
    """One of two lines is no comment to Django: people would read it."""
    lines = path.read_text().splitlines()

    assert [line for line in lines if line.count("{#") != line.count("#}")] == []


def test_no_line_is_too_long_to_be_read_beside_another_file():
    long = [line for path in TEMPLATES for line in lines_of(path) if len(line[2]) > LONGEST]

    assert long == []


def test_no_white_space_stands_before_a_comma_or_a_full_stop():
    apart = [
        (str(path), found[0])
        for path in TEMPLATES
        for found in SPACE_BEFORE_A_MARK.finditer(path.read_text())
    ]

    assert apart == []


def test_pages_are_read_without_indentation_and_mails_as_they_are(tmp_path):
    indented = "<p>\n  Hello\n\n</p>\n"
    for name in ("page.html", "mail.txt"):
        (tmp_path / name).write_text(indented)
    engine = Engine(dirs=[tmp_path], loaders=["thinkrr_billing.templates.Loader"])

    page, mail = (engine.get_template(name).source for name in ("page.html", "mail.txt"))

    assert page == "<p>\nHello\n\n</p>\n"
    assert mail == indented


def test_lines_of_tags_alone_are_no_empty_lines_of_pages_and_words_stay_apart(tmp_path):
    lines = ["one", "{% for each in many %}", "  {% if each %}", "{{ each }}", "{% endif %}"]
    lines += ["{% endfor %}", "two {% if many %}", "three", "{% endif %}"]
    (tmp_path / "page.html").write_text("".join(f"{line}\n" for line in lines))
    engine = Engine(dirs=[tmp_path], loaders=["thinkrr_billing.templates.Loader"])

    page = engine.get_template("page.html").render(Context({"many": ["a", "", "b"]}))

    assert page == "one\na\nb\ntwo \nthree\n"


class Elements(HTMLParser):
    """Each element of a template, with all attributes it may have."""

    def __init__(self, template: Path) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(IN_BRACES.sub("", template.read_text()))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.found.append(dict(attrs))


def elements() -> list[tuple[str, dict[str, str | None]]]:
    """Each element of all templates, with the template's path."""
    return [(str(path), found) for path in TEMPLATES for found in Elements(path).found]


def named(start: str) -> set[str]:
    """The attributes of all templates whose names start so."""
    return {name for _, found in elements() for name in found if name.startswith(start)}


def read_by_htmx() -> set[str]:
    """The attributes that the htmx of base.html knows, from its source."""
    tag = re.search(
        r"\{% htmx_script.*?%\}", Path(settings.BASE_DIR, "templates/base.html").read_text()
    )
    script = Template("{% load django_htmx %}" + tag[0]).render(Context())
    version = re.search(r"django_htmx/htmx-\d", script)[0]
    source = Path(finders.find(f"{version}.min.js")).read_text()
    verbs = re.search(r'\["get","post"[^\]]*\]', source)[0]
    spelled = re.findall(r"hx-[a-z]+(?:-[a-z]+)*", source)
    return {*spelled, *(f"hx-{verb}" for verb in re.findall("[a-z]+", verbs))}


def read_by_ourselves() -> set[str]:
    """The data attributes that the script or the style sheet looks at."""
    fields = re.findall(r"dataset\.(\w+)", APP_JS)
    spelled = {re.sub("[A-Z]", lambda found: f"-{found[0].lower()}", name) for name in fields}
    return {*re.findall(r"data-[\w-]+", APP_JS + APP_CSS), *(f"data-{name}" for name in spelled)}


def test_htmx_reads_every_attribute_that_is_meant_for_it():
    known = read_by_htmx()

    assert {"hx-get", "hx-post", "hx-target"} <= known
    assert named("hx-") - known == set()


def test_the_script_or_the_style_sheet_reads_every_data_attribute():
    assert named("data-") - read_by_ourselves() == set()


def test_no_attribute_stands_where_it_does_nothing():
    idle = [
        (template, name)
        for template, found in elements()
        for name in found
        if name in LEANS_ON and not found.keys() & set(LEANS_ON[name])
    ]

    assert idle == []


def test_no_attribute_tells_htmx_what_it_does_anyway():
    assert [(template, found) for template, found in elements() if found.items() & ANYWAY] == []


def test_of_an_element_whose_content_is_swapped_out_of_band_only_the_id_counts():
    swapped = [found for _, found in elements() if found.get("hx-swap-oob") == "innerHTML"]

    assert swapped
    assert [found for found in swapped if found.keys() != {"id", "hx-swap-oob"}] == []


def tokens(theme: int) -> dict[str, str]:
    """The colours of the light (0) or the dark (1) theme."""
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", APP_CSS)
    return {name: pair[theme] for name, *pair in found}


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_controls_stand_out_from_their_ground(theme):
    colours = tokens(theme)

    weak = {
        f"{front} on {ground}": round(contrast(colours[front], colours[ground]), 2)
        for least, pairs in ((4.5, TEXT_PAIRS), (3.0, EDGE_PAIRS))
        for front, ground in pairs
        if contrast(colours[front], colours[ground]) < least
    }

    assert weak == {}
