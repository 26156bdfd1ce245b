"""Several sub-accounts at once: an allocation for each, and a notice to each."""

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts import clock
from accounts.models import Account, AgencyNotice, Notification, Role
from accounts.tests.builders import (
    add_member,
    close,
    make_agency,
    make_sub_account,
    owner_of,
)
from wallets import limits
from wallets.allocations import configure, runs
from wallets.models import AllocationRun, AutoAllocation, MinuteRate, Purchase
from wallets.tests.worlds.allocation_world import World, make_world
from wallets.tests.worlds.forms import HTMX, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

ALLOCATION = reverse("wallets:several_allocation")
NOTICE = reverse("wallets:several_notice")


@pytest.fixture
def world(stripe, db) -> World:  # noqa: ARG001
    return make_world(stripe)


@pytest.fixture
def browser(client: Client, world) -> Client:
    client.force_login(owner_of(world.agency))
    return client


@pytest.fixture
def three(world) -> list[Account]:
    return [world.sub, world.sibling("Southside Dental").sub, world.sibling("Westside Law").sub]


def sent(world, accounts, **changes) -> dict:
    return {
        "chosen": [str(one.pk) for one in accounts],
        "basic_minutes": "500",
        "premium_minutes": "0",
        "payment_method": world.card.id,
    } | changes


def notice(accounts, **changes) -> dict:
    return {
        "chosen": [str(one.pk) for one in accounts],
        "text": "We are closed on Friday.",
        "form_key": str(uuid4()),
        "step": "send",
    } | changes


def told(account) -> list[str]:
    rows = Notification.objects.filter(account=account, kind="agency_notice")
    return list(rows.values_list("text", flat=True))


def charge_all():
    for run_id in AllocationRun.objects.values_list("pk", flat=True):
        runs.charge_run(run_id=run_id)


# --- an allocation


def test_the_sum_is_told_first_and_nothing_is_set_by_looking(browser, world, three):
    opened = browser.post(ALLOCATION, sent(world, three[:2], basic_minutes="", step=""))
    reviewed = text_of(browser.post(ALLOCATION, sent(world, three, step="review")))

    assert "2 sub-accounts:" in text_of(opened)
    assert "Northside Dental, Southside Dental" in text_of(opened)
    assert "Will charge $135.00 now, and $135.00 each month." in reviewed
    assert "Save and charge $135.00" in reviewed
    assert not AutoAllocation.objects.exists()


def test_saving_sets_each_and_each_is_charged_on_its_own_and_once(browser, world, three):
    form = sent(world, three, step="save", quoted_charge="135.00")

    answer = browser.post(ALLOCATION, form, headers=HTMX)
    charge_all()

    assert "Set for 3 sub-accounts." in text_of(answer)
    assert world.taken() == [4500, 4500, 4500]
    again = text_of(browser.post(ALLOCATION, form, headers=HTMX))
    charge_all()
    assert "The sum changed since it was shown." in again
    assert world.taken() == [4500, 4500, 4500]


def test_a_sum_that_was_not_shown_is_not_charged(browser, world, three):
    for quoted in ("", "0", "134.99"):
        answer = browser.post(ALLOCATION, sent(world, three, step="save", quoted_charge=quoted))
        assert answer.status_code == 422

    assert not AutoAllocation.objects.exists()
    assert not Purchase.objects.exists()


def test_a_rate_that_begins_between_two_of_them_is_not_charged_unseen(
    browser, world, three, monkeypatch
):
    save = configure.save

    def save_and_raise_the_rate(**facts):
        saved = save(**facts)
        MinuteRate.objects.create(minute_type="basic", price="0.10", effective_from=clock.now())
        return saved

    monkeypatch.setattr(configure, "save", save_and_raise_the_rate)
    form = sent(world, three[:2], step="save", quoted_charge="90.00")

    answer = text_of(browser.post(ALLOCATION, form, headers=HTMX))
    charge_all()

    assert "Set for 1 sub-account." in answer
    named = "Southside Dental</strong>: The charge today is $50.00 now. Check and save again."
    assert named in answer
    assert world.taken() == [4500]


def test_one_that_is_refused_stops_no_other_and_is_named(browser, world, three):
    close(three[1])

    reviewed = text_of(browser.post(ALLOCATION, sent(world, three, step="review")))
    answer = text_of(
        browser.post(ALLOCATION, sent(world, three, step="save", quoted_charge="90.00"))
    )

    assert "1 cannot be set" in reviewed
    assert "Will charge $90.00 now" in reviewed
    assert "Set for 2 sub-accounts." in answer
    assert "Southside Dental</strong>: Southside Dental is closed." in answer
    assert AutoAllocation.objects.count() == 2


def test_who_was_not_reached_in_time_is_named_and_gone_on_with(browser, world, three, monkeypatch):
    monkeypatch.setattr(limits, "SEVERAL_SECONDS", -1.0)

    answer = text_of(
        browser.post(ALLOCATION, sent(world, three, step="save", quoted_charge="135.00"))
    )

    assert "Not reached in time" in answer
    assert "Go on with the 3 left" in answer
    assert not AutoAllocation.objects.exists()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"basic_minutes": "0"}, "Enter minutes for at least one type."),
        ({"basic_minutes": "1,000,001"}, "Enter at most 1,000,000 minutes."),
        ({"payment_method": ""}, "Choose a payment method"),
        ({"payment_method": "pm_stolen"}, "Choose one of your saved cards"),
    ],
)
def test_what_is_wrong_with_the_form_is_said_once(browser, world, three, change, text):
    answer = browser.post(ALLOCATION, sent(world, three, step="review", **change))

    assert answer.status_code == 422
    assert text_of(answer).count(text) >= 1
    assert not AutoAllocation.objects.exists()


@pytest.mark.usefixtures("three")
def test_all_of_the_filter_are_those_of_its_address(browser, world):
    form = sent(world, [], everyone="1", search="dental", step="review")

    text = text_of(browser.post(ALLOCATION, form, headers=HTMX))

    assert "2 sub-accounts:" in text
    assert "Westside Law" not in text


def test_strangers_are_left_out_and_what_is_no_id_is_refused(browser, world, three):
    rival = make_sub_account("Theirs", agency=make_agency("Rival"))

    text = text_of(browser.post(ALLOCATION, sent(world, [three[0], rival], step="review")))
    none = browser.post(ALLOCATION, sent(world, [rival], step="review"), headers=HTMX)
    odd = browser.post(ALLOCATION, sent(world, [], chosen=["x"], step="review"), headers=HTMX)

    assert "1 sub-account:" in text
    assert "Theirs" not in text
    assert none.status_code >= 400
    assert "Choose at least one sub-account." in text_of(none)
    assert odd.status_code == 400
    assert "Choose sub-accounts of the list." in text_of(odd)


def test_too_many_are_refused(browser, world, three, monkeypatch):
    monkeypatch.setattr(limits, "SEVERAL_MOST", 2)

    answer = browser.post(ALLOCATION, sent(world, three, step="review"), headers=HTMX)

    assert "Choose at most 2 at once." in text_of(answer)


def test_members_of_the_agency_set_and_send_nothing(world, three):
    member = Client()
    member.force_login(add_member(world.agency, Role.MEMBER))

    assert member.post(ALLOCATION, sent(world, three, step="review")).status_code == 403
    assert member.post(NOTICE, notice(three)).status_code == 403
    assert not AutoAllocation.objects.exists()
    assert not AgencyNotice.objects.exists()


# --- a notice


def test_a_notice_reaches_each_in_the_agencys_words_and_by_mail(browser, world, three):
    answer = browser.post(NOTICE, notice(three, text=" We are  <closed>\non Friday. "))

    assert answer.status_code == 302
    for account in three:
        assert told(account) == ["Brightline Agency writes: “We are <closed> on Friday.”"]
    assert Notification.objects.filter(kind="agency_notice", mail_due_at=None).count() == 0
    kept = AgencyNotice.objects.get()
    assert (kept.person, kept.told, kept.text) == (
        owner_of(world.agency),
        3,
        "We are <closed> on Friday.",
    )


def test_what_an_agency_wrote_is_escaped_where_it_is_read(browser, three):
    browser.post(NOTICE, notice(three[:1], text="<b>bold</b>"))
    reader = Client()
    reader.force_login(owner_of(three[0]))

    page = reader.get(reverse("accounts:notifications")).content.decode()

    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold" not in page


def test_pressing_twice_tells_nobody_twice(browser, three):
    form = notice(three)
    browser.post(NOTICE, form)
    browser.post(NOTICE, form)

    assert [len(told(account)) for account in three] == [1, 1, 1]
    assert AgencyNotice.objects.count() == 1


def test_a_closed_one_is_named_and_the_others_are_told(browser, three):
    close(three[1])

    answer = browser.post(NOTICE, notice(three), follow=True)

    assert "2 sub-accounts told. Not told: Southside Dental is closed." in text_of(answer)
    assert [len(told(account)) for account in three] == [1, 0, 1]


def test_a_sixth_notice_in_a_day_is_refused(browser, three):
    for _ in range(5):
        browser.post(NOTICE, notice(three[:1]))

    answer = browser.post(NOTICE, notice(three[:1]))

    assert answer.status_code == 422
    assert "sent 5 notices in a day. Go on tomorrow." in text_of(answer)
    assert len(told(three[0])) == 5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("   ", "Write what they should know"),
        ("x" * 501, "Write at most 500 characters."),
        ("See https://evil.example", "Write it without web or mail addresses"),
        ("See www.evil.example", "Write it without web or mail addresses"),
        ("Write to me@evil.example", "Write it without web or mail addresses"),
        ("bell\a", "Write plain text"),
    ],
)
def test_a_text_that_is_none_for_our_mails_is_refused(browser, three, text, why):
    answer = browser.post(NOTICE, notice(three, text=text))

    assert answer.status_code == 422
    assert why in text_of(answer)
    assert told(three[0]) == []


# --- a session that ended in the dialog


@pytest.mark.parametrize("address", [ALLOCATION, NOTICE])
def test_after_a_new_log_in_there_is_a_page_to_go_on_from(browser, three, address):
    """Neither dialog has an address that can be opened: whom it is about would be lost."""
    dialog = browser.post(address, {"chosen": [one.pk for one in three]}, headers=HTMX)
    kept = "data-keep" in dialog.content.decode()
    left = {"X-Dialog-URL": f"{address}?text=Hello"} if kept else {}
    page = {"HX-Current-URL": f"http://testserver{reverse('wallets:account_manager')}"}

    answer = Client().post(address, {"text": "Hello"}, headers=HTMX | page | left)
    (back,) = parse_qs(urlsplit(answer["HX-Redirect"]).query)["next"]

    assert browser.get(back).status_code == 200
