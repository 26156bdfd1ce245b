"""Each figure of charges, jobs and the database says what its rows say, and asks little."""

from datetime import timedelta

import pytest

from accounts import clock
from accounts.audit import job_runs
from accounts.cells.place import Of
from accounts.models import StaffAlert
from thinkrr_billing import metrics
from thinkrr_billing.figures import database, jobs, money
from thinkrr_billing.figures.figure import Figure
from wallets.models import AutoRecharge, StripeComparison
from wallets.tests.worlds.builders import make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import buy

pytestmark = pytest.mark.django_db
OF_DATABASE = {figure.name: figure for figure in metrics.SOURCES["database"]}


def read(name: str) -> dict[tuple[str, ...], float]:
    return dict(OF_DATABASE[name].read())


def test_charges_of_the_last_hour_are_counted_by_what_they_buy_and_how_they_ended():
    now = clock.now()
    buy(make_wallet(), purpose="auto_recharge")
    buy(make_wallet(), purpose="auto_recharge", state="declined")
    buy(make_wallet(), purpose="auto_recharge", state="declined")
    buy(make_wallet(), state="submitted")
    buy(make_wallet(), state="declined", created_at=now - timedelta(hours=1, seconds=1))
    buy(
        make_wallet(),
        state="canceled",
        purpose="allocation",
        buys="allocation",
        form_key="gift",
        basic_rate="0.09",
        premium_rate="0.16",
    )

    counts = read("thinkrr_charges_last_hour")

    assert {key: count for key, count in counts.items() if count} == {
        ("auto_recharge", "succeeded"): 1,
        ("auto_recharge", "declined"): 2,
        ("recharge", "submitted"): 1,
        ("gift", "canceled"): 1,
    }
    # What has not happened is told as zero.
    assert counts["allocation", "declined"] == 0
    assert len(counts) == 4 * 6


def test_an_auto_recharge_is_due_from_when_nothing_holds_it_however_often_it_is_handed_out():
    now = clock.now()
    assert read("thinkrr_auto_recharge_due_oldest_seconds") == {(): 0}
    for minutes, facts in (
        (7, {"look_at": now + timedelta(minutes=3)}),
        (90, {"not_before": now - timedelta(minutes=6), "hold_reason": "declined"}),
        (80, {"not_before": now + timedelta(minutes=6), "hold_reason": "declined"}),
        (70, {"suspended_at": now, "suspended_reason": "support"}),
    ):
        wallet = make_wallet(credit="1")
        set_auto_recharge(wallet, payment_method="pm_card")
        AutoRecharge.objects.filter(wallet=wallet).update(
            due_since=now - timedelta(minutes=minutes), **facts
        )

    with clock.at(now):
        assert read("thinkrr_auto_recharge_due_oldest_seconds") == {(): 7 * 60}


def test_differences_of_the_books_are_told_until_support_has_closed_them():
    for closed_at in (None, None, clock.now()):
        StaffAlert.objects.create(kind="books", text="I1 is broken", closed_at=closed_at)
    StaffAlert.objects.create(kind="dispute", text="A dispute")

    assert read("thinkrr_staff_alerts_open") == {("books",): 2, ("dispute",): 1}


def test_the_last_complete_comparison_with_stripe_says_what_it_found():
    now = clock.now()
    assert read("thinkrr_comparison_differences") == {}
    for days, found, is_complete in ((2, 5, True), (1, 3, True), (0, 9, False)):
        at = now - timedelta(days=days)
        facts = {"since": at, "until": at, "at": at, "slice_seconds": 60, "found": found}
        StripeComparison.objects.create(finished_at=at if is_complete else None, **facts)

    assert read("thinkrr_comparison_differences") == {(): 3}


def test_what_a_cell_had_that_was_compared_alone_adds_to_what_the_others_had():
    now = clock.now()
    for minutes, found, cell in ((9, 7, "first"), (5, 3, ""), (1, 0, "second"), (0, 2, "third")):
        at = now - timedelta(minutes=minutes)
        facts = dict.fromkeys(("since", "until", "at", "started_at", "finished_at"), at)
        StripeComparison.objects.create(slice_seconds=60, found=found, cell=cell, **facts)

    assert read("thinkrr_comparison_differences") == {(): 5}


def test_jobs_tell_when_they_last_began_and_whether_they_failed():
    now = clock.now()
    with clock.at(now - timedelta(hours=3)), job_runs.noted("wallets.check_books"):
        pass
    with (
        clock.at(now - timedelta(minutes=2)),
        pytest.raises(ZeroDivisionError),
        job_runs.noted("wallets.nightly"),
    ):
        raise ZeroDivisionError

    with clock.at(now), job_runs.noted("wallets.tick"):
        since = read("thinkrr_task_since_begun_seconds")
        failed = read("thinkrr_task_failed")

    assert since == {
        ("wallets.check_books",): 3 * 3600,
        ("wallets.nightly",): 120,
        ("wallets.tick",): 0,
    }
    # One that runs has not ended badly yet.
    assert failed == {("wallets.check_books",): False, ("wallets.nightly",): True}
    assert read("thinkrr_task_overdue_after_seconds")[("wallets.check_books",)] == 2 * 3600


def test_the_database_tells_its_connections_and_how_many_it_takes():
    used = read("thinkrr_database_connections")[()]

    assert 1 <= used <= read("thinkrr_database_connections_most")[()]
    assert 0 <= read("thinkrr_database_transaction_oldest_seconds")[()] < 600


def test_without_standbys_nothing_is_told_of_them():
    assert read("thinkrr_database_replication_lag_seconds") == {}
    assert read("thinkrr_database_replication_lag_bytes") == {}


ONE_QUESTION = sorted(
    set(OF_DATABASE) - {"thinkrr_waiting_oldest_seconds", "thinkrr_database_rights_wrong"}
)


@pytest.mark.parametrize("name", ONE_QUESTION)
def test_however_much_there_is_to_tell_a_figure_asks_once(name, django_assert_max_num_queries):
    for _ in range(3):
        buy(make_wallet())
        StaffAlert.objects.create(kind="books", text="I1 is broken")

    # Whether charges are stopped is a question of its own.
    with django_assert_max_num_queries(2 if "auto_recharge" in name else 1):
        list(OF_DATABASE[name].read())


def test_figures_have_names_that_prometheus_recommends_and_say_what_they_are():
    figures = [one for source in metrics.SOURCES.values() for one in source]
    names = [one.name for one in figures]

    assert len(names) == len(set(names))
    for one in figures:
        assert one.name.startswith("thinkrr_")
        assert one.text.endswith(".")
        assert set(one.labels).isdisjoint({"job", "instance"})


@pytest.mark.parametrize("figures", [money.FIGURES, jobs.FIGURES, database.FIGURES])
def test_what_fails_leaves_out_itself_and_what_comes_after_it(figures):
    def refuse() -> list:
        raise ConnectionError

    told = metrics.Told()
    broken = Figure(name="thinkrr_broken", text="Never.", read=refuse, of=Of.BOTH)

    missing = told.add([figures[0], broken, *figures[1:]], source="database")

    assert missing == len(figures)
    assert {family.name for family in told.collect()} <= {figures[0].name}
