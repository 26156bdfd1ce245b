"""A label, an error and a hint name their field by its id: over no page may a dialog have one that
the page has, too, or they would belong to the field behind it."""

import re

from django.test import Client

from tests.browser.test_every_dialog import DIALOGS

IDS = re.compile(r'\sid="([^"]+)"')
# From the banner.
ANYWHERE = {"/payments/recharge/", "/payments/auto-recharge/", "/campaigns/resume/", "whom to bill"}
# What a dialog is shown in, and what it brings anew for the page behind it.
OF_BOTH = {"dialog-title"}
SWAPPED = re.compile(r'<[^>]+\shx-swap-oob="[^"]+"[^>]*>')


def ids(answer) -> set[str]:
    return set(IDS.findall(SWAPPED.sub("", answer.content.decode()))) - OF_BOTH


def test_no_dialog_has_an_id_of_a_page_that_it_may_open_over(rich):
    client = Client()
    client.force_login(rich.owner)
    paths = {rich.pages[name] for who, name in DIALOGS.values() if who == "owner"}
    paths |= {rich.pages["export"]}
    dialogs = {path: ids(client.get(path, headers={"HX-Request": "true"})) for path in paths}
    beginner = Client()
    beginner.force_login(rich.beginner)
    billed = beginner.get("/payments/recharge/", headers={"HX-Request": "true"})
    dialogs["whom to bill"] = ids(billed)

    twice = {}
    for name, path in rich.pages.items():
        page = client.get(path)
        text = page.content.decode()
        if 'id="dialog"' not in text:
            continue
        for dialog, found in dialogs.items():
            opens = dialog in ANYWHERE or f'hx-get="{dialog}' in text
            if opens and (both := ids(page) & found):
                twice[name, dialog] = both

    assert twice == {}
