"""The chart of Usage, read by pointing, tapping, with the keyboard and by a screen reader."""

from tests.browser.people import PHONE


def said(person) -> str:
    return person.page.text_content("[data-bar-text]").strip()


def test_bars_are_read_by_pointing_and_with_the_arrow_keys(enter, rich):
    person = enter(rich.owner)
    person.visit("/usage/")
    bars = person.page.locator(".bar")
    newest = said(person)

    bars.nth(0).hover(force=True)
    pointed = said(person)
    bars.nth(0).focus()
    person.page.keyboard.press("End")
    last = said(person)
    person.page.keyboard.press("ArrowLeft")
    left = said(person)

    assert "3 calls of" in newest
    assert pointed.endswith(": no calls")
    assert last == newest
    assert left.endswith(": no calls")
    assert left != pointed
    assert person.count('.bar[tabindex="0"]') == 1
    assert bars.last.get_attribute("aria-label") == newest
    assert bars.last.get_attribute("role") == "img"


def test_a_finger_reads_a_bar(enter, rich):
    person = enter(rich.owner, width=PHONE)
    person.visit("/usage/?by=campaign&since=2026-01-01")

    person.page.locator(".bar").nth(1).dispatch_event("click")

    assert said(person).endswith(": no calls")
