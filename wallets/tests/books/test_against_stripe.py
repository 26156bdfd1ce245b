"""I13: what Stripe and the books do not agree on is found, and nothing else."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from accounts import clock
from wallets.books import against_stripe as books
from wallets.books import checking
from wallets.models import LedgerEntry
from wallets.recharges import by_hand
from wallets.reversals import catching_up, disputes
from wallets.stripe import gateway
from wallets.tests.worlds import histories
from wallets.tests.worlds.books_world import against_stripe, buy, later, plant, refund
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card, pay, stranger_pays

pytestmark = [pytest.mark.django_db, pytest.mark.journey]


@pytest.mark.parametrize(
    ("_case", "sql", "text"),
    [
        (
            "never at Stripe",
            "UPDATE wallets_purchase SET payment_intent = 'pi_forged'",
            "Stripe says nothing",
        ),
        (
            "another amount",
            "UPDATE wallets_purchase SET amount_cents = 6000",
            "we credited 6000 cents, Stripe took 5000",
        ),
        (
            "another customer",
            "UPDATE accounts_account SET stripe_customer = 'cus_other'",
            "who is not its payer",
        ),
        (
            "not credited",
            "DELETE FROM wallets_ledgerentry WHERE kind = 'recharge'",
            "the ledger does not credit it",
        ),
        (
            "closed here",
            "UPDATE wallets_purchase SET state = 'canceled'",
            "the ledger credits it, but it is canceled",
        ),
        (
            "lost here",
            "UPDATE wallets_purchase SET state = 'canceled';DELETE FROM wallets_ledgerentry",
            "but purchase",
        ),
        (
            "unknown for too long",
            "UPDATE wallets_purchase SET state = 'submitted', closed_at = NULL,"
            " created_at = now() - interval '2 hours'; DELETE FROM wallets_ledgerentry",
            "is submitted",
        ),
    ],
)
def test_purchases_stripe_does_not_agree_with_are_found(paid, _case, sql, text):
    plant(sql)

    found = against_stripe()

    assert any(text in one for _wallet, one in found), found
    assert {wallet for wallet, _one in found} == {paid.pk}


@pytest.mark.usefixtures("paid")
def test_a_payment_stripe_took_and_we_are_still_settling_is_not_reported():
    plant(
        "UPDATE wallets_purchase SET state = 'submitted', closed_at = NULL;"
        "DELETE FROM wallets_ledgerentry"
    )

    assert against_stripe() == []


def test_a_second_payment_for_one_purchase_is_found(paid, stripe):
    intent = stranger_pays(stripe, purchase=str(paid.purchase.pk))

    assert against_stripe() == [
        (
            paid.pk,
            f"Stripe took 2000 cents by {intent}, a second time for purchase {paid.purchase.pk}",
        )
    ]


def test_a_dispute_that_is_won_between_reading_stripe_and_us_is_not_reported(paid, stripe):
    disputed = stripe.dispute(paid.purchase.payment_intent)["id"]
    disputes.apply_dispute(dispute_id=disputed)
    with later():
        there = books.read(since=books.beginning(), until=None)
        stripe.move_dispute(disputed, "win")
        disputes.apply_dispute(dispute_id=disputed)

        assert list(books.compare(there=there)) == []


@pytest.mark.parametrize("back", ["refunded", "disputed"])
def test_a_closed_purchase_that_was_paid_is_found_until_all_of_it_was_given_back(
    paid, stripe, back
):
    intent = pay(stripe, paid.account.stripe_customer, cents=700)
    closed = histories.buy(paid, cents=700, state="canceled", payment_intent=intent)
    took = (paid.pk, f"Stripe took 700 cents by {intent}, but purchase {closed.pk} is canceled")
    assert against_stripe() == [took]

    for part in (699, 1):
        assert against_stripe() == [took]
        if back == "disputed":
            stripe.dispute(intent, amount=part)
        else:
            gateway.create_refund(key=f"{part}", intent_id=intent, amount=part, metadata={})

    catching_up.catch_up(since=clock.now() - timedelta(hours=1))
    with later():
        assert checking.check_all(stripe=True) == []


def test_a_payment_of_our_customer_that_no_purchase_knows_is_found(paid, stripe):
    intent = pay(stripe, paid.account.stripe_customer, cents=700)

    assert against_stripe() == [
        (paid.pk, f"Stripe took 700 cents by {intent}, which no purchase of ours knows")
    ]


@pytest.mark.usefixtures("paid")
def test_payments_of_strangers_are_not_our_business(stripe):
    stranger_pays(stripe)
    stranger_pays(stripe, purchase=str(uuid4()))

    assert against_stripe() == []


def test_a_refund_or_a_dispute_our_books_do_not_know_is_found(paid, stripe):
    other = buy(paid, 20, "credit")
    gateway.create_refund(
        key="dashboard", intent_id=paid.purchase.payment_intent, amount=1500, metadata={}
    )
    disputed = stripe.dispute(other.payment_intent)["id"]

    texts = [text for _wallet, text in against_stripe()]

    assert any("gave back 1500 cents" in text for text in texts)
    assert f"Stripe gave back 2000 cents by {disputed}, our books did not" in texts
    catching_up.catch_up(since=clock.now() - timedelta(hours=1))
    assert against_stripe() == []


def test_a_refund_only_our_books_know_is_found(paid):
    refund(paid.purchase, 1500)
    assert against_stripe() == []
    plant("UPDATE wallets_reversal SET stripe_id = 're_forged'")

    texts = [text for _wallet, text in against_stripe()]

    assert "our books gave back 1500 cents by re_forged, Stripe did not" in texts


def test_a_refund_of_another_amount_is_found(paid):
    refund(paid.purchase, 1500)
    plant("UPDATE wallets_reversal SET amount_cents = 1400")

    [text] = [text for _wallet, text in against_stripe()]

    assert text.endswith("is 1500 cents at Stripe, 1400 here")


def test_another_cards_purchase_keeps_the_books_right(paid, stripe):
    card = add_card(stripe, paid, OTHER_GOOD_CARD)
    by_hand.recharge(
        wallet_id=paid.pk,
        actor=None,
        amount=Decimal("12.34"),
        buys="basic",
        payment_method=card.id,
        form_key="other",
    )

    assert LedgerEntry.objects.filter(wallet=paid, pot="basic").exists()
    assert against_stripe() == []
