"""One tick for all of a list: by mouse and keyboard, shown as neither when it is some of them."""

import pytest

from accounts.tests.builders import make_sub_account, owner_of
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign
from tests.browser import axe

STATE = "(one) => one.indeterminate ? 'some' : one.checked ? 'all' : 'none'"


@pytest.fixture
def paused(wallet) -> list[Campaign]:
    states = {"minute_type": "basic", "status": "low_balance"}
    return [make_campaign(wallet.account, name=f"Recall {one}", **states) for one in range(3)]


def shows(person, selector: str) -> str:
    return person.page.locator(selector).evaluate(STATE)


def test_all_campaigns_are_ticked_and_unticked_with_the_keyboard(owner, paused):
    owner.visit("/campaigns/").opens("#resume-campaigns", "[data-all]")
    owner.focuses("[data-all]")
    first = shows(owner, "[data-all]")

    owner.page.keyboard.press("Space")
    owner.sees("Resume campaigns", "#resume-button")
    none = owner.count("[name=campaign]:checked")
    owner.page.keyboard.press("Tab")
    owner.page.keyboard.press("Space")
    owner.sees("Resume 1 campaign", "#resume-button")
    some = shows(owner, "[data-all]")
    violations = axe.violations(owner.page)
    owner.page.keyboard.press("Shift+Tab")
    owner.page.keyboard.press("Space")
    owner.sees("Resume 3 campaigns", "#resume-button")
    owner.page.click("#resume-button")
    owner.sees("3 campaigns resumed.", "#toasts")

    assert (first, none, some, violations) == ("all", 0, "some", [])
    assert {one.status for one in Campaign.objects.filter(account=paused[0].account)} == {"started"}


def test_rows_show_that_all_of_the_list_is_chosen_and_one_less_shows_some(owner, wallet):
    for number in range(3):
        make_sub_account(f"Client {number}", agency=wallet.account)
    owner.visit("/account-manager/")

    owner.page.check("[name=everyone]")
    ticked = owner.count("[name=chosen]:checked")
    owner.page.uncheck("[name=chosen] >> nth=0")
    some = shows(owner, "[name=everyone]")
    owner.opens("text=Send a notice", "#id_text")
    written_to = owner.text("dialog .btn-primary")
    owner.page.keyboard.press("Escape")
    owner.dialog_closes()
    owner.page.check("[name=chosen] >> nth=0")

    assert (ticked, some, written_to) == (3, "some", "Send to 2")
    assert shows(owner, "[name=everyone]") == "all"


def test_without_javascript_no_tick_is_shown_that_would_do_nothing(enter, wallet, paused):
    person = enter(owner_of(wallet.account), javascript=False)
    person.visit("/campaigns/resume/")

    assert person.count("[data-all]:visible") == 0
    assert person.count("[name=campaign]:visible") == len(paused)
