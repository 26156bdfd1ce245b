"""Help: the guide's questions with this product's ways, as a page and beside each dialog."""

import pytest
from django.urls import reverse

from accounts.tests.builders import add_member
from wallets import help_texts
from wallets.tests.worlds.builders import add_card, make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

HELP = reverse("wallets:help")
# The public guide's own questions.
OF_THE_GUIDE = (
    "What is Auto-Recharge?",
    "Why should I use Auto-Recharge?",
    "How do I automatically allocate minutes to a sub-account?",
    "How do I set up Auto-Recharge?",
    "What if my balance is already below the threshold?",
    "Can I change or stop Auto-Recharge later?",
    "How many minutes does my credit buy?",
    "What happens if my card is declined during an Auto-Recharge?",
    "Is Auto-Recharge available for all users?",
    "Can agencies manage Auto-Recharge for sub-accounts?",
)


@pytest.fixture
def wallet():
    return make_wallet(credit="50")


def text(answer):
    return " ".join(answer.content.decode().split())


def titles(answer):
    return [one.question.title for _, _, answers in answer.context["topics"] for one in answers]


def test_every_question_of_the_guide_is_answered(browser):
    assert [one for one in OF_THE_GUIDE if one not in titles(browser.get(HELP))] == []


def test_each_way_is_a_page_of_ours():
    ways = {one.way[1] for one in help_texts.QUESTIONS if one.way}

    assert {reverse(way) for way in ways} == {"/payments/", "/campaigns/"}
    assert len({one.slug for one in help_texts.QUESTIONS}) == len(help_texts.QUESTIONS)


def test_answers_name_the_prices_in_force(browser):
    shown = text(browser.get(HELP, {"q": "premium minutes cost"}))

    assert "Premium minutes cost $0.16 a minute and Basic minutes $0.09" in shown


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (
            "DECLINED card",
            [
                "What happens if my card is declined during an Auto-Recharge?",
                "What is a backup card?",
            ],
        ),
        ("  threshold   already ", ["What if my balance is already below the threshold?"]),
        ("backup menu", ["What is a backup card?"]),
        ("unicorn", []),
    ],
)
def test_words_find_the_answers_that_have_all_of_them(browser, asked, found):
    assert titles(browser.get(HELP, {"q": asked})) == found


def test_what_is_searched_for_is_text_and_nothing_found_says_so(browser):
    answer = text(browser.get(HELP, {"q": "<b>x</b>"}))

    assert "No answer has all of these words. Try fewer." in answer
    assert "<b>x</b>" not in answer


@pytest.mark.parametrize(
    ("page", "label", "question"),
    [
        ("wallets:auto_recharge", "Help: Auto-Recharge", "How do I set up Auto-Recharge?"),
        ("wallets:recharge", "Help: Recharging", "How do I add credit or minutes?"),
        ("wallets:methods_add", "Help: Cards", "How do I add or change a card?"),
        ("campaigns:resume", "Help: Paused campaigns", "Why were my campaigns paused?"),
    ],
)
def test_beside_each_dialog_stand_its_own_questions(stripe, browser, wallet, page, label, question):
    add_card(stripe, wallet)

    shown = text(browser.get(reverse(page)))

    assert label in shown
    assert question in shown


def test_help_is_on_every_page_and_everybodys(client, wallet):
    client.force_login(add_member(wallet.account))

    assert f'<a href="{HELP}">Help</a>' in text(client.get("/campaigns/"))
    assert client.get(HELP).status_code == 200
