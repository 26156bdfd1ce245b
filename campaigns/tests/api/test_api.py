import json
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import AuditEntry
from accounts.tests.builders import (
    close,
    make_agency,
    make_individual,
    make_key,
    make_sub_account,
)
from campaigns import limits
from campaigns.models import Call, Campaign
from campaigns.tests.builders import fill, make_campaign, make_wallet, turn_on_auto_recharge
from wallets.models import Wallet

pytestmark = pytest.mark.django_db

MOMENT = "ended_at: Send a moment with its offset, such as 2026-11-22T09:14:00Z."


@pytest.fixture
def wallet():
    return make_wallet(account=make_individual(), credit="10")


class Api:
    """Calls the API with one key."""

    def __init__(self, client, token):
        self.client, self.headers = client, {"Authorization": f"Bearer {token}"}

    def send(self, method, path, body=None):
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
        return self.client.generic(
            method, f"/api/v1/{path}", raw, content_type="application/json", headers=self.headers
        )

    def get(self, path):
        return self.send("GET", path)

    def post(self, path, body=None):
        return self.send("POST", path, body)

    def put(self, path, body):
        return self.send("PUT", path, body)


@pytest.fixture
def platform(client):
    return Api(client, make_key(None)[1])


def api_of(client, account, *scopes):
    return Api(client, make_key(account, *scopes)[1])


def call(account, **facts):
    return {
        "id": "c-1",
        "account": str(account.pk),
        "minute_type": "premium",
        "seconds": 60,
        "ended_at": (clock.now() - timedelta(minutes=1)).isoformat(),
        **facts,
    }


def error(response):
    return response.json()["error"]


# --- reporting calls ----------------------------------------------------------------------------


def test_reported_calls_are_charged_in_order(platform, wallet):
    response = platform.post(
        "calls",
        {"calls": [call(wallet.account), call(wallet.account, id="c-2", minute_type="basic")]},
    )

    assert response.status_code == 200
    assert response.json() == {
        "currency": "USD",
        "results": [
            {"id": "c-1", "status": "charged", "cost": "0.160000"},
            {"id": "c-2", "status": "charged", "cost": "0.090000"},
        ],
    }


def test_a_repeated_batch_is_answered_with_the_first_costs(platform, wallet):
    batch = {"calls": [call(wallet.account)]}
    platform.post("calls", batch)

    response = platform.post("calls", batch)

    assert response.json()["results"] == [{"id": "c-1", "status": "duplicate", "cost": "0.160000"}]
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("9.84")


def test_the_audit_names_the_request_whose_calls_paused_a_campaign(platform):
    wallet = make_wallet(account=make_individual(), credit="0.20")
    campaign = make_campaign(wallet.account)
    # The first use of a key is noted, and named, in its own right.
    platform.post("calls", {"calls": [call(wallet.account, seconds=1)]})

    platform.post("calls", {"calls": [call(wallet.account, id="c-2")]})

    entry = AuditEntry.objects.filter(table="campaigns_campaign", operation="update").latest("pk")
    assert (entry.row, entry.after["status"]) == (str(campaign.pk), "paused")
    assert len(entry.request_id) == 32


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "campaigns/spring", None),
        ("PUT", "campaigns/spring", {"name": "Changed", "minute_type": "basic"}),
        ("POST", "campaigns/spring/pause", None),
    ],
)
def test_a_mistyped_account_does_nothing_to_the_campaign_of_the_keys_own(
    client, wallet, method, path, body
):
    campaign = make_campaign(wallet.account, external_id="spring")
    api = api_of(client, wallet.account, "read", "write")

    response = api.send(method, f"{path}?acount=a", body)

    assert (response.status_code, error(response)["fields"]) == (400, {"acount": "Unknown field."})
    facts = ("status", "name", "minute_type")
    assert Campaign.objects.values(*facts).get() == {one: getattr(campaign, one) for one in facts}


def test_a_method_that_is_not_there_is_refused_before_its_parameters(client, wallet):
    answer = api_of(client, wallet.account, "read").send("PATCH", "campaigns/spring?acount=a")

    assert (answer.status_code, error(answer)["code"]) == (405, "method_not_allowed")
    assert "OPTIONS" in answer["Allow"]


def test_one_bad_call_is_rejected_beside_good_ones(platform, wallet):
    batch = [call(wallet.account, seconds=-1), call(wallet.account, id="c-2")]

    first, second = platform.post("calls", {"calls": batch}).json()["results"]

    assert first == {
        "id": "c-1",
        "status": "rejected",
        "error": {"code": "seconds_out_of_range", "message": "seconds is 0 to 86400."},
    }
    assert second["status"] == "charged"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"seconds": "60"}, "seconds: Send a whole number, without quotes."),
        ({"seconds": 60.0}, "seconds: Send a whole number, without quotes."),
        ({"seconds": True}, "seconds: Send a whole number, without quotes."),
        ({"seconds": None}, "seconds: This field may not be null."),
        ({"id": 7}, "id: Send a text."),
        ({"ended_at": "2026-11-22T09:14:00"}, MOMENT),
        ({"ended_at": "yesterday"}, MOMENT),
        ({"ended_at": 1_790_000_000}, MOMENT),
        ({"price": 1}, "price: Unknown field."),
        ({"campaign": ["x"]}, "campaign: Send a text."),
        ({"campaign": [[[[[[[[[[[]]]]]]]]]]]}, "The body is nested too deeply."),
    ],
)
def test_a_call_that_cannot_be_read_rejects_itself_only(platform, wallet, changed, sentence):
    good = call(wallet.account)
    batch = [good, call(wallet.account, id="c-2") | changed, call(wallet.account, id="c-3")]

    response = platform.post("calls", {"calls": batch})

    first, second, third = response.json()["results"]
    assert (first["status"], third["status"]) == ("charged", "charged")
    assert second["error"] == {"code": "invalid", "message": sentence}
    assert (second["id"], second["status"]) == ("" if "id" in changed else "c-2", "rejected")
    assert set(Call.objects.values_list("external_id", flat=True)) == {"c-1", "c-3"}


@pytest.mark.parametrize(
    ("raw", "named", "sentence"),
    [
        (b'{"id": "x", "seconds": 1, "seconds": 2}', "x", "The body has the same key twice in one"),
        (b'{"id": "x", "campaign": "a\\u0000"}', "x", "The body has a NUL character in a text."),
        (b'{"id": "x", "seconds": -0}', "x", "-0 is not a number we understand."),
        (b'{"id": "x", "seconds": 1e999}', "x", "The body has a number too large to use."),
        (
            b'{"id": "x", "seconds": ' + b"9" * 5000 + b"}",
            "x",
            "The body has a number too large to use.",
        ),
        (b'{"id": "\\ud800"}', "", "The body has half of a surrogate pair in a text."),
        (b'{"id": "x", "a": {"b": 1, "b": 1}}', "x", "The body has the same key twice in one"),
        (b"1e999", "", "The body has a number too large to use."),
        (b"null", "", "Send each call as an object."),
        (b'"c-2"', "", "Send each call as an object."),
        (b"[]", "", "Send each call as an object."),
        (b"{}", "", "id: This field is required."),
    ],
)
def test_a_call_that_can_be_read_in_two_ways_rejects_itself_only(
    platform, wallet, raw, named, sentence
):
    good = [json.dumps(call(wallet.account, id=name)).encode() for name in ("c-1", "c-3")]

    response = platform.post("calls", b'{"calls": [%s, %s, %s]}' % (good[0], raw, good[1]))

    first, second, third = response.json()["results"]
    assert (first["status"], third["status"]) == ("charged", "charged")
    assert (second["id"], second["status"], second["error"]["code"]) == (
        named,
        "rejected",
        "invalid",
    )
    assert second["error"]["message"].startswith(sentence)


def test_a_batch_of_bad_calls_alone_changes_nothing(platform, wallet):
    response = platform.post("calls", {"calls": [7, {}, call(wallet.account, seconds="1")]})

    assert [one["status"] for one in response.json()["results"]] == ["rejected"] * 3
    assert not Call.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"calls": null}',
        b'{"calls": {}}',
        b'{"calls": [], "more": 1}',
        b'{"calls": [{}], "more": 1e999}',
        b'{"calls": [], "calls": []}',
        b'{"calls": [{"id": "a", "id": "b"}], "calls": []}',
        b'{"calls": [{"id": "\xff"}]}',
        b'{"calls": [NaN]}',
        b"[" * 5000,
        b'{"calls": ' + b"[" * 5000,
    ],
)
def test_a_hostile_body_is_400(platform, body):
    response = platform.post("calls", body)

    assert response.status_code == 400
    assert set(error(response)) == {"code", "message", "fields"}


def test_too_many_calls_are_413_and_nothing_is_recorded(platform, wallet):
    batch = [call(wallet.account, id=f"c-{i}") for i in range(limits.CALLS_PER_BATCH + 1)]

    response = platform.post("calls", {"calls": batch})

    assert response.status_code == 413
    assert not Call.objects.exists()


def test_a_full_batch_is_taken(platform, wallet):
    batch = [
        call(wallet.account, id=f"{'long-' * 20}{i}", outcome="left_message", seconds=1)
        for i in range(limits.CALLS_PER_BATCH)
    ]

    response = platform.post("calls", {"calls": batch})

    assert response.status_code == 200
    assert Call.objects.count() == limits.CALLS_PER_BATCH


def test_an_empty_batch_is_fine(platform):
    assert platform.post("calls", {"calls": []}).json()["results"] == []


def test_an_accounts_key_with_the_scope_reports_its_own_calls_only(client, wallet):
    other = make_wallet(account=make_individual("Other"))
    api = api_of(client, wallet.account, "calls")

    batch = [call(wallet.account), call(other.account, id="c-2")]
    first, second = api.post("calls", {"calls": batch}).json()["results"]

    assert first["status"] == "charged"
    assert second["error"]["code"] == "unknown_account"
    assert Call.objects.get().reporter == wallet.account_id


def test_an_agencys_key_does_not_report_for_its_sub_accounts(client):
    agency = make_agency()
    sub_account = make_sub_account(agency=agency)
    api = api_of(client, agency, "calls")

    (result,) = api.post("calls", {"calls": [call(sub_account)]}).json()["results"]

    assert result["error"]["code"] == "unknown_account"


@pytest.mark.parametrize("of_platform", [True, False])
def test_without_the_scope_nobody_reports_calls(client, wallet, of_platform):
    api = api_of(client, None if of_platform else wallet.account, "read", "write")

    response = api.post("calls", {"calls": [call(wallet.account)]})

    assert response.status_code == 403
    assert "calls" in error(response)["message"]
    assert not Call.objects.exists()


def test_without_a_key_nothing_is_answered(client):
    for method, path in [
        ("POST", "calls"),
        ("POST", "calls/authorize"),
        ("GET", "campaigns"),
        ("PUT", "campaigns/c-1"),
        ("POST", "campaigns/c-1/start"),
    ]:
        assert client.generic(method, f"/api/v1/{path}", b"{}").status_code == 401


# --- may a call start ---------------------------------------------------------------------------


def authorize(api, account, **facts):
    return api.post("calls/authorize", {"account": str(account.pk), **facts})


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (0, {"allowed": True, "seconds": 180, "reason": "ok"}),
        (1, {"allowed": True, "seconds": 90, "reason": "ok"}),
        (2, {"allowed": True, "seconds": 60, "reason": "ok"}),
        (3, {"allowed": False, "seconds": 0, "reason": "low_balance"}),
    ],
)
def test_each_running_call_needs_a_minute_of_its_own(platform, live, expected):
    wallet = make_wallet(account=make_individual(), premium=180)

    assert authorize(platform, wallet.account, minute_type="premium", live=live).json() == expected


def test_the_campaign_says_which_minutes_count(platform):
    wallet = make_wallet(account=make_individual(), basic=120)
    campaign = make_campaign(wallet.account, minute_type="basic")

    by_campaign = authorize(platform, wallet.account, campaign=campaign.external_id).json()
    by_type = authorize(platform, wallet.account, minute_type="premium").json()

    assert by_campaign == {"allowed": True, "seconds": 120, "reason": "ok"}
    assert by_type["allowed"] is False


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("low_balance", "campaign_paused"),
        ("manual", "campaign_paused"),
        ("not_started", "campaign_not_started"),
        ("complete", "campaign_finished"),
        ("ended", "campaign_finished"),
    ],
)
def test_only_a_started_campaign_may_call(platform, wallet, status, reason):
    campaign = make_campaign(wallet.account, status=status)

    answer = authorize(platform, wallet.account, campaign=campaign.external_id).json()

    assert answer == {"allowed": False, "seconds": 0, "reason": reason}


def test_while_auto_recharge_is_coming_the_answer_says_so(platform):
    wallet = make_wallet(account=make_individual(), credit="0.10")
    turn_on_auto_recharge(wallet)
    other = make_wallet(account=make_individual(), credit="0.10")

    answer = authorize(platform, wallet.account, minute_type="premium").json()
    without = authorize(platform, other.account, minute_type="premium").json()
    cheaper = authorize(platform, wallet.account, minute_type="basic").json()

    assert answer == {"allowed": False, "seconds": 0, "reason": "recharging"}
    assert without == {"allowed": False, "seconds": 0, "reason": "low_balance"}
    assert cheaper == {"allowed": True, "seconds": 66, "reason": "ok"}


def test_a_closed_account_may_not_call_but_its_calls_are_charged(platform, wallet):
    close(wallet.account)

    answer = authorize(platform, wallet.account, minute_type="premium").json()
    (result,) = platform.post("calls", {"calls": [call(wallet.account)]}).json()["results"]

    assert answer == {"allowed": False, "seconds": 0, "reason": "closed"}
    assert result["status"] == "charged"


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"campaign": "x", "minute_type": "basic"},
        {"minute_type": "gold"},
        {"minute_type": "basic", "live": -1},
        {"minute_type": "basic", "live": "1"},
        {"minute_type": "basic", "live": 1.0},
        {"minute_type": "basic", "now": True},
    ],
)
def test_a_question_that_makes_no_sense_is_400(platform, wallet, facts):
    assert authorize(platform, wallet.account, **facts).status_code == 400


def test_an_unknown_campaign_or_account_is_404(platform, wallet):
    unknown = authorize(platform, wallet.account, campaign="nowhere")
    stranger = platform.post(
        "calls/authorize",
        {"account": "00000000-0000-0000-0000-000000000001", "minute_type": "basic"},
    )

    assert (unknown.status_code, error(unknown)["code"]) == (404, "unknown_campaign")
    assert (stranger.status_code, error(stranger)["code"]) == (404, "not_found")


@pytest.mark.outside_of_cells("the cell of the account is asked for besides")
def test_asking_changes_nothing(platform, wallet, django_assert_max_num_queries):
    make_campaign(wallet.account, external_id="spring")
    before = Wallet.objects.values().get()

    with django_assert_max_num_queries(8):
        authorize(platform, wallet.account, campaign="spring")

    assert Wallet.objects.values().get() == before


# --- campaigns ----------------------------------------------------------------------------------

SPRING = {"name": "Spring", "minute_type": "basic"}


def test_a_campaign_is_registered_and_changed_by_the_same_request(client, wallet):
    api = api_of(client, wallet.account)

    first = api.put("campaigns/c-1", SPRING)
    again = api.put("campaigns/c-1", {**SPRING, "name": "Summer"})

    assert first.json() | {"updated_at": ""} == {
        "id": "c-1",
        "account": str(wallet.account_id),
        "name": "Spring",
        "minute_type": "basic",
        "status": "not_started",
        "pause_reason": None,
        "paused_at": None,
        "updated_at": "",
    }
    assert again.json()["name"] == "Summer"
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Spring"}, "minute_type"),
        ({**SPRING, "minute_type": "gold"}, "minute_type"),
        ({**SPRING, "name": ""}, "name"),
        ({**SPRING, "name": 7}, "name"),
        ({**SPRING, "status": "started"}, "status"),
    ],
)
def test_a_campaign_that_cannot_be_is_400(client, wallet, body, field):
    response = api_of(client, wallet.account).put("campaigns/c-1", body)

    assert response.status_code == 400
    assert list(error(response)["fields"]) == [field]
    assert not Campaign.objects.exists()


def test_a_campaign_goes_through_its_life(client, wallet):
    api = api_of(client, wallet.account)
    api.put("campaigns/c-1", SPRING)

    seen = [
        api.post(f"campaigns/c-1/{step}").json()["status"]
        for step in ("start", "start", "pause", "resume", "complete", "complete")
    ]

    assert seen == ["started", "started", "paused", "started", "complete", "complete"]


@pytest.mark.parametrize(("status", "step"), [("not_started", "start"), ("low_balance", "resume")])
def test_what_cannot_be_paid_is_409_with_the_reason(client, status, step):
    wallet = make_wallet(account=make_individual(), credit="0.15")
    campaign = make_campaign(wallet.account, status=status)

    response = api_of(client, wallet.account).post(f"campaigns/{campaign.external_id}/{step}")

    assert response.status_code == 409
    assert error(response) == {
        "code": "low_balance",
        "message": "Needs Premium minutes. Needs at least $0.16 to run.",
        "fields": {},
    }


def test_a_step_that_does_not_follow_is_409(client, wallet):
    campaign = make_campaign(wallet.account, status="complete")
    api = api_of(client, wallet.account)

    for step, code in [
        ("start", "wrong_status"),
        ("pause", "wrong_status"),
        ("resume", "wrong_status"),
        ("end", "wrong_status"),
    ]:
        response = api.post(f"campaigns/{campaign.external_id}/{step}")
        assert (response.status_code, error(response)["code"]) == (409, code)


def test_a_step_takes_no_body_and_must_exist(client, wallet):
    campaign = make_campaign(wallet.account)
    api = api_of(client, wallet.account)

    assert api.post(f"campaigns/{campaign.external_id}/pause", {"x": 1}).status_code == 400
    assert api.post(f"campaigns/{campaign.external_id}/explode").status_code == 404
    assert api.post("campaigns/nowhere/pause").status_code == 404
    campaign.refresh_from_db()
    assert campaign.is_started


def test_campaigns_are_listed_in_the_order_of_their_changes(client, wallet):
    start = clock.now() - timedelta(days=1)
    for hour, name in enumerate(("old", "middle", "new")):
        moment = start + timedelta(hours=hour)
        make_campaign(wallet.account, external_id=name, updated_at=moment)
    api = api_of(client, wallet.account, "read")
    since = (start + timedelta(hours=1)).isoformat().replace("+00:00", "Z")

    every = api.get("campaigns").json()["results"]
    changed = api.get(f"campaigns?changed_since={since}").json()["results"]

    assert [one["id"] for one in every] == ["old", "middle", "new"]
    assert [one["id"] for one in changed] == ["middle", "new"]


def test_the_pages_of_the_list_have_every_campaign_once(client, wallet, monkeypatch):
    monkeypatch.setattr("campaigns.api.campaigns._Pages.page_size", 3)
    moment = clock.now()
    made = {make_campaign(wallet.account, updated_at=moment).external_id for _ in range(8)}
    api = api_of(client, wallet.account, "read")

    seen, path = [], "campaigns"
    while path:
        page = api.get(path).json()
        seen += [one["id"] for one in page["results"]]
        path = page["next"] and page["next"].split("/api/v1/")[1]

    assert len(seen) == 8
    assert set(seen) == made


@pytest.mark.parametrize("moment", ["yesterday", "2026-11-22", "2026-11-22T09:14:00"])
def test_changed_since_needs_a_moment_with_its_offset(client, wallet, moment):
    api = api_of(client, wallet.account, "read")

    response = api.get(f"campaigns?changed_since={moment}")

    assert response.status_code == 400
    assert list(error(response)["fields"]) == ["changed_since"]


def test_an_agencys_key_reads_its_sub_accounts_campaigns_and_nobody_elses(client):
    agency = make_agency()
    sub_account, stranger = make_sub_account(agency=agency), make_individual("Other")
    make_campaign(sub_account, external_id="theirs")
    api = api_of(client, agency)

    listed = api.get(f"campaigns?account={sub_account.pk}")
    moved = api.post(f"campaigns/theirs/pause?account={sub_account.pk}")

    assert [one["id"] for one in listed.json()["results"]] == ["theirs"]
    assert api.get(f"campaigns?account={stranger.pk}").status_code == 404
    assert moved.status_code == 403


def test_a_key_without_write_moves_nothing(client, wallet):
    campaign = make_campaign(wallet.account)
    api = api_of(client, wallet.account, "read")

    assert api.put("campaigns/c-1", SPRING).status_code == 403
    assert api.post(f"campaigns/{campaign.external_id}/pause").status_code == 403
    campaign.refresh_from_db()
    assert campaign.is_started


def test_the_platforms_key_registers_campaigns_of_every_account(platform, wallet):
    fill(wallet, basic=600)

    saved = platform.put(f"campaigns/c-1?account={wallet.account_id}", SPRING)
    started = platform.post(f"campaigns/c-1/start?account={wallet.account_id}")
    unnamed = platform.put("campaigns/c-2", SPRING)

    assert saved.json()["account"] == str(wallet.account_id)
    assert started.json()["status"] == "started"
    assert unnamed.status_code == 400
