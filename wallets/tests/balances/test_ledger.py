from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from accounts import clock
from accounts.tests.builders import make_individual, make_user
from tests.databases import as_owner
from wallets.balances import adjustments, ledger
from wallets.errors import InvalidAmount, KeyReused
from wallets.models import LedgerEntry, MinuteRate, Wallet
from wallets.signals import balances_moved
from wallets.tests.worlds.builders import fill, make_wallet

pytestmark = pytest.mark.django_db


def movement(wallet, amount, *, pot="credit", kind="recharge", key="k:1"):
    return ledger.Movement(wallet_id=wallet.pk, pot=pot, amount=amount, kind=kind, key=key)


def test_a_movement_writes_an_entry_and_the_balance_together():
    wallet = make_wallet()

    ledger.post(movements=[movement(wallet, Decimal("50.00"))])

    wallet.refresh_from_db()
    entry = wallet.entries.get()
    assert wallet.credit.amount == Decimal("50.00")
    assert (entry.amount, entry.balance_after, entry.kind) == (50, 50, "recharge")


def test_the_same_key_again_changes_nothing():
    wallet = make_wallet()
    ledger.post(movements=[movement(wallet, Decimal("50.00"))])

    posted = ledger.post(movements=[movement(wallet, Decimal("50.00"))])

    wallet.refresh_from_db()
    assert posted == 0
    assert wallet.credit.amount == Decimal("50.00")
    assert wallet.entries.count() == 1


def test_what_was_posted_is_looked_up_by_all_of_the_unique_key():
    # Before PostgreSQL 18 a look without the pot reads every key of the wallet.
    wallet = make_wallet()

    with CaptureQueriesContext(connection) as sent:
        ledger.post(movements=[movement(wallet, Decimal("50.00"))])

    (look,) = [sql for one in sent if (sql := one["sql"]).startswith("SELECT") and "k:1" in sql]
    condition = look.partition("WHERE")[2]
    assert all(f'"{column}" IN' in condition for column in ("wallet_id", "pot", "key"))


def test_the_same_key_with_another_amount_is_refused():
    wallet = make_wallet()
    ledger.post(movements=[movement(wallet, Decimal("50.00"))])

    with pytest.raises(KeyReused):
        ledger.post(movements=[movement(wallet, Decimal("49.99"))])

    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("50.00")
    assert wallet.entries.count() == 1


def test_posting_tells_how_many_movements_were_new():
    wallet = make_wallet()
    first = movement(wallet, Decimal(1), key="a")
    ledger.post(movements=[first])

    posted = ledger.post(
        movements=[first, movement(wallet, Decimal(2), key="b"), movement(wallet, 60, pot="basic")]
    )

    assert posted == 2


def test_only_the_wallets_asked_for_are_locked():
    first, _other = make_wallet(), make_wallet()

    assert list(ledger.lock(wallet_ids=[first.pk])) == [first.pk]


def test_wallets_of_accounts_are_locked_in_key_order_and_tell_what_they_hold():
    first, second = make_wallet(credit="1.5", premium=60), make_wallet(basic=90, included=30)
    without = make_individual()

    locked = ledger.lock_accounts(
        account_ids=[second.account_id, without.pk, first.account_id, second.account_id]
    )

    assert [(one.pk, one.account_id, one.pots) for one in locked.values()] == [
        (first.pk, first.account_id, first.pots),
        (second.pk, second.account_id, second.pots),
    ]
    assert ledger.holding(account_id=first.account_id) == locked[first.account_id]
    assert ledger.holding(account_id=without.pk) is None


def test_a_wallet_that_does_not_exist_is_told_before_anything_moves():
    wallet = make_wallet()

    with pytest.raises(Wallet.DoesNotExist):
        ledger.post(
            movements=[
                movement(wallet, Decimal(1)),
                ledger.Movement(
                    wallet_id=-1, pot="credit", amount=Decimal(1), kind="recharge", key="k:1"
                ),
            ]
        )

    assert not wallet.entries.exists()


def test_entries_of_one_pot_chain_their_balances():
    wallet = make_wallet()
    ledger.post(movements=[movement(wallet, Decimal(10), key="a")])
    ledger.post(
        movements=[
            movement(wallet, Decimal("-3.5"), kind="calls", key="b"),
            movement(wallet, 120, pot="basic", key="b"),
        ]
    )

    assert list(wallet.entries.order_by("pk").values_list("pot", "balance_after")) == [
        ("credit", Decimal(10)),
        ("credit", Decimal("6.5")),
        ("basic", Decimal(120)),
    ]


def test_credit_may_go_below_zero_because_the_call_has_happened():
    wallet = make_wallet(credit="1.00")

    ledger.post(movements=[movement(wallet, Decimal("-2.92"), kind="calls")])

    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("-1.92")


def test_a_minute_pot_never_goes_below_zero():
    wallet = make_wallet(basic=60)

    with pytest.raises(DatabaseError), transaction.atomic():
        ledger.post(movements=[movement(wallet, -61, pot="basic", kind="calls")])

    wallet.refresh_from_db()
    assert wallet.basic_seconds == 60


@pytest.mark.parametrize(
    ("kind", "amount"), [("recharge", "-1"), ("calls", "1"), ("refund", "1"), ("dispute_won", "-1")]
)
def test_the_sign_must_match_the_kind(kind, amount):
    wallet = make_wallet()

    with pytest.raises(DatabaseError), transaction.atomic():
        ledger.post(movements=[movement(wallet, Decimal(amount), kind=kind)])

    assert not wallet.entries.exists()


@pytest.mark.parametrize("amount", ["NaN", "Infinity"])
def test_nonsense_amounts_never_reach_a_balance(amount):
    wallet = make_wallet(credit="5")

    with pytest.raises(ValidationError), transaction.atomic():
        ledger.post(movements=[movement(wallet, Decimal(amount))])

    wallet.refresh_from_db()
    assert wallet.credit.amount == 5


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE wallets_ledgerentry SET amount = 1",
        "DELETE FROM wallets_ledgerentry",
        "TRUNCATE wallets_ledgerentry",
        "UPDATE wallets_minuterate SET price = 1",
        "DELETE FROM wallets_minuterate",
    ],
)
def test_entries_and_rates_cannot_be_changed_even_by_hand(statement):
    make_wallet(credit="5")
    before = list(LedgerEntry.objects.values_list("pk", "amount"))

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        as_owner(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)

    assert list(LedgerEntry.objects.values_list("pk", "amount")) == before
    assert MinuteRate.objects.count() == 2


def test_saving_a_stale_wallet_keeps_the_balance():
    stale = make_wallet(credit="5")
    fill(Wallet.objects.get(pk=stale.pk), credit="10")

    stale.default_payment_method = "pm_1"
    stale.save()

    assert Wallet.objects.get(pk=stale.pk).credit.amount == 15


def test_one_signal_tells_all_wallets_that_moved():
    first, second = make_wallet(), make_wallet()
    heard = []

    def hear(wallets, kinds, **kwargs):
        heard.append(([wallet.pk for wallet in wallets], kinds, wallets[0].pots["credit"]))

    balances_moved.connect(hear)
    try:
        ledger.post(movements=[movement(second, Decimal(1)), movement(first, Decimal(2))])
    finally:
        balances_moved.disconnect(hear)

    assert heard == [([first.pk, second.pk], {"recharge"}, 2)]


def test_a_receiver_that_fails_undoes_the_movement():
    wallet = make_wallet(credit="5")

    def fail(**kwargs):
        raise RuntimeError("no pause, no debit")

    balances_moved.connect(fail)
    try:
        with pytest.raises(RuntimeError), transaction.atomic():
            ledger.post(movements=[movement(wallet, Decimal(-1), kind="calls")])
    finally:
        balances_moved.disconnect(fail)

    wallet.refresh_from_db()
    assert wallet.credit.amount == 5


def test_an_adjustment_needs_a_reason():
    wallet = make_wallet()

    with pytest.raises(InvalidAmount) as refusal:
        adjustments.post(
            wallet_id=wallet.pk,
            pot="credit",
            amount=Decimal(1),
            note=" ",
            actor=None,
            form_key="f",
        )

    assert refusal.value.fields == {"note": "Say why."}
    assert not wallet.entries.exists()


def adjust(wallet, amount, *, pot="credit", note="Goodwill", form_key="f", actor=None):
    return adjustments.post(
        wallet_id=wallet.pk,
        pot=pot,
        amount=Decimal(amount),
        note=note,
        actor=actor,
        form_key=form_key,
    )


@pytest.mark.parametrize("pot", ["credit", "premium", "basic", "included"])
def test_the_wallet_that_was_given_shows_what_it_holds_now(pot):
    wallet = make_wallet()
    found = movement(wallet, 90, pot=pot)

    ledger.post(movements=[found], wallets={wallet.pk: wallet})

    assert wallet.held(pot) == 90


def test_an_adjustment_says_who_made_it():
    person = make_user()

    assert adjust(make_wallet(), 1, actor=person).actor == person
    assert adjust(make_wallet(), 1).actor is None


@pytest.mark.parametrize("note", ["!", "x" * 200, f"  {'x' * 200}  "])
def test_a_reason_has_one_to_two_hundred_characters(note):
    assert adjust(make_wallet(), 1, note=note).note == note.strip()


@pytest.mark.parametrize(
    ("pot", "amount"),
    [
        ("credit", "1000000000"),
        ("credit", "-1000000000"),
        ("credit", "0.000001"),
        ("basic", 10**12 - 1),
    ],
)
def test_an_adjustment_may_be_as_large_or_as_fine_as_the_books_hold(pot, amount):
    assert adjust(make_wallet(), amount, pot=pot).amount == Decimal(amount)


@pytest.mark.parametrize(
    ("pot", "amount"),
    [
        ("credit", "1000000000.01"),
        ("credit", "-1000000000.01"),
        # A cent or a second too much together with what is there.
        ("credit", "999999999.01"),
        ("basic", 10**12),
        ("basic", 10**12 - 60),
        ("basic", -61),
        ("basic", -(10**12)),
    ],
)
def test_an_adjustment_beyond_what_the_books_hold_is_refused(pot, amount):
    wallet = make_wallet(credit="1", basic=60)

    with pytest.raises(InvalidAmount):
        adjust(wallet, amount, pot=pot)

    assert wallet.entries.count() == 2


def test_all_minutes_of_a_pot_may_be_taken_and_taking_them_again_changes_nothing():
    wallet = make_wallet(basic=60)

    first = adjust(wallet, -60, pot="basic")

    assert adjust(wallet, -60, pot="basic") == first
    assert first.balance_after == 0


def test_every_adjustment_is_checked_whatever_was_adjusted_before():
    wallet, other = make_wallet(basic=60), make_wallet()
    adjust(wallet, 60, pot="basic", form_key="earlier")
    adjust(other, 60, pot="basic")
    adjust(wallet, 60, pot="premium")

    with pytest.raises(InvalidAmount):
        adjust(wallet, -121, pot="basic")

    wallet.refresh_from_db()
    assert wallet.basic_seconds == 120


def test_an_adjustment_answers_with_its_own_entry():
    wallet, other = make_wallet(), make_wallet()
    adjust(other, 2)
    adjust(wallet, 60, pot="basic")

    entry = adjust(wallet, 1)

    assert (entry.wallet_id, entry.pot, entry.amount) == (wallet.pk, "credit", 1)


def spend_in_threads(wallet, times):
    def spend(number):
        try:
            ledger.post(
                movements=[movement(wallet, Decimal("-0.50"), kind="calls", key=f"calls:{number}")]
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(spend, range(times)))


@pytest.mark.django_db(transaction=True)
def test_concurrent_movements_lose_nothing():
    wallet = make_wallet(credit="100")

    spend_in_threads(wallet, 40)

    wallet.refresh_from_db()
    assert wallet.credit.amount == 80
    assert wallet.entries.aggregate(total=Sum("amount"))["total"] == 80
    assert len(set(wallet.entries.values_list("balance_after", flat=True))) == 41


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_movements_are_refused_by_the_database_not_lost(monkeypatch):
    wallet = make_wallet(credit="100")
    monkeypatch.setattr("wallets.models.wallet.WalletQuerySet.locked", lambda self: self)

    with pytest.raises(DatabaseError, match="does not leave what its pot holds"):
        spend_in_threads(wallet, 40)

    wallet.refresh_from_db()
    assert wallet.credit.amount == wallet.entries.aggregate(total=Sum("amount"))["total"]
    assert wallet.entries.count() < 41


def test_a_movement_decided_on_a_stale_balance_is_refused():
    wallet = make_wallet(credit="100")
    stale = Wallet.objects.get(pk=wallet.pk)
    fill(wallet, credit="-60")

    with pytest.raises(DatabaseError, match="does not leave"), transaction.atomic():
        ledger.post(
            movements=[movement(wallet, Decimal(-50), kind="calls")], wallets={wallet.pk: stale}
        )

    wallet.refresh_from_db()
    assert (wallet.credit.amount, wallet.entries.count()) == (40, 2)


def test_every_link_of_a_chain_written_at_once_has_to_be_true():
    wallet = make_wallet(included=60)
    link = (
        "INSERT INTO wallets_ledgerentry (wallet_id, pot, amount, balance_after, kind, key, note,"
        " occurred_at, created_at) VALUES"
        " (%s, 'included', -60, %s, 'included_reset', 'a', '', now(), now()),"
        " (%s, 'included', 90, 90, 'included_grant', 'b', '', now(), now())"
    )

    with connection.cursor() as cursor:
        with pytest.raises(DatabaseError, match="does not leave"), transaction.atomic():
            cursor.execute(link, [wallet.pk, 1, wallet.pk])
        cursor.execute(link, [wallet.pk, 0, wallet.pk])

    wallet.refresh_from_db()
    assert (wallet.included_seconds, wallet.entries.count()) == (90, 3)


def test_entries_are_in_the_order_they_were_written_on_hosts_whose_clocks_differ():
    wallet = make_wallet()
    noon = datetime(2026, 11, 14, 12, tzinfo=UTC)

    for key, behind in (("one", 0), ("two", 3), ("three", 1)):
        with clock.at(noon - timedelta(milliseconds=behind)):
            ledger.post(movements=[movement(wallet, Decimal(1), key=key)])

    read = wallet.entries.order_by("created_at", "pk")
    assert list(read.values_list("key", flat=True)) == ["one", "two", "three"]
    assert {entry.created_at for entry in read} == {noon}


def test_an_entry_of_another_time_keeps_its_own():
    wallet = make_wallet()
    noon = datetime(2026, 11, 14, 12, tzinfo=UTC)

    for moment in (noon, noon - timedelta(minutes=1)):
        with clock.at(moment):
            ledger.post(movements=[movement(wallet, Decimal(1), key=f"{moment}")])

    assert [entry.created_at for entry in wallet.entries.order_by("pk")] == [
        noon,
        noon - timedelta(minutes=1),
    ]
