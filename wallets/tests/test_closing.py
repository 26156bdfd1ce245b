"""Closing an account switches off what charges by itself, and opening it switches nothing on."""

import pytest

from accounts import clock
from accounts.models import Notification
from accounts.people import closing
from accounts.tests.builders import close
from wallets.allocations import configure
from wallets.errors import Refused
from wallets.models import AutoAllocation
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.auto_recharge_world import credit, logged, run, settings_of, told
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge
from wallets.tests.worlds.purchases import taken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


def test_reopening_charges_nothing_that_nobody_asked_for(stripe):
    wallet = make_wallet(credit="5")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)

    closing.close(account=wallet.account)
    closing.reopen(account=wallet.account)

    assert run(wallet) == "off"
    assert not settings_of(wallet).enabled
    assert settings_of(wallet).threshold.amount == 10
    assert (credit(wallet), taken(stripe)) == (5, [])
    assert logged(wallet)[0] == "switched_off"
    assert told(wallet, "account_status") == [
        "Your account was closed by support. Calls that still end are charged. Auto-Recharge and "
        "monthly allocations are switched off.",
        "Your account is open again. Auto-Recharge and monthly allocations stay off until you turn "
        "them on. Paused campaigns wait until you resume them.",
    ]


def test_an_account_closed_by_an_older_version_is_opened_with_everything_off(stripe):
    wallet = make_wallet(credit="5")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    close(wallet.account)

    closing.reopen(account=wallet.account)

    assert run(wallet) == "off"
    assert taken(stripe) == []


@pytest.mark.parametrize("which", ["sub", "agency"])
def test_no_month_is_charged_in_which_an_account_was_closed(stripe, which):
    world = make_world(stripe)
    with clock.at(moment("2026-11-14")):
        world.save()
    world.run_at("2026-11-14 00:01")
    account = getattr(world, which)
    with clock.at(moment("2026-12-01")):
        closing.close(account=account)
    world.run_at("2026-12-14 00:01")
    with clock.at(moment("2026-12-20")):
        closing.reopen(account=account)

    codes = world.run_at("2026-12-20 00:01") + world.run_at("2027-01-14 00:01")

    allocation = AutoAllocation.objects.get(account=world.sub)
    assert codes == []
    assert len(world.taken()) == 1
    assert not allocation.active
    assert (allocation.basic_minutes, allocation.premium_minutes) == (500, 1000)
    assert world.told(world.agency, "allocation_changed")[-1] == (
        f"Monthly allocation for Northside Dental: stopped, because {account.name} was closed. It "
        "stays off until you save it again. Changed by support."
    )


def test_the_agency_turns_it_on_again_from_that_day(stripe):
    world = make_world(stripe)
    with clock.at(moment("2026-11-14")):
        world.save()
    world.run_at("2026-11-14 00:01")
    with clock.at(moment("2026-12-01")):
        closing.close(account=world.sub)
    with clock.at(moment("2026-12-20")):
        closing.reopen(account=world.sub)
        world.sub.refresh_from_db()
        world.save()

    codes = world.run_at("2026-12-20 00:01")

    assert codes == ["charge"]
    assert len(world.taken()) == 2
    periods = [str(run.period) for run in world.purchases()[0].allocation_run.allocation.runs.all()]
    assert periods == ["2026-12-20", "2026-11-14"]


def test_an_unpaid_month_of_a_closed_account_is_not_charged_later(stripe):
    world = make_world(stripe)
    world.decline_with()
    with clock.at(moment("2026-11-14")):
        world.save()
    world.run_at("2026-11-14 00:01")
    with clock.at(moment("2026-11-14 00:30")):
        closing.close(account=world.sub)
        closing.reopen(account=world.sub)

    assert world.run_at("2026-11-14 02:00") == []

    assert world.run("2026-11-14").state == "canceled"


def test_stopping_is_not_denied_while_an_account_is_closed(stripe):
    world = make_world(stripe)
    world.save()
    close(world.sub)
    world.sub.refresh_from_db()

    with pytest.raises(Refused, match="closed"):
        configure.skip_next(account=world.sub, agency=world.agency, actor=None)
    stopped = configure.save(
        account=world.sub,
        agency=world.agency,
        actor=None,
        basic_minutes=0,
        premium_minutes=0,
        payment_method="",
    )

    assert not stopped.active
    assert Notification.objects.filter(account=world.agency, kind="allocation_changed").exists()
