"""Older rows are put below the ones already shown, without leaving the page."""

import time

from accounts import clock
from accounts.models import Notification
from campaigns import limits
from campaigns.tests.builders import make_campaign
from wallets.tests.worlds.builders import fill


def load_older(person, rows: str, count: int) -> None:
    person.page.click("#load-older")
    person.page.locator(rows).nth(count - 1).wait_for(state="attached")
    assert person.count(rows) == count


def test_older_transactions_come_below_and_keep_their_menus(owner, wallet):
    for _ in range(54):
        fill(wallet, credit="1")
    owner.visit("/payments/transactions/")

    load_older(owner, "tbody tr", 50)
    owner.focuses("#load-older")
    load_older(owner, "tbody tr", 55)
    left = owner.count("#load-older")
    owner.page.locator("tbody tr button[popovertarget]").last.click()

    assert left == 0
    assert owner.count(".menu:popover-open") == 1


def test_while_older_rows_come_the_button_turns(owner, wallet):
    for _ in range(26):
        fill(wallet, credit="1")
    owner.visit("/payments/transactions/")

    def slowly(route):
        time.sleep(0.5)
        route.continue_()

    owner.page.route("**/payments/transactions/?*", slowly)
    owner.page.click("#load-older")
    owner.page.wait_for_selector("#load-older.htmx-request")
    owner.page.wait_for_selector("#load-older", state="detached")


def test_older_campaigns_and_notifications_come_below(owner, wallet):
    for number in range(limits.PAGE + 2):
        make_campaign(wallet.account, name=f"Campaign {number}")
    for number in range(27):
        Notification.objects.create(
            account=wallet.account, kind="x", title=f"{number}", text="t", created_at=clock.now()
        )

    load_older(owner.visit("/campaigns/"), "tbody tr", limits.PAGE + 2)
    load_older(owner.visit("/notifications/"), "#notices > li", 27)
