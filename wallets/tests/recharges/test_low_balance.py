import pytest

from accounts.models import Notification
from wallets.recharges import low_balance
from wallets.tests.worlds.builders import fill, make_wallet

pytestmark = pytest.mark.django_db


def test_a_low_balance_is_told_once_per_crossing_when_it_is_off(
    nudges, django_capture_on_commit_callbacks
):
    wallet = make_wallet(credit="20")
    with django_capture_on_commit_callbacks(execute=True):
        fill(wallet, credit="-11.80")
        fill(wallet, credit="-0.10")
    assert nudges == [("wallets.tell_low_balance", (wallet.pk,))]

    assert list(low_balance.UNTOLD.take()) == [wallet.pk]
    low_balance.tell(wallet_id=wallet.pk)
    low_balance.tell(wallet_id=wallet.pk)

    notes = Notification.objects.filter(account=wallet.account, kind="low_balance")
    assert [note.text for note in notes] == ["Low balance: $8.10, about 50 Premium minutes."]
    fill(wallet, credit="4")  # $12.10: above the threshold, not well above.
    fill(wallet, credit="-5")
    assert list(low_balance.UNTOLD.take()) == []
    fill(wallet, credit="10")
    fill(wallet, credit="-10")
    assert list(low_balance.UNTOLD.take()) == [wallet.pk]


def test_a_new_wallet_is_not_told_that_it_is_empty():
    wallet = make_wallet()
    fill(wallet, credit="5")

    assert list(low_balance.UNTOLD.take()) == []
