"""Turning on two-factor log-in, logging in with it, and the list of sessions, as a person does."""

import base64

import pytest

from accounts.models import OpenSession
from accounts.people import second_factor
from accounts.tests.authenticator import code_of, next_code, turn_on, wrong_code
from accounts.tests.builders import PASSWORD, owner_of
from tests.browser import axe
from tests.browser.people import DESK, NARROWEST, PHONE
from tests.browser.test_typing_the_password_again import typed_long_ago

SECURITY = "/settings/security/"
# The test client logs in without a browser.
NO_BROWSER = "Unknown browser"


def secret_on(person) -> str:
    letters = person.page.inner_text("code").replace(" ", "")
    return base64.b32decode(letters).hex()


def problems_at_every_width(person) -> list[str]:
    found = axe.violations(person.page)
    for width in (NARROWEST, PHONE, DESK):
        person.resize(width)
        if too_wide := person.overflow():
            found.append(f"at {width}: {too_wide} pixels wider than the window")
    return found


def enter_password(person, user) -> None:
    person.visit("/login/").page.fill("#id_username", user.email)
    person.page.fill("#id_password", PASSWORD)
    person.page.keyboard.press("Enter")
    person.page.wait_for_url("**/login/code/")


@pytest.mark.parametrize("javascript", [True, False])
def test_it_is_turned_on_with_an_app_and_the_codes_are_shown_once(enter, wallet, javascript):
    user = owner_of(wallet.account)
    person = enter(user, javascript=javascript)
    person.visit("/payments/")
    person.page.click("[aria-label='Your menu']")
    person.page.click("#user-menu >> text=Security")
    person.page.click("text=Turn on two-factor log-in")
    person.page.fill("#id_code_again", code_of(secret_on(person)))
    person.page.fill("#id_password_again", PASSWORD)
    person.page.keyboard.press("Enter")
    person.sees("Your recovery codes")
    codes = person.page.locator("main code").all_inner_texts()
    problems = problems_at_every_width(person) if javascript else []
    person.page.click("text=I have kept them")
    person.sees("10 recovery codes are left")

    assert second_factor.is_on(user=user)
    assert len(set(codes)) == 10
    assert problems == []
    assert not [code for code in codes if code in person.text()]


def test_a_slip_is_shown_beside_its_field_and_the_secret_stays(enter, wallet):
    user = owner_of(wallet.account)
    person = enter(user, width=PHONE)
    person.visit(f"{SECURITY}second-factor/")
    secret = secret_on(person)
    person.page.fill("#id_code_again", "00000" if code_of(secret) == "000000" else "000000")
    person.page.fill("#id_password_again", PASSWORD)
    person.page.click("button >> text=Turn on")
    person.sees("This is not the code of the secret above.")

    person.focuses("#id_code_again")
    assert secret_on(person) == secret
    assert problems_at_every_width(person) == []
    assert not second_factor.is_on(user=user)


@pytest.mark.parametrize("javascript", [True, False])
def test_logging_in_asks_for_the_code_by_keyboard_alone(enter, wallet, javascript):
    user = owner_of(wallet.account)
    turn_on(user)
    person = enter(javascript=javascript, width=PHONE)
    enter_password(person, user)
    person.focuses("#id_code")
    problems = problems_at_every_width(person) if javascript else []
    person.page.keyboard.type(wrong_code(user))
    person.page.keyboard.press("Enter")
    person.sees("This code is wrong or was used before.")
    person.page.fill("#id_code", next_code(user))
    person.page.keyboard.press("Enter")
    person.page.wait_for_url("**/payments/")

    assert problems == []


def test_the_list_shows_this_browser_and_ends_another(enter, wallet):
    user = owner_of(wallet.account)
    there, here = enter(user), enter(user)
    there.visit(SECURITY)
    here.visit(SECURITY)
    other = OpenSession.objects.filter(user=user).order_by("pk").first()
    problems = problems_at_every_width(here)
    here.page.click(f"[popovertarget='session-{other.pk}']")
    menu_problems = axe.violations(here.page)
    here.page.click(f"#session-{other.pk} >> text=Log it out")
    here.sees("It is logged out.")
    there.visit("/payments/")

    assert problems + menu_problems == []
    assert here.text().count("This one") == 1
    assert there.page.url.split("?")[0].endswith("/login/")
    assert list(OpenSession.objects.filter(user=user).values_list("browser", flat=True)) == [
        NO_BROWSER
    ]


def test_all_others_are_logged_out_after_the_password_and_the_code(enter, wallet):
    user = owner_of(wallet.account)
    there, here = enter(user), enter(user)
    turn_on(user)
    typed_long_ago(here)
    here.visit(SECURITY).page.click("text=Log out everywhere else")
    here.page.click("#sessions-others >> text=Log out everywhere else")
    here.page.fill("#id_password_again", PASSWORD)
    here.page.fill("#id_code_again", next_code(user))
    problems = problems_at_every_width(here)
    here.page.click("text=Go on")
    here.sees("You are logged out everywhere else.")
    there.visit("/payments/")

    assert problems == []
    assert there.page.url.split("?")[0].endswith("/login/")
