"""What holds promise for any calls: a platform that uses them is overdrawn by no more than what it
did not reserve."""

import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from threading import Barrier

import pytest
from django.db import connections, transaction
from django.db.models import Min, Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import clock
from accounts.tests.builders import make_agency, make_sub_account
from campaigns import calls, holds, pausing
from campaigns.models import Call, MinuteUse
from campaigns.tests.builders import make_campaign, make_report, make_wallet
from campaigns.tests.interleaving import one_after_the_other
from campaigns.tests.test_races import THREADS
from wallets.balances import holds as reserving
from wallets.books import checking
from wallets.limits import HOLD_REPORT_WITHIN
from wallets.models import CallHold, LedgerEntry, Wallet

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("rates")]

RATES = {
    "premium": Decimal("0.16"),
    "basic": Decimal("0.09"),
    "premium_then_basic": Decimal("0.16"),
}
POTS = {
    "premium": ("included", "premium"),
    "basic": ("basic",),
    "premium_then_basic": ("included", "premium", "basic"),
}
MICRO = Decimal("0.000001")
IDS = "abcde"


def price(seconds, minute_type):
    return (RATES[minute_type] * seconds / 60).quantize(MICRO, ROUND_HALF_UP)


@dataclass
class Held:
    seconds: int
    parts: dict
    ends: object


@dataclass
class Model:
    """A wallet with holds, told second by second and without a database."""

    pots: dict
    held: dict = field(default_factory=dict)
    reported: set = field(default_factory=set)
    # Seconds that calls lasted beyond what was reserved for them.
    unreserved: int = 0

    def free(self, now, without):
        left = dict(self.pots)
        for call, one in self.held.items():
            if call != without and one.ends > now:
                for pot, part in one.parts.items():
                    left[pot] -= part
        return {pot: max(amount, 0) for pot, amount in left.items()}

    def hold(self, call, minute_type, seconds, now):
        """Seconds, and why not."""
        if call in self.reported:
            return 0, "reported"
        before = self.held.get(call)
        if before and before.ends > now:
            seconds = max(seconds, before.seconds)
        granted, parts = self.taken(minute_type, seconds, self.free(now, call))
        if not granted:
            return 0, "low_balance"
        ends = now + timedelta(seconds=granted) + HOLD_REPORT_WITHIN
        self.held[call] = Held(granted, parts, ends)
        return granted, "ok"

    def taken(self, minute_type, seconds, left):
        """One second after the other, while there is something for it."""
        parts, by_credit, lasted = defaultdict(int), 0, 0
        for _ in range(seconds):
            pot = next((pot for pot in POTS[minute_type] if left[pot] > parts[pot]), None)
            if pot:
                parts[pot] += 1
            # A part of a millionth short is short.
            elif RATES[minute_type] * (by_credit + 1) <= left["credit"] * 60:
                by_credit += 1
            else:
                break
            lasted += 1
        parts["credit"] = price(by_credit, minute_type)
        return lasted, dict(parts)

    def report(self, call, minute_type, seconds, now):
        if call in self.reported:
            return
        own = self.held.pop(call, None)
        promised = own.seconds if own and own.ends > now else 0
        self.unreserved += max(seconds - promised, 0)
        self.reported.add(call)
        lasted, parts = self.taken(minute_type, seconds, self.free(now, call))
        by_credit = lasted - sum(part for pot, part in parts.items() if pot != "credit")
        for _ in range(seconds - lasted):
            pot = next(
                (p for p in POTS[minute_type] if self.pots[p] > parts.get(p, 0)),
                None,
            )
            if pot:
                parts[pot] = parts.get(pot, 0) + 1
            else:
                by_credit += 1
        parts["credit"] = price(by_credit, minute_type)
        for pot, part in parts.items():
            self.pots[pot] -= part


steps = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), st.sampled_from(IDS), st.integers(1, 200)),
        st.tuples(st.just("hold"), st.sampled_from(IDS), st.integers(1, 200)),
        st.tuples(st.just("report"), st.sampled_from(IDS), st.integers(0, 200)),
        st.tuples(st.just("report within"), st.sampled_from(IDS), st.integers(0, 200)),
        st.tuples(st.just("release"), st.sampled_from(IDS), st.just(0)),
        st.tuples(st.just("wait"), st.just(""), st.integers(1, 500)),
        st.tuples(st.just("sweep"), st.just(""), st.just(0)),
    ),
    min_size=2,
    max_size=14,
)
kinds = st.fixed_dictionaries({call: st.sampled_from(sorted(RATES)) for call in IDS})
pots = st.fixed_dictionaries({pot: st.integers(0, 150) for pot in ("included", "premium", "basic")})


@pytest.mark.django_db
@given(
    pots=pots,
    credit=st.decimals("0", "0.60", places=6),
    kinds=kinds,
    steps=steps,
)
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_wallet_with_holds_does_what_the_model_does(pots, credit, kinds, steps):
    # A way back: calls of an example are not those of the one before.
    with transaction.atomic():
        _play(pots, credit, kinds, steps, clock.now())
        transaction.set_rollback(True)


def _play(pots, credit, kinds, steps, now):
    wallet = make_wallet(credit=str(credit), **pots)
    model = Model({**pots, "credit": credit})
    for what, call, number in steps:
        now += timedelta(seconds=number if what == "wait" else 0)
        with clock.at(now):
            if what == "sweep":
                reserving.end_expired()
            elif what == "release":
                holds.release(call=call, reporter=None)
                model.held.pop(call, None)
            elif what == "hold":
                answer = holds.hold(
                    account=wallet.account,
                    call=call,
                    seconds=number,
                    reporter=None,
                    minute_type=kinds[call],
                )
                expected = model.hold(call, kinds[call], number, now)
                assert (answer.seconds, answer.reason) == expected
            elif what != "wait":
                _report(wallet, model, call, kinds[call], number, now, within=what != "report")
            _compare(wallet, model, now)
    assert [one for one in checking.check_all() if one.rule in ("I1", "I5", "I17")] == []


def _report(wallet, model, call, minute_type, seconds, now, *, within):
    own = model.held.get(call)
    if within:
        seconds = min(seconds, own.seconds) if own and own.ends > now else 0
    one = make_report(
        wallet.account, id=call, seconds=seconds, minute_type=minute_type, ended_at=now
    )
    calls.record(reports=[one], reporter=None)
    model.report(call, minute_type, seconds, now)


def _compare(wallet, model, now):
    wallet.refresh_from_db()
    assert wallet.pots == model.pots
    free = reserving.free_of(wallet)
    assert {pot: max(left, 0) for pot, left in free.items()} == model.free(now, None)
    # The promise. Each call is rounded once, to a millionth.
    rounding = len(model.reported) * MICRO if model.unreserved else 0
    assert model.pots["credit"] >= -RATES["premium"] * model.unreserved / 60 - rounding


# --- from many sides at once --------------------------------------------------------------------


def at_once(function, arguments):
    """Call the function with each argument, in threads that keep their connections."""

    def run(share):
        try:
            together.wait()
            return [function(argument) for argument in share]
        finally:
            connections.close_all()

    together, arguments = Barrier(THREADS), list(arguments)
    shares = [arguments[first::THREADS] for first in range(THREADS)]
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        return [answer for answers in pool.map(run, shares) for answer in answers]


@dataclass
class Platform:
    """Runs calls as a platform does: holds, extends, and reports them in batches."""

    wallets: list
    seed: int
    # How many seconds too long a call may get.
    over: int = 0

    def run(self, number):
        """Some calls beside each other, as one of the platform's lines sees them. Returns the
        seconds that were not reserved."""
        dice = random.Random(f"{self.seed}:{number}")
        running, unreserved = [], 0
        for place in range(10):
            wallet, minute_type = dice.choice(self.wallets), dice.choice(MinuteUse.values)
            call, seconds = f"call-{number}-{place}", dice.randint(1, 90)
            held = self.hold(wallet, call, minute_type, seconds)
            if not held.allowed:
                continue
            if dice.random() < 0.4:
                held = self.hold(wallet, call, minute_type, seconds + dice.randint(1, 60))
            if dice.random() < 0.1:
                holds.release(call=call, reporter=None)
                continue
            too_long = dice.randint(0, self.over)
            lasted = held.seconds + too_long if too_long else dice.randint(0, held.seconds)
            unreserved += too_long
            running.append(
                make_report(wallet.account, id=call, seconds=lasted, minute_type=minute_type)
            )
            if len(running) >= dice.randint(1, 4):
                self.report(running)
                running = []
            if dice.random() < 0.1:
                reserving.end_expired()
            if dice.random() < 0.1:
                pausing.sweep()
        self.report(running)
        return unreserved

    def hold(self, wallet, call, minute_type, seconds):
        return holds.hold(
            account=wallet.account,
            call=call,
            seconds=seconds,
            reporter=None,
            minute_type=minute_type,
        )

    def report(self, reports):
        answers = calls.record(reports=reports, reporter=None)
        assert {one.status for one in answers} <= {"charged"}


def least_credit():
    """Of any wallet at any moment."""
    rows = LedgerEntry.objects.filter(pot="credit")
    return rows.aggregate(least=Min("balance_after"))["least"]


def assert_at_rest():
    assert not CallHold.objects.exists()
    assert set(Wallet.objects.values_list("reserved_calls", "reserved_credit")) == {(0, 0)}
    broken = [one for one in checking.check_all() if one.rule not in ("I8", "I9", "I12")]
    assert broken == []


def one_wallet():
    wallet = make_wallet(credit="10", premium=3_000, basic=2_000, included=500)
    make_campaign(wallet.account)
    return [wallet]


def of_an_agency():
    agency = make_agency()
    accounts = [agency, *(make_sub_account(agency=agency) for _ in range(7))]
    return [make_wallet(account=one, credit="1", premium=400, basic=300) for one in accounts]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wallets", [one_wallet, of_an_agency])
def test_hundreds_of_held_calls_at_once_overdraw_no_wallet_at_any_moment(wallets):
    platform = Platform(wallets(), seed=18)

    unreserved = at_once(platform.run, range(40))

    assert sum(unreserved) == 0
    assert Call.objects.count() > 100
    assert least_credit() >= 0
    assert_at_rest()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wallets", [one_wallet, of_an_agency])
def test_calls_longer_than_their_holds_overdraw_by_their_own_seconds_at_most(wallets):
    platform = Platform(wallets(), seed=180, over=40)

    unreserved = sum(at_once(platform.run, range(40)))

    owed = -sum(min(Decimal(0), one.credit.amount) for one in Wallet.objects.all())
    recorded = Call.objects.count()
    assert recorded > 100
    assert 0 < owed <= unreserved * RATES["premium"] / 60 + recorded * MICRO
    assert_at_rest()


@pytest.mark.django_db(transaction=True)
def test_the_last_seconds_are_given_to_one_of_many_calls():
    wallet = make_wallet(premium=100)

    answers = at_once(lambda number: premium(wallet, f"call-{number}", 60), range(30))

    assert sorted(one.seconds for one in answers)[-3:] == [0, 40, 60]
    assert kept(wallet) == (2, 100)


def premium(wallet, call, seconds):
    return holds.hold(
        account=wallet.account, call=call, seconds=seconds, reporter=None, minute_type="premium"
    )


def kept(wallet):
    wallet.refresh_from_db()
    return wallet.reserved_calls, wallet.reserved_premium_seconds


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("first", "granted", "left"),
    [
        # Two at once for the last seconds.
        (lambda wallet, reports: premium(wallet, "b", 60), 10, (3, 130)),
        (lambda wallet, reports: calls.record(reports=reports[:1], reporter=None), 50, (1, 50)),
        (lambda wallet, reports: holds.release(call="a", reporter=None), 70, (1, 70)),
        # The last minutes are used by a call that held nothing.
        (lambda wallet, reports: calls.record(reports=reports[1:], reporter=None), 0, (1, 60)),
    ],
    ids=["hold", "report", "release", "report of another"],
)
def test_who_comes_second_sees_what_the_first_has_done(first, granted, left):
    wallet = make_wallet(premium=130)
    premium(wallet, "a", 60)
    reports = [make_report(wallet.account, id=call, seconds=80) for call in ("a", "x")]

    _, second = one_after_the_other(
        lambda: first(wallet, reports), lambda: premium(wallet, "c", 70)
    )

    assert (second.seconds, kept(wallet)) == (granted, left)
    assert [one for one in checking.check_all() if one.rule == "I17"] == []


@pytest.mark.django_db(transaction=True)
def test_what_has_expired_is_counted_once_when_it_is_deleted_meanwhile():
    wallet = make_wallet(premium=100)
    ends = premium(wallet, "a", 60).expires_at
    with clock.at(ends - timedelta(seconds=1)):
        premium(wallet, "b", 40)

    def later():
        with clock.at(ends):
            return premium(wallet, "c", 100)

    def sweep():
        with clock.at(ends):
            return reserving.end_expired()

    _, second = one_after_the_other(sweep, later)

    assert (second.seconds, kept(wallet)) == (60, (2, 100))


@pytest.mark.django_db(transaction=True)
def test_a_hold_that_comes_with_the_report_of_its_call_is_refused():
    wallet = make_wallet(premium=100)
    premium(wallet, "a", 60)
    report = make_report(wallet.account, id="a", seconds=60)

    _, second = one_after_the_other(
        lambda: calls.record(reports=[report], reporter=None), lambda: premium(wallet, "a", 90)
    )

    assert (second.reason, kept(wallet)) == ("reported", (0, 0))


@pytest.mark.django_db(transaction=True)
def test_a_pause_that_comes_with_a_hold_sees_what_is_held():
    wallet = make_wallet(premium=100)
    campaign = make_campaign(wallet.account)
    report = make_report(wallet.account, id="x", seconds=1)

    one_after_the_other(
        lambda: premium(wallet, "a", 60), lambda: calls.record(reports=[report], reporter=None)
    )

    campaign.refresh_from_db()
    assert (campaign.pause_reason, kept(wallet)) == ("low_balance", (1, 60))


@pytest.mark.django_db(transaction=True)
def test_one_call_held_released_reported_and_swept_at_once_ends_without_a_hold():
    """Whatever comes first: a hold after the report is refused, and what was held is free."""
    wallet = make_wallet(premium=600)
    late = clock.now() + timedelta(hours=1)

    def any_of(number):
        call = f"call-{number % 6}"
        if number // 6 % 5 == 0:
            holds.release(call=call, reporter=None)
        elif number // 6 % 5 == 1:
            calls.record(reports=[reports[number % 6]], reporter=None)
        elif number // 6 % 5 == 2:
            with clock.at(late):
                reserving.end_expired()
        else:
            premium(wallet, call, 90)

    reports = [make_report(wallet.account, id=f"call-{n}", seconds=50) for n in range(6)]
    order = list(range(240))
    random.Random(18).shuffle(order)

    at_once(any_of, order)

    assert Call.objects.aggregate(sum=Sum("premium_seconds"))["sum"] == 300
    assert_at_rest()


@pytest.mark.django_db(transaction=True)
def test_one_call_for_two_accounts_at_once_is_held_in_one():
    wallets = [make_wallet(premium=6_000) for _ in range(2)]

    def either(number):
        return premium(wallets[number % 2], f"call-{number // 2}", 60).reason

    answers = at_once(either, random.Random(18).sample(range(60), 60))

    assert sorted(answers) == ["held_elsewhere"] * 30 + ["ok"] * 30
    assert sum(Wallet.objects.values_list("reserved_premium_seconds", flat=True)) == 30 * 60
    assert [one for one in checking.check_all() if one.rule == "I17"] == []
