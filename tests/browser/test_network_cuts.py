"""The network goes in the middle of what else charges or asks, and comes back: minutes given and
asked for, Retry now, Try again, the ways back from Stripe's pages and from the bank."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import transaction

from accounts.models import Account
from accounts.tests.builders import make_sub_account, owner_of
from tests.browser.people import Person
from tests.browser.world import allocate
from wallets.models import MinuteAsk, Purchase, Wallet
from wallets.recharges import suspensions
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    add_card,
    make_wallet,
    set_auto_recharge,
)

UNKNOWN = "We couldn't confirm this payment yet. Don't pay again."
NOTHING = "so nothing was charged. Try again."


@pytest.fixture
def dental(wallet) -> Account:
    account = make_sub_account("Northside Dental", agency=wallet.account)
    make_wallet(account=account, credit="3")
    return account


@dataclass
class Scene:
    """What a test needs: who looks, at Stripe, and whose money it is."""

    person: Person
    stripe: object
    wallet: Wallet
    dental: Account

    def states(self) -> list[str]:
        """Of the payments somebody asked for by a button here."""
        mine = Purchase.objects.filter(
            payer=self.wallet.account, requested_by=owner_of(self.wallet.account)
        )
        return list(mine.values_list("state", flat=True))


@pytest.fixture
def scene(owner, stripe, wallet, dental) -> Scene:
    return Scene(owner, stripe, wallet, dental)


def giving(scene: Scene) -> str:
    add_card(scene.stripe, scene.wallet)
    scene.person.visit(f"/account-manager/{scene.dental.pk}/")
    scene.person.opens("#give-minutes", "#id_premium_minutes")
    scene.person.page.fill("#id_premium_minutes", "100")
    scene.person.sees("Give and charge $16.00", "#gift-pay")
    return "#gift-pay"


def retrying_a_month(scene: Scene) -> str:
    card = allocate(scene.stripe, scene.wallet, scene.dental, declines="lost_card")
    scene.stripe.set_card(card, behaviour="ok")
    scene.person.visit(f"/account-manager/{scene.dental.pk}/")
    return "button:has-text('Retry now')"


def retrying_a_month_in_its_dialog(scene: Scene) -> str:
    retrying_a_month(scene)
    scene.person.opens("#manage-allocation", "#id_basic_minutes")
    return "dialog >> button:has-text('Retry now')"


def trying_auto_recharge_again(scene: Scene) -> str:
    add_card(scene.stripe, scene.wallet)
    automatic = set_auto_recharge(scene.wallet, threshold=20, amount=50)
    with transaction.atomic():
        suspensions.suspend(wallet=automatic.wallet, reason="payment_failed")
    scene.person.visit("/payments/")
    return "main >> button:has-text('Try again and charge $50.00')"


PAYING = {
    "gift": giving,
    "month": retrying_a_month,
    "month in its dialog": retrying_a_month_in_its_dialog,
    "Auto-Recharge": trying_auto_recharge_again,
}
WAYS = pytest.mark.parametrize("begin", PAYING.values(), ids=list(PAYING))


def lose_answers(person: Person) -> None:
    """The server hears what is sent, and its answer never arrives: the network is away."""

    def lose(route) -> None:
        if route.request.method == "POST":
            route.fetch()
            person.context.set_offline(True)
            route.abort()
        else:
            route.continue_()

    person.page.route("**/*", lose)


@WAYS
def test_what_was_lost_on_the_way_out_charges_nothing_says_so_and_can_be_sent_again(scene, begin):
    button, person = begin(scene), scene.person
    person.context.set_offline(True)

    person.page.locator(button).first.click()
    person.sees(UNKNOWN)
    # Longer than a note beside the page is shown otherwise.
    person.page.wait_for_timeout(7500)
    assert person.count(f"text={UNKNOWN}") == 1
    person.context.set_offline(False)
    person.sees(NOTHING)
    assert person.count(f"text={UNKNOWN}") == 0
    assert scene.states() == []
    person.page.locator(button).first.click()
    person.sees("Payment received: $")

    assert scene.states() == ["succeeded"]


@WAYS
def test_what_was_charged_with_its_answer_lost_is_charged_once_and_shown(scene, begin):
    button, person = begin(scene), scene.person
    lose_answers(person)

    person.page.locator(button).first.click()
    person.sees(UNKNOWN)
    person.context.set_offline(False)
    person.sees("Payment received: $")

    assert person.count(f"text={UNKNOWN}") == 0
    assert scene.states() == ["succeeded"]


@pytest.fixture
def asking(enter, dental) -> Person:
    person = enter(owner_of(dental))
    person.visit("/payments/").opens("#ask-for-minutes", "#id_premium_minutes")
    person.page.fill("#id_premium_minutes", "250")
    return person


ASK = "dialog >> text=Ask Brightline Agency"
WRONG = "Something went wrong. Check your connection and try again."


def asked(account: Account) -> list[int]:
    return list(MinuteAsk.objects.filter(account=account).values_list("premium_minutes", flat=True))


def test_an_ask_lost_on_the_way_out_is_kept_as_typed_and_asked_once(asking, dental):
    asking.context.set_offline(True)
    asking.page.click(ASK)
    asking.sees(WRONG)
    asking.context.set_offline(False)
    before = asked(dental)

    asking.page.click(ASK)
    asking.dialog_closes()
    asking.sees("Waiting for an answer")

    assert before == []
    assert asked(dental) == [250]
    asking.sees_not(WRONG)


def test_an_ask_whose_answer_was_lost_is_not_made_twice(asking, dental):
    lose_answers(asking)
    asking.page.click(ASK)
    asking.sees(WRONG)
    asking.page.unroute_all()
    asking.context.set_offline(False)

    asking.page.click(ASK)
    asking.sees("You have asked Brightline Agency already.", "dialog")

    assert asked(dental) == [250]


def cut(person: Person, stripe, *, hears: bool) -> Callable[[], str]:
    """The network goes as Stripe's page sends the person back to ours, which hears of it or not.
    Answers with the address they come to by trying again."""
    addresses = []

    def fail(route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        addresses.append(route.fetch(max_redirects=0).headers["location"])
        if hears:
            assert person.context.request.get(addresses[0]).ok
        route.abort()

    person.page.route(f"{stripe.base_url}/**", fail)

    def failed() -> str:
        person.page.wait_for_url(lambda url: url.startswith("chrome-error:"))
        return addresses[0]

    return failed


HEARS = pytest.mark.parametrize("hears", [False, True], ids=["lost out", "lost back"])


@HEARS
def test_the_way_back_from_adding_a_card_may_be_gone_again(owner, stripe, wallet, hears):
    owner.visit("/payments/").opens("#add-credit", ".empty")
    owner.page.click("dialog >> text=Add payment method")
    owner.page.fill("#number", "4242 4242 4242 4242")
    failed = cut(owner, stripe, hears=hears)
    owner.page.click("text=Save card")

    owner.visit(failed())
    owner.page.wait_for_selector("#recharge-pay")
    assert owner.count("#id_payment_method option") == 1
    wallet.refresh_from_db()
    assert wallet.default_payment_method
    assert not Purchase.objects.filter(payer=wallet.account).exists()


@HEARS
def test_the_way_back_from_the_bank_may_be_gone_again(owner, stripe, wallet, hears):
    add_card(stripe, wallet, BANK_ASKS_CARD)
    owner.visit("/payments/").opens("#add-credit", "#id_amount")
    owner.page.check("input[name=buys][value=credit]")
    owner.sees("Pay $50.00", "#recharge-pay")
    owner.page.click("#recharge-pay")
    owner.page.click("dialog >> text=Continue to your bank")
    failed = cut(owner, stripe, hears=hears)
    owner.page.click("text=Approve")

    owner.visit(failed())
    owner.sees("Payment received: $50.00.")

    assert Purchase.objects.get(payer=wallet.account).state == "succeeded"
    wallet.refresh_from_db()
    assert f"{wallet.credit.amount:.2f}" == "58.20"
