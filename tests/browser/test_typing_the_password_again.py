"""Whoever typed the password long ago types it again in the place, and loses nothing."""

import time

import pytest
from django.contrib.sessions.backends.db import SessionStore

from accounts.models import ApiKey
from accounts.people import fresh
from accounts.tests.builders import PASSWORD, owner_of
from tests.browser import axe
from tests.browser.test_network_cuts import lose_answers
from wallets.models import AutoRecharge, Purchase
from wallets.tests.worlds.builders import add_card


def typed_long_ago(person) -> None:
    [cookie] = [one for one in person.context.cookies() if one["name"] == "sessionid"]
    session = SessionStore(cookie["value"])
    session[fresh.TYPED_AT] = int(time.time()) - fresh.SECONDS - 1
    session.save()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_key_is_made_after_the_password(enter, wallet, javascript):
    person = enter(owner_of(wallet.account), javascript=javascript)
    typed_long_ago(person)
    person.visit("/settings/api-keys/").page.fill("#id_name", "Dialer")
    person.page.click("text=Make API key")
    person.sees("You typed your password more than 15 minutes ago.")
    problems = axe.violations(person.page) if javascript else []

    person.page.fill("#id_password_again", "a guess")
    person.page.click("text=Go on")
    person.sees("This is not your password.")
    refused = not ApiKey.objects.filter(account=wallet.account).exists()
    person.page.fill("#id_password_again", PASSWORD)
    person.page.click("text=Go on")
    person.sees("Copy it now. It is not shown again.")

    assert refused
    assert problems == []
    assert person.overflow() == 0
    assert ApiKey.objects.get(account=wallet.account).name == "Dialer"


def test_auto_recharge_asks_in_its_own_dialog_and_saves_what_was_typed(owner, stripe, wallet):
    add_card(stripe, wallet)
    owner.visit("/payments/").opens("#configure", "#id_threshold")
    typed_long_ago(owner)
    owner.page.fill("#id_threshold", "6")
    owner.page.click("#auto-save")
    owner.page.wait_for_selector("dialog[open] #id_password_again")
    owner.settles()
    owner.focuses("#id_password_again")
    before = AutoRecharge.objects.get(wallet=wallet).threshold.amount

    owner.page.fill("#id_password_again", PASSWORD)
    owner.page.click("dialog >> text=Go on")
    owner.dialog_closes()

    assert before != 6
    assert AutoRecharge.objects.get(wallet=wallet).threshold.amount == 6


def test_a_charge_after_the_password_whose_answer_got_lost_is_asked_for(owner, stripe, wallet):
    add_card(stripe, wallet)
    owner.visit("/payments/").opens("#configure", "#id_threshold")
    typed_long_ago(owner)
    owner.page.check("#id_enabled")
    owner.sees("Save and charge $50.00", "#auto-save")
    owner.page.click("#auto-save")
    owner.page.wait_for_selector("dialog[open] #id_password_again")
    owner.settles()
    owner.page.fill("#id_password_again", PASSWORD)
    lose_answers(owner)

    owner.page.click("dialog >> text=Go on")
    owner.sees("We couldn't confirm this payment yet. Don't pay again.", "dialog")
    owner.page.unroute("**/*")
    owner.context.set_offline(False)
    owner.sees("Payment received: $50.00.", "dialog")

    assert Purchase.objects.get(payer=wallet.account).state == "succeeded"
