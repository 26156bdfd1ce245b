"""Give minutes and ask for them, as people of an agency and its sub-account use the pages."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from accounts.tests.builders import add_member, owner_of
from wallets.allocations import asks
from wallets.models import MinuteAsk, Purchase
from wallets.tests.worlds.allocation_world import World, make_world
from wallets.tests.worlds.forms import HTMX, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

KEY = "0b8f1a52-6c1d-4f0e-9d6b-2f1c6f0a7e11"
ASK = reverse("wallets:ask_agency")


@pytest.fixture
def world(stripe, db) -> World:  # noqa: ARG001
    return make_world(stripe)


@pytest.fixture
def browser(client: Client, world) -> Client:
    client.force_login(owner_of(world.agency))
    return client


@pytest.fixture
def asker(world) -> Client:
    browser = Client()
    browser.force_login(owner_of(world.sub))
    return browser


@pytest.fixture
def asked(world) -> MinuteAsk:
    return asks.ask(
        account=world.sub,
        actor=owner_of(world.sub),
        basic_minutes=100,
        premium_minutes=500,
        words="For <Monday>",
    )


def give_url(world) -> str:
    return reverse("wallets:give_minutes", args=[world.sub.pk])


def sent(world, **changes) -> dict:
    return {
        "basic_minutes": "100",
        "premium_minutes": "500",
        "payment_method": world.card.id,
        "form_key": KEY,
        "quoted_charge": "89.00",
    } | changes


def test_the_dialog_says_the_sum_in_its_button_and_gives(browser, world):
    quoted = browser.get(
        reverse("wallets:give_minutes_estimate", args=[world.sub.pk]),
        {"basic_minutes": "100", "premium_minutes": "500"},
    )
    answer = browser.post(give_url(world), sent(world), headers=HTMX)

    assert "Give and charge $89.00" in text_of(quoted)
    assert "Charged now" in text_of(quoted)
    assert answer.status_code == 200
    for words in ("Minutes given", "Payment received: $89.00", "Northside Dental got its minutes"):
        assert words in text_of(answer)
    assert world.taken() == [8900]


def test_a_page_that_named_no_sum_shows_it_first_also_without_javascript(browser, world):
    answer = browser.post(give_url(world), sent(world, quoted_charge=""))

    assert answer.status_code == 422
    assert "$89.00 will be charged now. Check and give." in text_of(answer)
    assert "Give and charge $89.00" in text_of(answer)
    assert world.taken() == []


def test_pressing_twice_charges_once(browser, world):
    browser.post(give_url(world), sent(world))
    again = browser.post(give_url(world), sent(world))

    assert again.url == reverse("wallets:purchase", args=[Purchase.objects.get().pk])
    assert world.taken() == [8900]


def test_a_decline_stays_in_the_dialog_with_a_new_key_and_what_was_typed(browser, world):
    world.decline_with()

    answer = browser.post(give_url(world), sent(world), headers=HTMX)

    assert answer.status_code == 422
    assert "Visa •••• 4242 was declined: insufficient funds." in text_of(answer)
    assert 'value="500"' in answer.content.decode()
    assert KEY not in answer.content.decode()
    assert world.minutes == (0, 0)


def test_an_ask_is_shown_in_the_askers_words_and_answered_in_one_click(browser, world, asked):
    page = browser.get(f"{give_url(world)}?ask={asked.pk}")

    body = page.content.decode()
    assert "For &lt;Monday&gt;" in body
    assert "Give and charge $89.00" in text_of(page)
    answer = browser.post(give_url(world), sent(world, ask=str(asked.pk)), headers=HTMX)
    assert answer.status_code == 200
    asked.refresh_from_db()
    assert asked.state == "given"
    late = browser.get(f"{give_url(world)}?ask={asked.pk}")
    assert "Nothing more is to be answered." in text_of(late)
    assert "Decline instead" not in text_of(late)


def test_the_sub_account_reads_the_reason_of_a_no(browser, asker, world, asked):
    browser.post(
        reverse("wallets:decline_ask", args=[world.sub.pk, asked.pk]), {"answer": "Next week"}
    )

    page = text_of(asker.get(reverse("wallets:payments")))
    assert "Declined: “Next week”." in page
    assert "Ask for minutes" in page


def test_a_sub_account_asks_from_payments_and_takes_it_back(asker, world):
    form = {"basic_minutes": "0", "premium_minutes": "250", "words": "Spring"}
    answer = asker.post(ASK, form)
    page = text_of(asker.get(reverse("wallets:payments")))
    asked = MinuteAsk.objects.get()
    asker.post(reverse("wallets:withdraw_ask", args=[asked.pk]))

    assert answer.status_code == 302
    assert "Waiting for an answer" in page
    asked.refresh_from_db()
    assert (asked.state, asked.premium_minutes, asked.agency) == ("withdrawn", 250, world.agency)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"basic_minutes": "0", "premium_minutes": "0"}, "Enter minutes for at least one type."),
        ({"basic_minutes": "x", "premium_minutes": "0"}, "Enter a whole number of minutes"),
    ],
)
def test_what_cannot_be_asked_for_is_said_beside_its_field(asker, form, text):
    answer = asker.post(ASK, form, headers=HTMX)

    assert answer.status_code == 422
    assert text in text_of(answer)
    assert not MinuteAsk.objects.exists()


def test_members_see_what_was_asked_and_ask_nothing(world, asked):
    member = Client()
    member.force_login(add_member(world.sub, Role.MEMBER))

    assert "Waiting for an answer" in text_of(member.get(reverse("wallets:payments")))
    assert member.post(ASK, {"premium_minutes": "1"}).status_code == 403
    assert member.post(reverse("wallets:withdraw_ask", args=[asked.pk])).status_code == 403
    assert MinuteAsk.objects.get().state == "open"


def test_whoever_has_no_agency_is_not_offered_to_ask(browser):
    assert "Ask for minutes" not in text_of(browser.get(reverse("wallets:payments")))
    assert browser.get(ASK).status_code == 404


def test_help_stands_beside_giving_and_asking(browser, asker, world):
    for page in (browser.get(give_url(world)), asker.get(ASK)):
        shown = text_of(page)
        assert "Help: Minutes once" in shown
        assert "How does a sub-account get minutes once?" in shown
