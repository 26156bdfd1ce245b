from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from campaigns import calls, limits
from campaigns.models import PLATFORM, Call, Campaign
from campaigns.tests.builders import make_account, make_campaign, make_report, make_wallet
from wallets.models import LedgerEntry, MinuteRate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rates")]

NOW = clock.now()


@pytest.fixture(autouse=True)
def stopped_clock():
    with clock.at(NOW):
        yield


def record(*reports, reporter=None):
    return calls.record(reports=list(reports), reporter=reporter)


def codes(results):
    return [one.error.code if one.error else one.status for one in results]


def pots(wallet):
    wallet.refresh_from_db()
    return (
        str(wallet.credit.amount),
        wallet.premium_seconds,
        wallet.basic_seconds,
        wallet.included_seconds,
    )


def test_a_premium_call_takes_included_then_premium_then_credit():
    wallet = make_wallet(credit="10", premium=30, basic=600, included=20)

    (result,) = record(make_report(wallet.account, seconds=110))

    # 20 included, 30 premium, 60 left: one minute at $0.16.
    assert (result.status, result.cost) == ("charged", Decimal("0.160000"))
    assert pots(wallet) == ("9.840000", 0, 600, 0)
    call = Call.objects.get()
    assert (call.included_seconds, call.premium_seconds, call.basic_seconds) == (20, 30, 0)
    assert call.cost == Decimal("0.16")


@pytest.mark.parametrize("own_key", [True, False])
def test_a_call_is_written_down_as_it_was_reported_with_what_it_took(own_key):
    wallet = make_wallet(credit="10", premium=30, basic=40)
    campaign = make_campaign(wallet.account, minute_type="premium_then_basic")
    ended_at = NOW - timedelta(hours=2)
    reports = [
        make_report(
            wallet.account,
            id="b",
            seconds=130,
            campaign=campaign,
            ended_at=ended_at,
            outcome="left_message",
        ),
        make_report(wallet.account, id="a", minute_type="basic", ended_at=ended_at),
    ]

    record(*reports, reporter=wallet.account if own_key else None)

    # In the order of their ids, in which two batches cannot wait for each other.
    typed, mixed = Call.objects.order_by("pk").values()
    batch = mixed["batch"]
    assert mixed == {
        "id": mixed["id"],
        "reporter": wallet.account_id if own_key else PLATFORM,
        "external_id": "b",
        "account_id": wallet.account_id,
        "campaign_id": campaign.pk,
        "minute_type_sent": "",
        "minute_type": "premium_then_basic",
        "seconds": 130,
        "ended_at": ended_at,
        "outcome": "left_message",
        "included_seconds": 0,
        "premium_seconds": 30,
        "basic_seconds": 40,
        "cost": Decimal("0.16"),
        "batch": batch,
        "created_at": NOW,
    }
    assert typed == mixed | {
        "id": typed["id"],
        "external_id": "a",
        "campaign_id": None,
        "minute_type_sent": "basic",
        "minute_type": "basic",
        "seconds": 60,
        "outcome": "completed",
        "premium_seconds": 0,
        "basic_seconds": 0,
        "cost": Decimal("0.09"),
    }


def test_a_basic_call_never_takes_included_or_premium_minutes():
    wallet = make_wallet(credit="10", premium=30, basic=40, included=20)

    record(make_report(wallet.account, seconds=100, minute_type="basic"))

    assert pots(wallet) == ("9.910000", 30, 0, 20)


def test_premium_then_basic_takes_both_pots_and_then_credit_at_the_premium_rate():
    wallet = make_wallet(credit="10", premium=30, basic=40, included=10)

    record(make_report(wallet.account, seconds=140, minute_type="premium_then_basic"))

    assert pots(wallet) == ("9.840000", 0, 0, 0)


def test_credit_is_priced_per_second_and_rounded_half_up_once_per_call():
    wallet = make_wallet(credit="10")

    # 7 s at $0.16 a minute are 0.018666…; 1 s at $0.09 is exactly 0.0015.
    results = record(
        make_report(wallet.account, seconds=7),
        make_report(wallet.account, seconds=1, minute_type="basic"),
    )

    assert [one.cost for one in results] == [Decimal("0.018667"), Decimal("0.001500")]
    assert pots(wallet)[0] == "9.979833"


def test_a_call_is_priced_at_the_rate_in_force_when_it_ended():
    wallet = make_wallet(credit="10")
    now = clock.now()
    MinuteRate.objects.create(
        minute_type="premium", price="0.30", effective_from=now - timedelta(hours=1)
    )

    results = record(
        make_report(wallet.account, ended_at=now - timedelta(hours=2)),
        make_report(wallet.account, ended_at=now - timedelta(minutes=1)),
    )

    assert [one.cost for one in results] == [Decimal("0.16"), Decimal("0.30")]


def test_a_call_is_charged_even_below_zero():
    wallet = make_wallet(credit="0.10")

    (result,) = record(make_report(wallet.account, seconds=600))

    assert result.status == "charged"
    assert pots(wallet)[0] == "-1.500000"


def test_the_campaign_fixes_the_minute_type():
    wallet = make_wallet(basic=60, premium=60)
    campaign = make_campaign(wallet.account, minute_type="basic")

    record(make_report(wallet.account, campaign=campaign))

    assert pots(wallet) == ("0.000000", 60, 0, 0)
    assert Call.objects.get().campaign == campaign


@pytest.mark.parametrize("outcome", ["completed", "no_answer", "no_message", "left_message"])
def test_a_call_that_reached_the_network_costs(outcome):
    wallet = make_wallet(credit="1")

    record(make_report(wallet.account, outcome=outcome))

    assert pots(wallet)[0] == "0.840000"


@pytest.mark.parametrize("outcome", ["failed", "issue_dialing"])
def test_a_call_that_failed_is_recorded_and_free(outcome):
    wallet = make_wallet(credit="1", premium=60, included=60)

    (result,) = record(make_report(wallet.account, outcome=outcome))

    assert (result.status, result.cost) == ("charged", 0)
    assert pots(wallet) == ("1.000000", 60, 0, 60)
    assert Call.objects.get().outcome == outcome


def test_a_batch_writes_one_entry_per_wallet_and_pot_named_after_the_batch():
    first, second = make_wallet(credit="5", premium=90), make_wallet(credit="5")

    record(*[make_report(w.account) for w in (first, second, first, second)])

    batch = Call.objects.values_list("batch", flat=True).distinct().get()
    entries = LedgerEntry.objects.filter(kind="calls").order_by("wallet", "pot")
    assert {entry.key for entry in entries} == {f"calls:{batch}"}
    assert [(entry.wallet_id, entry.pot, entry.amount) for entry in entries] == [
        (first.pk, "credit", Decimal("-0.080000")),
        (first.pk, "premium", Decimal("-90")),
        (second.pk, "credit", Decimal("-0.320000")),
    ]


def test_the_same_report_again_is_a_duplicate_with_the_first_cost():
    wallet = make_wallet(credit="5")
    report = make_report(wallet.account)

    record(report)
    (again,) = record(report)

    assert (again.status, again.cost) == ("duplicate", Decimal("0.16"))
    assert pots(wallet)[0] == "4.840000"
    assert Call.objects.count() == 1


def test_the_same_report_twice_in_one_batch_is_charged_once():
    wallet = make_wallet(credit="5")
    report = make_report(wallet.account)

    results = record(report, report)

    assert [(one.status, one.cost) for one in results] == [
        ("charged", Decimal("0.16")),
        ("duplicate", Decimal("0.16")),
    ]
    assert pots(wallet)[0] == "4.840000"


@pytest.mark.parametrize("twice_in_one_batch", [True, False])
@pytest.mark.parametrize(
    "changed",
    [
        {"seconds": 61},
        {"outcome": "no_answer"},
        {"minute_type": "basic"},
        {"campaign": "spring"},
        {"ended_at": NOW - timedelta(days=1)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_same_id_with_another_fact_is_a_conflict_and_changes_nothing(
    changed, twice_in_one_batch
):
    wallet = make_wallet(credit="5")
    make_campaign(wallet.account, external_id="spring")
    facts = {"id": "c1", "seconds": 60, "minute_type": "premium", "ended_at": clock.now()}
    first, second = (make_report(wallet.account, **f) for f in (facts, facts | changed))

    results = record(first, second) if twice_in_one_batch else record(first) + record(second)

    assert codes(results) == ["charged", "conflict"]
    assert pots(wallet)[0] == "4.840000"
    assert Call.objects.get().seconds == 60


def test_the_same_id_for_another_account_is_a_conflict():
    first, second = make_wallet(credit="5"), make_wallet(credit="5")
    ended_at = clock.now()

    record(make_report(first.account, id="c1", ended_at=ended_at))
    results = record(make_report(second.account, id="c1", ended_at=ended_at))

    assert codes(results) == ["conflict"]
    assert pots(second)[0] == "5.000000"


def test_a_rejected_report_does_not_use_up_its_id():
    wallet = make_wallet(credit="5")

    results = record(
        make_report(wallet.account, id="c1", seconds=-1), make_report(wallet.account, id="c1")
    )

    assert codes(results) == ["seconds_out_of_range", "charged"]


def test_ids_are_unique_per_reporter():
    wallet = make_wallet(credit="5")
    report = make_report(wallet.account, id="c1")

    results = record(report) + record(report, reporter=wallet.account)

    assert codes(results) == ["charged", "charged"]
    assert pots(wallet)[0] == "4.680000"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"id": "x" * 121}, "bad_id"),
        ({"id": "a\x00b"}, "bad_id"),
        ({"seconds": -1}, "seconds_out_of_range"),
        ({"seconds": 86_401}, "seconds_out_of_range"),
        ({"outcome": "answered"}, "unknown_outcome"),
        ({"minute_type": "gold"}, "unknown_minute_type"),
        ({"campaign": "nowhere"}, "unknown_campaign"),
        ({"campaign": "a\x00b"}, "unknown_campaign"),
        ({"ended_at": NOW + timedelta(minutes=6)}, "in_future"),
        ({"ended_at": NOW - timedelta(days=35, minutes=1)}, "too_late"),
    ],
)
def test_a_report_that_cannot_be_is_rejected_and_charges_nothing(changed, code):
    wallet = make_wallet(credit="5")

    (result,) = record(make_report(wallet.account, **changed))

    assert (result.status, result.error.code) == ("rejected", code)
    assert pots(wallet)[0] == "5.000000"
    assert not Call.objects.exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"seconds": 0},
        {"seconds": 86_400},
        {"ended_at": NOW + timedelta(minutes=4)},
        {"ended_at": NOW - timedelta(days=34, hours=23)},
        {"id": "x" * 120},
    ],
)
def test_a_report_at_the_edge_of_a_limit_is_charged(changed):
    wallet = make_wallet(credit="500")

    assert codes(record(make_report(wallet.account, **changed))) == ["charged"]


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (timedelta(minutes=5), "charged"),
        (timedelta(minutes=5, seconds=1), "in_future"),
        (-timedelta(days=35), "charged"),
        (-timedelta(days=35, seconds=1), "too_late"),
    ],
)
def test_a_call_ends_at_most_five_minutes_ahead_and_thirty_five_days_ago(ended, code):
    wallet = make_wallet(credit="500")
    now = clock.now()

    with clock.at(now):
        assert codes(record(make_report(wallet.account, ended_at=now + ended))) == [code]


@pytest.mark.parametrize("name", ["", "nobody", "00000000-0000-0000-0000-000000000001"])
def test_an_unknown_account_is_rejected(name):
    assert codes(record(make_report(name))) == ["unknown_account"]


def test_without_campaign_and_minute_type_there_is_nothing_to_charge_by():
    wallet = make_wallet(credit="5")
    report = make_report(wallet.account)
    bare = calls.Report(id="c1", account=report.account, seconds=60, ended_at=report.ended_at)

    assert codes(record(bare)) == ["no_minute_type"]


def test_another_minute_type_than_the_campaigns_is_rejected():
    wallet = make_wallet(credit="5")
    campaign = make_campaign(wallet.account, minute_type="basic")

    results = record(
        make_report(wallet.account, campaign=campaign, minute_type="premium"),
        make_report(wallet.account, campaign=campaign, minute_type="basic"),
    )

    assert codes(results) == ["minute_type_mismatch", "charged"]


def test_a_campaign_of_another_account_is_rejected():
    wallet, other = make_wallet(credit="5"), make_wallet()
    make_campaign(other.account, external_id="theirs")

    assert codes(record(make_report(wallet.account, campaign="theirs"))) == [
        "campaign_of_another_account"
    ]
    assert pots(wallet)[0] == "5.000000"


@pytest.mark.parametrize("name", ["their", "theirs1", "a", "z"])
def test_a_campaign_is_of_another_account_only_under_its_whole_name(name):
    wallet, other = make_wallet(credit="5"), make_wallet()
    make_campaign(other.account, external_id="theirs")

    assert codes(record(make_report(wallet.account, campaign=name))) == ["unknown_campaign"]


def test_an_accounts_own_key_learns_nothing_about_other_accounts():
    wallet, other = make_wallet(credit="5"), make_wallet(credit="5")
    make_campaign(other.account, external_id="theirs")

    results = record(
        make_report(other.account),
        make_report(wallet.account, campaign="theirs"),
        make_report(wallet.account),
        reporter=wallet.account,
    )

    assert codes(results) == ["unknown_account", "unknown_campaign", "charged"]
    assert pots(other)[0] == "5.000000"


def test_one_bad_call_does_not_stop_the_others():
    wallet = make_wallet(credit="5")

    results = record(
        make_report(wallet.account), make_report("nobody"), make_report(wallet.account)
    )

    assert codes(results) == ["charged", "unknown_account", "charged"]
    assert pots(wallet)[0] == "4.680000"


def test_an_account_without_a_wallet_gets_one():
    account = make_account()

    assert codes(record(make_report(account))) == ["charged"]
    account.refresh_from_db()
    assert str(account.wallet.credit.amount) == "-0.160000"


def test_calls_of_a_closed_account_are_still_charged():
    wallet = make_wallet(credit="5", account=make_account(status="closed"))

    assert codes(record(make_report(wallet.account))) == ["charged"]
    assert pots(wallet)[0] == "4.840000"


def test_a_late_call_is_known_before_it_is_too_late():
    wallet = make_wallet(credit="5")
    report = make_report(wallet.account)
    record(report)

    with clock.at(clock.now() + timedelta(days=60)):
        assert codes(record(report)) == ["duplicate"]


@pytest.mark.parametrize("size", [1, 40])
def test_a_batch_is_a_fixed_number_of_statements(size, django_assert_max_num_queries):
    wallets = [make_wallet(credit="5") for _ in range(min(size, 8))]
    campaigns = [make_campaign(wallet.account) for wallet in wallets]
    reports = [
        make_report(campaigns[i % 8].account, campaign=campaigns[i % 8]) for i in range(size)
    ]

    # Rates, campaigns, wallets, known calls, started campaigns, entries, thresholds, calls; and a
    # savepoint with its release.
    with django_assert_max_num_queries(10):
        record(*reports)


def test_which_campaigns_run_is_asked_once_where_all_can_be_paid(django_assert_num_queries):
    wallet = make_wallet(basic=120)
    campaign = make_campaign(wallet.account, minute_type="basic")

    # As above, though a Premium minute cannot be paid.
    with django_assert_num_queries(10):
        record(make_report(wallet.account, campaign=campaign, seconds=1))


@pytest.mark.parametrize(("more", "statements"), [(0, 10), (1, 9)])
def test_of_few_accounts_it_is_asked_in_advance_which_campaigns_run_of_more_only_once_in_need(
    monkeypatch, django_assert_num_queries, more, statements
):
    monkeypatch.setattr(limits, "FEW_ACCOUNTS", 2)
    wallets = [make_wallet(credit="5") for _ in range(2 + more)]
    campaigns = [make_campaign(wallet.account) for wallet in wallets]

    def report_each(seconds):
        record(*[make_report(one.account, campaign=one, seconds=seconds) for one in campaigns])

    with django_assert_num_queries(statements):
        report_each(1)
    report_each(4000)

    assert set(Campaign.objects.values_list("status", flat=True)) == {"paused"}


def test_a_campaign_that_starts_while_its_accounts_wallet_is_opened_is_paused_with_the_others(
    monkeypatch,
):
    opening, account = calls.with_new_wallets, make_account()

    def after_a_start(*which):
        make_campaign(account)
        return opening(*which)

    monkeypatch.setattr(calls, "with_new_wallets", after_a_start)

    record(make_report(account))

    assert Campaign.objects.get().status == "paused"


def test_a_call_of_an_account_that_has_no_wallet_yet_is_not_allowed():
    answer = calls.authorize(account=make_account(), minute_type="premium")

    assert answer == calls.Authorization(False, 0, "low_balance")


def test_reporting_known_calls_again_writes_nothing(django_assert_num_queries):
    wallet = make_wallet(credit="5")
    report = make_report(wallet.account)
    record(report)

    # Rates, wallets, known calls, started campaigns; and a savepoint with its release.
    with django_assert_num_queries(6):
        record(report)
