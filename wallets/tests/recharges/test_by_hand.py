from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from accounts import clock
from accounts.tests.builders import close, make_user
from wallets import limits
from wallets.charging import purchases, rows, switch
from wallets.errors import (
    FormReused,
    GatewayUnreachable,
    InvalidAmount,
    NoPaymentMethod,
    PurchaseInProgress,
    QuoteChanged,
    Refused,
    WalletError,
)
from wallets.models import AutoRecharge, MinuteRate, Purchase, Wallet
from wallets.prices.rates import set_rate
from wallets.recharges import auto_recharge, by_hand, suspensions
from wallets.stripe import gateway
from wallets.tests.worlds import histories
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    DECLINED_CARD,
    GOOD_CARD,
    OTHER_GOOD_CARD,
    add_card,
    fill,
    make_wallet,
    set_auto_recharge,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 14, 12, tzinfo=UTC)
HOUR_LATER = NOON + timedelta(hours=1)


def pay(wallet, amount="50", *, buys="premium", form_key="form-1", **facts):
    return by_hand.recharge(
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


def test_a_payment_is_told_and_the_rule_looked_at_again(
    stripe, nudges, django_capture_on_commit_callbacks
):
    wallet = make_wallet()
    add_card(stripe, wallet)

    with django_capture_on_commit_callbacks(execute=True):
        made = [pay(wallet, form_key="one"), pay(wallet, form_key="two")]

    told = wallet.account.notifications.filter(kind="recharge_paid").order_by("pk")
    assert [one.data for one in told] == [{"purchase": str(purchase.pk)} for purchase in made]
    assert nudges.count(("wallets.recharge_wallet", (wallet.pk,))) == 2


def test_a_purchase_knows_who_asked_and_which_card_was_charged(stripe):
    wallet, person = make_wallet(), make_user()
    card = add_card(stripe, wallet)

    purchase = by_hand.recharge(
        wallet_id=wallet.pk, actor=person, amount=Decimal(50), buys="credit", form_key="1"
    )

    assert (purchase.payer, purchase.requested_by) == (wallet.account, person)
    assert (purchase.payment_method, purchase.card) == (card.id, "Visa •••• 4242")
    assert purchase.card_fingerprint == card.fingerprint != ""


def test_the_same_form_again_answers_with_the_first_purchase(stripe):
    wallet = make_wallet()
    card = add_card(stripe, wallet)
    first = pay(wallet)

    again = pay(wallet)
    naming_the_card = pay(wallet, payment_method=card.id)

    assert again.pk == naming_the_card.pk == first.pk
    assert charges(stripe) == [5000]


def test_the_same_form_again_ends_no_automatic_charge_that_waits(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    first = pay(wallet)
    set_auto_recharge(wallet)

    with clock.at(clock.now() + limits.COOLDOWN):
        auto_recharge.claim(wallet_id=wallet.pk)
        assert pay(wallet) == first

    assert wallet.purchases.get(purpose="auto_recharge").state == "created"


@pytest.mark.parametrize("other", ["amount", "buys", "card"])
def test_the_same_form_with_other_facts_is_refused(stripe, other):
    wallet = make_wallet()
    add_card(stripe, wallet)
    facts = {
        "amount": {"amount": "60"},
        "buys": {"buys": "basic"},
        "card": {"payment_method": add_card(stripe, wallet, OTHER_GOOD_CARD).id},
    }
    pay(wallet)

    with pytest.raises(FormReused):
        pay(wallet, **facts[other])

    assert charges(stripe) == [5000]


def test_forms_of_two_accounts_have_nothing_to_do_with_each_other(stripe):
    wallets = make_wallet(), make_wallet()
    for wallet in wallets:
        add_card(stripe, wallet)

    made = [pay(wallet, form_key="form") for wallet in wallets]

    assert [purchase.wallet for purchase in made] == [*wallets]
    assert charges(stripe) == [5000, 5000]


@pytest.mark.parametrize("amount", ["4.99", "10000.01", "-5", "0", "50.001", "NaN", "Infinity"])
def test_amounts_out_of_range_charge_nothing(stripe, amount):
    wallet = make_wallet()
    add_card(stripe, wallet)

    with pytest.raises(InvalidAmount) as refusal:
        pay(wallet, amount)

    assert str(refusal.value) == f"{refusal.value.fields['amount']}."
    with pytest.raises(InvalidAmount):
        by_hand.quote(wallet_id=wallet.pk, amount=Decimal(amount), buys="premium")
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
    with pytest.raises(InvalidAmount, match="Choose Premium or Basic Minutes"):
        by_hand.quote(wallet_id=wallet.pk, amount=Decimal(50), buys="allocation")


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
    told = wallet.account.notifications.get(kind="recharge_failed")
    assert (told.text, told.data) == (purchase.error_text, {"purchase": str(purchase.pk)})
    assert told.mail_due_at is None  # The person is looking at it.


def test_each_decline_is_told_and_the_rule_looked_at_again(
    stripe, nudges, django_capture_on_commit_callbacks
):
    wallet = make_wallet()
    add_card(stripe, wallet, DECLINED_CARD)

    with django_capture_on_commit_callbacks(execute=True):
        for form_key in ("one", "two"):
            pay(wallet, form_key=form_key)

    assert wallet.account.notifications.filter(kind="recharge_failed").count() == 2
    assert nudges.count(("wallets.recharge_wallet", (wallet.pk,))) == 2


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


@pytest.mark.parametrize(
    ("credit", "buys", "debt", "seconds", "bought", "after"),
    [
        ("8", "premium", 0, 18_750, 0, 8),
        ("-10", "premium", 10, 15_000, 0, 0),
        ("-10", "credit", 10, 0, 40, 40),
        ("-80", "premium", 50, 0, 0, -30),
    ],
)
def test_what_is_owed_is_paid_first(stripe, credit, buys, debt, seconds, bought, after):
    wallet = make_wallet(credit=credit)
    add_card(stripe, wallet)

    quote = by_hand.quote(wallet_id=wallet.pk, amount=Decimal(50), buys=buys)

    assert (quote.amount, quote.buys, quote.debt) == (50, buys, debt)
    assert (quote.seconds, quote.credit, quote.credit_after) == (seconds, bought, after)
    pay(wallet, buys=buys, quoted_rate=quote.rate, quoted_debt=quote.debt)
    assert pots(wallet) == (after, seconds, 0)


def test_a_rate_that_changed_since_the_quote_charges_nothing(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    quote = by_hand.quote(wallet_id=wallet.pk, amount=Decimal(50), buys="premium")
    later = clock.now() + timedelta(minutes=1)
    set_rate(minute_type="premium", price=Decimal("0.20"), effective_from=later, actor=None)

    with clock.at(later), pytest.raises(QuoteChanged, match="250 minutes"):
        pay(wallet, quoted_rate=quote.rate)

    assert charges(stripe) == []
    assert MinuteRate.objects.count() == 3


def test_a_debt_that_changed_since_the_quote_charges_nothing(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    quote = by_hand.quote(wallet_id=wallet.pk, amount=Decimal(50), buys="premium")
    fill(wallet, credit="-3")

    with pytest.raises(QuoteChanged, match=r"\$3.00"):
        pay(wallet, quoted_debt=quote.debt)

    assert charges(stripe) == []


def test_the_quote_says_what_auto_recharge_will_charge_too(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10, amount=50)

    minutes = by_hand.quote(wallet_id=wallet.pk, amount=Decimal(50), buys="premium")
    plain = by_hand.quote(wallet_id=wallet.pk, amount=Decimal(50), buys="credit")

    assert (minutes.minutes, minutes.auto_recharge) == (312, 50)
    assert (plain.credit_after, plain.auto_recharge) == (58, 0)


def test_at_the_threshold_auto_recharge_charges_nothing_on_top():
    wallet = make_wallet(credit="5")
    set_auto_recharge(wallet, threshold=10, amount=50)

    enough = by_hand.quote(wallet_id=wallet.pk, amount=Decimal(5), buys="credit")

    assert (enough.credit_after, enough.auto_recharge) == (10, 0)


@pytest.mark.parametrize("stopped_by", ["the switch", "a suspension", "a block"])
def test_the_quote_adds_nothing_while_auto_recharge_is_stopped(stopped_by):
    wallet = make_wallet(credit="8")
    set_auto_recharge(make_wallet(), threshold=10, amount=50)
    automatic = set_auto_recharge(wallet, threshold=10, amount=50)
    if stopped_by == "the switch":
        set_auto_recharge(wallet, enabled=False)
    elif stopped_by == "a suspension":
        suspensions.suspend(wallet=wallet, reason=automatic.Suspended.REFUNDED)
    else:
        Wallet.objects.filter(pk=wallet.pk).update(
            blocked_at=clock.now(), blocked_reason="disputed"
        )

    quote = by_hand.quote(wallet_id=wallet.pk, amount=Decimal(50), buys="premium")

    assert quote.auto_recharge == 0


@pytest.mark.parametrize(
    ("facts", "also"),
    [
        ({}, 50),
        ({"hold_reason": "cooldown", "not_before": HOUR_LATER}, 50),
        ({"enabled": False}, 0),
        ({"hold_reason": "gateway", "not_before": HOUR_LATER}, 0),
        ({"hold_reason": "too_many_tries", "not_before": HOUR_LATER}, 0),
        ({"suspended_at": NOON, "suspended_reason": "refunded"}, 0),
        ({"suspended_at": NOON, "suspended_reason": "support"}, 0),
        ({"monthly_limit": 50}, 50),
    ],
)
def test_what_auto_recharge_also_charges_is_what_its_own_rule_would(stripe, facts, also):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10, amount=50, **facts)

    with clock.at(NOON):
        found = by_hand.quote(wallet_id=wallet.pk, amount=Decimal(50), buys="premium")

    assert found.auto_recharge == also


@pytest.mark.parametrize(
    ("own", "reason", "also"),
    [
        (True, "declined", 50),
        (False, "declined", 0),
        (True, "payment_failed", 50),
        (False, "payment_failed", 0),
    ],
)
def test_paying_with_its_own_card_lets_auto_recharge_go_on_and_the_quote_says_so(
    stripe, own, reason, also
):
    wallet = make_wallet(credit="8")
    card, other = add_card(stripe, wallet), add_card(stripe, wallet, OTHER_GOOD_CARD)
    facts = {"hold_reason": "declined", "not_before": HOUR_LATER}
    if reason == "payment_failed":
        facts = {"suspended_at": NOON, "suspended_reason": reason}
    set_auto_recharge(wallet, threshold=10, amount=50, consecutive_declines=1, **facts)
    paying = card if own else other

    with clock.at(NOON):
        found = by_hand.quote(
            wallet_id=wallet.pk, amount=Decimal(50), buys="premium", payment_method=paying.id
        )
        by_hand.recharge(
            wallet_id=wallet.pk,
            actor=None,
            amount=Decimal(50),
            buys="premium",
            form_key="form",
            payment_method=paying.id,
        )
    with clock.at(NOON + timedelta(minutes=2)):
        auto_recharge.run(wallet_id=wallet.pk)

    charged = wallet.purchases.filter(purpose="auto_recharge").values_list(
        "amount_cents", flat=True
    )
    assert found.auto_recharge == also
    assert list(charged) == [also * 100] * bool(also)


def test_a_monthly_limit_that_is_used_up_lets_nothing_be_charged_beside_a_recharge(low):
    AutoRecharge.objects.filter(wallet=low).update(monthly_limit=50)
    auto_recharge.run(wallet_id=low.pk)
    fill(low, credit="-50")

    found = by_hand.quote(wallet_id=low.pk, amount=Decimal(50), buys="premium")

    assert found.auto_recharge == 0


@pytest.mark.parametrize("why", ["blocked", "stopped"])
def test_what_is_stopped_charges_nothing_beside_a_recharge(low, why):
    if why == "blocked":
        Wallet.objects.filter(pk=low.pk).update(blocked_at=NOON, blocked_reason="disputed")
    else:
        switch.stop(reason="trouble", actor=None)

    found = by_hand.quote(wallet_id=low.pk, amount=Decimal(50), buys="premium")

    assert found.auto_recharge == 0


def test_a_payment_being_confirmed_is_not_overtaken(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    stripe.set_card(card.id, behaviour="processing")
    auto_recharge.run(wallet_id=wallet.pk)

    with pytest.raises(PurchaseInProgress, match=r"A \$50.00 recharge is being confirmed") as no:
        pay(wallet)

    assert no.value.purchase_id == wallet.purchases.get().pk


def test_a_payment_by_hand_that_waits_for_the_bank_is_not_overtaken(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet, BANK_ASKS_CARD)
    waiting = pay(wallet)
    told = wallet.account.notifications.get(kind="action_required")

    with pytest.raises(PurchaseInProgress, match="waits for you to confirm") as no:
        pay(wallet, form_key="another")

    assert no.value.purchase_id == waiting.pk
    assert told.data == {"purchase": str(waiting.pk)}
    assert wallet.purchases.get().state == "requires_action"


def test_an_automatic_charge_that_was_paid_is_in_nobodys_way(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    auto_recharge.run(wallet_id=wallet.pk)

    assert pay(wallet, "20").state == "succeeded"

    assert charges(stripe) == [2000, 5000]


def test_an_automatic_charge_that_never_reached_stripe_is_taken_over(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    auto_recharge.claim(wallet_id=wallet.pk)

    assert pay(wallet, "20").state == "succeeded"

    assert wallet.purchases.get(purpose="auto_recharge").state == "canceled"
    assert charges(stripe) == [2000]


def test_while_the_automatic_charge_cannot_be_ended_nothing_else_is_charged(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    set_auto_recharge(wallet)
    auto_recharge.run(wallet_id=wallet.pk)
    stripe.fault(kind="reset_before", path="/v1/payment_intents", times=9)

    with pytest.raises(PurchaseInProgress) as no:
        pay(wallet, payment_method=other.id)

    waiting = wallet.purchases.get()
    assert (no.value.purchase_id, waiting.state) == (waiting.pk, "requires_action")
    assert charges(stripe) == []


@pytest.mark.parametrize("lifts", [True, False])
def test_paying_lifts_a_suspension_only_of_the_card_that_paid(stripe, lifts):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    set_auto_recharge(wallet)
    auto_recharge.run(wallet_id=wallet.pk)
    if lifts:
        set_auto_recharge(wallet, payment_method=other.id)

    pay(wallet, buys="credit", payment_method=other.id)

    automatic = wallet.auto_recharge
    automatic.refresh_from_db()
    assert automatic.suspended_reason == ("" if lifts else "authentication_required")


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
    by_hand.confirm_with_bank(purchase_id=waiting.pk, return_url="http://testserver/")
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


# --- With the bank.


def waiting_for_the_bank(stripe, **facts):
    wallet = make_wallet()
    add_card(stripe, wallet, BANK_ASKS_CARD)
    return pay(wallet, **facts)


def ask_the_bank(purchase):
    return by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/")


def test_two_people_are_each_sent_to_their_own_bank_page(stripe):
    first, second = waiting_for_the_bank(stripe), waiting_for_the_bank(stripe)

    urls = {ask_the_bank(first), ask_the_bank(second)}

    assert len(urls) == 2
    for purchase in (first, second):
        stripe.answer_bank(purchase.payment_intent, approved=True)
        assert ask_the_bank(purchase) == ""
        purchase.refresh_from_db()
        assert purchase.state == "succeeded"


def test_each_question_of_the_bank_is_told(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet, BANK_ASKS_CARD)

    for form_key in ("one", "two"):
        by_hand.cancel_waiting(purchase_id=pay(wallet, form_key=form_key).pk)

    assert wallet.account.notifications.filter(kind="action_required").count() == 2


def unconfirmed(stripe, number):
    """A payment that waits for the bank, but whose intent nobody has confirmed yet."""
    wallet = make_wallet()
    card = add_card(stripe, wallet, number)
    intent = gateway.create_intent(
        key="unconfirmed",
        amount=5000,
        customer=wallet.account.stripe_customer,
        payment_method=card.id,
        metadata={},
        description="",
    )
    purchase = histories.buy(wallet, state="created", payment_method=card.id)
    Purchase.objects.filter(pk=purchase.pk).update(
        state="requires_action", payment_intent=intent.id
    )
    return purchase


def test_an_intent_nobody_confirmed_yet_is_confirmed_with_the_person_there(stripe):
    assert ask_the_bank(unconfirmed(stripe, BANK_ASKS_CARD)).startswith(stripe.base_url)


def test_a_payment_that_is_made_while_the_person_asks_leads_to_no_bank(stripe, monkeypatch):
    purchase, real = unconfirmed(stripe, GOOD_CARD), gateway.retrieve_intent

    def while_another_confirms(*, intent_id):
        monkeypatch.setattr(gateway, "retrieve_intent", real)
        intent = real(intent_id=intent_id)
        gateway.confirm_intent(key="another", intent_id=intent_id)
        return intent

    monkeypatch.setattr(gateway, "retrieve_intent", while_another_confirms)

    assert ask_the_bank(purchase) == ""

    purchase.refresh_from_db()
    assert purchase.state == "succeeded"


def test_a_card_that_is_declined_when_the_person_confirms_ends_the_payment(stripe):
    purchase = waiting_for_the_bank(stripe)
    stripe.set_card(purchase.payment_method, behaviour={"decline_code": "insufficient_funds"})

    assert ask_the_bank(purchase) == ""

    purchase.refresh_from_db()
    assert (purchase.state, purchase.decline_code) == ("declined", "insufficient_funds")
    assert charges(stripe) == []


def test_a_payment_the_bank_was_told_no_to_is_not_confirmed_again_before_anybody_heard(stripe):
    purchase = waiting_for_the_bank(stripe)
    ask_the_bank(purchase)
    stripe.answer_bank(purchase.payment_intent, approved=False)

    # The same page in another tab, faster than Stripe's event.
    assert ask_the_bank(purchase) == ""

    purchase.refresh_from_db()
    assert (purchase.state, purchase.attempts) == ("declined", 2)
    assert charges(stripe) == []


def test_a_card_taken_off_at_stripe_ends_the_payment_and_says_so(stripe):
    purchase = unconfirmed(stripe, BANK_ASKS_CARD)
    gateway.detach_card(card_id=purchase.payment_method)

    assert ask_the_bank(purchase) == ""

    purchase.refresh_from_db()
    assert (purchase.state, purchase.decline_code) == ("declined", "resource_missing")
    assert purchase.error_text == (
        "Visa •••• 4242 was declined: the card is no longer saved. You were not charged. "
        "Add a card."
    )
    assert charges(stripe) == []


def test_what_does_not_wait_for_the_bank_leads_nowhere(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)

    with pytest.raises(Refused, match="does not wait for your bank"):
        ask_the_bank(pay(wallet))


def test_a_waiting_payment_in_quarantine_is_not_confirmed(stripe):
    """Whatever it took would not be credited."""
    purchase = waiting_for_the_bank(stripe)
    rows.quarantine(purchase.pk, "The facts differ.")
    before = len(stripe.requests())

    with pytest.raises(Refused, match="Our support is looking at this payment"):
        ask_the_bank(purchase)

    assert len(stripe.requests()) == before


def test_nobody_is_sent_to_the_bank_for_another_amount(stripe, monkeypatch):
    purchase = waiting_for_the_bank(stripe)
    real = gateway.retrieve_intent
    monkeypatch.setattr(gateway, "retrieve_intent", lambda **ask: replace(real(**ask), amount=1))

    with pytest.raises(Refused, match="Our support is looking at this payment"):
        ask_the_bank(purchase)

    purchase.refresh_from_db()
    assert (purchase.state, bool(purchase.quarantined_at)) == ("requires_action", True)


def test_while_stripe_does_not_answer_a_waiting_payment_stays(stripe):
    purchase = waiting_for_the_bank(stripe)
    stripe.fault(kind="reset_before", path="/v1/payment_intents", times=9)

    with pytest.raises(GatewayUnreachable, match="Try again in a minute"):
        ask_the_bank(purchase)
    with pytest.raises(GatewayUnreachable, match="was not canceled"):
        by_hand.cancel_waiting(purchase_id=purchase.pk)

    purchase.refresh_from_db()
    assert purchase.state == "requires_action"


def test_giving_up_a_waiting_payment_takes_nothing_and_looks_at_the_rule_again(
    stripe, nudges, django_capture_on_commit_callbacks
):
    purchase = waiting_for_the_bank(stripe)

    with django_capture_on_commit_callbacks(execute=True):
        assert by_hand.cancel_waiting(purchase_id=purchase.pk).state == "canceled"

    assert nudges == [("wallets.recharge_wallet", (purchase.wallet_id,))]
    assert charges(stripe) == []


def test_an_account_closed_before_its_charge_reached_stripe_is_not_charged(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    stripe.fault(kind="reset_before", path="/v1/payment_intents", times=9)
    purchase = pay(wallet)
    close(wallet.account)
    stripe.clear_faults()

    assert purchase.state == "created"
    assert purchases.drive(purchase_id=purchase.pk).state == "canceled"

    assert charges(stripe) == []


# --- At the same time.


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
