"""Campaigns that pause and go on become events, as the API shows them."""

import pytest

from accounts import clock
from accounts.models import WebhookEvent, WebhookSender
from accounts.webhooks import catalogue, endpoints, outbox
from accounts.webhooks.endpoints import Terms
from campaigns import lifecycle, pausing
from campaigns.tests.builders import fill, make_campaign, make_wallet
from wallets.tests.worlds.api_clients import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rates", "nudges")]


def listen(account) -> None:
    terms = Terms(url="https://hooks.example.com/")
    endpoints.add(account=account, terms=terms, actor=None)


def told():
    WebhookSender.objects.get_or_create(pk=1, defaults={"until": clock.now()})
    outbox.accept()
    return [(one.kind, one.data["object"]) for one in WebhookEvent.objects.order_by("sequence")]


def shown_by_api(campaign):
    client = client_of(campaign.account, "read")
    (found,) = client.get("/api/v1/campaigns").json()["results"]
    return found


def started(wallet):
    return make_campaign(account=wallet.account, status="started")


def test_a_campaign_paused_and_resumed_by_hand_is_told_as_the_api_shows_it():
    wallet = make_wallet(credit="30")
    campaign = started(wallet)
    listen(wallet.account)

    lifecycle.pause(campaign_id=campaign.pk, account=wallet.account, actor=None)
    paused = shown_by_api(campaign)
    client = client_of(wallet.account, "write")
    client.post(f"/api/v1/campaigns/{campaign.external_id}/resume")

    first, second = told()
    assert first == ("campaign.paused", {name: paused[name] for name in first[1]})
    assert first[1]["pause_reason"] == "manual"
    assert second[0] == "campaign.resumed"
    assert second[1]["status"] == "started"
    assert catalogue.sentence(first[0], {"object": first[1]}) == (
        f"The campaign {campaign.name} is paused."
    )


def test_campaigns_paused_for_a_low_balance_are_told_each_where_somebody_listens():
    wallet, silent = make_wallet(credit="0"), make_wallet(credit="0")
    for one in (wallet, silent):
        started(one)
        started(one)
    listen(wallet.account)

    pausing.sweep()

    kinds = [(kind, one["pause_reason"], one["account"]) for kind, one in told()]
    assert kinds == [("campaign.paused", "low_balance", str(wallet.account_id))] * 2


def test_what_ends_or_begins_is_no_pause():
    wallet = make_wallet(credit="30")
    campaign = make_campaign(account=wallet.account, status="not_started")
    listen(wallet.account)

    lifecycle.start(campaign_id=campaign.pk, account=wallet.account)
    fill(wallet, credit="1")

    assert told() == []
