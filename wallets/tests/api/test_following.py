"""Recharges, receipts and allocations are followed by a sequence that misses no change."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connections, transaction

from accounts import clock
from accounts.models import Change
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from wallets.models import AllocationRun, AutoAllocation, AutoRecharge, Purchase, Reversal
from wallets.tests.worlds.api_clients import client_of, refusal
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import allocate, buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

V1 = "/api/v1"
LISTS = {"wallet/recharges": "id", "receipts": "purchase"}


@pytest.fixture
def wallet():
    return make_wallet(account=make_individual())


@pytest.fixture
def client(wallet):
    return client_of(wallet.account, "read")


def ids(answer, name="id"):
    return [one[name] for one in answer.json()["results"]]


@pytest.mark.parametrize("route", LISTS)
def test_after_lists_what_changed_in_the_order_in_which_it_changed(client, wallet, route):
    first, second = buy(wallet), buy(wallet)
    begun = client.get(f"{V1}/{route}?after=0").json()
    Purchase.objects.filter(pk=first.pk).update(receipt_number=901)

    later = client.get(f"{V1}/{route}?after={begun['after']}").json()

    assert [one[LISTS[route]] for one in begun["results"]] == [str(first.pk), str(second.pk)]
    assert [one["sequence"] for one in begun["results"]][-1] == begun["after"]
    assert [one[LISTS[route]] for one in later["results"]] == [str(first.pk)]
    assert (later["more"], later["next"]) == (False, None)
    assert later["results"][0]["sequence"] == later["after"] > begun["after"]


def test_a_refund_changes_the_receipt(client, wallet):
    paid = buy(wallet)
    begun = client.get(f"{V1}/receipts?after=0").json()["after"]
    Reversal.objects.create(purchase=paid, kind="refund", amount_cents=100, reason="Asked")

    [told] = client.get(f"{V1}/receipts?after={begun}").json()["results"]

    assert (told["purchase"], told["given_back"]) == (str(paid.pk), "1.00")
    assert client.get(f"{V1}/receipts/{paid.pk}").json() == {
        name: value for name, value in told.items() if name != "sequence"
    }


@pytest.mark.parametrize("route", LISTS)
def test_a_long_list_is_followed_in_pages(client, wallet, route):
    made = [str(buy(wallet).pk) for _ in range(3)]

    one = client.get(f"{V1}/{route}?after=0&limit=2").json()
    two = client.get(one["next"]).json()

    assert (one["more"], two["more"]) == (True, False)
    assert [row[LISTS[route]] for row in one["results"] + two["results"]] == made


@pytest.mark.parametrize("route", LISTS)
def test_without_after_the_lists_answer_as_they_did(client, wallet, route):
    first, second = buy(wallet), buy(wallet)

    body = client.get(f"{V1}/{route}").json()

    assert sorted(body) == ["next", "next_cursor", "results"]
    assert {one[LISTS[route]] for one in body["results"]} == {str(first.pk), str(second.pk)}
    assert not any("sequence" in one for one in body["results"])


@pytest.mark.parametrize("route", LISTS)
@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=0&cursor=abc", "after=1&after=2"])
def test_what_is_no_sequence_is_refused(client, route, query):
    refusal(client.get(f"{V1}/{route}?{query}"), 400)


def test_a_state_that_is_asked_for_leaves_the_others_out_and_goes_on(client, wallet):
    buy(wallet)
    declined = buy(wallet, state="declined")

    body = client.get(f"{V1}/wallet/recharges?after=0&limit=1&state=declined").json()
    rest = client.get(body["next"])

    assert (body["results"], body["more"]) == ([], True)
    assert ids(rest) == [str(declined.pk)]


def test_allocations_are_followed_through_settings_and_months():
    agency = make_agency()
    sub, other = (make_sub_account(name, agency=agency) for name in ("One", "Two"))
    for one in (sub, other):
        allocate(make_wallet(account=one))
    client = client_of(agency, "read")
    begun = client.get(f"{V1}/auto-allocations").json()
    AllocationRun.objects.filter(allocation__account=sub).update(state="failed")

    after_run = client.get(f"{V1}/auto-allocations?after={begun['after']}").json()
    AutoAllocation.objects.filter(account=other).update(basic_minutes=7)
    after_set = client.get(f"{V1}/auto-allocations?after={after_run['after']}").json()

    assert [one["account"] for one in begun["results"]] == [str(sub.pk), str(other.pk)]
    assert [(one["account"], one["latest_run"]["state"]) for one in after_run["results"]] == [
        (str(sub.pk), "failed")
    ]
    assert [(one["account"], one["basic_minutes"]) for one in after_set["results"]] == [
        (str(other.pk), 7)
    ]


def test_changes_say_of_everything_where_it_is_read():
    """Each address answers the key that was told of the change."""
    agency = make_agency()
    paying, sub = make_wallet(account=agency), make_sub_account(agency=agency)
    held = make_wallet(account=sub)
    buy(paying)
    allocate(held)
    AutoRecharge.objects.filter(wallet=held).update(threshold=12)
    given = buy(
        held,
        payer=agency,
        purpose="allocation",
        buys="allocation",
        form_key="gift-1",
        basic_minutes=10,
        basic_rate="0.09",
        premium_rate="0.16",
    )
    own, its = client_of(agency, "read", "write"), client_of(sub, "read", "write")
    its.post(f"{V1}/asks", {"basic_minutes": 5, "premium_minutes": 0})

    told = [*own.get(f"{V1}/changes").json()["results"]]
    told_sub = [*its.get(f"{V1}/changes").json()["results"]]

    assert {one["kind"] for one in told} == {"recharge", "receipt", "allocation", "gift", "ask"}
    assert {one["kind"] for one in told_sub} == {"allocation", "auto_recharge", "ask"}
    assert str(given.pk) in {one["id"] for one in told if one["kind"] == "gift"}
    assert {own.get(one["url"]).status_code for one in told} == {200}
    assert {its.get(one["url"]).status_code for one in told_sub} == {200}


@pytest.mark.parametrize(
    "change",
    [
        {"enabled": True},
        {"threshold": 12},
        {"monthly_limit": 90},
        {"suspended_reason": "no_card", "suspended_at": clock.now()},
        {"hold_reason": "declined", "not_before": clock.now()},
        {"minutes_level": 5},
    ],
)
def test_settings_of_auto_recharge_and_its_suspension_are_changes(client, wallet, change):
    AutoRecharge.objects.filter(wallet=wallet).update(**change)

    [told] = client.get(f"{V1}/changes").json()["results"]

    assert (told["kind"], told["id"]) == ("auto_recharge", str(wallet.account_id))


def test_what_only_a_batch_of_calls_moves_in_the_settings_is_no_change(client, wallet):
    AutoRecharge.objects.filter(wallet=wallet).update(low_armed=True, minutes_armed=True)

    assert client.get(f"{V1}/changes").json()["results"] == []


@pytest.mark.journey
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("route", LISTS)
def test_a_change_that_commits_late_is_seen(route):
    """One purchase changes first and commits last: whoever read in between still hears of it."""
    wallet = make_wallet(account=make_individual())
    late, early = buy(wallet), buy(wallet)
    client = client_of(wallet.account, "read")
    begun = client.get(f"{V1}/{route}?after=0").json()["after"]
    made, go = Event(), Event()

    def change_late():
        try:
            with transaction.atomic():
                Purchase.objects.filter(pk=late.pk).update(receipt_number=901)
                made.set()
                assert go.wait(20)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as pool:
        task = pool.submit(change_late)
        assert made.wait(20)
        Purchase.objects.filter(pk=early.pk).update(receipt_number=902)
        between = client.get(f"{V1}/{route}?after={begun}")
        go.set()
        task.result(20)
    after = client.get(f"{V1}/{route}?after={between.json()['after']}")

    assert ids(between, LISTS[route]) == [str(early.pk)]
    assert ids(after, LISTS[route]) == [str(late.pk)]
    assert Change.objects.filter(kind="receipt").count() == 2
