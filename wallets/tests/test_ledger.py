from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from wallets import ledger
from wallets.errors import InvalidAmount, KeyReused
from wallets.models import LedgerEntry, MinuteRate, Wallet
from wallets.signals import balances_moved
from wallets.tests.builders import fill, make_wallet

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


def test_the_same_key_with_another_amount_is_refused():
    wallet = make_wallet()
    ledger.post(movements=[movement(wallet, Decimal("50.00"))])

    with pytest.raises(KeyReused):
        ledger.post(movements=[movement(wallet, Decimal("49.99"))])

    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("50.00")
    assert wallet.entries.count() == 1


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


def test_one_signal_tells_all_wallets_that_moved(monkeypatch):
    first, second = make_wallet(), make_wallet()
    heard = []

    def hear(sender, wallets, kinds, **kwargs):
        heard.append(([wallet.pk for wallet in wallets], kinds, wallets[0].credit.amount))

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
        ledger.adjust(
            wallet_id=wallet.pk,
            pot="credit",
            amount=Decimal(1),
            note=" ",
            actor=None,
            form_key="f",
        )

    assert refusal.value.fields == {"note": "Say why."}
    assert not wallet.entries.exists()


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
