"""GET and PUT wallet/auto-recharge: settings by a program, and the charge that saving starts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import close, make_agency, make_sub_account
from wallets.models import AutoRecharge, LedgerEntry, Purchase, Wallet
from wallets.tests.worlds.api_clients import client_of, refusal
from wallets.tests.worlds.builders import (
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    make_wallet,
    set_auto_recharge,
)
from wallets.tests.worlds.histories import buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

URL = "/api/v1/wallet/auto-recharge"
BODY = {
    "enabled": True,
    "threshold": "10.00",
    "amount": "50.00",
    "monthly_limit": None,
    "payment_method": "",
    "resume_campaigns": False,
}


@pytest.fixture
def wallet() -> Wallet:
    return make_wallet(credit="58.20")


@pytest.fixture
def client(wallet):
    return client_of(wallet.account, "read", "write")


def settings_of(wallet: Wallet) -> dict:
    return AutoRecharge.objects.filter(wallet=wallet).values().get()


def test_the_settings_can_be_read(client, wallet):
    set_auto_recharge(wallet, threshold="12.50", amount="75", monthly_limit="500")

    body = client.get(URL).json()

    assert body == {
        "enabled": True,
        "threshold": "12.50",
        "amount": "75.00",
        "monthly_limit": "500.00",
        "daily_ceiling": None,
        "currency": "USD",
        "payment_method": "",
        "resume_campaigns": False,
        "status": "on",
        "reason": "",
        "not_before": None,
        "updated_at": body["updated_at"],
    }


def test_a_suspension_is_told_with_its_reason(client, wallet):
    set_auto_recharge(
        wallet, suspended_at="2026-11-22T09:14:03Z", suspended_reason="payment_failed"
    )

    body = client.get(URL).json()

    assert (body["status"], body["reason"]) == ("suspended", "Payment failed")


@pytest.mark.parametrize(
    ("hold", "minutes", "told"),
    [
        ("declined", 60, ("waiting", "Waiting after a decline", "2026-11-20T13:00:00Z")),
        ("cooldown", 1, ("on", "Just recharged", "2026-11-20T12:01:00Z")),
        ("declined", -1, ("on", "", None)),
    ],
)
def test_a_wait_is_told_while_it_lasts(client, wallet, hold, minutes, told):
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    set_auto_recharge(wallet, hold_reason=hold, not_before=noon + timedelta(minutes=minutes))

    with clock.at(noon):
        body = client.get(URL).json()

    assert (body["status"], body["reason"], body["not_before"]) == told


def test_saving_above_the_threshold_charges_nothing_and_says_so(stripe, client, wallet):
    card = add_card(stripe, wallet)

    response = client.put(
        URL,
        BODY
        | {
            "threshold": "20.5",
            "monthly_limit": "300.00",
            "payment_method": card.id,
            "resume_campaigns": True,
        },
    )

    body = response.json()
    assert response.status_code == 200
    assert body["purchase"] is None
    assert body["decision"] == {
        "code": "balance_fine",
        "text": "Your balance ($58.20) is not below $20.50. Nothing is charged now.",
    }
    assert body["settings"] == client.get(URL).json()
    saved = settings_of(wallet)
    assert (saved["enabled"], saved["resume_campaigns"]) == (True, True)
    assert (saved["threshold"], saved["monthly_limit"]) == (20.5, 300)
    assert saved["payment_method"] == card.id


def test_saving_below_the_threshold_charges_at_once(stripe, client, wallet):
    add_card(stripe, wallet)

    body = client.put(URL, BODY | {"threshold": "100.00", "quoted_charge": "50.00"}).json()

    assert body["decision"] == {"code": "charge", "text": ""}
    assert (body["purchase"]["state"], body["purchase"]["amount"]) == ("succeeded", "50.00")
    assert body["purchase"]["purpose"] == "auto_recharge"
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("108.20")


def test_a_decline_leaves_the_settings_saved(stripe, client, wallet):
    add_card(stripe, wallet, DECLINED_CARD)

    body = client.put(URL, BODY | {"threshold": "100.00"}).json()

    assert body["purchase"]["state"] == "declined"
    assert body["settings"]["enabled"] is True
    assert body["settings"]["status"] in ("waiting", "suspended")


def test_another_charge_than_quoted_changes_nothing(stripe, client, wallet):
    add_card(stripe, wallet)
    before = settings_of(wallet)

    error = refusal(client.put(URL, BODY | {"threshold": "100.00", "quoted_charge": "0"}), 422)

    assert error["code"] == "quote_changed"
    assert settings_of(wallet) == before
    assert not Purchase.objects.exists()


def test_turning_it_on_without_a_card_is_refused(client, wallet):
    before = settings_of(wallet)

    error = refusal(client.put(URL, BODY), 422)

    assert (error["code"], list(error["fields"])) == ("no_payment_method", ["payment_method"])
    assert settings_of(wallet) == before


def test_a_card_of_another_account_is_not_a_card(stripe, client, wallet):
    add_card(stripe, wallet)
    theirs = add_card(stripe, make_wallet(), OTHER_GOOD_CARD)

    error = refusal(client.put(URL, BODY | {"payment_method": theirs.id}), 422)

    assert error["code"] == "no_payment_method"


@pytest.mark.parametrize(
    ("sent", "kept"), [({}, 900), ({"daily_ceiling": "60.00"}, 60), ({"daily_ceiling": None}, None)]
)
def test_a_daily_ceiling_is_set_taken_back_or_left_as_it_is(stripe, client, wallet, sent, kept):
    add_card(stripe, wallet)
    set_auto_recharge(wallet, daily_ceiling=900)

    body = client.put(URL, BODY | sent).json()

    assert settings_of(wallet)["daily_ceiling"] == kept
    assert body["settings"]["daily_ceiling"] == (kept and f"{kept}.00")


def test_a_ceiling_below_the_amount_is_refused(stripe, client, wallet):
    add_card(stripe, wallet)

    error = refusal(client.put(URL, BODY | {"daily_ceiling": "49.99"}), 422)

    assert list(error["fields"]) == ["daily_ceiling"]


def test_a_limit_below_the_amount_is_refused(stripe, client, wallet):
    add_card(stripe, wallet)

    error = refusal(client.put(URL, BODY | {"monthly_limit": "49.99"}), 422)

    assert list(error["fields"]) == ["monthly_limit"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("threshold", "0.99"),
        ("threshold", "10000.01"),
        ("amount", "4.99"),
        ("amount", "2500.01"),
        ("monthly_limit", "4.99"),
        ("daily_ceiling", "4.99"),
        ("daily_ceiling", "50000.01"),
    ],
)
def test_amounts_out_of_range_are_refused(client, wallet, field, value):
    before = settings_of(wallet)

    error = refusal(client.put(URL, BODY | {field: value}), 400)

    assert list(error["fields"]) == [field]
    assert settings_of(wallet) == before


@pytest.mark.parametrize("field", sorted(BODY))
def test_every_setting_must_be_sent(client, field):
    body = {name: value for name, value in BODY.items() if name != field}

    assert list(refusal(client.put(URL, body), 400)["fields"]) == [field]


def test_an_agencys_key_reads_but_never_writes_its_sub_accounts_settings():
    agency = make_agency()
    sub = make_wallet(account=make_sub_account(agency=agency))
    client, url = client_of(agency), f"{URL}?account={sub.account_id}"
    before = settings_of(sub)

    assert client.get(url).status_code == 200
    assert refusal(client.put(url, BODY), 403)["code"] == "forbidden"
    assert settings_of(sub) == before
    assert not LedgerEntry.objects.exists()


def test_other_accounts_are_not_found_and_closed_ones_not_changed(client, wallet):
    other = make_wallet()
    refusal(client.put(f"{URL}?account={other.account_id}", BODY), 404)
    refusal(client.get(f"{URL}?account={other.account_id}"), 404)

    close(wallet.account)
    refusal(client.put(URL, BODY | {"enabled": False}), 403)


def test_a_key_that_may_only_read_cannot_save(wallet):
    before = settings_of(wallet)

    refusal(client_of(wallet.account, "read").put(URL, BODY | {"enabled": False}), 403)

    assert settings_of(wallet) == before


def test_an_open_recharge_is_why_saving_charges_nothing_more(stripe, client, wallet):
    add_card(stripe, wallet)
    buy(wallet, state="submitted")

    body = client.put(URL, BODY | {"threshold": "100.00"}).json()

    assert (body["decision"]["code"], body["purchase"]) == ("purchase_pending", None)
