"""Each rule is silent over busy books, and speaks when an error is planted behind its back."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection, transaction

from accounts import clock
from accounts.models import StaffAlert
from wallets.books import checking
from wallets.books.register import Rule
from wallets.models import AutoRecharge, LedgerEntry, Purchase, StripeEvent, Wallet
from wallets.recharges import by_hand
from wallets.reversals import catching_up, disputes, refunds
from wallets.stripe import gateway
from wallets.tests.worlds import histories
from wallets.tests.worlds.allocation_world import make_world
from wallets.tests.worlds.builders import (
    OTHER_GOOD_CARD,
    add_card,
    fill,
    make_wallet,
    pay,
    set_auto_recharge,
    stranger_pays,
)

pytestmark = pytest.mark.django_db


def buy(wallet, amount, buys):
    return by_hand.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(amount), buys=buys, form_key=str(uuid4())
    )


def refund(purchase, cents):
    reversal = refunds.refund(
        purchase_id=purchase.pk,
        amount_cents=cents,
        actor=None,
        reason="Asked",
        form_key=str(uuid4()),
    )
    return refunds.drive_refund(reversal_id=reversal.pk)


@pytest.fixture
def busy(stripe):
    """Purchases of each kind, refunds that worked and failed, disputes lost and won."""
    world = make_world(stripe)
    world.save(basic=501, premium=1000)
    world.run_at(f"{clock.now():%Y-%m-%d %H:%M}")
    [allocation] = world.purchases()
    fill(world.sub.wallet, premium=-59_990)
    refund(allocation, 17)

    wallet = make_wallet(credit="-3.21")
    add_card(stripe, wallet)
    wallet.premium_purchase = buy(wallet, 50, "premium")
    basic = buy(wallet, 20, "basic")
    fill(wallet, premium=-10_000, basic=-10_000, credit="-0.123456")
    refund(basic, 1234)
    failed = refund(wallet.premium_purchase, 2000)
    stripe.set_refund(failed.stripe_id, "failed")
    refunds.settle_refund(refund_id=failed.stripe_id)
    for outcome in ("win", "lose"):
        disputed = stripe.dispute(buy(wallet, 10, "credit").payment_intent)["id"]
        disputes.apply_dispute(dispute_id=disputed)
        stripe.move_dispute(disputed, outcome)
        disputes.apply_dispute(dispute_id=disputed)
    world.wallet = wallet
    return world


def plant(sql, *, without=""):
    """Do it behind the back of triggers; `without` names a unique constraint or index to drop."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if without:
            table, name = without.split(".")
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
            cursor.execute(f"DROP INDEX IF EXISTS {name}")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        assert cursor.rowcount != 0, "nothing was planted"
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.usefixtures("busy")
def test_busy_books_break_no_rule_not_even_with_stripe():
    assert checking.check_all(stripe=True) == []


COPY_PURCHASE = """
    INSERT INTO wallets_purchase (id, payer_id, wallet_id, purpose, amount_cents, buys,
        premium_rate, basic_rate, premium_minutes, basic_minutes, allocation_run_id,
        payment_method, card, card_fingerprint, state, payment_intent, attempts, decline_code,
        error_text, quarantine_reason, created_at, closed_at)
    SELECT gen_random_uuid(), payer_id, wallet_id, purpose, amount_cents, buys,
        premium_rate, basic_rate, premium_minutes, basic_minutes, allocation_run_id,
        payment_method, card, card_fingerprint, {state}, 'pi_' || gen_random_uuid(), 0, '', '',
        '', created_at, NULL
    FROM wallets_purchase WHERE {which} LIMIT 1
"""
COPY_ENTRY = """
    INSERT INTO wallets_ledgerentry (wallet_id, pot, amount, balance_after, kind, key,
        purchase_id, reversal_id, note, occurred_at, created_at)
    SELECT wallet_id, pot, amount, balance_after + amount, kind, {key}, {purchase},
        reversal_id, note, occurred_at, created_at
    FROM wallets_ledgerentry WHERE {which} LIMIT 1
"""
PREMIUM_RECHARGE = "purpose = 'recharge' AND buys = 'premium'"


# What is done behind the books' back, the rule that must speak, and what it says.
PLANTS = [
    (
        "credit out of nothing",
        "I1",
        "credit holds",
        "UPDATE wallets_wallet SET credit = credit + 1",
        "",
    ),
    (
        "seconds out of nothing",
        "I1",
        "basic holds",
        "UPDATE wallets_wallet SET basic_seconds = basic_seconds + 60",
        "",
    ),
    (
        "a deleted entry",
        "I1",
        "the one before left",
        "DELETE FROM wallets_ledgerentry WHERE id IN (SELECT min(id) FROM wallets_ledgerentry)",
        "",
    ),
    (
        "a changed entry",
        "I1",
        "holds",
        "UPDATE wallets_ledgerentry SET amount = amount + 1 WHERE kind = 'adjustment'",
        "",
    ),
    (
        "a paid purchase without entries",
        "I2",
        "are worth 0 dollars",
        "DELETE FROM wallets_ledgerentry WHERE kind = 'recharge'",
        "",
    ),
    (
        "a paid purchase that credits less",
        "I2",
        "are worth",
        f"UPDATE wallets_purchase SET amount_cents = 5001 WHERE {PREMIUM_RECHARGE}",
        "",
    ),
    (
        "minutes of the wrong type",
        "I2",
        "are worth",
        "UPDATE wallets_ledgerentry SET pot = 'basic' WHERE kind = 'recharge' AND pot = 'premium'",
        "",
    ),
    (
        "an allocation of other minutes",
        "I2",
        "are worth",
        "UPDATE wallets_purchase SET basic_minutes = 502 WHERE purpose = 'allocation'",
        "",
    ),
    (
        "a credit without a payment",
        "I2",
        "credits purchase",
        f"UPDATE wallets_purchase SET state = 'declined' WHERE {PREMIUM_RECHARGE}",
        "",
    ),
    (
        "a credit of no purchase",
        "I2",
        "credits no purchase",
        COPY_ENTRY.format(key="'forged'", purchase="NULL", which="kind = 'recharge'"),
        "",
    ),
    (
        "an intent credited twice",
        "I3",
        "was credited 2 times",
        COPY_ENTRY.format(
            key="key || ':again'",
            purchase="purchase_id",
            which="kind = 'recharge' AND pot = 'premium'",
        ),
        "",
    ),
    (
        "a refund taken twice",
        "I3",
        "refund",
        COPY_ENTRY.format(
            key="key || ':again'",
            purchase="purchase_id",
            which="kind = 'refund' AND pot = 'credit'",
        ),
        "",
    ),
    (
        "a dispute that took nothing",
        "I3",
        "took 0 dollars",
        "DELETE FROM wallets_ledgerentry WHERE kind = 'dispute'",
        "",
    ),
    (
        "a failed refund not put back",
        "I3",
        "gave back 0",
        "DELETE FROM wallets_ledgerentry WHERE kind = 'refund_failed'",
        "",
    ),
    (
        "more refunded than paid",
        "I3",
        "were refunded",
        "UPDATE wallets_reversal SET amount_cents = 99999 WHERE kind = 'refund'",
        "",
    ),
    (
        "a dispute of another amount",
        "I3",
        "took 10.00",
        "UPDATE wallets_reversal SET amount_cents = 99999 WHERE kind = 'dispute'",
        "",
    ),
    (
        "a refund of what was never paid",
        "I3",
        "reverses purchase",
        "UPDATE wallets_purchase SET state = 'declined' WHERE id IN"
        " (SELECT purchase_id FROM wallets_reversal)",
        "",
    ),
    (
        "a refund of nothing",
        "I3",
        "belongs to no reversal",
        "UPDATE wallets_ledgerentry SET reversal_id = NULL WHERE kind = 'refund'",
        "",
    ),
    (
        "two open charges",
        "I4",
        "2 charges are open at once",
        COPY_PURCHASE.format(state="'submitted'", which=PREMIUM_RECHARGE)
        + ";"
        + COPY_PURCHASE.format(state="'created'", which=PREMIUM_RECHARGE),
        "wallets_purchase.one_open_recharge_per_wallet",
    ),
    (
        "a run charged twice",
        "I4",
        "has 2 open or paid charges",
        COPY_PURCHASE.format(state="'submitted'", which="purpose = 'allocation'"),
        "wallets_purchase.one_open_or_paid_purchase_per_run",
    ),
    (
        "two runs for one month",
        "I6",
        "has 2 runs for",
        "INSERT INTO wallets_allocationrun (allocation_id, period, basic_minutes, premium_minutes,"
        " basic_rate, premium_rate, amount_cents, state, attempts, error_text, created_at)"
        " SELECT allocation_id, period, 1, 1, 1, 1, 100, 'due', 0, '', created_at"
        " FROM wallets_allocationrun",
        "wallets_allocationrun.one_run_per_allocation_and_period",
    ),
    (
        "a paid run that is due again",
        "I6",
        "is due with 1 paid purchases",
        "UPDATE wallets_allocationrun SET state = 'due'",
        "",
    ),
    (
        "entries lost their guard",
        "I7",
        "no trigger guards wallets_ledgerentry against UPDATE",
        "ALTER TABLE wallets_ledgerentry DISABLE TRIGGER wallets_entries_append_only",
        "",
    ),
    (
        "purchases lost their guard",
        "I7",
        "no trigger guards wallets_purchase against UPDATE",
        "DROP TRIGGER wallets_purchases_guarded ON wallets_purchase",
        "",
    ),
    (
        "balances may be written by hand",
        "I7",
        "no trigger guards wallets_wallet against UPDATE",
        "ALTER TABLE wallets_wallet DISABLE TRIGGER wallets_never_by_hand",
        "",
    ),
    (
        "entries move nothing",
        "I7",
        "no trigger guards wallets_ledgerentry against INSERT",
        "DROP TRIGGER wallets_entries_move_balances ON wallets_ledgerentry",
        "",
    ),
    (
        "calls lost their guard",
        "I7",
        "no trigger guards campaigns_call against DELETE",
        "DROP TRIGGER campaigns_call_append_only ON campaigns_call",
        "",
    ),
    (
        "a paid purchase turned back",
        "I7",
        "is declined but has receipt",
        f"UPDATE wallets_purchase SET state = 'declined' WHERE {PREMIUM_RECHARGE}",
        "",
    ),
    (
        "a forgotten purchase",
        "I8",
        "is created since",
        COPY_PURCHASE.format(state="'created'", which=PREMIUM_RECHARGE)
        + "; UPDATE wallets_purchase SET created_at = now() - interval '23 minutes'"
        " WHERE state = 'created'",
        "",
    ),
    (
        "an unknown nobody was told of",
        "I8",
        "support was not told",
        COPY_PURCHASE.format(state="'submitted'", which=PREMIUM_RECHARGE)
        + "; UPDATE wallets_purchase SET created_at = now() - interval '63 minutes'"
        " WHERE state = 'submitted'",
        "",
    ),
    (
        "an entry in another wallet",
        "I10",
        "is not of the wallet of purchase",
        "UPDATE wallets_ledgerentry SET wallet_id = (SELECT min(id) FROM wallets_wallet)"
        " WHERE kind = 'recharge'",
        "",
    ),
    (
        "a purchase on another's card",
        "I10",
        "is paid by an account that may not",
        "UPDATE wallets_purchase SET payer_id = (SELECT id FROM accounts_account WHERE kind ="
        f" 'agency') WHERE {PREMIUM_RECHARGE}",
        "",
    ),
    (
        "an allocation to another account",
        "I10",
        "is paid by an account that may not",
        "UPDATE wallets_autoallocation SET account_id = agency_id",
        "wallets_autoallocation.allocation_never_to_the_payer",
    ),
]


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.usefixtures("busy")
def test_every_planted_error_is_found(subtests):
    for case, rule, text, sql, without in PLANTS:
        with subtests.test(case), undone():
            plant(sql, without=without)

            found = [row.text for row in checking.check_all() if row.rule == rule]

            assert any(text in one for one in found), found
    assert checking.check_all() == []


def automatic(wallet, *, at, cents=1000, state="succeeded"):
    return Purchase.objects.create(
        payer=wallet.account,
        wallet=wallet,
        purpose="auto_recharge",
        amount_cents=cents,
        buys="credit",
        payment_method="pm_1",
        state=state,
        payment_intent=f"pi_{uuid4()}",
        created_at=at,
        closed_at=at,
    )


@pytest.mark.parametrize(("minutes", "is_broken"), [(9, True), (10, False)])
def test_four_automatic_charges_within_ten_minutes_break_i11(minutes, is_broken):
    wallet, start = make_wallet(), datetime(2026, 11, 14, tzinfo=UTC)
    for offset in (0, 3, 6, minutes):
        automatic(wallet, at=start + timedelta(minutes=offset))

    found = [row.wallet_id for row in checking.check_all() if row.rule == "I11"]

    assert found == ([wallet.pk] if is_broken else [])


@pytest.mark.parametrize(("seconds", "is_broken"), [(599, True), (600, False)])
def test_seven_attempts_within_ten_minutes_break_i11_whatever_became_of_them(seconds, is_broken):
    wallet, start = make_wallet(), datetime(2026, 11, 14, tzinfo=UTC)
    for offset in (0, 1, 2, 3, 4, 5, seconds):
        attempt = automatic(wallet, at=start + timedelta(seconds=offset), state="canceled")
    other = make_wallet()
    automatic(other, at=start, state="canceled")

    found = [(row.wallet_id, row.text) for row in checking.check_all() if row.rule == "I11"]

    text = f"a seventh attempt in ten minutes: purchase {attempt.pk}"
    assert found == ([(wallet.pk, text)] if is_broken else [])


@pytest.mark.parametrize(
    ("_case", "moments", "saved_at", "is_broken"),
    [
        ("over it in one month", ("2026-11-02", "2026-11-30"), "2026-10-01", True),
        ("in two months", ("2026-11-02", "2026-12-01T06:00"), "2026-10-01", False),
        ("the month is the account's own", ("2026-11-30", "2026-12-01T04:59"), "2026-10-01", True),
        ("lowered afterwards", ("2026-11-02", "2026-11-15"), "2026-11-16", False),
    ],
)
def test_automatic_charges_over_the_monthly_limit_break_i11(_case, moments, saved_at, is_broken):
    wallet = make_wallet()
    type(wallet.account).objects.update(timezone="America/New_York")
    set_auto_recharge(wallet, amount=10, monthly_limit=15)
    AutoRecharge.objects.update(updated_at=datetime.fromisoformat(saved_at).replace(tzinfo=UTC))
    for text in moments:
        automatic(wallet, at=datetime.fromisoformat(text).replace(tzinfo=UTC))

    found = [row.wallet_id for row in checking.check_all() if row.rule == "I11"]

    assert found == ([wallet.pk] if is_broken else [])


@pytest.mark.parametrize(
    ("moment", "is_broken"), [("2026-06-30T21:59", False), ("2026-06-30T22:00", True)]
)
def test_a_month_begins_where_the_pinned_table_says_and_not_postgresqls(moment, is_broken):
    """To PostgreSQL, CET is an hour ahead of UTC all the year."""
    wallet = make_wallet()
    type(wallet.account).objects.update(timezone="CET")
    set_auto_recharge(wallet, amount=10, monthly_limit=15)
    AutoRecharge.objects.update(updated_at=datetime(2026, 5, 1, tzinfo=UTC))
    for text in (moment, "2026-07-15"):
        automatic(wallet, at=datetime.fromisoformat(text).replace(tzinfo=UTC))

    found = [row.wallet_id for row in checking.check_all() if row.rule == "I11"]

    assert found == ([wallet.pk] if is_broken else [])


def test_a_zone_that_nobody_knows_is_named_by_i14_and_stops_no_other_rule():
    lost, wallet = make_wallet(), make_wallet()
    for one in (lost, wallet):
        set_auto_recharge(one, amount=10, monthly_limit=15)
    AutoRecharge.objects.update(updated_at=datetime(2026, 10, 1, tzinfo=UTC))
    type(lost.account).objects.filter(pk=lost.account_id).update(timezone="localtime")
    for day in (2, 15):
        automatic(wallet, at=datetime(2026, 11, day, tzinfo=UTC))
        automatic(lost, at=datetime(2026, 11, day, tzinfo=UTC))

    checked = checking.check_all()

    found = [(row.rule, row.wallet_id) for row in checked if row.rule in ("I11", "I14")]
    assert sorted(found) == [("I11", lost.pk), ("I11", wallet.pk), ("I14", lost.pk)]


def test_a_rule_that_cannot_be_checked_is_a_finding_and_stops_no_other(monkeypatch):
    broken = Rule("I0", lambda: "SELECT 1 / 0, ''", freezes=True)
    monkeypatch.setattr(checking, "rules", [broken, *checking.rules])
    wallet = make_wallet()
    type(wallet.account).objects.update(timezone="Mars")

    found = checking.check_all()

    assert [(row.rule, row.wallet_id, row.freezes) for row in found] == [
        ("I0", None, False),
        ("I14", wallet.pk, False),
    ]
    assert found[0].text.startswith("could not be checked: division by zero")


def test_a_database_that_is_gone_is_no_finding(monkeypatch):
    def gone() -> str:
        raise OperationalError("connection refused")

    monkeypatch.setattr(checking, "rules", [Rule("I0", gone, freezes=True)])

    with pytest.raises(OperationalError):
        checking.check_all()


def test_an_event_that_waits_longer_than_five_minutes_breaks_i12():
    old = clock.now() - timedelta(minutes=6)
    for name, facts in {
        "evt_young": {},
        "evt_old": {"received_at": old},
        "evt_done": {"received_at": old, "applied_at": old},
        "evt_given_up": {"received_at": old, "given_up_at": old},
    }.items():
        StripeEvent.objects.create(event_id=name, type="x", payload={}, **facts)

    [found] = checking.check_all()

    assert (found.rule, found.wallet_id) == ("I12", None)
    assert "evt_old" in found.text


# --- I13: against Stripe.


def later():
    return clock.at(clock.now() + timedelta(minutes=10))


def against_stripe():
    with later():
        return [
            (row.wallet_id, row.text)
            for row in checking.check_all(stripe=True)
            if row.rule == "I13"
        ]


@pytest.fixture
def paid(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    wallet.purchase = buy(wallet, 50, "credit")
    assert against_stripe() == []
    return wallet


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


# --- What follows.


def test_the_hourly_check_freezes_the_wallets_named_and_tells_support(paid):
    innocent = make_wallet()
    plant(f"UPDATE wallets_wallet SET credit = credit + 1 WHERE id = {paid.pk}")

    for _ in range(2):
        checking.check_and_freeze()

    paid.refresh_from_db()
    innocent.refresh_from_db()
    assert (paid.blocked_reason, innocent.blocked_reason) == ("books", "")
    [alert] = StaffAlert.objects.filter(kind="books")
    assert alert.text.startswith("I1 is broken 1 times, 1 wallets were blocked: credit holds 51")


@pytest.mark.usefixtures("paid")
def test_a_freezing_rule_that_names_no_wallet_freezes_all():
    plant("DROP TRIGGER wallets_purchases_guarded ON wallets_purchase")

    checking.check_and_freeze()

    assert not Wallet.objects.filter(blocked_at=None).exists()


@pytest.mark.usefixtures("paid")
def test_rules_that_only_alert_freeze_nobody():
    old = clock.now() - timedelta(minutes=6)
    StripeEvent.objects.create(event_id="evt_1", type="x", payload={}, received_at=old)

    checking.check_and_freeze()

    assert not Wallet.objects.exclude(blocked_at=None).exists()
    assert StaffAlert.objects.filter(kind="books").count() == 1


@pytest.mark.usefixtures("busy")
def test_verify_books_is_silent_when_the_books_agree():
    out = StringIO()

    call_command("verify_books", "--stripe", stdout=out)

    assert out.getvalue() == ""


def test_verify_books_says_one_line_a_broken_row_and_blocks_nobody(paid):
    plant(f"UPDATE wallets_wallet SET credit = 7 WHERE id = {paid.pk}")
    out = StringIO()

    with pytest.raises(SystemExit) as leaving:
        call_command("verify_books", stdout=out)

    assert leaving.value.code == 1
    assert out.getvalue().splitlines() == [
        f"I1: wallet {paid.pk}: credit holds 7.000000, its entries sum to 50.000000"
    ]
    assert not Wallet.objects.exclude(blocked_at=None).exists()


@pytest.mark.usefixtures("paid")
def test_verify_books_without_an_answer_from_stripe_does_not_say_that_all_is_well(stripe):
    stripe.fault(kind="500_before", path="/v1/payment_intents", times=10)

    with pytest.raises(CommandError, match="were not compared"):
        call_command("verify_books", "--stripe")


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


@pytest.mark.parametrize(("minutes", "says"), [(5, []), (6, ["event"])])
def test_whatever_is_not_looked_at_within_its_bound_breaks_the_books(minutes, says):
    now = clock.now()
    with clock.at(now - timedelta(minutes=minutes)):
        StripeEvent.objects.create(event_id="evt_1", type="invoice.paid", payload={})

    with clock.at(now):
        broken = [row for row in checking.check_all() if row.rule == "I8"]

    assert [row.text for row in broken] == [
        f"the oldest {kind} that waits is overdue for 0:06:00, at most 0:05:00 are allowed"
        for kind in says
    ]
    assert {(row.wallet_id, row.freezes) for row in broken} <= {(None, False)}


def test_the_wallets_behind_those_that_are_shown_are_frozen_too(monkeypatch):
    wallets = [make_wallet() for _ in range(7)]
    broken = Rule("I1", lambda: "SELECT id, 'wrong' FROM wallets_wallet ORDER BY id", freezes=True)
    monkeypatch.setattr(checking, "rules", [broken])
    monkeypatch.setattr(checking, "MOST_ROWS", 2)
    monkeypatch.setattr(checking, "MOST_FROZEN", 4)
    blocked = Wallet.objects.filter(pk__in=[one.pk for one in wallets], blocked_reason="books")

    counts = []
    for _ in range(3):
        checking.check_and_freeze()
        counts.append(blocked.count())

    assert counts == [4, 7, 7]
