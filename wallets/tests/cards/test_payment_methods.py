import djstripe.models
import pytest

from accounts import clock
from accounts.models import Notification
from accounts.tests.builders import make_individual
from wallets.balances.opening import open_wallet
from wallets.cards import customers, expiry, keeping, payment_methods, uses
from wallets.cards.payment_methods import Card
from wallets.errors import GatewayUnreachable, NoPaymentMethod, PaymentMethodInUse
from wallets.models import AutoAllocation, AutoRecharge
from wallets.stripe import gateway
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card, make_wallet, set_auto_recharge
from wallets.tests.worlds.purchases import during

pytestmark = pytest.mark.django_db


def labels(wallet):
    return [card.label for card in payment_methods.cards(wallet.account)]


def test_the_first_card_becomes_the_default_and_later_ones_do_not(stripe):
    wallet = make_wallet()

    first = add_card(stripe, wallet)
    add_card(stripe, wallet, OTHER_GOOD_CARD)

    assert wallet.default_payment_method == first.id
    assert labels(wallet) == ["Visa •••• 4242", "Mastercard •••• 4444"]


def test_the_customer_is_created_once_for_an_account(stripe):
    wallet = make_wallet()

    first = customers.ensure(account=wallet.account)
    second = customers.ensure(account=wallet.account)

    assert first == second
    keys = [r["idempotency_key"] for r in stripe.requests(path="/v1/customers", method="POST")]
    assert keys == [f"customer:{wallet.account.pk}"]


def test_a_hosted_page_is_opened_and_an_unfinished_one_saves_nothing(stripe):
    wallet = make_wallet()

    url = keeping.start_adding(
        account=wallet.account,
        success_url="http://testserver/ok?session={CHECKOUT_SESSION_ID}",
        cancel_url="http://testserver/no",
    )
    session = url.rstrip("/").rsplit("/", 1)[-1].split("?")[0].split("#")[0]

    assert url.startswith(stripe.base_url)
    assert keeping.finish_adding(account=wallet.account, session_id=session) is None
    assert labels(wallet) == []


@pytest.mark.usefixtures("stripe")
@pytest.mark.parametrize("session", ["cs_test_nonsense", "../../v1/customers", "x" * 500])
def test_a_made_up_session_saves_nothing(session):
    wallet = make_wallet()
    customers.ensure(account=wallet.account)

    assert keeping.finish_adding(account=wallet.account, session_id=session) is None


def test_adopting_a_card_twice_changes_nothing(stripe):
    wallet = make_wallet()
    card = add_card(stripe, wallet)

    keeping.adopt(account=wallet.account, card_id=card.id)

    assert labels(wallet) == ["Visa •••• 4242"]
    added = Notification.objects.filter(account=wallet.account, kind="payment_method_added")
    assert added.count() == 1


def test_a_card_auto_recharge_uses_cannot_be_removed(stripe):
    wallet = make_wallet(credit="100")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)

    with pytest.raises(PaymentMethodInUse, match="Auto-Recharge uses it"):
        keeping.remove(account=wallet.account, card_id=card.id)

    assert labels(wallet) == ["Visa •••• 4242"]
    assert gateway.retrieve_card(card_id=card.id)["customer"]


def test_a_card_an_allocation_uses_cannot_be_removed(stripe):
    from accounts.tests.builders import make_agency, make_sub_account

    agency = make_agency()
    wallet = make_wallet(account=agency)
    card = add_card(stripe, wallet)
    agency.refresh_from_db()
    AutoAllocation.objects.create(
        agency=agency,
        account=make_sub_account("Northside Dental", agency=agency),
        basic_minutes=500,
        payment_method=card.id,
        anchor_date=clock.now().date(),
    )

    with pytest.raises(PaymentMethodInUse, match="The monthly allocation for Northside Dental"):
        keeping.remove(account=agency, card_id=card.id)


def test_the_only_card_is_removed_once_its_end_was_agreed_to(stripe):
    wallet = make_wallet(credit="5")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)

    keeping.remove(account=wallet.account, card_id=card.id, agreed=True)

    automatic = AutoRecharge.objects.get(wallet=wallet)
    assert (automatic.enabled, automatic.due_since) == (False, None)
    assert labels(wallet) == []
    assert gateway.retrieve_card(card_id=card.id)["customer"] is None
    note = Notification.objects.get(account=wallet.account, kind="settings_changed")
    assert note.text.startswith("Auto-Recharge was switched off: its card was removed.")


def test_what_was_agreed_to_ends_though_the_event_is_faster_than_the_answer(stripe, monkeypatch):
    wallet = make_wallet(credit="5")
    card = add_card(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    set_auto_recharge(wallet)
    during(monkeypatch, "detach_card", lambda _: keeping.card_changed({"id": card.id}))

    keeping.remove(account=wallet.account, card_id=card.id, agreed=True)

    wallet.refresh_from_db()
    assert wallet.default_payment_method == other.id
    # It would go on with a card that nobody chose for it.
    assert not AutoRecharge.objects.get(wallet=wallet).enabled


def test_what_was_agreed_to_ends_though_the_answer_gets_lost(stripe):
    wallet = make_wallet(credit="5")
    card = add_card(stripe, wallet)
    add_card(stripe, wallet, OTHER_GOOD_CARD)
    set_auto_recharge(wallet)
    stripe.fault(kind="reset_after", path=r"/v1/payment_methods/[^/]+/detach", times=5)

    with pytest.raises(GatewayUnreachable, match="What it paid for by itself has ended"):
        keeping.remove(account=wallet.account, card_id=card.id, agreed=True)
    keeping.card_changed({"id": card.id})

    assert not AutoRecharge.objects.get(wallet=wallet).enabled
    assert labels(wallet) == ["Mastercard •••• 4444"]


def test_what_is_said_before_fits_when_there_is_no_other_card(stripe):
    wallet = make_wallet(credit="100")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)

    alone = uses.found(account=wallet.account, card_id=card.id)
    add_card(stripe, wallet, OTHER_GOOD_CARD)
    beside = uses.found(account=wallet.account, card_id=card.id)

    assert alone == [
        "Auto-Recharge uses it. It will be switched off, and calls stop when the balance runs out. "
        "To keep it on, add another first."
    ]
    assert beside[0].endswith("To keep it on, choose another card under Configure first.")


def test_an_allocation_ends_with_the_card_that_was_taken_away(stripe):
    world = make_world(stripe)
    world.save()

    keeping.remove(account=world.agency, card_id=world.card.id, agreed=True)

    allocation = AutoAllocation.objects.get(account=world.sub)
    assert not allocation.active
    assert [run.state for run in allocation.runs.all()] == ["canceled"]
    assert world.told(world.agency, "allocation_changed")[-1] == (
        "Monthly allocation for Northside Dental: stopped, because its card was removed."
    )
    assert world.taken() == []


def test_an_allocation_whose_card_was_lost_at_stripe_is_flagged_until_another_is_chosen(stripe):
    world = make_world(stripe)
    with clock.at(moment("2026-11-14")):
        world.save()
    world.run_at("2026-11-14 00:01")
    gateway.detach_card(card_id=world.card.id)

    keeping.card_changed({"id": world.card.id})
    keeping.card_changed({"id": world.card.id})

    allocation = AutoAllocation.objects.get(account=world.sub)
    assert allocation.active
    assert allocation.failed_at
    assert world.told(world.agency, "allocation_failed") == [
        "The card of the monthly allocation for Northside Dental is no longer saved at the payment "
        "service. Choose another card in Manage auto allocation."
    ]
    other = add_card(stripe, open_wallet(account=world.agency), OTHER_GOOD_CARD)
    with clock.at(moment("2026-11-15")):
        world.save(payment_method=other.id)
    allocation.refresh_from_db()
    assert allocation.failed_at is None


def test_removing_the_default_makes_the_next_card_the_default(stripe):
    wallet = make_wallet()
    first = add_card(stripe, wallet)
    second = add_card(stripe, wallet, OTHER_GOOD_CARD)

    keeping.remove(account=wallet.account, card_id=first.id)

    wallet.refresh_from_db()
    assert wallet.default_payment_method == second.id
    assert labels(wallet) == ["Mastercard •••• 4444"]
    assert gateway.retrieve_card(card_id=first.id)["customer"] is None


def test_removing_a_card_of_somebody_else_is_refused(stripe):
    wallet, other = make_wallet(), make_wallet()
    theirs = add_card(stripe, other)
    add_card(stripe, wallet)

    with pytest.raises(NoPaymentMethod):
        keeping.remove(account=wallet.account, card_id=theirs.id)

    assert labels(other) == ["Visa •••• 4242"]


def test_a_card_stays_when_stripe_does_not_answer(stripe):
    wallet = make_wallet()
    card = add_card(stripe, wallet)
    stripe.fault(kind="reset_before", path=r"/v1/payment_methods/[^/]+/detach", times=5)

    with pytest.raises(GatewayUnreachable, match="was not removed"):
        keeping.remove(account=wallet.account, card_id=card.id)

    assert labels(wallet) == ["Visa •••• 4242"]


def test_an_expiring_card_in_use_is_announced_once(stripe):
    wallet = make_wallet(credit="100")
    today = clock.now()
    add_card(stripe, wallet, exp_year=today.year, exp_month=today.month)
    set_auto_recharge(wallet)

    assert [expiry.tell(), expiry.tell()] == [1, 0]

    note = Notification.objects.get(account=wallet.account, kind="card_expiring")
    assert note.text.startswith("Visa •••• 4242 expires on ")


def test_a_card_is_good_until_the_end_of_its_month():
    card = Card("pm", "visa", "4242", 2, 2028, "f")

    assert card.last_day.isoformat() == "2028-02-29"


def test_one_account_whose_cards_cannot_be_read_keeps_no_other_from_hearing(stripe, monkeypatch):
    today = clock.now()
    wallets = [make_wallet(credit="100") for _ in range(3)]
    for wallet in wallets:
        add_card(stripe, wallet, exp_year=today.year, exp_month=today.month)
        set_auto_recharge(wallet)
    bad = min(wallet.account_id for wallet in wallets)
    cards = payment_methods.cards

    def fail_for_bad(account):
        if account.pk == bad:
            raise KeyError("a bug of ours")
        return cards(account)

    monkeypatch.setattr(payment_methods, "cards", fail_for_bad)

    assert expiry.tell() == 2


# --- What a card is.


def test_a_card_is_read_as_stripe_tells_it_and_lives_with_what_is_missing():
    facts = {"brand": "jcb", "last4": "0505", "exp_month": 3, "exp_year": 2031, "fingerprint": "f"}

    assert payment_methods.read_card({"id": "pm", "card": facts}) == Card(
        "pm", "jcb", "0505", 3, 2031, "f"
    )
    assert payment_methods.read_card({"id": "pm"}) == Card("pm", "", "????", 12, 2099, "")


@pytest.mark.parametrize(
    ("brand", "label"),
    [("amex", "American Express"), ("cartes", "Cartes"), ("", "Card")],
)
def test_a_brand_nobody_knows_is_shown_as_stripe_calls_it(brand, label):
    assert Card("pm", brand, "0505", 3, 2031, "f").label == f"{label} •••• 0505"


@pytest.mark.parametrize(
    ("at", "is_expired", "expires_soon"),
    [
        ("2028-01-29 23:59", False, False),
        ("2028-01-30 00:00", False, True),
        ("2028-02-29 23:59", False, True),
        ("2028-03-01 00:00", True, False),
    ],
)
def test_a_card_expires_soon_for_thirty_days_and_then_has_expired(at, is_expired, expires_soon):
    card = Card("pm", "visa", "4242", 2, 2028, "f")

    with clock.at(moment(at)):
        assert (card.is_expired, card.expires_soon) == (is_expired, expires_soon)


# --- Whose a card is.


def test_an_account_without_a_customer_has_no_cards(stripe):
    wallet, account = make_wallet(), make_individual()
    add_card(stripe, wallet)
    djstripe.models.PaymentMethod.objects.update(customer=None)

    assert payment_methods.cards(account) == []


def test_what_is_saved_and_is_no_card_is_not_listed(stripe):
    wallet = make_wallet()
    card = add_card(stripe, wallet)
    add_card(stripe, wallet, OTHER_GOOD_CARD)
    bank = {"id": card.id, "type": "us_bank_account", "us_bank_account": {"last4": "6789"}}
    djstripe.models.PaymentMethod.objects.filter(id=card.id).update(stripe_data=bank)

    assert labels(wallet) == ["Mastercard •••• 4444"]


def test_a_card_is_its_customers_and_else_of_whoever_has_it_for_a_default(stripe):
    make_individual()
    wallets = [make_wallet(), make_wallet()]
    cards = [add_card(stripe, wallet) for wallet in wallets]
    rows = djstripe.models.PaymentMethod.objects

    found = [[payment_methods.owner_of(card_id=card.id) for card in cards]]
    rows.update(customer=None)
    found.append([payment_methods.owner_of(card_id=card.id) for card in cards])
    rows.all().delete()
    found.append([payment_methods.owner_of(card_id=card.id) for card in cards])

    assert found == [[wallet.account for wallet in wallets]] * 3
    assert payment_methods.owner_of(card_id="pm_unknown") is None


@pytest.mark.parametrize(
    ("card_id", "text"),
    [
        ("", "Add a payment method first."),
        ("pm_unknown", "This card is no longer saved. Choose another card."),
    ],
)
def test_a_card_that_cannot_be_charged_says_what_helps(stripe, card_id, text):
    wallet = make_wallet()
    card = add_card(stripe, wallet)

    with pytest.raises(NoPaymentMethod) as refusal:
        payment_methods.usable_card(account=wallet.account, card_id=card_id)

    assert str(refusal.value) == text
    assert payment_methods.usable_card(account=wallet.account, card_id=card.id) == card
