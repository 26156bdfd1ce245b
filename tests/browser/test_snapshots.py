"""Every page looks as it did at a phone, a tablet and a desk: `make snapshots` keeps new looks."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont

from accounts import clock
from accounts.tests import builders as people
from campaigns.tests import builders as campaigns
from tests.browser import pictures
from tests.browser.people import DESK, PHONE
from tests.browser.test_every_page import LOOKERS, pages_of
from tests.browser.world import Rich, rich_world
from wallets.tests.worlds import builders as wallets

WIDTHS = {PHONE: 844, 820: 1180, DESK: 900}
MOMENT = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
RENEW = os.environ.get("SNAPSHOTS") == "renew"


class Slow:
    """A clock that goes on by a millisecond when it is asked, so that lists keep their order, until
    it is stopped, for all threads of the server."""

    stopped = False

    def __init__(self) -> None:
        self._moments = (MOMENT + timedelta(milliseconds=number) for number in count())

    def now(self) -> datetime:
        return MOMENT + timedelta(minutes=2) if self.stopped else next(self._moments)


@pytest.fixture(scope="module")
def standing(site, stripe_process) -> Iterator[Rich]:  # noqa: ARG001
    """The world of every page, made and looked at in one moment."""
    patch = pytest.MonkeyPatch()
    slow = Slow()
    patch.setattr(clock, "_measured", slow)
    # Names have numbers: the same however many tests of this process ran before.
    numbers = count(9001)
    for builders in (people, campaigns, wallets):
        patch.setattr(builders, "_numbers", numbers)
    rich = rich_world(stripe_process)
    slow.stopped = True
    yield rich
    patch.undo()


def name_of(who: str, page: str, width: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{who} {page} {width}".lower())


@pytest.mark.parametrize("who", LOOKERS)
def test_every_page_looks_as_it_did(enter, standing, who):
    person = enter(getattr(standing, who, None))
    found = {}
    for page, path in pages_of(standing, who).items():
        person.visit(path)
        for width, height in WIDTHS.items():
            person.page.set_viewport_size({"width": width, "height": height})
            picture = pictures.take(person.page)
            name = name_of(who, page, width)
            if RENEW:
                pictures.keep(name, picture)
            elif wrong := pictures.differ(name, picture):
                found[name] = wrong

    assert found == {}


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ('"timestamp": "2026-11-20T15:30:00.495000Z",', '"timestamp": "2026-11-20T15:30:00Z",'),
        ('"timestamp": "2026-11-20T15:30:07Z",', '"timestamp": "2026-11-20T15:30:00Z",'),
        ("Reference E25", "Reference E1"),
        ("Receipt 9016 of Person 12", "Receipt 0 of Person 0"),
        ("20 Nov 2026, 15:30", "20 Nov 2026, 15:30"),
    ],
)
def test_what_is_given_out_by_chance_looks_the_same(enter, text, settled):
    page = enter(None).page
    page.set_content(f"<p>{text}</p>")

    page.evaluate(pictures.SETTLE)

    assert page.inner_text("p") == settled


def test_every_kept_picture_is_of_a_page_there_is(rich):
    pages = [(who, page) for who in LOOKERS for page in pages_of(rich, who)]
    expected = {f"{name_of(*one, width)}.png" for one in pages for width in WIDTHS}

    kept = {path.name for path in pictures.KEPT.glob("*.png")}

    if RENEW:
        for name in kept - expected:
            (pictures.KEPT / name).unlink()
    assert kept - expected == set()


def page(*, button: str = "#2f6fed", left: int = 200, shift: float = 0) -> Image.Image:
    """A line of text and a button, drawn four times as large so that parts of pixels can move."""
    drawn = Image.new("RGB", (3200, 1200), "white")
    draw = ImageDraw.Draw(drawn)
    font = ImageFont.truetype("DejaVuSans.ttf", 64)
    draw.text((160 + 4 * shift, 160), "Your balance lasts until Thursday", "#222", font)
    draw.rounded_rectangle((left * 4, 480, left * 4 + 480, 640), 32, button)
    return pictures.smaller(drawn.reduce(4))


@pytest.mark.parametrize(
    ("change", "is_noticed"),
    [
        ({}, False),
        ({"shift": 0.3}, False),  # Letters smoothed otherwise.
        ({"button": "#3070ec"}, False),
        ({"button": "#2f9e44"}, True),
        ({"left": 206}, True),
        ({"shift": 6}, True),
    ],
)
def test_a_colour_or_a_place_that_changes_is_noticed_and_smoothing_is_not(change, is_noticed):
    assert bool(pictures.other_cells(page(), page(**change))) == is_noticed


def test_a_page_that_grew_is_noticed():
    longer = ImageChops.offset(page(), 0)
    whole = Image.new("RGB", (longer.width, longer.height + 40), "white")
    whole.paste(longer.convert("RGB"))

    assert pictures.other_cells(page(), whole)


def test_a_difference_leaves_three_pictures(monkeypatch, tmp_path):
    monkeypatch.setattr(pictures, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(pictures, "LEFT", tmp_path / "left")
    missing = pictures.differ("a", page())
    pictures.keep("a", page())
    same = pictures.differ("a", page())

    said = pictures.differ("a", page(left=240))

    assert (missing, same) == ("no picture is kept: make snapshots", "")
    assert "places of 16 pixels, the first at 112 down" in said
    assert {path.name for path in (tmp_path / "left").iterdir()} == {
        "a-was.png",
        "a-is.png",
        "a-difference.png",
    }
