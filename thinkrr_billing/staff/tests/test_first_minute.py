"""What a caller asks in the first minute stands on the account's page."""

import re
from html import unescape

import pytest
from django.utils.html import strip_tags

from accounts.telling.notifications import alert_staff, notify
from accounts.tests.builders import make_individual
from campaigns.tests.builders import make_campaign
from thinkrr_billing.staff.groups import BILLING, READ_ONLY, SUPPORT
from thinkrr_billing.staff.tests.phone import staff_client, url
from wallets.cards import backup
from wallets.models import Alert, SlackHook
from wallets.recharges import auto_recharge
from wallets.tests.worlds.builders import (
    OTHER_GOOD_CARD,
    add_card,
    make_wallet,
    set_auto_recharge,
)
from wallets.tests.worlds.histories import buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


def page(wallet, *roles) -> str:
    answer = staff_client(*roles).get(url("accounts.account", "change", wallet.account_id))
    assert answer.status_code == 200
    return answer.content.decode()


def panel(html: str) -> str:
    part = html[html.index('id="first-minute"') : html.index('id="timeline"')]
    return " ".join(strip_tags(part[part.index(">") + 1 :]).split()).replace("&#x27;", "'")


def test_the_answers_of_the_first_minute_stand_together(stripe):
    wallet = make_wallet(credit="0.05")
    card = add_card(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    backup.choose(account=wallet.account, card_id=other.id)
    for one in (card, other):
        stripe.set_card(one.id, behaviour={"decline_code": "insufficient_funds"})
    set_auto_recharge(wallet)
    auto_recharge.run(wallet_id=wallet.pk)
    make_campaign(wallet.account, name="Spring", minute_type="premium", status="low_balance")
    Alert.objects.create(wallet=wallet, kind="balance", level=25)
    SlackHook.objects.create(
        wallet=wallet,
        secret_path="/services/TEAMX/BOTXX/abcdefghijklmnop",
        disabled_at=wallet.account.created_at,
        disabled_because="Slack answered: no_service",
    )
    notify(account=wallet.account, kind="x", title="Low balance", text="…")
    alert_staff(kind="dispute", text="A bank asks", data={"account": str(wallet.account_id)})

    shown = panel(page(wallet, SUPPORT))

    for words in (
        "No calls in the last 7 days, so there is no pace.",
        "Auto-Recharge tries again later by itself. Nothing is charged now. Waits until",
        "Retry Auto-Recharge",
        "Visa •••• 4242, 12/2029 · default · Auto-Recharge · declined",
        "(insufficient_funds)",
        "Mastercard •••• 4444, 12/2029 · backup · declined",
        "Spring: Needs Premium minutes. Needs at least $0.16 to run.",
        "Did not charge $50.00 to the backup card Mastercard •••• 4444",
        "because the balance of $0.05 was below $10.00",
        "Low balance: mail waits, 0 tries",
        "A bank asks",
        "1 alerts of its own.",
        "Slack is switched off: Slack answered: no_service.",
    ):
        assert words in shown, words
    assert "abcdefghijklmnop" not in page(wallet, SUPPORT)


def test_the_link_to_its_alerts_finds_them_whatever_it_is_called():
    wallet = make_wallet(account=make_individual("Smith & Sons #1"))
    Alert.objects.create(wallet=wallet, kind="balance", level=25)

    (link,) = re.findall(r'href="(/admin/wallets/alert/[^"]+)"', page(wallet, SUPPORT))
    answer = staff_client(SUPPORT).get(unescape(link))

    assert answer.status_code == 200
    assert "Smith &amp; Sons #1" in answer.content.decode()


def test_a_card_whose_payment_the_bank_had_no_answer_to_is_not_called_declined(stripe):
    wallet = make_wallet()
    card = add_card(stripe, wallet)
    code = "payment_intent_authentication_failure"
    buy(wallet, state="declined", payment_method=card.id, decline_code=code)

    shown = panel(page(wallet, SUPPORT))

    assert "default · Auto-Recharge · not confirmed" in shown
    assert "default · Auto-Recharge · declined" not in shown


def test_the_card_that_auto_recharge_charges_says_so_chosen_or_by_default(stripe):
    wallet = make_wallet(credit="20")
    default, other = add_card(stripe, wallet), add_card(stripe, wallet, OTHER_GOOD_CARD)
    automatic = set_auto_recharge(wallet)

    def cards() -> list[str]:
        payments = page(wallet, SUPPORT).partition(">Payments</h3>")[2].partition("</section>")[0]
        lines = re.findall(r"<li>(.*?)</li>", payments, re.DOTALL)
        return [" ".join(strip_tags(line).split()) for line in lines]

    by_default = cards()
    automatic.payment_method = other.id
    automatic.save()

    assert f"{default.label}, 12/2029 · default · Auto-Recharge" in by_default
    assert f"{other.label}, 12/2029" in by_default
    assert f"{default.label}, 12/2029 · default" in cards()
    assert f"{other.label}, 12/2029 · Auto-Recharge" in cards()


def test_a_role_without_the_button_is_offered_none(stripe):
    wallet = make_wallet(credit="5")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, suspended_at=wallet.account.created_at, suspended_reason="support")

    assert "Lift the suspension" in panel(page(wallet, BILLING))
    reading = panel(page(wallet, READ_ONLY))
    assert "Auto-Recharge is suspended." in reading
    assert "Lift the suspension" not in reading


def test_an_account_without_a_wallet_or_anything_has_a_page_all_the_same():
    account = make_individual()
    answer = staff_client(SUPPORT).get(url("accounts.account", "change", account.pk))

    assert answer.status_code == 200
    assert "first-minute" not in answer.content.decode()


def test_an_empty_wallet_says_so():
    shown = panel(page(make_wallet(), SUPPORT))

    for words in ("No card saved.", "No campaign is.", "No charge yet.", "Nothing told yet."):
        assert words in shown
