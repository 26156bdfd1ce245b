"""A charge as one line, with its reason and in the customer's clock."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import make_agency, make_individual, make_sub_account, make_user
from wallets.balances.opening import open_wallet
from wallets.models import LoggedDecision
from wallets.recharges import auto_recharge
from wallets.statements.charge_line import charge_line
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import allocate, buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

MORNING = datetime(2026, 11, 22, 14, 14, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_an_automatic_charge_says_which_balance_was_below_what(stripe):
    account = make_individual(timezone="America/New_York")
    wallet = make_wallet(account=account, credit="7.15")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10, amount=50)
    with clock.at(MORNING):
        auto_recharge.run(wallet_id=wallet.pk)
    purchase = wallet.purchases.get()

    assert charge_line(purchase) == (
        "Charged $50.00 to Visa •••• 4242 because the balance of $7.15 was below $10.00, "
        f"on 22 Nov 2026, 09:14 EST (14:14 UTC). Receipt {purchase.receipt_number}."
    )
    LoggedDecision.objects.all().delete()
    assert "because Auto-Recharge is on and the balance was below" in charge_line(purchase)


def test_a_recharge_by_hand_says_who_asked_and_a_declined_one_why_not():
    wallet = open_wallet(account=make_individual(timezone="America/New_York"))
    ada = make_user("ada@example.com")
    with clock.at(MORNING):
        paid = buy(wallet, receipt_number=1001, requested_by=ada)
        declined = buy(wallet, state="declined", requested_by=ada, error_text="It was declined.")
        waiting = buy(wallet, state="submitted", requested_by=ada)

    when = "22 Nov 2026, 09:14 EST (14:14 UTC)"
    because = f"$50.00 to Visa •••• 4242 because {ada} recharged Credit"
    assert charge_line(paid) == f"Charged {because}, on {when}. Receipt 1001."
    assert charge_line(declined) == f"Did not charge {because}, on {when}. It was declined."
    assert charge_line(waiting) == f"Charging {because}, since {when}. There is no answer yet."


def test_an_allocation_says_for_whom_and_a_day_of_its_own_in_utc():
    agency = make_agency("Brightline Agency", timezone="America/New_York")
    sub = open_wallet(account=make_sub_account("Northside Dental", agency=agency))
    with clock.at(datetime(2026, 11, 21, 3, tzinfo=UTC)):
        purchase = allocate(sub)

    line = charge_line(purchase)

    assert "because 500 Basic minutes for Northside Dental were due on 20 Nov 2026" in line
    assert "on 20 Nov 2026, 22:00 EST (21 Nov 2026, 03:00 UTC)" in line
    assert Decimal(purchase.amount_cents) == 4500
