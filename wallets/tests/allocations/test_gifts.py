"""Minutes that an agency gives once: the same payment as a month's, and once only."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import close, make_agency, make_sub_account, owner_of
from wallets.allocations import asks, gifts
from wallets.allocations.gifts import Gift
from wallets.books import checking
from wallets.charging import purchases
from wallets.errors import (
    FormReused,
    InvalidAmount,
    NoPaymentMethod,
    QuoteChanged,
    Refused,
    TooManyAttempts,
)
from wallets.models import AllocationRun, LedgerEntry, MinuteAsk, Purchase, Wallet
from wallets.reversals import refunds
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.at_once import at_once
from wallets.tests.worlds.builders import BANK_ASKS_CARD, add_card

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

NOW = moment("2026-11-14 10:00")


@pytest.fixture(autouse=True)
def _clock():
    with clock.at(NOW):
        yield


def give(world, *, basic=100, premium=500, form="form-1", **facts):
    return gifts.give(
        account=world.sub,
        agency=world.agency,
        actor=facts.pop("actor", owner_of(world.agency)),
        gift=Gift(basic, premium, facts.pop("card", world.card.id), form, **facts),
    )


def ask(world, *, basic=0, premium=500, words="We run a campaign on Monday"):
    return asks.ask(
        account=world.sub,
        actor=owner_of(world.sub),
        basic_minutes=basic,
        premium_minutes=premium,
        words=words,
    )


def broken(world):
    """What the books say against the two wallets."""
    ours = {world.sub.wallet.pk, world.agency.wallet.pk}
    return [str(one) for one in checking.check_all() if one.wallet_id in ours]


def no_charge(world):
    return world.purchases() == [] and world.taken() == []


# --- giving


def test_given_minutes_are_charged_to_the_agencys_card_and_credited_once(world):
    paid = give(world)

    assert (paid.state, paid.amount_cents, paid.is_gift) == ("succeeded", 8900, True)
    assert world.taken() == [8900]
    assert world.minutes == (100, 500)
    assert world.runs == []
    assert not AllocationRun.objects.exists()
    kinds = LedgerEntry.objects.filter(purchase=paid).values_list("kind", "pot")
    assert sorted(kinds) == [("allocation", "basic"), ("allocation", "premium")]
    assert world.told(world.agency, "allocation_charged") == [
        "Visa •••• 4242 was charged $89.00. Northside Dental got 100 Basic and 500 Premium "
        "minutes, once."
    ]
    assert world.told(world.sub, "allocation_received") == [
        "100 Basic and 500 Premium minutes from Brightline Agency."
    ]
    assert world.logged(world.agency) == ["given"]
    assert world.logged(world.sub) == ["received"]
    assert broken(world) == []


def test_the_same_form_gives_once_however_often_it_comes(world):
    first = give(world)

    assert give(world) == first
    with pytest.raises(FormReused):
        give(world, premium=501)
    assert world.taken() == [8900]
    assert world.minutes == (100, 500)


def test_two_gifts_alike_are_two(world):
    give(world)
    give(world, form="form-2")

    assert world.taken() == [8900, 8900]
    assert world.logged(world.sub) == ["received", "received"]


@pytest.mark.parametrize(
    ("basic", "premium", "field", "text"),
    [
        (0, 0, "basic_minutes", "Enter minutes for at least one type."),
        (-1, 5, "basic_minutes", "Enter a whole number of minutes, 0 or more."),
        (0, 1_000_001, "premium_minutes", "Enter at most 1,000,000 minutes."),
        (5, 0, "basic_minutes", "The charge must be at least $0.50. Enter more minutes."),
    ],
)
def test_minutes_that_no_card_can_pay_are_refused(world, basic, premium, field, text):
    with pytest.raises(InvalidAmount) as refusal:
        give(world, basic=basic, premium=premium)

    assert refusal.value.fields == {field: text}
    assert no_charge(world)


def test_another_price_than_the_button_named_is_refused(world):
    with pytest.raises(QuoteChanged, match=r"These minutes cost \$89\.00 now"):
        give(world, quoted_charge=Decimal("88.00"))

    assert no_charge(world)


def test_a_strangers_card_or_sub_account_is_refused(world, stripe):
    other = make_world(stripe)

    with pytest.raises(NoPaymentMethod):
        give(world, card=other.card.id)
    with pytest.raises(Refused, match="is not a sub-account of"):
        gifts.give(
            account=other.sub,
            agency=world.agency,
            actor=None,
            gift=Gift(0, 100, world.card.id, "form"),
        )
    assert no_charge(world)
    assert no_charge(other)


@pytest.mark.parametrize("who", ["agency", "sub"])
def test_closed_and_blocked_accounts_get_nothing(world, who):
    account = getattr(world, who)
    Wallet.objects.filter(account=account).update(blocked_at=NOW, blocked_reason="disputed")
    with pytest.raises(Refused, match="blocked until support lifts it"):
        give(world)
    Wallet.objects.filter(account=account).update(blocked_at=None, blocked_reason="")
    close(account)
    with pytest.raises(Refused, match="is closed"):
        give(world)

    assert no_charge(world)


def test_a_decline_gives_nothing_and_says_so_once(world):
    world.decline_with()

    declined = give(world)

    assert declined.state == "declined"
    assert world.taken() == []
    assert world.minutes == (0, 0)
    assert world.told(world.agency, "allocation_failed") == [
        "100 Basic and 500 Premium minutes for Northside Dental were not paid: Visa •••• 4242 was "
        "declined: insufficient funds. You were not charged. Try a smaller amount or another card. "
        "Nothing is tried again by itself."
    ]
    assert world.told(world.sub, "allocation_received") == []


def test_the_bank_may_want_to_be_asked(stripe):
    world = make_world(stripe, number=BANK_ASKS_CARD)

    waiting = give(world)

    assert waiting.state == "requires_action"
    assert world.minutes == (0, 0)
    assert len(world.told(world.agency, "action_required")) == 1


def test_a_seventh_payment_in_ten_minutes_is_refused(world):
    for number in range(6):
        give(world, basic=0, premium=10, form=f"form-{number}")

    with pytest.raises(TooManyAttempts, match="paid for 6 times in ten minutes"):
        give(world, form="form-7")

    assert world.taken() == [160] * 6


def test_a_gift_that_nobody_confirmed_in_time_is_given_up(world, stripe):
    stripe.fault(kind="reset_before", path="/v1/payment_intents$", method="POST", times=9)
    left = give(world)
    stripe.clear_faults()
    assert left.state == "created"

    with clock.at(NOW + timedelta(minutes=16)):
        ended = purchases.drive(purchase_id=left.pk)

    assert ended.state == "canceled"
    assert world.taken() == []


def test_a_gift_is_refunded_like_an_allocation(world):
    paid = give(world, basic=0, premium=100)

    refunds.refund(
        purchase_id=paid.pk, amount_cents=1600, actor=None, reason="Wrong", form_key="refund-1"
    )

    assert world.minutes == (0, 0)
    assert broken(world) == []


# --- asking


def test_an_ask_reaches_the_agency_with_the_askers_words(world):
    asked = ask(world)

    assert list(asks.open_asks(agency=world.agency)) == [asked]
    assert world.told(world.agency, "minutes_asked") == [
        "Northside Dental asks for 500 Premium minutes, once. They write: “We run a campaign on "
        "Monday”. Give them or decline; the request ends on 21 Nov."
    ]


def test_one_ask_is_open_at_a_time_and_five_are_asked_in_a_day(world):
    for number in range(5):
        asked = ask(world, words=f"Ask {number}")
        if number == 0:
            with pytest.raises(Refused, match="You have asked Brightline Agency already"):
                ask(world)
        asks.withdraw(account=world.sub, ask_id=asked.pk, actor=owner_of(world.sub))

    with pytest.raises(Exception, match="You asked 5 times in a day"):
        ask(world)
    assert MinuteAsk.objects.count() == 5
    with clock.at(NOW + timedelta(days=1, seconds=1)):
        ask(world)


@pytest.mark.parametrize("words", ["x" * 201, "bell\a"])
def test_words_that_are_long_or_no_text_are_refused(world, words):
    with pytest.raises(InvalidAmount):
        ask(world, words=words)

    assert not MinuteAsk.objects.exists()


def test_nobody_to_ask_is_said(world):
    with pytest.raises(Refused, match="has no agency to ask"):
        asks.ask(
            account=world.agency,
            actor=owner_of(world.agency),
            basic_minutes=1,
            premium_minutes=1,
        )


def test_giving_what_was_asked_for_answers_the_ask(world):
    asked = ask(world)

    paid = give(world, basic=0, ask_id=asked.pk)

    asked.refresh_from_db()
    assert (asked.state, asked.purchase, asked.answered_by) == (
        "given",
        paid,
        owner_of(world.agency),
    )
    assert world.told(world.sub, "minutes_answered") == [
        "500 Premium minutes from Brightline Agency, as you asked."
    ]
    assert list(asks.open_asks(agency=world.agency)) == []


def test_an_ask_is_paid_once_by_two_people(world):
    asked = ask(world)
    give(world, basic=0, ask_id=asked.pk, form="form-of-ada")

    with pytest.raises(Refused, match="These minutes were given already"):
        give(world, basic=0, ask_id=asked.pk, form="form-of-ben")

    assert world.taken() == [8000]


def test_the_same_form_for_another_ask_is_not_the_same(world):
    asked = ask(world)
    paid = give(world, basic=0, ask_id=asked.pk)
    another = ask(world)

    for ask_id in (another.pk, None):
        with pytest.raises(FormReused):
            give(world, basic=0, ask_id=ask_id)

    assert give(world, basic=0, ask_id=asked.pk) == paid
    another.refresh_from_db()
    assert (another.state, world.taken()) == ("open", [8000])


def test_a_declined_form_for_an_ask_is_the_same_after_another_has_paid(world):
    asked = ask(world)
    world.decline_with()
    declined = give(world, basic=0, ask_id=asked.pk)
    world.accept()
    give(world, basic=0, ask_id=asked.pk, form="form-2")

    again = give(world, basic=0, ask_id=asked.pk)

    assert (again, again.state, world.taken()) == (declined, "declined", [8000])


def test_an_ask_whose_payment_has_no_answer_yet_is_not_paid_by_another(world, stripe):
    asked = ask(world)
    stripe.fault(kind="reset_after", path="/v1/payment_intents/.*/confirm", times=9)
    give(world, basic=0, ask_id=asked.pk, form="form-of-ada")
    stripe.clear_faults()

    with pytest.raises(Refused, match="being paid for already"):
        give(world, basic=0, ask_id=asked.pk, form="form-of-ben")
    with pytest.raises(Refused, match="being paid for already"):
        asks.decline(
            agency=world.agency, account=world.sub, ask_id=asked.pk, actor=owner_of(world.agency)
        )
    purchases.drive(purchase_id=Purchase.objects.get().pk)

    asked.refresh_from_db()
    assert asked.state == "given"
    assert world.taken() == [8000]


def test_after_a_decline_the_ask_is_open_for_another_card(world, stripe):
    asked = ask(world)
    world.decline_with()
    give(world, basic=0, ask_id=asked.pk, form="form-1")
    other = add_card(stripe, world.agency.wallet, "5555555555554444")

    paid = give(world, basic=0, ask_id=asked.pk, card=other.id, form="form-2")

    asked.refresh_from_db()
    assert (asked.state, asked.purchase) == ("given", paid)
    assert world.taken() == [8000]


def test_declining_is_told_with_its_reason_and_only_once(world):
    asked = ask(world)
    owner = owner_of(world.agency)

    asks.decline(
        agency=world.agency,
        account=world.sub,
        ask_id=asked.pk,
        actor=owner,
        answer="Your allocation comes tomorrow",
    )

    assert world.told(world.sub, "minutes_answered") == [
        "Brightline Agency declined to give 500 Premium minutes. They write: “Your allocation "
        "comes tomorrow”."
    ]
    with pytest.raises(Refused, match="declined already"):
        asks.decline(agency=world.agency, account=world.sub, ask_id=asked.pk, actor=owner)
    with pytest.raises(Refused, match="declined already"):
        give(world, basic=0, ask_id=asked.pk)
    assert no_charge(world)


def test_another_agency_answers_nothing(world):
    asked = ask(world)
    rival = make_agency("Rival")

    with pytest.raises(Refused):
        asks.decline(agency=rival, account=world.sub, ask_id=asked.pk, actor=owner_of(rival))
    with pytest.raises(Refused, match="There is no such request"):
        asks.withdraw(
            account=make_sub_account("Sister", agency=world.agency),
            ask_id=asked.pk,
            actor=owner_of(world.agency),
        )

    asked.refresh_from_db()
    assert asked.state == "open"


@pytest.mark.parametrize(("seconds", "ended"), [(-1, 0), (0, 1)])
def test_an_ask_ends_after_a_week_and_its_asker_hears(world, seconds, ended):
    asked = ask(world)

    with clock.at(NOW + timedelta(days=7, seconds=seconds)):
        assert asks.end_expired() == ended
        assert asks.end_expired() == 0

    asked.refresh_from_db()
    assert asked.state == ("expired" if ended else "open")
    assert len(world.told(world.sub, "minutes_answered")) == ended


def test_an_ask_that_ran_out_cannot_be_paid_though_no_tick_has_come(world):
    asked = ask(world)

    with clock.at(NOW + timedelta(days=7)):
        with pytest.raises(Refused, match="This has expired"):
            give(world, basic=0, ask_id=asked.pk)
        assert list(asks.open_asks(agency=world.agency)) == []
        assert ask(world, words="Again").pk != asked.pk

    assert no_charge(world)


@pytest.mark.journey
@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_answer_at_once_one_pays(world):
    asked = ask(world)

    def answer(form):
        with clock.at(NOW):
            return give(world, basic=0, ask_id=asked.pk, form=form).state

    answers = at_once(answer, ["ada", "ben"])

    assert sorted(answers) == ["refused", "succeeded"]
    assert world.taken() == [8000]
