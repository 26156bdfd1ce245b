"""Small batches of one key that come at once are one transaction, and charge what each would."""

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import OperationalError, connections, transaction

from accounts.runtime.group_commit import GroupCommit
from campaigns import calls, limits, recording
from campaigns.models import Call
from campaigns.tests.builders import make_report, make_wallet
from wallets.books import checking
from wallets.models import LedgerEntry, Wallet

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

CLIENT = "a key"


@pytest.fixture
def groups(monkeypatch):
    """As in production, but nobody loses patience because the machine is busy."""
    groups = GroupCommit(
        most=limits.CALLS_PER_BATCH, concerns_all=recording._concerns_all, patience=60
    )
    monkeypatch.setattr(recording, "_groups", groups)
    return groups


def at_once(groups, batches, *, meanwhile=None, clients=None):
    """What becomes of batches that all come while somebody else holds the first one's wallet."""

    def run(number):
        try:
            client = clients[number] if clients else CLIENT
            return recording.record(reports=batches[number], reporter=None, client=client)
        except OperationalError as failure:
            return failure
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(batches)) as pool:
        with transaction.atomic():
            list(Wallet.objects.locked())
            answers = []
            for number in range(len(batches)):
                answers.append(pool.submit(run, number))
                _reached(lambda: _there(groups) == len(answers))
            if meanwhile:
                meanwhile()
        return [answer.result(30) for answer in answers]


def _there(groups):
    return sum(1 + len(line.waiting) for line in groups._lines.values())


def _reached(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)


def test_calls_of_one_wallet_that_come_at_once_are_few_transactions(groups):
    wallet = make_wallet(credit="50")
    batches = [[make_report(wallet.account)] for _ in range(12)]

    answers = at_once(groups, batches)

    assert [(one.id, one.status) for (one,) in answers] == [
        (report.id, "charged") for (report,) in batches
    ]
    assert Call.objects.values("batch").distinct().count() == 2
    assert LedgerEntry.objects.filter(kind="calls").count() == 2
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal(50) - 12 * Decimal("0.16")
    assert checking.check_all() == []


def test_a_call_that_two_requests_report_at_once_is_charged_to_the_first(groups):
    wallet = make_wallet(credit="50")
    same = make_report(wallet.account)
    batches = [[make_report(wallet.account)], *[[same]] * 3]

    answers = at_once(groups, batches)

    assert [one.status for (one,) in answers[1:]] == ["charged", "duplicate", "duplicate"]
    assert {one.cost for (one,) in answers} == {Decimal("0.16")}
    assert Call.objects.count() == 2
    assert Wallet.objects.get().credit.amount == Decimal(50) - 2 * Decimal("0.16")


def test_what_is_refused_of_one_request_is_refused_of_no_other(groups):
    wallet = make_wallet(credit="50")
    batches = [
        [make_report(wallet.account)],
        [make_report(wallet.account)],
        [make_report(wallet.account, campaign="not there"), make_report(wallet.account)],
        [make_report(wallet.account)],
    ]

    answers = at_once(groups, batches)

    statuses = [[one.status for one in answer] for answer in answers[1:]]
    assert statuses == [["charged"], ["rejected", "charged"], ["charged"]]
    assert answers[-2][0].error.code == "unknown_campaign"
    assert Wallet.objects.get().credit.amount == Decimal(50) - 4 * Decimal("0.16")


def test_requests_of_other_keys_are_transactions_of_their_own(groups):
    wallet = make_wallet(credit="50")
    batches = [[make_report(wallet.account)] for _ in range(4)]

    answers = at_once(groups, batches, clients=["one", "one", "other", "other"])

    assert [one.status for (one,) in answers] == ["charged"] * 4
    assert Call.objects.values("batch").distinct().count() == 4


def test_when_the_database_goes_away_all_of_a_group_are_told_and_nothing_is_charged(
    groups, monkeypatch
):
    wallet = make_wallet(credit="50")
    batches = [[make_report(wallet.account)] for _ in range(5)]
    tried = []

    def away(*, reports, **_):
        tried.append(len(reports))
        raise OperationalError("server closed the connection unexpectedly")

    answers = at_once(groups, batches, meanwhile=lambda: monkeypatch.setattr(calls, "record", away))

    # Whoever waited for the wallet already has been recorded.
    assert [isinstance(answer, OperationalError) for answer in answers] == [False] + [True] * 4
    assert tried == [4]
    assert Call.objects.count() == 1
    assert Wallet.objects.get().credit.amount == Decimal(50) - Decimal("0.16")


def test_a_large_batch_waits_for_nobody(groups):
    wallet = make_wallet(credit="50")
    large = [make_report(wallet.account) for _ in range(limits.CALLS_ALONE + 1)]
    joined = []
    groups._join = lambda *_: joined.append(1)

    results = recording.record(reports=large, reporter=None, client=CLIENT)

    assert {one.status for one in results} == {"charged"}
    assert joined == []
