"""Many at once: usage, triggers, copies of one report, a whole list of wallets Stripe refuses."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from rest_framework.test import APIClient

from accounts import clock
from accounts.models import Notification, Scope
from accounts.tests.builders import make_key
from campaigns import calls
from campaigns.models import Call, Campaign
from campaigns.tests.builders import make_campaign, make_report
from tests.faults.harness import come_to_rest
from tests.faults.people import automatic, low_balance, taken
from tests.oracle import work_off
from wallets.errors import WalletError
from wallets.models import AutoRecharge, LedgerEntry, Purchase
from wallets.recharges import auto_recharge
from wallets.recharges import by_hand as recharges
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

CONFIRM = r"/v1/payment_intents/\w+/confirm"
MAX_THREADS = 50


def at_once(act: Callable, arguments: Iterable, *, threads: int = MAX_THREADS) -> list:
    """Everybody begins together, each with a database connection of its own."""
    arguments = list(arguments)
    barrier = threading.Barrier(min(threads, len(arguments)))
    waited = threading.local()

    def run(argument: object) -> object:
        if not hasattr(waited, "once"):
            waited.once = barrier.wait(60)
        try:
            return act(argument)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(barrier.parties) as pool:
        return list(pool.map(run, arguments))


def test_f11_a_storm_of_429_for_fifty_wallets_is_no_storm_of_ours_and_no_decline(stripe):
    wallets = [low_balance(stripe) for _ in range(50)]
    stripe.fault(kind="429", path="/v1/payment_intents", method="POST", times=5 * 50)
    stripe.clear_requests()
    began = clock.now()
    asked = []
    for minute in range(12):
        with clock.at(began + timedelta(minutes=minute)):
            before = len(stripe.requests())
            work_off()
            asked.append(len(stripe.requests()) - before)

    # A wallet asks at most twice a minute, its repetition and all reading included.
    assert max(asked) <= 6 * 50, asked
    come_to_rest(stripe)
    assert sorted(taken(stripe)) == [5000] * 50
    assert not Notification.objects.filter(kind="recharge_failed").exists()
    declined = AutoRecharge.objects.exclude(consecutive_declines=0)
    assert not declined.filter(wallet__in=wallets).exists()


def test_f20_twenty_threads_at_one_barrier_charge_once(stripe):
    situation = automatic(stripe)

    codes = at_once(lambda _: situation.trigger().code, range(20))

    assert codes.count("charge") == 1
    come_to_rest(stripe)
    assert taken(stripe) == [5000]


def test_f21_by_hand_and_automatic_at_one_barrier_never_overlap(stripe):
    """Whoever comes second pays only when the first has ended, and not for the same shortfall."""
    situation = automatic(stripe)

    def by_hand() -> str:
        try:
            return recharges.recharge(
                wallet_id=situation.wallet.pk,
                actor=None,
                amount=Decimal(50),
                buys="credit",
                form_key="one",
            ).state
        except WalletError as error:
            return error.code

    answers = at_once(lambda act: act(), [lambda: situation.trigger().code, by_hand] * 5)

    come_to_rest(stripe)
    paid = list(Purchase.objects.filter(state="succeeded").order_by("created_at"))
    assert 1 <= len(paid) <= 2, answers
    assert len({one.purpose for one in paid}) == len(paid)
    if len(paid) == 2:
        first, second = paid
        assert (first.purpose, second.purpose) == ("auto_recharge", "recharge")
        assert first.closed_at <= second.created_at
    assert taken(stripe) == [5000] * len(paid)


def test_f24_a_thousand_calls_while_a_charge_is_open_start_no_second_one(stripe):
    wallet = low_balance(stripe)
    stripe.set_card(wallet.default_payment_method, behaviour="processing")
    auto_recharge.run(wallet_id=wallet.pk)

    for batch in range(10):
        reports = [
            make_report(wallet.account, id=f"{batch}-{number}", seconds=6, minute_type="premium")
            for number in range(100)
        ]
        calls.record(reports=reports, reporter=None)
        assert auto_recharge.run(wallet_id=wallet.pk).code == "purchase_pending"

    assert wallet.purchases.count() == 1
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("8") - 1000 * Decimal("0.016")
    stripe.set_card(wallet.default_payment_method, behaviour=None)
    [intent] = [one["id"] for one in stripe.truth()["payment_intents"]]
    stripe.finish(intent, "succeeded")
    come_to_rest(stripe)
    assert taken(stripe) == [5000]


def test_f33_a_hundred_debits_at_once_on_one_dollar_are_all_served_and_then_no_more():
    wallet = make_wallet(credit="1")
    campaign = make_campaign(wallet.account, minute_type="premium")
    reports = [
        make_report(wallet.account, id=f"c{number}", seconds=15, campaign=campaign)
        for number in range(100)
    ]

    answers = at_once(lambda one: calls.record(reports=[one], reporter=None), reports)

    assert {result.status for answer in answers for result in answer} == {"charged"}
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("1") - 100 * Decimal("0.04")
    assert Campaign.objects.get().pause_reason == "low_balance"
    allowed = calls.authorize(account=wallet.account, minute_type="premium")
    assert not allowed.allowed


def test_f40_a_charge_no_event_ever_told_of_is_credited_within_ten_minutes(stripe):
    situation = automatic(stripe)
    stripe.fault(kind="reset_after", path=CONFIRM, method="POST", times=9)
    situation.trigger()
    stripe.clear_faults()
    assert taken(stripe) == [5000]
    began = clock.now()

    for minutes in range(1, 11):
        with clock.at(began + timedelta(minutes=minutes)):
            work_off()
        situation.wallet.refresh_from_db()
        if situation.wallet.credit.amount == situation.credit:
            break

    assert situation.wallet.credit.amount == situation.credit
    assert minutes <= 10


def test_f83_one_call_reported_a_thousand_times_at_once_is_one_debit():
    wallet = make_wallet(credit="50")
    _, token = make_key(None, Scope.CALLS)
    report = make_report(wallet.account)
    call = {
        "id": "one",
        "account": str(wallet.account_id),
        "minute_type": "premium",
        "seconds": 60,
        "ended_at": report.ended_at.isoformat(),
    }

    def post_twenty_times(_: int) -> list[dict]:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        answers = [
            client.post("/api/v1/calls", {"calls": [call]}, format="json") for _ in range(20)
        ]
        assert {answer.status_code for answer in answers} == {200}
        return [answer.json()["results"][0] for answer in answers]

    results = [one for answers in at_once(post_twenty_times, range(50)) for one in answers]

    assert len(results) == 1000
    assert sorted({one["status"] for one in results}) == ["charged", "duplicate"]
    assert sum(one["status"] == "charged" for one in results) == 1
    assert {(one["id"], str(one["cost"])) for one in results} == {("one", str(results[0]["cost"]))}
    assert Call.objects.count() == 1
    assert LedgerEntry.objects.filter(kind="calls").count() == 1
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("49.84")
