from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from accounts import clock
from accounts.tests.builders import close
from wallets import auto_recharge, pricing, recharges
from wallets.errors import (
    FormReused,
    InvalidAmount,
    NoPaymentMethod,
    PurchaseInProgress,
    QuoteChanged,
    Refused,
    WalletError,
)
from wallets.models import MinuteRate, Purchase
from wallets.tests.builders import (
    BANK_ASKS_CARD,
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    fill,
    make_wallet,
    set_auto_recharge,
)

pytestmark = pytest.mark.django_db


def pay(wallet, amount="50", *, buys="premium", form_key="form-1", **facts):
    return recharges.recharge(
        wallet_id=wallet.pk,
        actor=None,
        amount=Decimal(amount),
        buys=buys,
        form_key=form_key,
        **facts,
    )


def pots(wallet):
    wallet.refresh_from_db()
    return wallet.credit.amount, wallet.premium_seconds, wallet.basic_seconds


def charges(stripe):
    intents = stripe.truth()["payment_intents"]
    return sorted(i["amount"] for i in intents if i["status"] == "succeeded")


@pytest.mark.parametrize(
    ("buys", "bought"),
    [
        ("premium", (Decimal(0), 18_750, 0)),
        # 33,333 seconds cost $49.9995; the rest stays credit.
        ("basic", (Decimal("0.0005"), 0, 33_333)),
        ("credit", (Decimal(50), 0, 0)),
    ],
)
def test_an_amount_buys_minutes_at_the_rate_or_credit(stripe, buys, bought):
    wallet = make_wallet()
    add_card(stripe, wallet)

    purchase = pay(wallet, buys=buys)

    assert purchase.state == "succeeded"
    assert pots(wallet) == bought


def test_the_notice_of_a_payment_says_what_the_wallet_holds_now(stripe):
    """Somebody who bought minutes read "Your credit is $8.20" and looked for their money."""
    wallet = make_wallet(credit="8.20")
    add_card(stripe, wallet)

    pay(wallet, buys="premium")

    told = wallet.account.notifications.get(kind="recharge_paid").text
    assert told == "Visa •••• 4242 was charged $50.00. You have $8.20 and 312 Premium minutes now."


def test_the_same_form_again_answers_with_the_first_purchase(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    first = pay(wallet)

    again = pay(wallet)

    assert again.pk == first.pk
    assert charges(stripe) == [5000]


@pytest.mark.parametrize("other", [{"amount": "60"}, {"buys": "basic"}])
def test_the_same_form_with_other_facts_is_refused(stripe, other):
    wallet = make_wallet()
    add_card(stripe, wallet)
    pay(wallet)

    with pytest.raises(FormReused):
        pay(wallet, **other)

    assert charges(stripe) == [5000]


@pytest.mark.parametrize("amount", ["4.99", "10000.01", "-5", "0", "50.001", "NaN", "Infinity"])
def test_amounts_out_of_range_charge_nothing(stripe, amount):
    wallet = make_wallet()
    add_card(stripe, wallet)

    with pytest.raises(InvalidAmount) as refusal:
        pay(wallet, amount)

    assert "amount" in refusal.value.fields
    assert not wallet.purchases.exists()


@pytest.mark.parametrize("amount", ["5", "10000"])
def test_the_ends_of_the_range_are_allowed(stripe, amount):
    wallet = make_wallet()
    add_card(stripe, wallet)

    assert pay(wallet, amount, buys="credit").state == "succeeded"


def test_no_choice_of_minutes_is_refused(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)

    with pytest.raises(InvalidAmount, match="Choose Premium or Basic Minutes"):
        pay(wallet, buys="allocation")


def test_without_a_card_nothing_is_charged():
    with pytest.raises(NoPaymentMethod):
        pay(make_wallet())


def test_a_closed_account_cannot_recharge(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    close(wallet.account)

    with pytest.raises(Refused, match="closed"):
        pay(wallet)

    assert charges(stripe) == []


def test_a_declined_card_says_why_and_that_nothing_was_charged(stripe):
    wallet = make_wallet()
    card = add_card(stripe, wallet, DECLINED_CARD)
    stripe.set_card(card.id, behaviour={"decline_code": "insufficient_funds"})

    purchase = pay(wallet)

    assert purchase.state == "declined"
    assert purchase.error_text == (
        "Visa •••• 0341 was declined: insufficient funds. You were not charged. "
        "Try a smaller amount or another card."
    )
    assert pots(wallet) == (0, 0, 0)


def test_another_card_can_be_chosen_for_one_payment(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet, DECLINED_CARD)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)

    purchase = pay(wallet, payment_method=other.id)

    assert (purchase.state, purchase.card) == ("succeeded", "Mastercard •••• 4444")


def test_a_card_of_somebody_else_is_refused(stripe):
    wallet, other = make_wallet(), make_wallet()
    add_card(stripe, wallet)
    theirs = add_card(stripe, other)

    with pytest.raises(NoPaymentMethod):
        pay(wallet, payment_method=theirs.id)

    assert charges(stripe) == []


def test_a_rate_that_changed_since_the_quote_charges_nothing(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    quote = recharges.quote(wallet_id=wallet.pk, amount=Decimal(50), buys="premium")
    later = clock.now() + timedelta(minutes=1)
    pricing.set_rate(minute_type="premium", price=Decimal("0.20"), effective_from=later, actor=None)

    with clock.at(later), pytest.raises(QuoteChanged, match="250 minutes"):
        pay(wallet, quoted_rate=quote.rate)

    assert charges(stripe) == []
    assert MinuteRate.objects.count() == 3


def test_a_debt_that_changed_since_the_quote_charges_nothing(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    quote = recharges.quote(wallet_id=wallet.pk, amount=Decimal(50), buys="premium")
    fill(wallet, credit="-3")

    with pytest.raises(QuoteChanged, match=r"\$3.00"):
        pay(wallet, quoted_debt=quote.debt)

    assert charges(stripe) == []


def test_the_quote_says_what_auto_recharge_will_charge_too(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10, amount=50)

    minutes = recharges.quote(wallet_id=wallet.pk, amount=Decimal(50), buys="premium")
    plain = recharges.quote(wallet_id=wallet.pk, amount=Decimal(50), buys="credit")

    assert (minutes.minutes, minutes.auto_recharge) == (312, 50)
    assert (plain.credit_after, plain.auto_recharge) == (58, 0)


def test_a_payment_being_confirmed_is_not_overtaken(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    stripe.set_card(card.id, behaviour="processing")
    auto_recharge.run(wallet_id=wallet.pk)

    with pytest.raises(PurchaseInProgress, match=r"A \$50.00 recharge is being confirmed") as no:
        pay(wallet)

    assert no.value.purchase_id == wallet.purchases.get().pk


def test_paying_by_hand_takes_over_an_automatic_charge_that_waits_for_the_bank(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    set_auto_recharge(wallet)
    auto_recharge.run(wallet_id=wallet.pk)

    purchase = pay(wallet, buys="credit", payment_method=other.id)

    assert purchase.state == "succeeded"
    assert wallet.purchases.get(purpose="auto_recharge").state == "canceled"
    assert charges(stripe) == [5000]


def test_a_bank_that_had_said_yes_meanwhile_is_settled_and_the_person_asked_again(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    auto_recharge.run(wallet_id=wallet.pk)
    waiting = wallet.purchases.get()
    recharges.confirm_with_bank(purchase_id=waiting.pk, return_url="http://testserver/")
    stripe.answer_bank(waiting.payment_intent, approved=True)

    with pytest.raises(QuoteChanged, match="was just paid"):
        pay(wallet)

    assert charges(stripe) == [5000]
    assert pots(wallet)[0] == 58


def test_a_payment_by_hand_without_an_answer_stays_unknown_and_blocks_a_second(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    stripe.fault(
        kind="reset_after", path=r"/v1/payment_intents/[^/]+/confirm", method="POST", times=5
    )

    purchase = pay(wallet)

    assert purchase.state == "submitted"
    with pytest.raises(PurchaseInProgress):
        pay(wallet, form_key="another")
    assert charges(stripe) == [5000]
    assert pots(wallet) == (0, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_two_tabs_with_different_amounts_charge_once(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)

    def tab(number):
        try:
            return pay(wallet, str(50 + number), form_key=f"tab-{number}").state
        except WalletError as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = sorted(pool.map(tab, range(4)))

    assert len(charges(stripe)) == Purchase.objects.filter(state="succeeded").count()
    # Later tabs may pay after the first was done; never two at once.
    assert set(answers) <= {"succeeded", "purchase_in_progress"}


@pytest.mark.django_db(transaction=True)
def test_a_triple_click_charges_once(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)

    def click(_):
        try:
            return pay(wallet).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=3) as pool:
        answers = set(pool.map(click, range(3)))

    assert len(answers) == 1
    assert charges(stripe) == [5000]
    assert pots(wallet)[1] == 18_750


@pytest.mark.django_db(transaction=True)
def test_twenty_triggers_at_once_charge_once(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)

    def trigger(_):
        try:
            return auto_recharge.run(wallet_id=wallet.pk).code
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=20) as pool:
        answers = list(pool.map(trigger, range(20)))

    assert answers.count("charge") == 1
    assert charges(stripe) == [5000]
    assert pots(wallet)[0] == 58
