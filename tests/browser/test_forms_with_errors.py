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
    leads_to_what_is_wrong(person, within)


def leads_to_what_is_wrong(person: Person, within: str) -> None:
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


@pytest.fixture
def agency(enter, rich) -> Person:
    """An agency's owner at the list of sub-accounts, all of them chosen."""
    person = enter(rich.owner)
    person.visit("/account-manager/")
    person.page.check("input[name=everyone]")
    return person


def test_a_notice_without_words_leads_to_what_is_wrong(agency):
    agency.opens("text=Send a notice", "#id_text")

    agency.page.click("dialog .btn-primary")

    leads_to_what_is_wrong(agency, "dialog")


def test_minutes_that_are_none_for_several_lead_to_what_is_wrong(agency):
    agency.opens("#several >> text=Set allocation", "#id_basic_minutes")
    agency.page.fill("#id_basic_minutes", "-1")

    agency.page.click("text=Review the sum")

    leads_to_what_is_wrong(agency, "dialog")


def test_an_export_that_ends_before_it_begins_leads_to_what_is_wrong(enter, rich):
    person = enter(rich.owner)
    person.visit("/payments/transactions/")
    person.opens("#export", "#id_since")
    person.page.fill("#id_since", "2026-02-01")
    person.page.fill("#id_until", "2026-01-01")

    person.page.click("dialog .btn-primary")

    leads_to_what_is_wrong(person, "dialog")


def test_no_campaign_to_resume_leads_to_what_is_wrong(enter, rich):
    person = enter(rich.owner)
    person.visit("/campaigns/")
    person.opens("#resume-campaigns", "[name=campaign]")
    for box in person.page.locator("[name=campaign]:checked").all():
        box.uncheck()

    person.page.click("#resume-button")

    leads_to_what_is_wrong(person, "dialog")


@pytest.mark.parametrize(
    ("path", "chosen", "address", "send"),
    [
        ("/settings/webhooks/", "[name=format][value=slack]", "#id_url", "text=Add webhook"),
        ("/settings/alerts/", "", "#id_address", "text=Replace webhook"),
    ],
)
def test_an_address_that_is_not_of_slack_leads_to_what_is_wrong(
    enter, rich, path, chosen, address, send
):
    person = enter(rich.owner)
    person.visit(path)
    if chosen:
        person.page.check(chosen)
    person.page.fill(address, "https://example.com/hooks")

    person.page.click(f"main >> {send}")

    leads_to_what_is_wrong(person, "main")
