"""Keeping cards in step with Stripe: whose card, which default, who hears, and what stays."""

from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import djstripe.models
import pytest

from accounts import clock
from accounts.models import Notification, StaffAlert
from accounts.tests.builders import make_individual
from wallets.balances.opening import open_wallet
from wallets.cards import customers, keeping, mirror, payment_methods, uses
from wallets.errors import GatewayUnreachable, NoPaymentMethod, PaymentMethodInUse, Refused
from wallets.models import AutoRecharge, Wallet
from wallets.stripe import answers, gateway
from wallets.tests.worlds.at_once import before_the_lock
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card, make_wallet, set_auto_recharge

pytestmark = pytest.mark.django_db

CHANGED = "wallets.payment_method_changed"
URLS = {"success_url": "http://testserver/ok", "cancel_url": "http://testserver/no"}


@pytest.fixture
def mine(stripe):
    """A wallet with a card, beside somebody else's with one."""
    add_card(stripe, make_wallet(), OTHER_GOOD_CARD)
    wallet = make_wallet()
    add_card(stripe, wallet)
    return wallet


def ids(account):
    return [card.id for card in payment_methods.cards(account)]


def default_of(wallet):
    return Wallet.objects.get(pk=wallet.pk).default_payment_method


def others(wallet):
    """The one other wallet, as it is now."""
    return Wallet.objects.exclude(pk=wallet.pk).get()


def saved_at_stripe(customer):
    """A card saved at Stripe for this customer; nothing is known of it here."""
    made = gateway._stripe().payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    return gateway._stripe().payment_methods.attach(made.id, {"customer": customer}).id


def raising(error):
    def call(**facts):
        raise error

    return call


# --- Adding.


@pytest.mark.usefixtures("stripe")
def test_what_stripe_refuses_for_good_is_told_support_once_a_day_and_account(monkeypatch):
    first, second = make_individual(), make_individual()
    monkeypatch.setattr(gateway, "start_card_setup", raising(answers.Impossible("not here")))
    now = clock.now()

    for moment, account in (
        (now, first),
        (now + timedelta(seconds=1), first),
        (now, second),
        (now + timedelta(days=1), first),
    ):
        with clock.at(moment), pytest.raises(Refused, match="Support has been told"):
            keeping.start_adding(account=account, **URLS)

    alerts = StaffAlert.objects.filter(kind="card_cannot_be_added").order_by("pk")
    told = [str(account.pk) for account in (first, second, first)]
    assert [alert.data for alert in alerts] == [{"account": account} for account in told]
    first.refresh_from_db()
    assert not first.former_customers


def test_the_first_card_of_a_wallet_is_its_default_and_nobody_elses(
    mine, nudges, django_capture_on_commit_callbacks
):
    theirs = others(mine)
    wallet = make_wallet()
    customer = customers.ensure(account=wallet.account)
    cards = [saved_at_stripe(customer) for _ in range(2)]

    with django_capture_on_commit_callbacks(execute=True):
        for card_id in cards:
            adopted = keeping.adopt(account=wallet.account, card_id=card_id)
            assert adopted.id == card_id

    assert default_of(wallet) == cards[0]
    added = Notification.objects.filter(account=wallet.account, kind="payment_method_added")
    assert added.count() == 2
    assert [args for name, args in nudges if name == CHANGED] == [(wallet.pk,)]
    assert default_of(theirs) == theirs.default_payment_method


def test_a_card_of_nobody_leaves_the_mirror_and_no_other_does(mine):
    [card_id] = ids(mine.account)

    mirror.keep_card({"id": card_id, "customer": None})

    assert ids(mine.account) == []
    assert len(ids(others(mine).account)) == 1


def test_a_card_is_shown_though_its_customer_was_never_seen_here(mine):
    djstripe.models.Customer.objects.filter(id=mine.account.stripe_customer).delete()
    djstripe.models.PaymentMethod.objects.filter(id=mine.default_payment_method).delete()

    mirror.keep_card(gateway.retrieve_card(card_id=mine.default_payment_method))

    assert ids(mine.account) == [mine.default_payment_method]


@pytest.mark.parametrize("whose", ["ours", "theirs", "unfinished"])
def test_only_a_finished_page_of_the_account_saves_its_card(mine, monkeypatch, whose):
    mirrored = mine.default_payment_method
    djstripe.models.PaymentMethod.objects.filter(id=mirrored).delete()
    customer = others(mine).account.stripe_customer if whose == "theirs" else None
    found = (customer or mine.account.stripe_customer, "" if whose == "unfinished" else mirrored)
    monkeypatch.setattr(gateway, "finished_card_setup", lambda session_id: found)

    card = keeping.finish_adding(account=mine.account, session_id="cs_1")

    assert (card and card.id) == (mirrored if whose == "ours" else None)
    assert ids(mine.account) == ([mirrored] if whose == "ours" else [])


def test_a_page_whose_end_is_not_known_yet_asks_for_patience(mine, monkeypatch):
    monkeypatch.setattr(gateway, "finished_card_setup", raising(answers.GatewayError("silence")))

    with pytest.raises(GatewayUnreachable, match="Your card is being saved"):
        keeping.finish_adding(account=mine.account, session_id="cs_1")


@pytest.mark.parametrize(
    "facts",
    [
        {"type": "us_bank_account", "card": None},
        {"type": "link", "card": None},
        {"customer": None},
        {"customer": "cus_of_somebody_else"},
    ],
    ids=["bank account", "link", "taken off", "somebody else's"],
)
def test_what_no_charge_could_use_is_not_taken_over(mine, monkeypatch, nudges, facts):
    saved = mine.default_payment_method
    data = gateway.retrieve_card(card_id=saved) | {"id": "pm_other"} | facts
    Wallet.objects.filter(pk=mine.pk).update(default_payment_method="")
    nudges.clear()
    told = Notification.objects.count()
    found = (mine.account.stripe_customer, "pm_other")
    monkeypatch.setattr(gateway, "finished_card_setup", lambda session_id: found)
    monkeypatch.setattr(gateway, "retrieve_card", lambda card_id: data)

    assert keeping.finish_adding(account=mine.account, session_id="cs_1") is None

    mine.refresh_from_db()
    assert mine.default_payment_method == ""
    assert ids(mine.account) == [saved]
    assert (nudges, Notification.objects.count()) == ([], told)


def test_a_saved_card_that_cannot_be_read_yet_asks_for_patience(mine, monkeypatch):
    found = (mine.account.stripe_customer, mine.default_payment_method)
    monkeypatch.setattr(gateway, "finished_card_setup", lambda session_id: found)
    monkeypatch.setattr(gateway, "retrieve_card", raising(answers.Unknown("silence")))

    with pytest.raises(GatewayUnreachable, match="Your card is being saved"):
        keeping.finish_adding(account=mine.account, session_id="cs_1")


# --- Renewing the link.


@pytest.mark.usefixtures("stripe")
def test_an_account_without_a_customer_is_linked_to_a_new_one():
    account = make_individual()

    said = keeping.renew_customer(account=account)

    assert said == f"Stripe's customer {account.stripe_customer} is linked."
    assert account.stripe_customer


@pytest.mark.parametrize(
    ("error", "raised", "text"),
    [
        (answers.Impossible("no such list"), Refused, "Stripe refuses it: no such list"),
        (answers.GatewayError("silence"), GatewayUnreachable, "Stripe is not answering"),
    ],
)
def test_a_link_that_cannot_be_renewed_says_why_and_changes_nothing(
    mine, monkeypatch, error, raised, text
):
    monkeypatch.setattr(gateway, "list_cards", raising(error))

    with pytest.raises(raised, match=text):
        keeping.renew_customer(account=mine.account)

    assert ids(mine.account) == [mine.default_payment_method]


def test_reading_cards_again_where_all_is_well_changes_nothing(mine):
    customer = mine.account.stripe_customer

    said = [keeping.renew_customer(account=mine.account)]
    Wallet.objects.filter(pk=mine.pk).update(default_payment_method="")
    said.append(keeping.renew_customer(account=mine.account))

    assert said == [f"{customer} is there. Cards: 0 added here, 0 taken away."] * 2
    assert ids(mine.account) == [mine.default_payment_method]


def test_a_default_that_is_neither_here_nor_at_stripe_is_taken_away(mine):
    Wallet.objects.filter(pk=mine.pk).update(default_payment_method="pm_long_gone")

    said = keeping.renew_customer(account=mine.account)

    assert said.endswith("Cards: 0 added here, 1 taken away.")
    assert default_of(mine) == mine.default_payment_method


# --- Choosing.


def test_the_chosen_default_is_this_wallets_and_what_waited_for_it_is_looked_at(
    stripe, mine, nudges, django_capture_on_commit_callbacks
):
    theirs = others(mine)
    other = add_card(stripe, mine, OTHER_GOOD_CARD)

    with django_capture_on_commit_callbacks(execute=True):
        chosen = keeping.make_default(account=mine.account, card_id=other.id)

    assert (chosen, default_of(mine)) == (other, other.id)
    assert default_of(theirs) == theirs.default_payment_method
    assert [args for name, args in nudges if name == CHANGED] == [(mine.pk,)]


def test_a_card_of_somebody_else_is_no_default(mine):
    with pytest.raises(NoPaymentMethod):
        keeping.make_default(account=mine.account, card_id=others(mine).default_payment_method)

    assert default_of(mine) == mine.default_payment_method


# --- Taking away.


def test_a_card_that_goes_while_it_is_chosen_does_not_become_the_default(stripe, mine):
    before = mine.default_payment_method
    other = add_card(stripe, mine, OTHER_GOOD_CARD)

    with (
        before_the_lock(lambda: keeping.forget(account=mine.account, card_id=other.id)),
        pytest.raises(NoPaymentMethod, match="no longer saved"),
    ):
        keeping.make_default(account=mine.account, card_id=other.id)

    assert default_of(mine) == before


def test_what_uses_a_card_is_listed_before_it_is_removed(mine):
    set_auto_recharge(mine)

    with pytest.raises(PaymentMethodInUse) as refusal:
        keeping.remove(account=mine.account, card_id=mine.default_payment_method)

    [use] = refusal.value.uses
    assert str(refusal.value) == f"Visa •••• 4242 is in use. {use}"


def test_removing_a_card_says_which_and_tells_the_account(mine):
    card_id = mine.default_payment_method

    removed = keeping.remove(account=mine.account, card_id=card_id)

    assert removed.id == card_id
    assert len(ids(others(mine).account)) == 1
    note = Notification.objects.get(account=mine.account, kind="payment_method_removed")
    assert note.text == "A card was removed."


def test_a_card_that_is_gone_at_stripe_already_is_removed_here(mine, monkeypatch):
    monkeypatch.setattr(gateway, "detach_card", raising(answers.Impossible("no such card")))

    keeping.remove(account=mine.account, card_id=mine.default_payment_method)

    assert (ids(mine.account), default_of(mine)) == ([], "")


def test_a_card_that_is_not_saved_is_not_removed(mine):
    with pytest.raises(NoPaymentMethod, match="This card is no longer saved"):
        keeping.remove(account=mine.account, card_id="pm_unknown")


def test_after_the_default_comes_the_oldest_card_that_has_not_expired(
    stripe, mine, nudges, django_capture_on_commit_callbacks
):
    gone, theirs = mine.default_payment_method, others(mine)
    add_card(stripe, mine, exp_year=2020, exp_month=1)
    next_one = add_card(stripe, mine, OTHER_GOOD_CARD)
    add_card(stripe, mine, OTHER_GOOD_CARD)

    with django_capture_on_commit_callbacks(execute=True):
        keeping.forget(account=mine.account, card_id=gone)

    assert default_of(mine) == next_one.id
    assert default_of(theirs) == theirs.default_payment_method
    assert [args for name, args in nudges if name == CHANGED] == [(mine.pk,)]


def test_two_cards_that_go_at_once_leave_no_default_and_the_next_one_becomes_it(
    stripe, mine, monkeypatch
):
    first, second = mine.default_payment_method, add_card(stripe, mine, OTHER_GOOD_CARD)
    real, within = uses.end, ExitStack()

    def end(**facts):
        monkeypatch.setattr(uses, "end", real)
        real(**facts)
        change = partial(keeping.forget, account=mine.account, card_id=second.id)
        within.enter_context(before_the_lock(change))

    monkeypatch.setattr(uses, "end", end)
    with within:
        keeping.forget(account=mine.account, card_id=first)

    assert default_of(mine) == ""
    third = add_card(stripe, mine)
    assert default_of(mine) == third.id


def test_an_expired_card_becomes_no_default(stripe, mine):
    add_card(stripe, mine, exp_year=2020, exp_month=1)

    keeping.forget(account=mine.account, card_id=mine.default_payment_method)

    assert default_of(mine) == ""


def test_a_card_that_is_no_default_goes_quietly(
    stripe, mine, nudges, django_capture_on_commit_callbacks
):
    other = add_card(stripe, mine, OTHER_GOOD_CARD)
    set_auto_recharge(mine)

    with django_capture_on_commit_callbacks(execute=True):
        keeping.forget(account=mine.account, card_id=other.id)

    assert default_of(mine) == mine.default_payment_method
    assert CHANGED not in [name for name, _ in nudges]
    assert AutoRecharge.objects.get(wallet=mine).suspended_at is None


@pytest.mark.usefixtures("stripe")
def test_the_card_of_an_account_without_a_wallet_is_forgotten_all_the_same():
    account = make_individual()
    Wallet.objects.filter(account=account).delete()

    keeping.forget(account=account, card_id="pm_gone")

    assert Notification.objects.filter(account=account, kind="payment_method_removed").exists()
    assert not Wallet.objects.filter(account=account).exists()


# --- What events tell.


@pytest.mark.parametrize("found", ["nobody's customer", "no customer", "no card"])
def test_a_set_up_of_nobody_or_without_a_card_saves_nothing(mine, monkeypatch, found):
    stranger = make_individual()
    open_wallet(account=stranger)
    djstripe.models.PaymentMethod.objects.filter(id=mine.default_payment_method).delete()
    setup = {
        "customer": mine.account.stripe_customer,
        "payment_method": mine.default_payment_method,
    }
    setup |= {
        "nobody's customer": {"customer": "cus_unknown"},
        "no customer": {"customer": None},
        "no card": {"payment_method": None},
    }[found]
    monkeypatch.setattr(gateway, "retrieve_setup_intent", lambda setup_intent_id: setup)

    keeping.card_saved({"id": "seti_1", "object": "setup_intent"})

    assert ids(mine.account) == []
    assert default_of(stranger.wallet) == ""


def test_a_card_of_nobody_that_changed_changes_nothing(mine):
    keeping.card_changed({"id": "pm_unknown"})

    assert ids(mine.account) == [mine.default_payment_method]


def test_cards_stay_while_their_customer_is_there(mine):
    keeping.customer_deleted({"id": mine.account.stripe_customer})
    keeping.customer_deleted({"id": "cus_unknown"})

    assert ids(mine.account) == [mine.default_payment_method]
    assert default_of(mine) == mine.default_payment_method
