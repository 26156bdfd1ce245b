"""Every page and every dialog: readable by everybody, in every width, under the strict policy."""

import pytest

from tests.browser import axe, reach
from tests.browser.people import DESK, NARROWEST, PHONE
from tests.browser.world import Rich

LOOKERS = ("owner", "member", "newcomer", "beginner", "harbor_owner", "dental_owner", "nobody")
DIALOGS = (
    "recharge",
    "configure",
    "export",
    "add a sub-account",
    "allocation",
    "give minutes",
    "resume",
)
NEWCOMER_PAGES = {
    "no card, no payment": "/payments/",
    "no transaction": "/payments/transactions/",
    "recharge without a card": "/payments/recharge/",
    "configure without a card": "/payments/auto-recharge/",
    "no campaign": "/campaigns/",
    "nothing to resume": "/campaigns/resume/",
    "no notification": "/notifications/",
    "no key": "/settings/api-keys/",
    "no alert": "/settings/alerts/",
    "no webhook": "/settings/webhooks/",
}
MEMBER_PAGES = ("payments", "recharge", "sub-account", "resume", "members")


def pages_of(rich: Rich, who: str) -> dict[str, str]:
    return {
        "owner": rich.pages,
        "member": {name: rich.pages[name] for name in MEMBER_PAGES},
        "newcomer": NEWCOMER_PAGES,
        "beginner": {"whom to bill": "/payments/recharge/"},
        "harbor_owner": rich.harbor_pages,
        "dental_owner": rich.dental_pages,
        "nobody": rich.signed_out_pages,
    }[who]


@pytest.mark.parametrize("who", LOOKERS)
def test_every_page_meets_wcag_in_both_themes_and_keeps_its_actions_in_reach_at_every_width(
    enter, rich, who
):
    person = enter(getattr(rich, who, None))
    found = {}
    for name, path in pages_of(rich, who).items():
        person.visit(path)
        found[name] = axe.violations(person.page) + reach.out_of_reach(person)

    assert {name: problems for name, problems in found.items() if problems} == {}


def test_a_member_reaches_every_action_of_every_page_at_every_width(enter, rich):
    person = enter(rich.member)
    found = {}
    for name in rich.pages.keys() - set(MEMBER_PAGES):
        person.visit(rich.pages[name])
        found[name] = reach.out_of_reach(person)

    assert {name: problems for name, problems in found.items() if problems} == {}


# What an owner in trouble has to read, and the badge or sentence that must not be missing.
TROUBLES = {
    "disputed": ("Stopped", "Negative", "Automatic charges are stopped: a payment was disputed."),
    "limit": ("Waiting", "leaves no room for another recharge"),
    "waiting": ("Waiting", "Three automatic charges in ten minutes."),
    "unknown": ("is being confirmed.", "Processing"),
    "refunded": ("Suspended", "Refund"),
    "closed": ("This account is closed, so nothing in it can be changed.",),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_every_trouble_is_told_on_payments_readable_in_both_themes_and_at_every_width(
    enter, rich, trouble
):
    person = enter(rich.troubled[trouble])
    found = {}
    for path in ("/payments/", "/payments/transactions/", "/payments/why/", "/campaigns/"):
        person.visit(path)
        found[path] = axe.violations(person.page) + reach.out_of_reach(person)
    said = person.visit("/payments/").text("main")

    assert {path: problems for path, problems in found.items() if problems} == {}
    assert [words for words in TROUBLES[trouble] if words not in said] == []


@pytest.mark.parametrize("width", [NARROWEST, PHONE, DESK])
def test_every_dialog_meets_wcag_and_fits_the_window(enter, rich, width):
    person = enter(rich.owner, width=width)
    found = {}
    for name in DIALOGS:
        path, button = rich.dialogs[name]
        person.visit(path).opens(button, "h2")
        found[name] = axe.violations(person.page) if width == DESK else []
        box = person.page.locator("dialog").bounding_box()
        if box["x"] < 0 or box["x"] + box["width"] > width or person.overflow():
            found[name].append(f"{box} does not fit")

    assert {name: problems for name, problems in found.items() if problems} == {}


def test_menus_open_inside_the_window_and_meet_wcag(enter, rich):
    person = enter(rich.owner, width=PHONE)
    person.visit("/account-manager/")
    person.page.click("[aria-label='Actions for Northside Dental']")
    problems = axe.violations(person.page)
    menu = person.page.locator(".menu:popover-open").bounding_box()
    person.page.keyboard.press("Escape")
    person.page.click("[aria-label='Your menu']")
    problems += axe.violations(person.page)

    assert problems == []
    assert menu["x"] >= 0
    assert menu["x"] + menu["width"] <= PHONE
