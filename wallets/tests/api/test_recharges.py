"""POST wallet/recharges against the Stripe sandbox: what a program may order, and once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection

from accounts.tests.builders import close, make_agency, make_individual, make_sub_account
from wallets.models import LedgerEntry, Purchase, Wallet
from wallets.recharges import by_hand
from wallets.tests.worlds.api_clients import client_of, refusal
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    make_wallet,
)
from wallets.tests.worlds.histories import allocate, buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

URL = "/api/v1/wallet/recharges"
FIFTY = {"amount": "50.00", "buys": "premium"}


@pytest.fixture
def wallet() -> Wallet:
    return make_wallet()


@pytest.fixture
def client(wallet):
    return client_of(wallet.account, "read", "write")


def order(client, body=FIFTY, *, key="order-1", query=""):
    return client.post(f"{URL}{query}", body, headers={"Idempotency-Key": key})


def nothing_happened() -> bool:
    return not Purchase.objects.exists() and not LedgerEntry.objects.exists()


def test_a_recharge_charges_the_default_card_and_credits_what_it_buys(stripe, client, wallet):
    card = add_card(stripe, wallet)

    response = order(client)

    body = response.json()
    assert response.status_code == 201
    purchase = Purchase.objects.get()
    assert body == {
        "id": str(purchase.pk),
        "account": str(wallet.account_id),
        "purpose": "recharge",
        "state": "succeeded",
        "amount": "50.00",
        "currency": "USD",
        "buys": "premium",
        "rate": "0.160000",
        "credited": {"credit": "0.000000", "premium_seconds": 18_750, "basic_seconds": 0},
        "card": card.label,
        "error_text": "",
        "action_url": None,
        "receipt_number": purchase.receipt_number,
        "created_at": body["created_at"],
        "closed_at": body["closed_at"],
    }
    assert client.get(f"{URL}/{purchase.pk}").json() == body
    wallet.refresh_from_db()
    assert wallet.premium_seconds == 18_750


def test_credit_has_no_rate(stripe, client, wallet):
    add_card(stripe, wallet)

    body = order(client, {"amount": "5", "buys": "credit"}).json()

    assert (body["rate"], body["amount"]) == (None, "5.00")
    assert body["credited"] == {"credit": "5.000000", "premium_seconds": 0, "basic_seconds": 0}


def test_another_saved_card_can_be_named(stripe, client, wallet):
    add_card(stripe, wallet)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)

    body = order(client, FIFTY | {"payment_method": other.id}).json()

    assert (body["state"], body["card"]) == ("succeeded", "Mastercard •••• 4444")


def test_a_repeat_answers_the_first_recharge_and_charges_nothing(stripe, client, wallet):
    add_card(stripe, wallet)
    first = order(client)

    second = order(client)

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert Purchase.objects.count() == 1
    assert len(stripe.truth()["payment_intents"]) == 1


def test_a_repeat_shows_the_state_as_it_is_now(client, wallet):
    submitted = buy(wallet, state="submitted", form_key="order-1", cents=5000, buys="credit")

    body = order(client, {"amount": "50.00", "buys": "credit"}).json()
    Purchase.objects.filter(pk=submitted.pk).update(
        state="declined", closed_at=submitted.created_at, error_text="Declined."
    )
    later = order(client, {"amount": "50.00", "buys": "credit"}).json()

    assert (body["state"], body["closed_at"]) == ("submitted", None)
    assert (later["state"], later["error_text"]) == ("declined", "Declined.")


@pytest.mark.parametrize(
    "facts", [{"amount": "50.01"}, {"buys": "basic"}, {"payment_method": "pm_other"}]
)
def test_a_repeat_with_other_facts_is_refused(stripe, client, wallet, facts):
    add_card(stripe, wallet)
    order(client)

    error = refusal(order(client, FIFTY | facts), 422)

    assert error["code"] == "idempotency_key_reused"
    assert Purchase.objects.count() == 1


def test_a_repeat_while_the_first_is_still_deciding_is_told_to_wait(client, wallet):
    first = buy(wallet, state="created", form_key="order-1", buys="credit")

    error = refusal(order(client, {"amount": "50.00", "buys": "credit"}), 409)

    assert error["code"] == "purchase_in_progress"
    assert error["fields"] == {"purchase": str(first.pk)}


@pytest.mark.parametrize(
    ("state", "status"), [("created", 409), ("submitted", 200), ("succeeded", 200)]
)
def test_a_repeat_that_comes_while_the_first_is_written_is_a_repeat(
    client, wallet, monkeypatch, state, status
):
    """The first one's purchase is not seen yet when the second looks for it without a lock."""
    monkeypatch.setattr(
        by_hand,
        "_take_over_waiting",
        lambda _: buy(wallet, state=state, form_key="order-1", buys="credit"),
    )

    answer = order(client, {"amount": "50.00", "buys": "credit"})

    first = Purchase.objects.get()
    assert (answer.status_code, first.state) == (status, state)
    told = answer.json()
    assert str(first.pk) == (told["id"] if status == 200 else told["error"]["fields"]["purchase"])


def test_another_recharge_without_an_outcome_is_in_the_way(stripe, client, wallet):
    add_card(stripe, wallet)
    open_one = buy(wallet, state="submitted")

    error = refusal(order(client), 409)

    assert error["code"] == "purchase_in_progress"
    assert error["fields"] == {"purchase": str(open_one.pk)}
    assert Purchase.objects.count() == 1


def test_keys_of_two_accounts_have_nothing_to_do_with_each_other(stripe, client, wallet):
    other = make_wallet()
    for one in (wallet, other):
        add_card(stripe, one)

    assert order(client).status_code == 201
    assert order(client_of(other.account)).status_code == 201
    assert Purchase.objects.filter(state="succeeded").count() == 2


def test_a_decline_is_an_answer_that_says_why(stripe, client, wallet):
    add_card(stripe, wallet, DECLINED_CARD)

    response = order(client)

    body = response.json()
    assert (response.status_code, body["state"], body["credited"]) == (201, "declined", None)
    assert "was declined" in body["error_text"]
    assert "You were not charged." in body["error_text"]
    assert LedgerEntry.objects.count() == 0


def test_a_card_whose_bank_asks_leads_a_person_to_the_page(stripe, client, wallet):
    add_card(stripe, wallet, BANK_ASKS_CARD)

    body = order(client).json()

    assert body["state"] == "requires_action"
    assert body["action_url"] == f"http://testserver/payments/purchases/{body['id']}/"


def test_an_unknown_outcome_is_submitted_until_stripe_says(stripe, client, wallet):
    add_card(stripe, wallet)
    stripe.fault(kind="reset_after", path="/v1/payment_intents/.*/confirm")
    stripe.fault(kind="500_before", path="/v1/payment_intents/pi_.*", method="GET", times=10)

    body = order(client).json()

    assert (body["state"], body["credited"]) == ("submitted", None)


def test_without_a_card_nothing_is_charged(client):
    error = refusal(order(client), 422)

    assert error["code"] == "no_payment_method"
    assert nothing_happened()


@pytest.mark.parametrize("key", ["", " ", "é", "a" * 256, "a\tb", "x\x7f"])
def test_the_key_is_1_to_255_printable_characters(client, key):
    error = refusal(order(client, key=key), 400)

    assert list(error["fields"]) == ["Idempotency-Key"]
    assert nothing_happened()


def test_the_key_is_required(client):
    assert list(refusal(client.post(URL, FIFTY), 400)["fields"]) == ["Idempotency-Key"]
    assert nothing_happened()


@pytest.mark.parametrize("key", ["a", "a" * 255, "order 2026-11-22 / 7", "~!"])
def test_every_printable_key_works(stripe, client, wallet, key):
    add_card(stripe, wallet)

    assert order(client, key=key).status_code == 201
    assert order(client, key=key).status_code == 200
    assert Purchase.objects.get().form_key == key


@pytest.mark.parametrize("amount", ["4.99", "10000.01", "0", "0.00", "999999999999.99"])
def test_amounts_out_of_range_are_refused(client, amount):
    assert list(refusal(order(client, FIFTY | {"amount": amount}), 400)["fields"]) == ["amount"]
    assert nothing_happened()


def test_an_agencys_key_cannot_recharge_its_sub_account(stripe):
    agency = make_agency()
    sub = make_wallet(account=make_sub_account(agency=agency))
    add_card(stripe, sub)

    error = refusal(order(client_of(agency), query=f"?account={sub.account_id}"), 403)

    assert error["code"] == "forbidden"
    assert nothing_happened()


def test_who_may_not_see_an_account_cannot_tell_that_it_is_there(client):
    other = make_individual("Grace Hopper")

    theirs = refusal(order(client, query=f"?account={other.pk}"), 404)
    nobodys = refusal(order(client, query=f"?account={uuid4()}"), 404)

    assert theirs == nobodys
    assert nothing_happened()


def test_a_key_that_may_only_read_cannot_pay(wallet):
    refusal(order(client_of(wallet.account, "read")), 403)
    assert nothing_happened()


def test_a_closed_account_cannot_pay(wallet, client):
    close(wallet.account)

    refusal(order(client), 403)
    assert nothing_happened()


def test_a_recharge_of_another_account_is_not_found(client):
    theirs = buy(make_wallet())

    refusal(client.get(f"{URL}/{theirs.pk}"), 404)
    refusal(client.get(f"{URL}/{uuid4()}"), 404)
    refusal(client.get(f"{URL}/1"), 404)


def test_an_agencys_allocation_is_not_a_recharge_of_anybody():
    agency = make_agency()
    sub = make_wallet(account=make_sub_account(agency=agency))
    purchase = allocate(sub)

    for account in (agency, sub.account):
        refusal(client_of(account).get(f"{URL}/{purchase.pk}"), 404)


@pytest.mark.django_db(transaction=True)
def test_ten_requests_with_one_key_charge_once(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    clients = [client_of(wallet.account) for _ in range(10)]

    def send(client):
        try:
            response = order(client)
            return response.status_code, response.json().get("id")
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(send, clients))

    purchase = Purchase.objects.get()
    assert purchase.state == "succeeded"
    statuses = [status for status, _ in answers]
    assert (set(statuses) <= {200, 201, 409}, statuses.count(201)) == (True, 1)
    assert {found for status, found in answers if status != 409} == {str(purchase.pk)}
    assert [intent["status"] for intent in stripe.truth()["payment_intents"]] == ["succeeded"]
    wallet.refresh_from_db()
    assert wallet.premium_seconds == 18_750
