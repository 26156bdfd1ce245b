"""Whoever asks again and again hears of every change, also of one that commits late."""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from django.db import connections, transaction

from accounts import clock
from accounts.models import Change
from accounts.telling import changes
from accounts.tests.builders import make_agency, make_individual, make_key, make_sub_account
from campaigns import lifecycle
from campaigns.models import Campaign
from campaigns.tests.api.test_api import Api, api_of, error
from campaigns.tests.builders import make_campaign, make_wallet
from wallets.models import Reversal
from wallets.tests.worlds.histories import allocate, buy

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return make_wallet(account=make_individual(), credit="10").account


@pytest.fixture
def api(client, account):
    return api_of(client, account, "read")


def names(answer):
    return [one["id"] for one in answer.json()["results"]]


def rename(account, external_id, name):
    lifecycle.save(account=account, external_id=external_id, name=name, minute_type="basic")


def later(seconds):
    return clock.at(clock.now() + timedelta(seconds=seconds))


class Late:
    """A change made on another connection that commits when it is told to."""

    def __init__(self, account, external_id):
        self._account, self._name = account, external_id
        self._made, self._go = Event(), Event()
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._task = self._pool.submit(self._run)
        assert self._made.wait(20)

    def _run(self):
        try:
            with transaction.atomic():
                rename(self._account, self._name, "Changed")
                self._made.set()
                assert self._go.wait(20)
        finally:
            connections.close_all()

    def commit(self):
        self._go.set()
        self._task.result(20)
        self._pool.shutdown()


@pytest.fixture
def two(client, transactional_db):  # noqa: ARG001
    """An agency's two sub-accounts with a campaign each, and a platform that follows one."""
    agency = make_agency()
    first, second = (
        make_wallet(account=make_sub_account(agency=agency, name=name), credit="10").account
        for name in ("First", "Second")
    )
    for account, name in ((first, "early"), (second, "late")):
        make_campaign(account, external_id=name)
    return Api(client, make_key(None)[1]), first, second


@pytest.mark.journey
def test_a_change_that_commits_after_later_ones_were_read_has_a_greater_sequence(two):
    api, first, second = two
    begun = api.get("changes").json()["after"]
    late = Late(second, "late")
    rename(first, "early", "Changed")

    before = api.get(f"changes?after={begun}")
    late.commit()
    after = api.get(f"changes?after={before.json()['after']}")

    assert (names(before), names(after)) == (["early"], ["late"])
    assert before.json()["after"] < after.json()["after"]
    assert api.get(f"changes?after={after.json()['after']}").json()["results"] == []


@pytest.mark.journey
@pytest.mark.parametrize("parameter", ["after", "changed_since"])
def test_an_accounts_list_of_campaigns_misses_no_late_commit_either(two, parameter):
    api, account, _ = two
    make_campaign(account, external_id="late")
    path = f"campaigns?account={account.pk}"
    api.get(path)
    # The row alone: two changes of one wallet by `lifecycle` wait for each other.
    with ThreadPoolExecutor(max_workers=1) as pool:
        made, go = Event(), Event()
        task = pool.submit(_change_row, account, "late", made, go)
        assert made.wait(20)
        with later(5):
            Campaign.objects.filter(account=account, external_id="early").update(
                name="Changed", updated_at=clock.now()
            )
        seen = api.get(path).json()["results"][-1]
        go.set()
        task.result(20)

    known = {"after": str(seen["sequence"]), "changed_since": seen["updated_at"]}[parameter]
    found = api.get(f"{path}&{parameter}={known}")

    assert seen["id"] == "early"
    assert "late" in names(found)


def _change_row(account, name, made, go):
    try:
        with transaction.atomic():
            Campaign.objects.filter(account=account, external_id=name).update(
                name="Changed", updated_at=clock.now()
            )
            made.set()
            assert go.wait(20)
    finally:
        connections.close_all()


@pytest.mark.journey
@pytest.mark.django_db(transaction=True)
def test_many_readers_at_once_number_each_change_once(account):
    for index in range(40):
        make_campaign(account, external_id=f"c-{index}")

    def read(_):
        try:
            return [row.sequence for row in changes.numbered()]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=6) as pool:
        read_by = list(pool.map(read, range(12)))

    assert len(set(read_by[0])) == 40
    assert all(one == read_by[0] for one in read_by)


def test_what_is_rolled_back_is_no_change(account):
    make_campaign(account, external_id="one")
    known = changes.numbered().last().sequence

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        rename(account, "one", "Another")
        _ = 1 / 0

    assert not changes.numbered().filter(sequence__gt=known).exists()


def test_asking_again_without_a_change_writes_nothing(account, django_assert_num_queries):
    make_campaign(account)
    list(changes.numbered())

    with django_assert_num_queries(2):
        list(changes.numbered())


def test_what_nobody_outside_sees_is_no_change(account):
    make_campaign(account)
    known = list(changes.numbered())

    Campaign.objects.update(look_at=clock.now())

    assert list(changes.numbered()) == known


def test_an_object_stands_once_with_its_last_change(api, account):
    make_campaign(account, external_id="one")
    make_campaign(account, external_id="two")
    first = api.get("changes").json()
    rename(account, "one", "Again")
    rename(account, "one", "And again")

    second = api.get(f"changes?after={first['after']}").json()

    assert [one["id"] for one in first["results"]] == ["one", "two"]
    assert [one["id"] for one in second["results"]] == ["one"]
    assert second["after"] > first["after"]
    assert names(api.get("campaigns")) == ["two", "one"]


def test_recharges_receipts_refunds_and_allocations_are_told_to_whom_they_concern(client):
    agency = make_agency()
    wallet = make_wallet(account=agency, credit="5")
    purchase = buy(wallet)
    sub_account = make_sub_account(agency=agency)
    allocate(make_wallet(account=sub_account))
    api = api_of(client, agency, "read")

    told = api.get("changes?include=sub_accounts").json()
    Reversal.objects.create(purchase=purchase, kind="refund", amount_cents=100, reason="Asked")
    refunded = api.get(f"changes?after={told['after']}").json()["results"]

    assert {(one["kind"], one["id"]) for one in told["results"]} >= {
        ("recharge", str(purchase.pk)),
        ("receipt", str(purchase.pk)),
        ("allocation", str(sub_account.pk)),
    }
    assert {one["account"] for one in told["results"]} == {str(agency.pk), str(sub_account.pk)}
    assert [(one["kind"], one["id"]) for one in refunded] == [("receipt", str(purchase.pk))]


def test_a_list_of_many_is_read_in_pages_and_by_kind(api, account):
    for index in range(5):
        make_campaign(account, external_id=f"c-{index}")

    seen, after, more = [], 0, True
    while more:
        page = api.get(f"changes?after={after}&limit=2&kind=campaign").json()
        seen += [one["id"] for one in page["results"]]
        after, more = page["after"], page["more"]

    assert seen == [f"c-{index}" for index in range(5)]
    assert api.get("changes?kind=receipt").json() == {"results": [], "after": 0, "more": False}


def test_nobody_hears_of_anothers_changes(api, client):
    stranger = make_individual("Other")
    make_campaign(stranger, external_id="theirs")

    assert api.get("changes").json()["results"] == []
    assert api.get(f"changes?account={stranger.pk}").status_code == 404
    every = Api(client, make_key(None)[1]).get("changes")
    assert names(every) == ["theirs"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=9223372036854775808", "after"),
        ("after=", "after"),
        ("after=1&after=2", "after"),
        ("kind=call", "kind.0"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("since=2026-11-22", "since"),
    ],
)
def test_a_question_that_makes_no_sense_is_400(api, query, field):
    response = api.get(f"changes?{query}")

    assert response.status_code == 400
    assert list(error(response)["fields"]) == [field]


@pytest.mark.parametrize("after", ["-1", "x", "9223372036854775808", ""])
def test_campaigns_after_what_is_no_sequence_are_400(api, after):
    response = api.get(f"campaigns?after={after}")

    assert response.status_code == 400
    assert list(error(response)["fields"]) == ["after"]


def test_a_cursor_from_when_pages_stood_at_moments_is_refused(api, account):
    make_campaign(account)
    # o=0, p=2026-11-22 09:14:00+00:00
    response = api.get("campaigns?cursor=cD0yMDI2LTExLTIyKzA5JTNBMTQlM0EwMCUyQjAwJTNBMDA%3D")

    assert (response.status_code, error(response)["code"]) == (404, "not_found")


@pytest.mark.parametrize("reading", ["p=", "p=&r=1", "p=&o=1", "p=x", "p=-1"])
def test_a_cursor_that_stands_nowhere_is_refused(api, account, reading):
    make_campaign(account)

    response = api.get(f"campaigns?cursor={b64encode(reading.encode()).decode()}")

    assert (response.status_code, error(response)["code"]) == (404, "not_found")


def test_what_was_there_before_changes_were_noted_is_read_from_the_beginning(account):
    """The rows that the migrations wrote stand like any others."""
    moment = clock.now() - timedelta(days=30)
    Change.objects.create(
        account=account, kind="campaign", object_id="old", changed_at=moment, sequence=0
    )

    assert changes.numbered().first().object_id == "old"
