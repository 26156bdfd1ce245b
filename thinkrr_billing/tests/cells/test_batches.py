"""Each cell records its part of a batch at once, and one that hangs rejects its own calls."""

import threading
import time
from collections import defaultdict
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from accounts.audit import requests
from accounts.cells import place
from accounts.cells.place import inside
from accounts.models import AuditEntry, Scope
from accounts.runtime import pauses, reachable
from campaigns import batches, calls, limits
from campaigns.models import Call, Campaign
from campaigns.tests.builders import make_campaign, make_report
from tests.poolers import pooled
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.tests.cells.worlds import PATIENCE, Together, wallet_in
from wallets.models import Wallet
from wallets.tests.worlds.api_clients import client_of

CELLS = [FIRST, SECOND]

at_once = pytest.mark.usefixtures("kept_cells", "_threads")


def wallets():
    return [wallet_in(cell, credit="10") for cell in CELLS]


def reports_of(wallets, **facts):
    return [make_report(one.account_id, seconds=60, **facts) for one in wallets]


@at_once
@pytest.mark.parametrize(
    "way", [nullcontext, pytest.param(pooled, marks=pytest.mark.pooler)], ids=["direct", "pooled"]
)
def test_each_cell_records_its_part_of_a_batch_at_once(monkeypatch, way):
    together, record = Together(2), calls.record

    def in_time(**batch):
        together(place.current())
        return record(**batch)

    monkeypatch.setattr(calls, "record", in_time)
    ours = wallets()
    reports = reports_of([*ours, *reversed(ours)])

    with way():
        told = batches.record(reports=reports, reporter=None)

    assert [(one.id, one.status) for one in told] == [(one.id, "charged") for one in reports]
    for cell in CELLS:
        with inside(cell):
            assert Call.objects.filter(external_id__in=[one.id for one in reports]).count() == 2


@at_once
def test_a_cell_that_hangs_rejects_its_own_calls_in_time_and_charges_them_once(monkeypatch):
    monkeypatch.setattr(limits, "SMALL_BATCH_SECONDS", 1.0)
    ours = wallets()
    reports = reports_of(ours)
    client = client_of(None, Scope.CALLS)
    sent = {"calls": [_sent(one) for one in reports]}
    held, let_go = threading.Event(), threading.Event()

    def hold():
        """Somebody else has the wallet."""
        with inside(FIRST), transaction.atomic():
            Wallet.objects.filter(pk=ours[0].pk).select_for_update().get()
            held.set()
            let_go.wait(PATIENCE)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    held.wait(PATIENCE)
    try:
        answer = client.post("/api/v1/calls", sent)
    finally:
        let_go.set()
        other.join()

    told = answer.json()["results"]
    assert [one["status"] for one in told] == ["rejected", "charged"]
    assert told[0]["error"]["code"] == "unavailable"
    again = client.post("/api/v1/calls", sent).json()["results"]
    assert again[0]["status"] in ("charged", "duplicate")
    assert again[1]["status"] == "duplicate"
    with inside(FIRST):
        assert Call.objects.filter(external_id=reports[0].id).count() == 1


def _sent(report):
    return {
        "id": report.id,
        "account": str(report.account),
        "minute_type": "premium",
        "seconds": report.seconds,
        "ended_at": report.ended_at.isoformat(),
    }


@at_once
def test_the_audit_names_the_request_in_every_cell():
    """What a call pauses is written down as done by its key."""
    campaigns = []
    for wallet, cell in zip(wallets(), CELLS, strict=True):
        with inside(cell):
            campaigns.append(make_campaign(wallet.account))
    client = client_of(None, Scope.CALLS)
    facts = [
        {
            "id": f"all-of-it-{campaign.pk}",
            "account": str(campaign.account_id),
            "campaign": campaign.external_id,
            "seconds": 86_000,
            "ended_at": make_report(campaign.account_id).ended_at.isoformat(),
        }
        for campaign in campaigns
    ]

    answer = client.post("/api/v1/calls", {"calls": facts})

    assert [one["status"] for one in answer.json()["results"]] == ["charged", "charged"]
    for cell, campaign in zip(CELLS, campaigns, strict=True):
        with inside(cell):
            assert Campaign.objects.get(pk=campaign.pk).is_paused
            named = AuditEntry.objects.filter(table="campaigns_campaign", row=str(campaign.pk))
            [paused] = named.filter(operation="update")
            assert paused.request_id == answer["X-Request-ID"]
            assert paused.actor.startswith("API key ")
    assert requests.current_request() is None


@pytest.fixture
def hanging(monkeypatch):
    """Cells that do not answer, and how often each was asked."""
    cells, asked, in_each = set(), [], reachable.in_each

    def all_but_those(names, *args, **options):
        asked.extend(names)
        late = {cell: reachable._late(cell) for cell in cells & set(names)}
        told = in_each([cell for cell in names if cell not in cells], *args, **options)
        return [*late.values(), *told]

    monkeypatch.setattr(reachable, "in_each", all_but_those)
    monkeypatch.setattr(batches, "_pauses", defaultdict(batches._pauses.default_factory))
    return SimpleNamespace(cells=cells, asked=asked)


@pytest.mark.usefixtures("two_cells")
def test_a_cell_that_hangs_is_left_alone_and_tried_again(hanging, monkeypatch):
    ours = wallets()
    hanging.cells.add(FIRST)

    def send():
        hanging.asked.clear()
        told = batches.record(reports=reports_of(ours), reporter=None)
        return [one.status for one in told], sorted(hanging.asked)

    late = [send() for _ in range(limits.CELL_LATE_IN_A_ROW)]
    left_alone = send()
    hanging.cells.clear()
    later = time.monotonic() + limits.CELL_LEFT_ALONE_SECONDS
    monkeypatch.setattr(pauses, "time", SimpleNamespace(monotonic=lambda: later))
    back = [send() for _ in range(2)]

    assert late == [(["rejected", "charged"], [FIRST, SECOND])] * limits.CELL_LATE_IN_A_ROW
    assert left_alone == (["rejected", "charged"], [SECOND])
    assert back == [(["charged", "charged"], [FIRST, SECOND])] * 2


@pytest.mark.usefixtures("two_cells")
def test_a_cell_that_is_late_now_and_then_is_asked_each_time(hanging):
    ours = wallets()
    for _ in range(limits.CELL_LATE_IN_A_ROW):
        for late in ({FIRST}, set()):
            hanging.cells.clear()
            hanging.cells |= late
            batches.record(reports=reports_of(ours), reporter=None)

    assert sorted(hanging.asked) == sorted(CELLS * 2 * limits.CELL_LATE_IN_A_ROW)


@pytest.mark.usefixtures("two_cells")
def test_late_is_an_outage_of_its_cell_alone(monkeypatch):
    monkeypatch.setattr(reachable, "_ask", lambda cell, _: reachable._late(cell))
    ours = wallets()

    told = batches.record(reports=reports_of(ours), reporter=None)

    assert [one.error.code for one in told] == ["unavailable"] * 2
