"""Taking the ledger away as a file: from the dialog, by keyboard, without JavaScript."""

import csv
from pathlib import Path

import pytest

from accounts.tests.builders import owner_of
from tests.browser.people import NARROWEST, Person
from wallets.tests.worlds.builders import fill


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def downloads(person: Person, press: str) -> tuple[str, Path]:
    """The name and the place of the file that this button gives."""
    with person.page.expect_download() as found:
        person.page.click(press)
    return found.value.suggested_filename, found.value.path()


def test_the_dialog_gives_the_chosen_file_and_says_how_far_it_is(owner, wallet):
    fill(wallet, premium=90)
    owner.visit("/payments/transactions/")
    owner.opens("#export", "h2")
    owner.page.select_option("#id_pot", "premium")
    owner.page.check("#id_bom")

    name, path = downloads(owner, "dialog .btn-primary")
    owner.sees("Done: 1 KB.", within="dialog")

    assert name.endswith(".csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfdate,")
    assert [row["premium_seconds"] for row in rows_of(path)] == ["90"]


@pytest.mark.parametrize(
    ("format", "suffix", "begins"),
    [
        ("xlsx", ".xlsx", b"PK"),
        ("ofx", ".ofx", b"OFXHEADER:100"),
        ("beancount", ".beancount", b'option "title"'),
    ],
)
def test_other_formats_are_chosen_by_keyboard(owner, format, suffix, begins):
    owner.visit("/payments/transactions/")
    owner.page.focus("#export")
    owner.page.keyboard.press("Enter")
    owner.page.wait_for_selector("dialog[open] h2")
    owner.focuses("#id_format")
    owner.page.select_option("#id_format", format)

    with owner.page.expect_download() as found:
        owner.page.focus("dialog .btn-primary")
        owner.page.keyboard.press("Enter")

    assert found.value.suggested_filename.endswith(suffix)
    assert found.value.path().read_bytes().startswith(begins)


def test_a_refusal_is_read_in_the_dialog_and_nothing_is_saved(enter, wallet):
    person = enter(owner_of(wallet.account), width=NARROWEST)
    person.visit("/payments/transactions/?type=calls")
    person.opens("#export", "h2")
    person.page.select_option("#id_format", "ledger")
    person.page.click("dialog .btn-primary")

    person.sees("This format adds up only whole", within="dialog")
    assert person.page.url.endswith("/payments/transactions/?type=calls")
    person.page.click("dialog >> text=Export everything instead")
    person.page.wait_for_selector("dialog .note", state="detached")
    person.page.select_option("#id_format", "ledger")
    assert downloads(person, "dialog .btn-primary")[0].endswith(".ledger")


def test_a_file_that_breaks_off_says_so_and_the_button_works_again(owner):
    owner.visit("/payments/transactions/")
    owner.opens("#export", "h2")
    owner.page.route("**/payments/export/?format=*", lambda route: route.abort())
    owner.page.click("dialog .btn-primary")
    owner.sees("The file broke off, and nothing of it was kept.", within="dialog")

    owner.page.unroute_all()
    assert downloads(owner, "dialog .btn-primary")[0].endswith(".csv")


def test_without_javascript_the_same_page_gives_the_file(enter, wallet):
    person = enter(owner_of(wallet.account), javascript=False)
    person.visit("/payments/transactions/")
    person.page.click("#export")

    name, path = downloads(person, ".btn-primary:has-text('Download')")

    assert name.endswith(".csv")
    assert [row["credit"] for row in rows_of(path)] == ["8.200000"]
