"""What is locked for a month, and whose wallet is opened for it."""

from datetime import date

import pytest
from django.db import transaction

from accounts import clock
from accounts.models import Account
from accounts.tests.builders import make_sub_account
from wallets.allocations import planning
from wallets.models import AutoAllocation, Wallet
from wallets.tests.worlds.allocation_world import moment
from wallets.tests.worlds.at_once import at_once

NOV_14 = moment("2026-11-14 10:00")


def lock_or_fail(account_id):
    with transaction.atomic():
        return Account.objects.select_for_update(nowait=True).get(pk=account_id).pk


@pytest.mark.django_db(transaction=True)
def test_who_holds_an_allocation_keeps_nobody_from_its_accounts(world):
    accounts = [world.agency.pk, world.sub.pk]
    allocation = world.save()

    with transaction.atomic():
        planning.lock(allocation_id=allocation.pk)

        assert at_once(lock_or_fail, accounts) == accounts


@pytest.mark.django_db
def test_an_allocation_that_is_not_there_cannot_be_locked():
    with pytest.raises(AutoAllocation.DoesNotExist, match="There is no allocation 4711"):
        planning.lock(allocation_id=4711)


@pytest.mark.django_db
def test_a_sub_account_without_a_wallet_gets_one_with_its_month_and_no_other_does(world):
    """Such as one that another system made."""
    mine, other = (make_sub_account(name, agency=world.agency) for name in ("East", "West"))
    for account in (mine, other):
        AutoAllocation.objects.create(
            agency=world.agency,
            account=account,
            basic_minutes=100,
            payment_method=world.card.id,
            anchor_date=date(2026, 11, 14),
        )

    with clock.at(NOV_14):
        locked = planning.lock(allocation_id=mine.auto_allocation.pk)
        [run] = planning.plan(locked=[locked])

    assert (run.allocation.account, run.state) == (mine, "due")
    opened = Wallet.objects.filter(account__in=[mine, other])
    assert [wallet.account for wallet in opened] == [mine]
