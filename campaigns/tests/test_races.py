"""What happens when the same calls and wallets are written from several sides at once."""

import random
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import (
    IntegrityError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from django.db.models import Sum
from psycopg.pq import PipelineStatus

from campaigns import calls, lifecycle, limits, resuming
from campaigns.errors import Busy
from campaigns.models import Call, Campaign
from campaigns.tests.builders import make_campaign, make_report, make_wallet
from campaigns.tests.interleaving import one_after_the_other
from tests.databases import as_owner
from wallets.balances import ledger
from wallets.models import LedgerEntry, Wallet

pytestmark = pytest.mark.journey

THREADS = 6


def at_once(function, arguments):
    """Call the function with each argument, in threads with connections of their own."""

    def run(argument):
        try:
            return function(argument)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        return list(pool.map(run, arguments))


def record(reports):
    return calls.record(reports=reports, reporter=None)


@pytest.mark.django_db(transaction=True)
def test_the_same_batch_from_many_sides_is_charged_once():
    wallets = [make_wallet(credit="50") for _ in range(4)]
    reports = [make_report(wallets[i % 4].account) for i in range(40)]

    # Everybody in another order, as retries and several workers would.
    batches = [random.Random(seed).sample(reports, len(reports)) for seed in range(12)]
    answers = at_once(record, batches)

    charged = [one for answer in answers for one in answer if one.status == "charged"]
    assert len(charged) == 40
    assert {one.status for answer in answers for one in answer} == {"charged", "duplicate"}
    assert {one.cost for answer in answers for one in answer} == {Decimal("0.16")}
    credits = Wallet.objects.values_list("credit", flat=True)
    assert [Decimal(credit) for credit in credits] == [Decimal("48.40")] * 4
    assert Call.objects.count() == 40


@pytest.mark.django_db(transaction=True)
def test_the_same_id_for_two_accounts_at_once_is_charged_to_one_of_them():
    wallets = [make_wallet(credit="50") for _ in range(2)]
    ended_at = make_report(wallets[0].account).ended_at
    pairs = [
        [make_report(wallet.account, id=f"c{i}", ended_at=ended_at)]
        for i in range(20)
        for wallet in wallets
    ]

    answers = at_once(record, pairs)

    statuses = sorted(answer[0].status for answer in answers)
    assert statuses == ["charged"] * 20 + ["rejected"] * 20
    assert {answer[0].error.code for answer in answers if answer[0].error} == {"conflict"}
    assert sum(Wallet.objects.values_list("credit", flat=True)) == Decimal("96.80")


@pytest.mark.django_db(transaction=True)
def test_calls_of_one_wallet_from_many_sides_lose_no_second():
    wallet = make_wallet(premium=600, included=100)
    batches = [[make_report(wallet.account, seconds=7) for _ in range(5)] for _ in range(30)]

    at_once(record, batches)

    taken = Call.objects.aggregate(
        **{pot: Sum(f"{pot}_seconds") for pot in ("included", "premium", "basic")}
    )
    assert taken == {"included": 100, "premium": 600, "basic": 0}
    wallet.refresh_from_db()
    # 1,050 seconds; the 350 left over were paid by credit, each call rounded by itself.
    assert wallet.credit.amount == -Call.objects.aggregate(cost=Sum("cost"))["cost"]
    entries = LedgerEntry.objects.filter(kind="calls", pot="premium")
    assert entries.aggregate(sum=Sum("amount"))["sum"] == -600


@pytest.mark.django_db(transaction=True)
def test_a_campaign_never_runs_on_after_a_race_of_calls_and_resumes():
    wallet = make_wallet(credit="3.20")
    campaign = make_campaign(wallet.account, status="low_balance")

    def either(number):
        if number % 2:
            resuming.resume(campaign_ids=[campaign.pk], account=wallet.account, actor=None)
        else:
            record([make_report(wallet.account, campaign=campaign)])

    at_once(either, range(42))

    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("-0.16")
    assert Campaign.objects.get().pause_reason == "low_balance"


@pytest.mark.django_db(transaction=True)
def test_a_campaign_that_is_started_while_a_batch_waits_for_its_wallet_pauses():
    wallet = make_wallet(credit="0.20")
    campaign = make_campaign(wallet.account, status="not_started")
    report = make_report(wallet.account, seconds=30)

    one_after_the_other(
        lambda: lifecycle.start(campaign_id=campaign.pk, account=wallet.account),
        lambda: record([report]),
    )

    campaign.refresh_from_db()
    assert (campaign.status, campaign.pause_reason) == ("paused", "low_balance")


@pytest.mark.django_db(transaction=True)
def test_without_the_wallets_lock_the_same_race_is_refused_by_the_database(monkeypatch):
    """The control: the tests above would notice, and the last guard holds."""
    wallet = make_wallet(credit="50")

    unlocked = ledger.LOCK_ACCOUNTS.replace("FOR NO KEY UPDATE", "")
    monkeypatch.setattr(ledger, "LOCK_ACCOUNTS", unlocked)
    with pytest.raises(ProgrammingError, match="does not leave what its pot holds"):
        at_once(record, [[make_report(wallet.account)] for _ in range(60)])

    charged = Call.objects.count()
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal(50) - charged * Decimal("0.16")


class Interrupted:
    """Fails the first attempts at writing calls as PostgreSQL would, then lets them through."""

    def __init__(self, monkeypatch, *, sqlstate, times, error=OperationalError):
        self.attempts = 0
        original = calls._insert

        def insert(*args):
            self.attempts += 1
            if self.attempts <= times:
                cause = Exception()
                cause.sqlstate = sqlstate
                raise error("interrupted") from cause
            original(*args)

        monkeypatch.setattr(calls, "_insert", insert)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sqlstate", "error"),
    [("40P01", OperationalError), ("40001", OperationalError), ("23505", IntegrityError)],
)
def test_a_batch_interrupted_by_others_is_repeated_as_a_whole(monkeypatch, sqlstate, error):
    wallet = make_wallet(credit="5")
    interrupted = Interrupted(monkeypatch, sqlstate=sqlstate, times=3, error=error)

    (result,) = record([make_report(wallet.account)])

    assert (result.status, interrupted.attempts) == ("charged", 4)
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("4.84")


@pytest.mark.django_db
def test_a_batch_that_is_always_interrupted_says_so_and_changes_nothing(monkeypatch):
    wallet = make_wallet(credit="5")
    interrupted = Interrupted(monkeypatch, sqlstate="40P01", times=99)

    with pytest.raises(Busy):
        record([make_report(wallet.account)])

    assert interrupted.attempts == limits.RECORD_ATTEMPTS
    wallet.refresh_from_db()
    assert wallet.credit.amount == 5
    assert not LedgerEntry.objects.filter(kind="calls").exists()


@pytest.mark.django_db
def test_another_error_is_not_repeated(monkeypatch):
    wallet = make_wallet(credit="5")
    interrupted = Interrupted(monkeypatch, sqlstate="57014", times=99)

    with pytest.raises(OperationalError):
        record([make_report(wallet.account)])

    assert interrupted.attempts == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE campaigns_call SET seconds = 1",
        "DELETE FROM campaigns_call",
        "TRUNCATE campaigns_call",
    ],
)
def test_the_database_refuses_to_change_a_call(statement):
    wallet = make_wallet(credit="5")
    record([make_report(wallet.account)])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with (
        pytest.raises(Exception, match="calls are facts"),
        transaction.atomic(),
        as_owner(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert Call.objects.get().seconds == 60


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pots", [{"credit": "50"}, {"basic": 6000}])
def test_a_batch_waits_for_the_database_twice_for_what_it_asks_and_for_its_commit(
    monkeypatch, pots
):
    """Though one cannot pay every type of calls: what campaigns are started was asked, too."""
    wallets = [make_wallet(**pots) for _ in range(3)]
    for wallet in wallets:
        make_campaign(wallet.account, minute_type="basic")
    raw, waits = connection.connection, []
    wait = raw.wait
    # What the server has said already is no message to wait for.
    monkeypatch.setattr(
        raw, "wait", lambda *args, **more: waits.append(raw.info.pipeline_status) or wait(*args)
    )

    results = record([make_report(wallet.account, minute_type="basic") for wallet in wallets])

    assert [one.status for one in results] == ["charged"] * 3
    assert Campaign.objects.started().count() == 3
    assert waits.count(PipelineStatus.ON) == 2
    assert Call.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_pauses_a_campaign_is_recorded_whole():
    wallet = make_wallet(credit="0.20")
    campaign = make_campaign(wallet.account, status=Campaign.Status.STARTED)
    report = make_report(wallet.account, campaign=campaign.external_id, seconds=30)

    (result,) = record([report])

    campaign.refresh_from_db()
    assert (result.status, campaign.status) == ("charged", Campaign.Status.PAUSED)
    assert Call.objects.get().cost == result.cost
    assert LedgerEntry.objects.filter(kind="calls").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_lost_in_the_middle_records_nothing_and_the_next_batch_has_another(
    monkeypatch,
):
    wallet = make_wallet(credit="50")
    report = make_report(wallet.account)
    judge_all, backends = calls.judge_all, [connection.connection.info.backend_pid]

    def lose(*arguments):
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(terminate, backends.pop()).result()
        return judge_all(*arguments)

    monkeypatch.setattr(calls, "judge_all", lose)
    with pytest.raises(OperationalError):
        record([report])

    monkeypatch.undo()
    assert Call.objects.count() == 0
    assert [one.status for one in record([report])] == ["charged"]


def terminate(backend):
    try:
        with connection.cursor() as cursor, as_owner():
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    finally:
        connections.close_all()
