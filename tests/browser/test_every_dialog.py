"""Every dialog when its session ended and when the network is away, also one made tomorrow: the
table has every template that draws the head of a dialog."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session

from accounts.tests.builders import PASSWORD
from tests.browser import axe
from tests.browser.people import DESK, Person

# Who opens it, and which page of the rich world is the same dialog by itself.
DIALOGS = {
    "wallets/recharges/_recharge.html": ("owner", "recharge"),
    "wallets/recharges/_configure.html": ("owner", "configure"),
    "wallets/allocations/_dialog.html": ("owner", "allocation"),
    "wallets/gifts/_give.html": ("owner", "give what was asked"),
    "wallets/gifts/_ask.html": ("harbor_owner", "/payments/ask-agency/"),
    "wallets/agencies/_archive.html": ("owner", "archive"),
    "wallets/agencies/_rename.html": ("owner", "rename"),
    "wallets/agencies/_invite.html": ("owner", "invite an owner"),
    "wallets/charging/_bill_to.html": ("beginner", "/payments/recharge/"),
    "wallets/_add_sub_account.html": ("owner", "add a sub-account"),
    "wallets/cards/_remove.html": ("owner", "remove a card"),
    "campaigns/_resume.html": ("owner", "resume"),
}
# What answers in a dialog that one of these or a list began, or asks who somebody is before it goes
# on: it has no address of its own, and comes back to the page.
ANSWERS = {
    "accounts/_password_again.html",
    "accounts/_prove.html",
    "errors/_fragment.html",
    "wallets/agencies/_notice.html",
    "wallets/agencies/_several.html",
    "wallets/agencies/_several_saved.html",
    "wallets/charging/_purchase.html",
}
# A link to a file, and a whole page that leaves for Stripe's: nothing is sent in the dialog.
LEAVE = {"wallets/exports/_export.html", "wallets/cards/_add.html"}
OPEN = "window.htmx.ajax('GET', '{}', {{ target: '#dialog-body', swap: 'innerHTML' }})"
SEND = """(() => {
  const form = document.querySelector("dialog form[method=post]");
  form.noValidate = true;
  form.requestSubmit(form.querySelector("button:not([type=button])"));
})()"""


def test_every_dialog_is_in_the_table():
    templates = Path(settings.BASE_DIR, "templates")
    drawing = {
        str(path.relative_to(templates))
        for path in templates.rglob("*.html")
        if "components/_dialog_head.html" in path.read_text()
    }

    assert drawing == {*DIALOGS, *ANSWERS, *LEAVE}


@pytest.fixture
def opened(enter, rich):
    """Opens a dialog of the table over Payments. Returns the person and its heading."""

    def open_dialog(template: str):
        who, page = DIALOGS[template]
        person = enter(getattr(rich, who), width=DESK)
        person.visit("/payments/")
        person.page.evaluate(OPEN.format(rich.pages.get(page, page)))
        person.page.wait_for_selector("dialog[open] form[method=post]")
        person.settles()
        return person, person.text("#dialog-title"), getattr(rich, who)

    return open_dialog


@pytest.mark.parametrize("template", DIALOGS)
def test_a_session_that_ended_in_it_changed_nothing_and_comes_back_to_it(opened, template):
    person, heading, user = opened(template)
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    Session.objects.all().delete()

    person.page.evaluate(SEND)
    person.sees("nothing was charged or changed", "main")
    person.page.fill("#id_username", user.email)
    person.page.fill("#id_password", PASSWORD)
    person.page.click("text=Log in >> nth=-1")
    person.page.wait_for_selector("#dialog-title")

    assert person.text("#dialog-title") == heading
    assert axe.violations(person.page) == []


@pytest.mark.parametrize("template", DIALOGS)
def test_without_a_network_it_says_so_and_stays_open(opened, template):
    person, heading, _ = opened(template)
    person.context.set_offline(True)

    person.page.evaluate(SEND)
    said = person.page.locator("dialog .note[role=alert], .toasts .toast").first
    said.wait_for(state="visible")

    assert person.text("#dialog-title") == heading
    assert said.inner_text().strip()


@pytest.mark.parametrize("template", DIALOGS)
def test_while_it_waits_for_its_answer_it_is_busy_and_can_be_read(opened, template):
    person, _, _ = opened(template)

    with holding(person, "POST"):
        person.page.evaluate(SEND)
        person.page.wait_for_selector("dialog form[aria-busy=true] .is-busy")

        assert axe.violations(person.page) == []


@pytest.mark.parametrize(
    ("path", "button", "first"),
    [
        ("/account-manager/", "#several >> text=Set allocation", "#id_basic_minutes"),
        ("/account-manager/", "text=Send a notice", "#id_text"),
        ("/payments/transactions/", "#export", "#id_format"),
    ],
)
def test_a_dialog_of_a_list_is_busy_while_it_waits_and_can_be_read(
    enter, rich, path, button, first
):
    person = enter(rich.owner)
    person.visit(path)
    for box in person.page.locator("[name=everyone]").all():
        box.check()
    person.opens(button, first)

    with holding(person, "POST", "GET"):
        person.page.click("dialog .btn-primary")
        person.page.wait_for_selector("dialog form[aria-busy=true] .is-busy")

        assert axe.violations(person.page) == []


@contextmanager
def holding(person: Person, *methods: str) -> Iterator[None]:
    """Questions of these kinds get no answer until the block ends; then they are cut off."""
    held = []
    person.page.route(
        "**/*", lambda one: held.append(one) if one.request.method in methods else one.continue_()
    )
    yield
    for one in held:
        one.abort()
