import pytest

from campaigns import lifecycle
from campaigns.errors import CannotRun, InvalidCampaign, UnknownCampaign, WrongStatus
from campaigns.models import Campaign
from campaigns.tests.builders import make_account, make_campaign, make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rates")]


def step(name, campaign, account=None):
    move, by = getattr(lifecycle, name), {"actor": None} if name == "pause" else {}
    return move(campaign_id=campaign.pk, account=account or campaign.account, **by)


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        ("not_started", "start", "started"),
        ("started", "start", "started"),
        ("started", "pause", "paused"),
        ("manual", "pause", "paused"),
        ("low_balance", "pause", "paused"),
        ("started", "complete", "complete"),
        ("low_balance", "complete", "complete"),
        ("complete", "complete", "complete"),
        ("not_started", "end", "ended"),
        ("started", "end", "ended"),
        ("manual", "end", "ended"),
        ("ended", "end", "ended"),
    ],
)
def test_a_campaign_may_take_this_step(status, name, expected):
    wallet = make_wallet(credit="5")
    campaign = make_campaign(wallet.account, status=status)

    assert step(name, campaign).status == expected

    campaign.refresh_from_db()
    assert campaign.status == expected
    assert (campaign.pause_reason, bool(campaign.paused_at)) == (
        ("manual", True) if expected == "paused" else ("", False)
    )


@pytest.mark.parametrize(
    ("status", "name"),
    [
        ("manual", "start"),
        ("complete", "start"),
        ("ended", "start"),
        ("not_started", "pause"),
        ("complete", "pause"),
        ("ended", "pause"),
        ("not_started", "complete"),
        ("ended", "complete"),
        ("complete", "end"),
    ],
)
def test_a_campaign_may_not_take_this_step_and_stays_as_it_is(status, name):
    wallet = make_wallet(credit="5")
    campaign = make_campaign(wallet.account, status=status)
    before = Campaign.objects.filter(pk=campaign.pk).values().get()

    with pytest.raises(WrongStatus):
        step(name, campaign)

    assert Campaign.objects.filter(pk=campaign.pk).values().get() == before


def test_a_campaign_that_cannot_be_paid_does_not_start():
    wallet = make_wallet(credit="0.15")
    campaign = make_campaign(wallet.account, status="not_started")

    with pytest.raises(CannotRun) as refusal:
        step("start", campaign)

    assert refusal.value.code == "low_balance"
    campaign.refresh_from_db()
    assert campaign.status == "not_started"


def test_a_campaign_with_exactly_one_minute_starts():
    wallet = make_wallet(credit="0.16")

    assert step("start", make_campaign(wallet.account, status="not_started")).is_started


@pytest.mark.parametrize("name", ["start", "pause", "complete", "end"])
def test_nobody_moves_a_campaign_of_another_account(name):
    campaign = make_campaign(make_wallet(credit="5").account)

    with pytest.raises(UnknownCampaign):
        step(name, campaign, account=make_account())


def test_saving_twice_is_one_campaign_and_external_ids_belong_to_their_account():
    first, second = make_account(), make_account()
    facts = {"external_id": "c-1", "name": "Spring", "minute_type": "basic"}

    one = lifecycle.save(account=first, **facts)
    again = lifecycle.save(account=first, **facts)
    other = lifecycle.save(account=second, **facts)

    assert one.pk == again.pk
    assert one.updated_at == again.updated_at
    assert other.pk != one.pk
    assert one.status == "not_started"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("external_id", ""),
        ("external_id", "x" * 121),
        ("external_id", "a\x00"),
        ("name", "   "),
        ("name", "x" * 121),
        ("name", "a\nb"),
        ("minute_type", "gold"),
    ],
)
def test_facts_that_cannot_be_are_refused_by_field(field, value):
    facts = {"external_id": "c-1", "name": "Spring", "minute_type": "basic"} | {field: value}

    with pytest.raises(InvalidCampaign) as refusal:
        lifecycle.save(account=make_account(), **facts)

    assert list(refusal.value.fields) == [field]
    assert not Campaign.objects.exists()
