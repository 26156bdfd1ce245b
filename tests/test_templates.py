"""What every template and the style sheet promise: strict CSP, and colours people can read."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))
APP_CSS = Path(settings.BASE_DIR, "static/ui/app.css").read_text()

FORBIDDEN = {
    "an inline style": re.compile(r"\sstyle\s*="),
    "an inline handler": re.compile(r"\son[a-z]+\s*="),
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)"),
    "a style element": re.compile(r"<style"),
    "an htmx handler": re.compile(r"hx-on"),
    "evaluated code": re.compile(r"""["']js:"""),
}

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
