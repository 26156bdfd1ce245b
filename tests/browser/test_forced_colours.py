"""Windows' contrast themes take backgrounds away and draw every border: what is left must tell."""

import pytest

from tests.browser.people import Person

# A second busy button, without a request to wait for.
BUSY = "document.querySelector('{}').classList.add('is-busy')"
STYLE = (
    "([selector, pseudo, name]) => getComputedStyle(document.querySelector(selector), pseudo)[name]"
)


@pytest.fixture
def looking(enter, rich) -> Person:
    person = enter(rich.owner)
    person.page.emulate_media(forced_colors="active")
    yield person
    person.page.emulate_media(forced_colors="none")


def style(person: Person, selector: str, name: str, pseudo: str | None = None) -> str:
    return person.page.evaluate(STYLE, [selector, pseudo, name])


def is_seen(colour: str) -> bool:
    return colour not in ("transparent", "rgba(0, 0, 0, 0)")


def test_a_busy_buttons_ring_has_a_gap_that_turns_and_no_words_behind_it(looking):
    looking.visit("/payments/")
    looking.page.evaluate(BUSY.format("#add-credit"))

    ring = [
        style(looking, "#add-credit", name, "::after")
        for name in ("borderTopColor", "borderInlineEndColor")
    ]

    assert [is_seen(colour) for colour in ring] == [True, False]
    assert not is_seen(style(looking, "#add-credit", "color"))


def test_a_spinner_has_a_gap_that_turns(looking):
    looking.visit("/payments/")
    looking.page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('afterbegin', "
        "'<span class=spinner></span>')"
    )

    ring = [style(looking, ".spinner", name) for name in ("borderTopColor", "borderInlineEndColor")]

    assert [is_seen(colour) for colour in ring] == [True, False]


def test_the_chosen_chip_is_told_from_the_others(looking):
    looking.visit("/payments/")

    chosen, other = (
        style(looking, f".chip{which}", "backgroundColor")
        for which in ("[aria-current]", ":not([aria-current])")
    )

    assert chosen != other


@pytest.mark.parametrize("mark", [".decisions > li", ".legend-row .key-dot"])
def test_dots_before_lines_and_in_legends_are_drawn(looking, mark):
    looking.visit("/payments/")

    assert style(looking, mark, "borderTopWidth", "::before") == "5px"
    assert is_seen(style(looking, mark, "borderTopColor", "::before"))
