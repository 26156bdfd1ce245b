"""Every form with wrong values, in its dialog and as a page: axe is silent, each error names its
field, and the focus goes there."""

import pytest

from tests.browser import axe
from tests.browser.people import Person
from tests.browser.test_every_dialog import OPEN

# What cannot be used, typed into every field of words of the first form that needs any; then it is
# sent as it is.
SPOIL = """(within) => {
  const needs = ".field :is(:required:not([type=radio]), [inputmode])";
  const forms = [...document.querySelectorAll(`${within} form[method=post]`)];
  const form = forms.find((one) => one.querySelector(needs));
  form.noValidate = true;
  for (const one of form.querySelectorAll(".field :is(input, textarea)")) {
    if (["checkbox", "radio"].includes(one.type)) continue;
    one.value = one.name === "name" || !(one.required || one.inputMode) ? "" : "-1";
  }
  form.requestSubmit(form.querySelector(".btn-primary"));
}"""
# Wrong fields that nothing describes, how much is told, and whether the focus is there.
FOUND = """() => {
  const words = (id) => document.getElementById(id)?.innerText.trim();
  const told = (one) => (one.getAttribute("aria-describedby") || "").split(" ").some(words);
  const wrong = [...document.querySelectorAll("[aria-invalid=true]")];
  return {
    untold: wrong.filter((one) => !told(one)).map((one) => one.name || one.tagName),
    told: wrong.length + document.querySelectorAll("[role=alert][data-focus]").length,
    focused: Boolean(document.activeElement.closest("[aria-invalid=true], [data-focus]")),
  };
}"""
DIALOGS = {
    "recharge": ("owner", "/payments/recharge/"),
    "configure": ("owner", "/payments/auto-recharge/"),
    "allocation": ("owner", "allocation"),
    "give minutes": ("owner", "give minutes"),
    "ask the agency": ("harbor_owner", "/payments/ask-agency/"),
    "rename": ("owner", "rename"),
    "invite an owner": ("owner", "invite an owner"),
    "add a sub-account": ("owner", "add a sub-account"),
}
PAGES = {
    "settings": "/settings/",
    "members": "/settings/members/",
    "billing": "/settings/billing/",
    "api keys": "/settings/api-keys/",
    "alerts": "/settings/alerts/",
    "change an alert": "change an alert",
    "webhooks": "/settings/webhooks/",
    "webhook": "webhook",
    "profile": "/settings/profile/",
}


def check(person: Person, within: str) -> None:
    person.page.evaluate(SPOIL, within)
    person.page.wait_for_selector(f"{within} :is([aria-invalid=true], [role=alert])")
    person.settles()

    found = person.page.evaluate(FOUND)

    assert found["untold"] == []
    assert found["told"] > 0
    assert found["focused"]
    assert axe.violations(person.page) == []


def opened(enter, rich, name: str) -> Person:
    """Somebody with this dialog over Payments."""
    who, page = DIALOGS[name]
    person = enter(getattr(rich, who))
    person.visit("/payments/")
    person.page.evaluate(OPEN.format(rich.pages.get(page, page)))
    person.page.wait_for_selector("dialog[open] form[method=post]")
    person.settles()
    return person


@pytest.mark.parametrize("name", DIALOGS)
def test_a_dialog_with_wrong_values_leads_to_what_is_wrong(enter, rich, name):
    check(opened(enter, rich, name), "dialog")


@pytest.mark.parametrize("name", DIALOGS)
def test_a_dialogs_own_page_with_wrong_values_leads_to_what_is_wrong(enter, rich, name):
    who, page = DIALOGS[name]
    person = enter(getattr(rich, who))
    person.visit(rich.pages.get(page, page))

    check(person, "main")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_with_wrong_values_leads_to_what_is_wrong(enter, rich, name):
    person = enter(rich.owner)
    person.visit(rich.pages.get(PAGES[name], PAGES[name]))

    check(person, "main")


def test_a_log_in_with_a_wrong_password_leads_to_what_is_wrong(enter, rich):
    person = enter()
    person.visit("/login/")
    person.page.fill("#id_username", rich.owner.email)
    person.page.fill("#id_password", "wrong")

    person.page.click("main button.btn-primary")
    person.page.wait_for_selector("[role=alert]")

    assert axe.violations(person.page) == []


@pytest.mark.parametrize("name", ["recharge", "rename", "add a sub-account"])
def test_a_dialog_that_waits_for_its_answer_is_busy_and_can_be_read(enter, rich, name):
    person = opened(enter, rich, name)
    held = []
    person.page.route(
        "**/*", lambda one: held.append(one) if one.request.method == "POST" else one.continue_()
    )

    person.page.evaluate(SPOIL, "dialog")
    person.page.wait_for_selector("dialog form[aria-busy=true] .is-busy")

    assert axe.violations(person.page) == []
    for one in held:
        one.abort()
