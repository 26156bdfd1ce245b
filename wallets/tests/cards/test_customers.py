"""Customers that Stripe deleted, or whose address it refuses, and cards that went without us."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from accounts import clock
from accounts.models import Account, Notification, StaffAlert
from accounts.tests.builders import make_individual, make_user
from wallets.books import against_stripe
from wallets.cards import customers, keeping, mirror, payment_methods
from wallets.charging import purchases
from wallets.errors import GatewayUnreachable, Refused
from wallets.recharges import auto_recharge, by_hand, switching_off
from wallets.stripe import answers, gateway
from wallets.tests.worlds.auto_recharge_world import credit, logged, run, settings_of, told
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    OTHER_GOOD_CARD,
    add_card,
    make_wallet,
    set_auto_recharge,
)
from wallets.tests.worlds.purchases import taken
from wallets.tests.worlds.reversal_world import buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

URLS = {"success_url": "http://testserver/ok", "cancel_url": "http://testserver/no"}


def delete_customer(customer: str) -> None:
    """As somebody does in Stripe's dashboard."""
    gateway._stripe().customers.delete(customer)


def start_adding(wallet) -> str:
    return keeping.start_adding(account=wallet.account, **URLS)


def test_a_deleted_customer_is_replaced_when_a_card_is_added(stripe):
    wallet = make_wallet()
    card = add_card(stripe, wallet)
    gone = wallet.account.stripe_customer
    delete_customer(gone)

    url = start_adding(wallet)

    wallet.account.refresh_from_db()
    wallet.refresh_from_db()
    assert url.startswith(stripe.base_url)
    assert wallet.account.stripe_customer != gone
    assert wallet.account.former_customers == [gone]
    assert payment_methods.cards(wallet.account) == []
    assert wallet.default_payment_method == ""
    removed = Notification.objects.filter(account=wallet.account, kind="payment_method_removed")
    assert [note.dedupe_key for note in removed] == [f"card-removed:{card.id}"]


def test_the_next_card_is_charged_although_replacing_its_customer_was_cut_short(
    stripe, monkeypatch
):
    wallet = make_wallet()
    add_card(stripe, wallet)
    delete_customer(wallet.account.stripe_customer)

    def killed(card_id):  # noqa: ARG001
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(mirror, "forget_card", killed)
        with pytest.raises(SystemExit):
            start_adding(wallet)

    start_adding(wallet)
    card = add_card(stripe, wallet)

    wallet.refresh_from_db()
    assert wallet.default_payment_method == card.id


@pytest.mark.usefixtures("stripe")
def test_replacing_twice_makes_one_customer():
    wallet = make_wallet()
    gone = customers.ensure(account=wallet.account)
    delete_customer(gone)

    first = customers.replace(account=wallet.account, gone=gone)
    second = customers.replace(account=wallet.account, gone=gone)

    wallet.account.refresh_from_db()
    assert first == second == wallet.account.stripe_customer
    assert wallet.account.former_customers == [gone]


def test_a_payment_of_the_former_customer_stays_the_accounts(stripe):

    wallet = make_wallet()
    add_card(stripe, wallet)
    purchase = buy(wallet)
    customers.replace(account=wallet.account, gone=wallet.account.stripe_customer)

    settled = purchases.settle(payment_intent=purchase.payment_intent)

    assert settled.quarantined_at is None
    assert list(against_stripe.compare()) == []


@pytest.mark.usefixtures("stripe")
def test_an_address_that_stripe_refuses_makes_a_customer_without_one():
    account = make_individual(owner=make_user("ada@localhost"))

    customer = customers.ensure(account=account)

    assert gateway.retrieve_customer(customer=customer)["email"] is None
    [alert] = StaffAlert.objects.filter(kind="customer_without_email")
    assert account.name in alert.text
    assert customers.ensure(account=account) == customer


def test_a_failure_that_stripe_repeats_under_its_key_does_not_keep_a_card_from_being_added(stripe):
    wallet = make_wallet()
    stripe.fault(kind="500_after", path="/v1/customers", method="POST")
    with pytest.raises(GatewayUnreachable):
        start_adding(wallet)

    assert start_adding(wallet).startswith(stripe.base_url)

    [customer] = gateway.customers_since(since=clock.now() - timedelta(hours=1))
    wallet.account.refresh_from_db()
    assert wallet.account.stripe_customer == customer["id"]


def test_a_failure_that_made_no_customer_is_followed_by_another_key(stripe):
    wallet = make_wallet()
    stripe.fault(kind="500_after", path="/v1/customers", method="POST")
    with pytest.raises(GatewayUnreachable):
        start_adding(wallet)
    [made_unseen] = gateway.customers_since(since=clock.now() - timedelta(hours=1))
    delete_customer(made_unseen["id"])

    assert start_adding(wallet).startswith(stripe.base_url)

    wallet.account.refresh_from_db()
    assert wallet.account.stripe_customer != made_unseen["id"]


def test_an_account_renamed_after_an_answer_was_lost_gets_the_customer_that_was_made(stripe):
    wallet = make_wallet()
    stripe.fault(kind="reset_after", path="/v1/customers", method="POST")
    with pytest.raises(GatewayUnreachable):
        start_adding(wallet)
    [made] = gateway.customers_since(since=clock.now() - timedelta(hours=1))
    wallet.account.name = "Northside Dental Group"
    wallet.account.save(update_fields=["name"])

    assert start_adding(wallet).startswith(stripe.base_url)

    wallet.account.refresh_from_db()
    assert wallet.account.stripe_customer == made["id"]


@pytest.mark.usefixtures("stripe")
def test_what_stripe_refuses_for_good_is_not_called_silence(monkeypatch):

    wallet = make_wallet()

    def refuse(**facts):
        raise answers.Impossible("This account cannot save cards.", code="account_invalid")

    monkeypatch.setattr(gateway, "start_card_setup", refuse)

    for _ in range(2):
        with pytest.raises(Refused, match="Support has been told"):
            start_adding(wallet)

    [alert] = StaffAlert.objects.filter(kind="card_cannot_be_added")
    assert "This account cannot save cards." in alert.text


def test_silence_is_still_called_silence(stripe):
    wallet = make_wallet()
    stripe.fault(kind="reset_before", path="/v1/checkout/sessions", times=5)

    with pytest.raises(GatewayUnreachable, match="not answering"):
        start_adding(wallet)

    assert not StaffAlert.objects.exists()


def test_a_charge_notices_that_the_customer_is_gone(stripe):
    wallet = make_wallet(credit="5")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    delete_customer(wallet.account.stripe_customer)

    run(wallet)

    automatic = settings_of(wallet)
    assert automatic.suspended_reason == "no_card"
    assert payment_methods.cards(wallet.account) == []
    assert wallet.purchases.get().error_text == (
        f"{card.label} was declined: the card is no longer saved. You were not charged. Add a card."
    )
    assert taken(stripe) == []


def test_a_charge_notices_that_the_card_is_gone_and_another_card_lifts_it(stripe):
    wallet = make_wallet(credit="5")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    gateway.detach_card(card_id=card.id)

    run(wallet)
    suspended = settings_of(wallet).suspended_reason
    add_card(stripe, wallet, OTHER_GOOD_CARD)

    auto_recharge.payment_method_changed(wallet_id=wallet.pk)

    assert suspended == "no_card"
    assert settings_of(wallet).suspended_at is None
    assert credit(wallet) == 55
    assert taken(stripe) == [5000]


def test_support_renews_the_link_to_a_deleted_customer(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    gone = wallet.account.stripe_customer
    delete_customer(gone)

    said = keeping.renew_customer(account=wallet.account)

    assert said == (
        f"{gone} was deleted at Stripe. {wallet.account.stripe_customer} takes its place, "
        "without cards."
    )


def test_support_reads_the_cards_of_a_customer_again(stripe):
    wallet = make_wallet()
    lost = add_card(stripe, wallet)
    gateway.detach_card(card_id=lost.id)
    stripe.add_card(wallet.account.stripe_customer, OTHER_GOOD_CARD)

    said = keeping.renew_customer(account=wallet.account)

    customer = wallet.account.stripe_customer
    assert said == f"{customer} is there. Cards: 1 added here, 1 taken away."
    [card] = payment_methods.cards(wallet.account)
    wallet.refresh_from_db()
    assert card.label == "Mastercard •••• 4444"
    assert wallet.default_payment_method == card.id


def test_a_bank_link_of_a_card_that_is_gone_ends(stripe):

    wallet = make_wallet()
    card = add_card(stripe, wallet, BANK_ASKS_CARD)
    purchase = buy(wallet)
    gateway.detach_card(card_id=card.id)

    link = by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/")

    purchase.refresh_from_db()
    assert (link, purchase.is_open) == ("", False)
    assert taken(stripe) == []


def test_the_only_card_lost_at_stripe_suspends_auto_recharge_and_says_so(stripe):
    wallet = make_wallet(credit="100")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet, payment_method=card.id)
    gateway.detach_card(card_id=card.id)

    keeping.card_changed({"id": card.id})

    automatic = settings_of(wallet)
    assert (automatic.enabled, automatic.suspended_reason) == (True, "no_card")
    assert automatic.payment_method == ""
    assert logged(wallet) == ["now_suspended"]
    assert told(wallet, "auto_recharge_suspended") == [
        "Auto-Recharge is suspended. Its card is no longer saved at the payment service. Add a "
        "card."
    ]
    assert run(wallet) == "suspended"


def test_the_default_lost_at_stripe_gives_way_to_the_next_card(stripe):
    wallet = make_wallet(credit="100")
    card = add_card(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    set_auto_recharge(wallet)
    gateway.detach_card(card_id=card.id)

    keeping.card_changed({"id": card.id})

    wallet.refresh_from_db()
    assert settings_of(wallet).suspended_at is None
    assert wallet.default_payment_method == other.id


def test_a_chosen_card_lost_at_stripe_is_not_replaced_by_one_nobody_chose(stripe):
    wallet = make_wallet(credit="100")
    add_card(stripe, wallet)
    chosen = add_card(stripe, wallet, OTHER_GOOD_CARD)
    set_auto_recharge(wallet, payment_method=chosen.id)
    gateway.detach_card(card_id=chosen.id)

    keeping.card_changed({"id": chosen.id})

    assert settings_of(wallet).suspended_reason == "no_card"
    [text] = told(wallet, "auto_recharge_suspended")
    assert text.endswith("Choose another card under Configure.")


@pytest.mark.usefixtures("stripe")
def test_switching_off_a_second_time_does_nothing():
    wallet = make_wallet(credit="5")
    set_auto_recharge(wallet)

    answers = [switching_off.switch_off(wallet_id=wallet.pk, why="Ada did it") for _ in range(2)]

    assert answers == [True, False]
    assert settings_of(wallet).due_since is None
    assert logged(wallet) == ["switched_off"]
    assert told(wallet, "settings_changed") == [
        "Auto-Recharge was switched off: Ada did it. Nothing is charged by itself until you turn "
        "it on again under Configure."
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("many", [2, 6])
def test_requests_at_the_same_moment_make_one_customer_anew(stripe, many):
    wallet = make_wallet()
    card = add_card(stripe, wallet)
    purchase = buy(wallet)
    gone = wallet.account.stripe_customer
    delete_customer(gone)
    accounts = [Account.objects.get(pk=wallet.account_id) for _ in range(many)]
    stripe.fault(kind="slow", path="/v1/customers", method="POST", seconds=0.3)

    def add(account: Account) -> str:
        try:
            return keeping.start_adding(account=account, **URLS)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=many) as pool:
        pages = list(pool.map(add, accounts))

    account = Account.objects.get(pk=wallet.account_id)
    made = {one["id"] for one in gateway.customers_since(since=clock.now() - timedelta(hours=1))}
    assert (made, account.former_customers) == ({account.stripe_customer}, [gone])
    assert all(page.startswith(stripe.base_url) for page in pages)
    assert purchases.settle(payment_intent=purchase.payment_intent).quarantined_at is None
    assert list(against_stripe.compare()) == []
    removed = Notification.objects.filter(account=account, kind="payment_method_removed")
    assert [note.dedupe_key for note in removed] == [f"card-removed:{card.id}"]


def test_with_a_key_of_another_account_a_customer_is_made_there_once(stripe, settings):
    """Nothing of the first account is asked for, and its payments stay the account's."""
    wallet = make_wallet()
    add_card(stripe, wallet)
    purchase = buy(wallet)
    before = wallet.account.stripe_customer
    key = "sk_test_" + "7" * 24
    settings.STRIPE_SECRET_KEY = stripe.describe_key(key, account="acct_1Another")

    pages = [start_adding(wallet) for _ in range(2)]

    account = Account.objects.get(pk=wallet.account_id)
    assert all(page.startswith(stripe.base_url) for page in pages)
    assert account.former_customers == [before]
    assert gateway.retrieve_customer(customer=account.stripe_customer)["name"] == account.name
    assert purchase.payer_id == account.pk
    assert purchase.payment_intent in {one["id"] for one in stripe.truth()["payment_intents"]}
