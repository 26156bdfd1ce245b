"""Monthly allocations by a program: dry run, months, retry and skipping; minutes given once."""

import pytest

from accounts import clock
from accounts.tests.builders import make_agency, make_sub_account
from wallets.models import AllocationRun, AutoAllocation, MinuteAsk, Purchase
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.api_clients import client_of, refusal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

NOW = moment("2026-11-14 10:00")
WISH = {"basic_minutes": 500, "premium_minutes": 1000}


@pytest.fixture(autouse=True)
def _clock():
    with clock.at(NOW):
        yield


@pytest.fixture
def world(stripe):
    return make_world(stripe)


@pytest.fixture
def client(world):
    return client_of(world.agency)


def url(world, rest=""):
    return f"/api/v1/sub-accounts/{world.sub.pk}{rest}"


def preview(client, world, **changes):
    return client.post(url(world, "/auto-allocation/preview"), WISH | changes)


def test_a_dry_run_tells_what_the_dialog_tells_and_writes_nothing(client, world):
    body = preview(client, world, payment_method=world.card.id).json()

    shown = world.preview(payment_method=world.card.id)
    assert body == {
        "basic": {"minutes": 500, "rate": "0.090000", "cost": "45.00"},
        "premium": {"minutes": 1000, "rate": "0.160000", "cost": "160.00"},
        "monthly_charge": "205.00",
        "charge_now": "205.00",
        "currency": "USD",
        "text": shown.text,
        "first_charge": "2026-11-14",
        "next_charges": [f"{day}" for day in shown.charge_days],
    }
    assert body["next_charges"][:2] == ["2026-11-14", "2026-12-14"]
    assert not AutoAllocation.objects.exists()
    assert world.stripe.truth()["payment_intents"] == []


def test_a_dry_run_of_stopping_tells_what_ends_and_stops_nothing(client, world):
    world.save()

    body = preview(client, world, basic_minutes=0, premium_minutes=0).json()

    assert (body["monthly_charge"], body["next_charges"]) == ("0.00", [])
    assert body["text"] == (
        "No more monthly charges for Northside Dental. Minutes already credited stay."
    )
    assert world.allocation.active


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"basic_minutes": 1, "premium_minutes": 0}, "basic_minutes"),
        ({"start_date": "2026-11-13"}, "start_date"),
        ({"payment_method": "pm_nobodys"}, "payment_method"),
        ({"basic_minutes": 0, "premium_minutes": 0}, "basic_minutes"),
    ],
)
def test_what_could_not_be_set_is_refused_by_the_dry_run_as_by_setting_it(
    client, world, changes, field
):
    error = refusal(preview(client, world, **changes), 422)
    set_ = WISH | {"payment_method": world.card.id} | changes
    saved = refusal(client.put(url(world, "/auto-allocation"), set_), 422)

    assert (error["message"], list(error["fields"])) == (saved["message"], [field])
    assert not AutoAllocation.objects.exists()


def test_months_are_listed_latest_first_with_what_became_of_each(client, world):
    world.save()
    world.run_at("2026-11-14 10:01")
    world.decline_with()
    world.run_at("2026-12-14 10:01")

    rows = client.get(url(world, "/auto-allocation/runs")).json()["results"]

    assert [(one["period"], one["state"], one["charge"]) for one in rows] == [
        ("2026-12-14", "due", "205.00"),
        ("2026-11-14", "paid", "205.00"),
    ]
    assert rows[0]["error_text"] == AllocationRun.objects.get(period="2026-12-14").error_text
    assert len(client.get(url(world, "/auto-allocation/runs?limit=1")).json()["results"]) == 1


def test_a_failed_month_is_paid_by_retry_and_a_repeat_pays_nothing(client, world):
    world.decline_with()
    world.save()
    world.run_at("2026-11-14 10:00")
    world.accept()

    answers = [
        client.post(
            url(world, "/auto-allocation/retry"),
            {"quoted_charge": "205.00"},
            headers={"Idempotency-Key": "r"},
        )
        for _ in range(2)
    ]

    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json()["latest_run"]["state"] == "paid"
    assert answers[1].json() == answers[0].json()
    assert world.taken() == [20_500]
    refusal(client.post(url(world, "/auto-allocation/retry")), 409)


@pytest.mark.parametrize("expected", ["204.00", "0.00"])
def test_another_sum_than_was_expected_is_not_charged(client, world, expected):
    world.decline_with()
    world.save()
    world.run_at("2026-11-14 10:00")
    world.accept()

    answer = client.post(url(world, "/auto-allocation/retry"), {"quoted_charge": expected})

    assert refusal(answer, 422)["code"] == "quote_changed"
    assert world.taken() == []


def test_the_next_month_is_skipped_and_charged_after_all(client, world):
    world.save()
    world.run_at("2026-11-14 10:01")
    skip = url(world, "/auto-allocation/skip")

    skipped = client.put(skip, {"skip": True}).json()
    back = client.put(skip, {"skip": False}).json()

    assert (skipped["skipped"], skipped["next_charges"][0]) == ("2026-12-14", "2027-01-14")
    assert (back["skipped"], back["next_charges"][0]) == (None, "2026-12-14")
    refusal(client.put(skip, {"skip": False}), 409)


GIFT = {"basic_minutes": 100, "premium_minutes": 0}


def give(client, world, key="g-1", **changes):
    body = GIFT | {"payment_method": world.card.id} | changes
    return client.post(url(world, "/gifts"), body, headers={"Idempotency-Key": key})


def test_what_a_gift_costs_is_told_and_nothing_is_charged(client, world):
    body = client.post(url(world, "/gifts/preview"), GIFT).json()

    assert (body["charge"], body["basic"]["cost"], body["premium"]["cost"]) == (
        "9.00",
        "9.00",
        "0.00",
    )
    assert not Purchase.objects.exists()


def test_minutes_are_given_once_however_often_it_is_sent(client, world):
    first, second = give(client, world), give(client, world)

    body = first.json()
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == body
    assert (body["state"], body["charge"], body["basic_minutes"]) == ("succeeded", "9.00", 100)
    assert (world.minutes, world.taken()) == ((100, 0), [900])
    assert client.get(f"/api/v1/gifts/{body['id']}").json() == body
    assert client.get(url(world, "/gifts")).json() == {
        "results": [body],
        "next": None,
        "next_cursor": None,
    }


def test_a_key_that_gave_something_else_is_refused_and_nothing_is_charged(client, world):
    give(client, world)

    error = refusal(give(client, world, basic_minutes=101), 422)

    assert error["code"] == "idempotency_key_reused"
    assert error["message"] == "This key was used for another payment. Send a new one."
    assert world.taken() == [900]


@pytest.mark.parametrize("expected", ["8.99", "0", "0.00"])
def test_a_gift_that_costs_something_else_than_was_expected_is_not_paid(client, world, expected):
    error = refusal(give(client, world, quoted_charge=expected), 422)

    assert error["code"] == "quote_changed"
    assert world.taken() == []


def test_a_gift_needs_a_key(client, world):
    body = GIFT | {"payment_method": world.card.id}

    error = refusal(client.post(url(world, "/gifts"), body), 400)

    assert list(error["fields"]) == ["Idempotency-Key"]
    assert world.taken() == []


def test_a_sub_account_asks_and_its_agency_gives_or_declines(client, world):
    its = client_of(world.sub)
    asked = its.post("/api/v1/asks", GIFT | {"words": "For the fair"})
    number = asked.json()["id"]
    waiting = client.get("/api/v1/asks").json()["results"]

    give(client, world, ask=number)
    given = its.get(f"/api/v1/asks/{number}").json()
    again = its.post("/api/v1/asks", GIFT).json()["id"]
    declined = client.post(url(world, f"/asks/{again}/decline"), {"answer": "Next month."}).json()

    assert (asked.status_code, [one["id"] for one in waiting]) == (201, [number])
    assert given["state"] == "given"
    assert (declined["state"], declined["answer"]) == ("declined", "Next month.")
    assert its.get(f"/api/v1/asks/{again}").json() == declined
    refusal(client.post(url(world, f"/asks/{again}/decline")), 409)


def test_an_ask_is_withdrawn_while_it_is_open_and_is_nobody_elses(world):
    its = client_of(world.sub)
    number = its.post("/api/v1/asks", GIFT).json()["id"]
    stranger = client_of(make_sub_account(agency=make_agency()))

    refusal(its.post("/api/v1/asks", GIFT), 409)
    refusal(stranger.get(f"/api/v1/asks/{number}"), 404)
    refusal(stranger.post(f"/api/v1/asks/{number}/withdraw"), 404)
    answer = its.post(f"/api/v1/asks/{number}/withdraw")

    assert answer.json()["state"] == "withdrawn"
    assert MinuteAsk.objects.get().state == "withdrawn"


def test_only_sub_accounts_ask_and_only_their_agency_answers(client, world):
    refusal(client.post("/api/v1/asks", GIFT), 404)
    refusal(give(client_of(world.sub), world), 403)
    refusal(give(client_of(make_agency()), world), 404)

    assert world.taken() == []


@pytest.mark.outside_of_cells("the cell of a key and its account are asked for besides")
def test_allocations_of_an_agency_cost_as_many_statements_however_many(
    client, world, django_assert_num_queries
):
    for one in (world, world.sibling(), world.sibling("Third")):
        one.save()
    client.get("/api/v1/auto-allocations")

    # The key, what is not numbered, the changes, the allocations, their months, the rates.
    with django_assert_num_queries(6):
        rows = client.get("/api/v1/auto-allocations").json()["results"]

    assert len(rows) == 3
    assert {one["latest_run"]["state"] for one in rows} == {"due"}
