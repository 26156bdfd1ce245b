"""Two people of support at the same row: the form that was opened first overwrites nothing."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import Account, User
from accounts.tests.builders import log_in_staff, make_agency, make_staff, make_user
from thinkrr_billing.sandbox.story.person import Page
from thinkrr_billing.staff.groups import BILLING, READ_ONLY, SUPPORT
from thinkrr_billing.staff.tests.phone import press, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

ACCOUNT, PERSON = "accounts.account", "accounts.user"


def colleague(name: str, *roles: str) -> Client:
    staff = make_staff(*roles)
    User.objects.filter(pk=staff.pk).update(name=name)
    return log_in_staff(Client(), User.objects.get(pk=staff.pk))


def shown(answer, page: str) -> dict[str, list[str]]:
    """What the form sends as it is; its boxes without a tick send nothing."""
    found = Page(url=page, status=answer.status_code, source=answer.content.decode())
    form = next(one for one in found.forms if "seen" in one.fields)
    return {name: values for name, values in form.fields.items() if values}


def words(answer) -> str:
    return Page(url="", status=answer.status_code, source=answer.content.decode()).text


def test_an_account_is_saved_over_a_colleagues_change_only_when_sent_again():
    account = make_agency(name="Brightline")
    page, cy, dee = url(ACCOUNT, "change", account.pk), colleague("Cy"), colleague("Dee")
    old = shown(cy.get(page), page)
    dee.post(page, shown(dee.get(page), page) | {"name": "Theirs", "tax_id": "DE1"})

    refused = cy.post(page, old | {"name": "Mine"})
    kept = Account.objects.get(pk=account.pk)
    again = cy.post(page, shown(refused, page) | {"name": "Mine"})

    assert "These settings were changed by Dee at " in words(refused)
    assert "Name is Theirs now. Tax id is DE1 now." in words(refused)
    assert "Nothing was saved yet. Save again to keep yours." in words(refused)
    assert (kept.name, kept.tax_id) == ("Theirs", "DE1")
    assert again.status_code == 302
    assert Account.objects.get(pk=account.pk).name == "Mine"


def test_a_customers_own_change_counts_too_and_what_the_form_does_not_show_is_never_written():
    account = make_agency(name="Brightline")
    page, cy = url(ACCOUNT, "change", account.pk), colleague("Cy")
    old = shown(cy.get(page), page)
    Account.objects.filter(pk=account.pk).update(stripe_customer="cus_new")

    saved = cy.post(page, old | {"name": "Mine"})
    later = cy.post(page, old | {"name": "Mine"})

    kept = Account.objects.get(pk=account.pk)
    assert (saved.status_code, later.status_code) == (302, 302)
    assert (kept.name, kept.stripe_customer) == ("Mine", "cus_new")


def test_rights_that_a_colleague_took_away_do_not_come_back_with_an_old_form():
    person, groups = make_user(), {one.name: str(one.pk) for one in Group.objects.all()}
    page, cy, dee = url(PERSON, "change", person.pk), colleague("Cy"), colleague("Dee")
    given = {"groups": [groups[SUPPORT], groups[BILLING]], "is_staff": "on"}
    dee.post(page, shown(dee.get(page), page) | given)
    old = shown(cy.get(page), page)
    dee.post(page, shown(dee.get(page), page) | {"groups": [groups[SUPPORT]]})

    refused = cy.post(page, old | {"name": "Mine"})
    kept = User.objects.get(pk=person.pk)
    taken = [one.name for one in kept.groups.all()]
    again = cy.post(page, shown(refused, page) | {"groups": [groups[SUPPORT]]})

    assert "These settings were changed by Dee at " in words(refused)
    assert f"Groups is {SUPPORT} now." in words(refused)
    assert (kept.name, taken) == (person.name, [SUPPORT])
    assert again.status_code == 302
    assert User.objects.get(pk=person.pk).name == "Mine"


def test_a_plan_that_a_colleague_changed_is_changed_only_when_sent_again():
    account = make_agency(included_minutes=10)
    dialog, cy = url(ACCOUNT, "set_included", account.pk), colleague("Cy", BILLING)
    old = shown(cy.get(dialog), dialog)
    sent = {"minutes": "30", "anchor_day": "1", "reason": "Asked on the phone"}
    press(
        colleague("Dee", BILLING), ACCOUNT, "set_included", account.pk, **sent | {"minutes": "20"}
    )

    refused = cy.post(dialog, old | sent)
    kept = Account.objects.get(pk=account.pk).included_minutes
    again = cy.post(dialog, shown(refused, dialog) | sent)

    assert "These settings were changed by Dee at " in words(refused)
    assert "20 min" in words(refused)
    assert kept == 20
    assert again.status_code == 303
    assert Account.objects.get(pk=account.pk).included_minutes == 30


def test_who_may_only_look_sees_the_page_as_ever():
    page = url(ACCOUNT, "change", make_agency(name="Brightline").pk)

    assert "Brightline" in words(colleague("Cy", READ_ONLY).get(page))
