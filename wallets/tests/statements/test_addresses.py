"""Who gets papers by mail: nobody who has not agreed, few, and whoever runs the account decides."""

import re
from datetime import timedelta
from unittest import mock

import pytest
from django.core import mail as outbox
from django.urls import reverse

from accounts import clock
from accounts.errors import Conflict, NotFound, TooMany
from accounts.models import AuditEntry, Notification
from accounts.people.fresh import mark
from accounts.tests.builders import (
    add_member,
    close,
    make_agency,
    make_individual,
    make_sub_account,
    make_user,
    owner_of,
)
from thinkrr_billing.staff.groups import READ_ONLY, SUPPORT
from thinkrr_billing.staff.tests.phone import press, staff_client
from wallets import limits
from wallets.errors import InvalidAmount
from wallets.models import BillingAddress, PaperMail
from wallets.statements import addresses, mailing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

BOOKS = "books@example.com"


@pytest.fixture
def account():
    return make_individual(name="Ada Lovelace")


def add(account, email=BOOKS, *, receipts=True, statements=True):
    return addresses.add(
        account=account,
        email=email,
        receipts=receipts,
        statements=statements,
        actor=owner_of(account),
    )


def token_of(path):
    return path.rstrip("/").rpartition("/")[2]


def confirmed(account, email=BOOKS):
    return addresses.confirm(token=token_of(add(account, email).confirm_path))


def test_a_new_address_is_mailed_one_link_and_nothing_else(account):
    address = add(account, " Books@Example.com ")

    [row] = PaperMail.objects.all()
    mailing.mail(row.pk)

    [message] = outbox.outbox
    assert (address.email, address.confirmed_at) == (BOOKS, None)
    assert message.to == [BOOKS]
    assert message.subject == "Receipts by mail from thinkrr billing"
    assert "“Ada Lovelace” wants to have its receipts and credit notes and monthly" in message.body
    assert message.attachments == []
    # It is signed with the second in which it was made.
    [link] = re.findall(r"/billing/confirm/\S+", message.body)
    assert addresses.confirm(token=token_of(link)) == address


def test_opening_the_link_changes_nothing_and_its_button_confirms(account, client):
    address = add(account)

    shown = client.get(address.confirm_path)
    between = BillingAddress.objects.get().confirmed_at
    answer = client.post(address.confirm_path)

    assert "Yes, send them here" in shown.content.decode()
    assert between is None
    assert "From now on" in answer.content.decode()
    assert BillingAddress.objects.get().confirmed_at is not None


def test_confirming_twice_is_done_once(account):
    address = confirmed(account)

    again = addresses.confirm(token=token_of(address.confirm_path))

    assert again.confirmed_at == address.confirmed_at


@pytest.mark.parametrize("change", ["made up", "too old", "removed", "the other link"])
def test_a_link_that_is_wrong_old_or_ended_confirms_nothing(account, change):
    address = add(account)
    token = token_of(address.confirm_path)
    days = 0
    if change == "made up":
        token = token[:-1] + ("A" if token[-1] != "A" else "B")
    elif change == "too old":
        days = limits.ADDRESS_CONFIRMED_WITHIN.days
    elif change == "removed":
        addresses.remove(account=account, address_id=address.pk)
    else:
        token = token_of(address.stop_path)

    with pytest.raises(NotFound, match="does not work any more"):
        _confirm_later(token, days=days)

    assert BillingAddress.objects.get().confirmed_at is None


def _confirm_later(token, *, days):
    """Links know the host's time: `signing` asks for no other."""
    later = clock.now().timestamp() + timedelta(days=days, seconds=2).total_seconds()
    with mock.patch("django.core.signing.time.time", return_value=later):
        return addresses.confirm(token=token)


def test_the_same_address_twice_a_full_list_and_no_choice_are_refused_in_a_sentence(
    account, monkeypatch
):
    monkeypatch.setattr(limits, "BILLING_ADDRESSES", 2)
    add(account)

    with pytest.raises(Conflict, match="is already on the list"):
        add(account, BOOKS.upper())
    with pytest.raises(InvalidAmount, match="Choose receipts, statements or both"):
        add(account, "b@example.com", receipts=False, statements=False)
    add(account, "b@example.com")
    with pytest.raises(Conflict, match="2 addresses is the most"):
        add(account, "c@example.com")

    kept = BillingAddress.objects.order_by("pk").values_list("email", flat=True)
    assert list(kept) == [BOOKS, "b@example.com"]


def test_a_stranger_is_asked_three_times_a_day_by_one_account_and_by_all(account):
    address = add(account)
    addresses.send_link(account=account, address_id=address.pk)
    add(make_individual())

    with pytest.raises(TooMany, match="as many links as we send in a day"):
        addresses.send_link(account=account, address_id=address.pk)
    asked = PaperMail.objects.filter(kind="confirmation").count()
    with clock.at(clock.now() + timedelta(days=1, seconds=1)):
        addresses.send_link(account=account, address_id=address.pk)

    assert asked == 3
    assert PaperMail.objects.filter(kind="confirmation").count() == 4


def test_an_agency_and_its_sub_accounts_are_counted_together(monkeypatch):
    monkeypatch.setattr(limits, "CONFIRMATIONS_OF_ACCOUNT_A_DAY", 2)
    agency = make_agency("Brightline Agency")
    sub = make_sub_account(agency=agency)
    add(agency)
    add(sub, "b@example.com")

    with pytest.raises(TooMany, match="Brightline Agency had 2 links sent in a day"):
        add(sub, "c@example.com")

    assert not BillingAddress.objects.filter(email="c@example.com").exists()


def test_a_link_sent_again_takes_the_place_of_the_one_that_waited(account):
    address = add(account)

    addresses.send_link(account=account, address_id=address.pk)

    assert PaperMail.objects.filter(mail_due_at__isnull=False).count() == 1


def test_a_confirmed_address_is_asked_no_more(account):
    address = confirmed(account)

    with pytest.raises(Conflict, match="confirmed already. Nothing was sent"):
        addresses.send_link(account=account, address_id=address.pk)

    assert PaperMail.objects.count() == 1


def test_what_it_gets_can_be_changed_and_its_next_statement_is_of_the_month_then(account):
    address = confirmed(account)

    addresses.choose(account=account, address_id=address.pk, receipts=True, statements=False)
    with clock.at(clock.now() + timedelta(days=400)):
        chosen = addresses.choose(
            account=account, address_id=address.pk, receipts=False, statements=True
        )
        this_month = account.local_date(clock.now()).replace(day=1)

    assert (chosen.wants_receipts, chosen.wants_statements) == (False, True)
    assert chosen.statement_month == this_month


def test_choosing_nothing_is_refused_and_changes_nothing(account):
    address = confirmed(account)

    with pytest.raises(InvalidAmount, match="or remove the address"):
        addresses.choose(account=account, address_id=address.pk, receipts=False, statements=False)

    address.refresh_from_db()
    assert (address.wants_receipts, address.wants_statements) == (True, True)


def test_a_removed_address_can_be_added_again_and_has_to_agree_again(account):
    address = confirmed(account)

    addresses.remove(account=account, address_id=address.pk)
    again = add(account)

    assert again.pk != address.pk
    assert again.confirmed_at is None
    with pytest.raises(NotFound):
        addresses.confirm(token=token_of(address.confirm_path))


def test_who_reads_it_ends_it_by_a_button_and_the_account_is_told(account, client):
    address = confirmed(account)

    shown = client.get(address.stop_path)
    between = BillingAddress.objects.get().removed_at
    answer = client.post(address.stop_path)
    once_more = client.post(address.stop_path)

    assert "Send no more" in shown.content.decode()
    assert between is None
    assert "gets no more papers" in answer.content.decode()
    assert once_more.status_code == 404
    assert BillingAddress.objects.get().removed_at is not None
    told = Notification.objects.latest("pk")
    assert told.text == f"{BOOKS} asked for no more papers, and was taken off the list."


def test_adding_one_is_told_to_the_owners_and_admins_by_name(account):
    add(account)

    told = Notification.objects.get(kind="billing_addresses_changed")
    assert told.text == f"{owner_of(account)} added {BOOKS} to those who get papers by mail."
    assert told.mail_due_at is not None
    assert told.link == reverse("wallets:billing")


def test_every_change_of_an_address_is_in_the_audit_log_without_its_secret(account):
    address = confirmed(account)
    addresses.remove(account=account, address_id=address.pk)

    entries = AuditEntry.objects.filter(table="wallets_billingaddress").order_by("pk")
    assert [one.operation for one in entries] == ["insert", "update", "update"]
    assert {one.account_id for one in entries} == {account.pk}
    assert entries[0].after["email"] == BOOKS
    assert entries[0].after["nonce"] == "(secret)"
    assert list(entries[2].after) == ["removed_at"]


# --- The page.


@pytest.fixture
def page(client, account):
    client.force_login(owner_of(account))
    return client


def fresh(client):
    """As somebody who has just typed their password."""
    session = client.session
    mark(session)
    session.save()
    return client


@pytest.mark.journey
def test_the_page_adds_chooses_asks_again_and_removes(page):
    fresh(page)
    typed = {"email": BOOKS, "receipts": "on"}

    added = page.post(reverse("wallets:add_billing_address"), typed, follow=True)
    address = BillingAddress.objects.get()
    chosen = {"receipts": "on", "statements": "on"}
    page.post(reverse("wallets:choose_billing_address", args=[address.pk]), chosen)
    page.post(reverse("wallets:billing_address_link", args=[address.pk]))
    after = BillingAddress.objects.get()
    page.post(reverse("wallets:remove_billing_address", args=[address.pk]))

    text = added.content.decode()
    assert f"A link was mailed to {BOOKS}." in text
    assert "Not confirmed" in text
    assert (address.wants_receipts, address.wants_statements) == (True, False)
    assert (after.wants_receipts, after.wants_statements) == (True, True)
    assert PaperMail.objects.count() == 2
    assert BillingAddress.objects.get().removed_at is not None


@pytest.mark.journey
def test_what_was_typed_survives_a_refusal(page):
    answer = fresh(page).post(
        reverse("wallets:add_billing_address"), {"email": "no address", "receipts": "on"}
    )

    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="no address"' in text
    assert "Enter a valid email address." in text
    assert not BillingAddress.objects.exists()


@pytest.mark.journey
def test_members_see_the_list_and_change_nothing(client, account):
    address = confirmed(account)
    client.force_login(add_member(account, user=make_user()))

    shown = client.get(reverse("wallets:billing"))
    added = client.post(reverse("wallets:add_billing_address"), {"email": "a@example.com"})
    removed = client.post(reverse("wallets:remove_billing_address", args=[address.pk]))

    assert BOOKS in shown.content.decode()
    assert "Send the link" not in shown.content.decode()
    assert (added.status_code, removed.status_code) == (403, 403)
    assert BillingAddress.objects.get().removed_at is None


@pytest.mark.journey
def test_another_accounts_address_is_not_found(page):
    theirs = confirmed(make_individual())

    answers = [
        page.post(reverse(f"wallets:{name}", args=[theirs.pk]), chosen).status_code
        for name in ("choose_billing_address", "billing_address_link", "remove_billing_address")
        for chosen in ({"receipts": "on"}, {})
    ]

    assert answers == [404] * 6
    theirs.refresh_from_db()
    assert (theirs.wants_statements, theirs.removed_at) == (True, None)


@pytest.mark.journey
def test_people_of_a_closed_account_may_still_remove_an_address_and_add_none(page, account):
    address = confirmed(account)
    close(account)

    added = fresh(page).post(reverse("wallets:add_billing_address"), {"email": "a@example.com"})
    page.post(reverse("wallets:remove_billing_address", args=[address.pk]))

    assert added.status_code == 403
    assert BillingAddress.objects.get().removed_at is not None


# --- Support.


@pytest.mark.journey
def test_support_stops_an_address_whose_mails_come_back_and_the_account_is_told(account):
    address = confirmed(account)

    press(staff_client(SUPPORT), "wallets.billingaddress", "stop_papers", address.pk)

    address.refresh_from_db()
    assert address.refused_at is not None
    told = Notification.objects.latest("pk")
    assert told.text == (
        f"No more papers are mailed to {BOOKS}. Mails to it came back to us. Mend the address, "
        "then send its link again; your papers are in Receipts."
    )


def test_a_stopped_address_gets_papers_again_once_it_confirms_anew(account):
    address = confirmed(account)
    addresses.refuse(address_id=address.pk, why="Mails to it came back to us.")

    addresses.send_link(account=account, address_id=address.pk)
    between = BillingAddress.objects.reached().count()
    addresses.confirm(token=token_of(address.confirm_path))

    assert (between, BillingAddress.objects.reached().count()) == (0, 1)


@pytest.mark.journey
def test_support_sees_addresses_and_mails_without_the_secret_of_their_links(account):
    address = confirmed(account)
    browser = staff_client(READ_ONLY)

    row = browser.get(reverse("admin:wallets_billingaddress_change", args=[address.pk]))
    mails = browser.get(reverse("admin:wallets_papermail_changelist"), {"q": BOOKS})

    assert BOOKS in row.content.decode()
    assert address.nonce not in row.content.decode()
    assert "Confirmation" in mails.content.decode()
