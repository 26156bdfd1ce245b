"""Minutes that are about to run out, for an account that lives on them."""

import pytest
from django.urls import reverse

from accounts import clock
from accounts.models import Notification
from accounts.tests.builders import make_sub_account, owner_of
from wallets.balances import ledger
from wallets.errors import InvalidAmount
from wallets.recharges import low_minutes
from wallets.tests.worlds.builders import fill, make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

HOUR = 3600


def tell(wallet) -> list[str]:
    for wallet_id in list(low_minutes.UNTOLD.rows(clock.now()).values_list("wallet_id", flat=True)):
        low_minutes.tell(wallet_id=wallet_id)
    notes = Notification.objects.filter(account=wallet.account, kind="low_minutes").order_by("pk")
    return list(notes.values_list("text", flat=True))


def test_it_is_told_once_per_crossing_and_armed_again_well_above():
    wallet = make_wallet(premium=2 * HOUR)
    fill(wallet, premium=-HOUR)
    at_the_level = tell(wallet)
    fill(wallet, premium=-60)
    fill(wallet, premium=-60)
    first = tell(wallet)
    fill(wallet, premium=HOUR // 2)
    fill(wallet, premium=-HOUR // 2)
    near = tell(wallet)
    fill(wallet, basic=HOUR)
    fill(wallet, basic=-HOUR)

    assert at_the_level == []
    assert first == near == ["58 minutes and $0.00 of credit are left."]
    assert len(tell(wallet)) == 2


def test_whoever_falls_below_is_told_at_once(nudges, django_capture_on_commit_callbacks):
    wallet = make_wallet(premium=2 * HOUR)
    with django_capture_on_commit_callbacks(execute=True):
        fill(wallet, premium=-HOUR)
        at_the_level = [*nudges]
        fill(wallet, premium=-60)

    assert at_the_level == []
    assert nudges == [("wallets.tell_low_minutes", (wallet.pk,))]


@pytest.mark.parametrize(
    ("kind", "pot", "told"),
    [
        ("recharge", "basic", ["59 minutes and $0.00 of credit are left."]),
        ("allocation", "basic", ["59 minutes and $0.00 of credit are left."]),
        ("included_grant", "included", ["59 minutes and $0.00 of credit are left."]),
        ("adjustment", "basic", []),
    ],
)
def test_minutes_that_were_bought_or_granted_arm_it_at_the_level_and_support_only_well_above(
    kind, pot, told
):
    wallet = make_wallet()
    brought = ledger.Movement(
        wallet_id=wallet.pk, pot=pot, amount=HOUR, kind=kind, key="k:1", note="Why"
    )

    ledger.post(movements=[brought])
    fill(wallet, **{pot: -60})

    assert tell(wallet) == told


def test_all_types_of_minutes_count_together():
    wallet = make_wallet(premium=HOUR, basic=HOUR)
    fill(wallet, premium=-HOUR)

    assert tell(wallet) == []


def test_while_credit_carries_calls_on_nobody_is_told():
    wallet = make_wallet(credit="50", premium=2 * HOUR)
    fill(wallet, premium=-2 * HOUR)

    assert tell(wallet) == []


def test_an_account_that_never_had_minutes_is_not_told():
    wallet = make_wallet(credit="5")
    fill(wallet, credit="-1")

    assert tell(wallet) == []


def test_the_accounts_own_level_decides_and_0_is_never():
    wallet, never = make_wallet(), make_wallet()
    low_minutes.set_level(wallet_id=wallet.pk, minutes=200)
    low_minutes.set_level(wallet_id=never.pk, minutes=0)
    for one in (wallet, never):
        fill(one, premium=5 * HOUR)
        fill(one, premium=-2 * HOUR)

    assert tell(wallet) == ["180 minutes and $0.00 of credit are left."]
    fill(never, premium=-3 * HOUR)
    assert tell(never) == []


@pytest.mark.parametrize("minutes", [-1, 1_000_001])
def test_a_level_that_cannot_be_is_refused(minutes):
    wallet = make_wallet()

    with pytest.raises(InvalidAmount, match="0 to 1,000,000 minutes"):
        low_minutes.set_level(wallet_id=wallet.pk, minutes=minutes)

    wallet.auto_recharge.refresh_from_db()
    assert wallet.auto_recharge.minutes_level is None


def test_an_agency_that_asked_hears_of_its_sub_account_and_of_no_other(client):
    wallet = make_wallet(premium=2 * HOUR, account=make_sub_account("Northside Dental"))
    agency = wallet.account.agency
    sibling = make_wallet(premium=2 * HOUR, account=make_sub_account("Southside", agency=agency))
    client.force_login(owner_of(agency))
    page = reverse("wallets:account_manager_account", args=[wallet.account_id])

    client.post(f"{page}notices/", {"hear": "1"})
    shown = client.get(page).content.decode()
    for one in (wallet, sibling):
        fill(one, premium=-2 * HOUR)
        tell(one)

    heard = Notification.objects.filter(account=agency, kind="low_minutes")
    assert "You hear when it runs low." in shown
    assert [(note.text, note.link) for note in heard] == [
        ("Northside Dental: 0 minutes and $0.00 of credit are left.", page)
    ]


def test_a_sub_account_does_not_decide_what_its_agency_hears(client):
    wallet = make_wallet(account=make_sub_account())
    client.force_login(owner_of(wallet.account))

    answer = client.post(
        reverse("wallets:sub_account_notices", args=[wallet.account_id]), {"hear": "1"}
    )

    wallet.auto_recharge.refresh_from_db()
    assert answer.status_code == 404
    assert not wallet.auto_recharge.agency_hears
