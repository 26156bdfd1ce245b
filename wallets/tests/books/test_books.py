"""Each rule is silent over busy books, and speaks when an error is planted behind its back."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, transaction

from accounts import clock
from wallets.books import checking
from wallets.books.register import Rule
from wallets.models import AutoRecharge, Purchase, StripeEvent
from wallets.tests.worlds.books_world import plant
from wallets.tests.worlds.builders import make_wallet, set_auto_recharge

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("busy")
@pytest.mark.journey
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
        "entries may name any wallet",
        "I7",
        "no trigger guards wallets_ledgerentry against INSERT",
        "DROP TRIGGER wallets_entries_checked ON wallets_ledgerentry",
        "",
    ),
    (
        "campaigns may go",
        "I7",
        "no trigger guards campaigns_campaign against DELETE",
        "ALTER TABLE campaigns_campaign DISABLE TRIGGER campaigns_never_deleted",
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
        "a backup card charged without a decline",
        "I3",
        "is charged to the backup card after",
        COPY_PURCHASE.format(state="'submitted'", which=PREMIUM_RECHARGE)
        + "; UPDATE wallets_purchase SET instead_of = 'x', backup_of_id = (SELECT id FROM"
        f" wallets_purchase WHERE {PREMIUM_RECHARGE} AND receipt_number IS NOT NULL LIMIT 1)"
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
        "an entry in no wallet",
        "I10",
        "is of wallet 0, which is not there",
        "UPDATE wallets_ledgerentry SET wallet_id = 0 WHERE kind = 'recharge'",
        "wallets_ledgerentry.ledger_entry_posted_once_per_cause",
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
@pytest.mark.journey
def test_every_planted_error_is_found(subtests):
    for case, rule, text, sql, without in PLANTS:
        with subtests.test(case), undone():
            plant(sql, without=without)

            rows = checking.check_all()
            found = [row.text for row in rows if row.rule == rule]

            assert any(text in one for one in found), found
            # Told apart by other queries, the same is found, but for pots that never moved.
            since = checking.check_all(since=clock.now() - timedelta(days=1))
            assert any(text in row.text for row in since if row.rule == rule)
            missed = {str(row) for row in rows} - {str(row) for row in since}
            assert all(one.endswith("sum to 0") for one in missed)
            assert {str(row) for row in since} <= {str(row) for row in rows}
    assert checking.check_all() == []


@pytest.mark.parametrize("since", [None, timedelta(days=1)])
def test_an_entry_of_a_wallet_that_went_from_among_others_is_found(since):
    _, gone, _ = [make_wallet(credit="5") for _ in range(3)]
    plant(f"DELETE FROM wallets_wallet WHERE id = {gone.pk}")

    found = checking.check_all(since=since and clock.now() - since)

    [told] = [row for row in found if row.rule == "I10"]
    assert told.wallet_id is None
    assert told.text.endswith(f"is of wallet {gone.pk}, which is not there")


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


@pytest.mark.outside_of_cells("events and looks at all of Stripe are everybody's")
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


@pytest.mark.outside_of_cells("events and looks at all of Stripe are everybody's")
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
