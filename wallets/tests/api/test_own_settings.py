"""What an account sets and reads by a program: cards, alerts, Auto-Recharge's dry run, and why."""

import pytest

from accounts.models import Account, Notification
from accounts.tests.builders import make_agency, make_sub_account
from campaigns import lifecycle
from campaigns.tests.builders import make_campaign
from wallets.alerts import telling
from wallets.models import Alert, AutoRecharge, Purchase, Wallet
from wallets.tests.worlds.api_clients import client_of, refusal
from wallets.tests.worlds.builders import (
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    make_wallet,
)
from wallets.tests.worlds.histories import buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

V1 = "/api/v1/wallet"
SETTINGS = {
    "enabled": True,
    "threshold": "10.00",
    "amount": "50.00",
    "monthly_limit": None,
    "payment_method": "",
    "resume_campaigns": False,
}


@pytest.fixture
def wallet() -> Wallet:
    return make_wallet(credit="8.20")


@pytest.fixture
def client(wallet):
    return client_of(wallet.account)


# Cards


def test_cards_are_read_without_their_numbers_and_chosen(stripe, client, wallet):
    first, second = add_card(stripe, wallet), add_card(stripe, wallet, OTHER_GOOD_CARD)

    before = client.get(f"{V1}/cards").json()["results"]
    client.put(f"{V1}/cards/backup", {"card": second.id})
    with_backup = client.get(f"{V1}/cards").json()["results"]
    after = client.put(f"{V1}/cards/default", {"card": second.id}).json()["results"]

    assert [(one["id"], one["label"], one["last4"]) for one in before] == [
        (first.id, "Visa •••• 4242", "4242"),
        (second.id, "Mastercard •••• 4444", "4444"),
    ]
    assert set(before[0]) == {
        *("id", "label", "brand", "last4", "exp_month", "exp_year"),
        *("is_expired", "is_default", "is_backup"),
    }
    assert [one["is_backup"] for one in with_backup] == [False, True]
    assert [(one["is_default"], one["is_backup"]) for one in after] == [
        (False, False),
        (True, False),
    ]


def test_the_default_card_is_no_backup_and_another_accounts_card_is_none(stripe, client, wallet):
    card = add_card(stripe, wallet)
    strange = add_card(stripe, make_wallet())

    refusal(client.put(f"{V1}/cards/backup", {"card": card.id}), 409)
    refusal(client.put(f"{V1}/cards/default", {"card": strange.id}), 422)

    wallet.refresh_from_db()
    assert (wallet.default_payment_method, wallet.backup_payment_method) == (card.id, "")


# Alerts


def test_alerts_are_added_read_changed_and_removed(client):
    new = {"kind": "balance", "level": "25.00", "addresses": ["books@example.com"]}
    added = client.post(f"{V1}/alerts", new)
    one = f"{V1}/alerts/{added.json()['id']}"

    changed = client.put(one, new | {"level": "30.50", "people": "nobody"}).json()
    read, listed = client.get(one).json(), client.get(f"{V1}/alerts").json()
    removed = client.delete(one)

    assert (added.status_code, added.json()["level"]) == (201, "25.00")
    # It is below already: told once it has been above.
    assert added.json()["armed"] is False
    assert (changed["level"], changed["people"]) == ("30.50", "nobody")
    assert (read, listed) == (changed, {"results": [changed]})
    assert (removed.status_code, removed.json()) == (200, changed)
    refusal(client.get(one), 404)
    assert not Alert.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"level": None}, "level"),
        ({"kind": "runway", "level": "1.5"}, "level"),
        ({"addresses": ["nobody"]}, "addresses"),
        ({"people": "nobody"}, "people"),
        ({"slack": True}, "slack"),
    ],
)
def test_an_alert_that_makes_no_sense_is_refused(client, change, field):
    answer = client.post(f"{V1}/alerts", {"kind": "balance", "level": "25.00"} | change)

    assert list(refusal(answer, 422)["fields"]) == [field]
    assert not Alert.objects.exists()


def test_a_test_of_an_alert_goes_to_whom_it_names(client, wallet):
    alert = Alert.objects.create(wallet=wallet, kind="balance", level=25)

    assert client.post(f"{V1}/alerts/{alert.pk}/test").status_code == 200
    [told] = Notification.objects.filter(account=wallet.account, kind=telling.TEST_KIND)
    assert told.text.startswith("A test that a program sent; the figures are made up.")


def test_another_accounts_alert_is_not_there(client):
    alert = Alert.objects.create(wallet=make_wallet(), kind="balance", level=25)

    for method in ("get", "delete"):
        refusal(getattr(client, method)(f"{V1}/alerts/{alert.pk}"), 404)
    refusal(client.get(f"{V1}/alerts/999999999999999999999"), 404)
    assert Alert.objects.count() == 1


def test_from_how_many_minutes_on_to_tell_is_read_and_set(client, wallet):
    assert client.get(f"{V1}/low-minutes").json() == {"minutes": None}

    client.put(f"{V1}/low-minutes", {"minutes": 200})

    assert client.get(f"{V1}/low-minutes").json() == {"minutes": 200}
    refusal(client.put(f"{V1}/low-minutes", {"minutes": -1}), 400)
    assert AutoRecharge.objects.get(wallet=wallet).minutes_level == 200


# Auto-Recharge


def test_a_dry_run_tells_what_saving_would_charge_and_saves_nothing(stripe, client, wallet):
    add_card(stripe, wallet)

    body = client.post(f"{V1}/auto-recharge/preview", SETTINGS).json()

    assert body == {
        "charge_now": "50.00",
        "currency": "USD",
        "code": "charge",
        "text": "Your balance ($8.20) is already below $10.00. Visa •••• 4242 will be charged "
        "$50.00 now.",
        "warning": "",
        "card": "Visa •••• 4242",
        "backup_card": "",
        "past": None,
    }
    assert not AutoRecharge.objects.get(wallet=wallet).enabled
    assert not Purchase.objects.exists()


def test_what_could_not_be_saved_is_refused_by_the_dry_run(client, wallet):
    limit = SETTINGS | {"monthly_limit": "20.00"}

    shown = refusal(client.post(f"{V1}/auto-recharge/preview", limit), 422)
    saved = refusal(client.put(f"{V1}/auto-recharge", limit), 422)

    assert shown == saved
    refusal(client.post(f"{V1}/auto-recharge/preview", SETTINGS), 422)
    assert not AutoRecharge.objects.get(wallet=wallet).enabled


def test_a_failed_charge_is_tried_again_once_for_a_key(stripe, client, wallet):
    add_card(stripe, wallet, DECLINED_CARD)
    client.put(f"{V1}/auto-recharge", SETTINGS)

    answers = [
        client.post(f"{V1}/auto-recharge/retry", headers={"Idempotency-Key": "t"}) for _ in range(2)
    ]

    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json()["purchase"]["state"] == "declined"
    assert answers[1].content == answers[0].content
    assert Purchase.objects.count() == 2


@pytest.mark.parametrize("expected", ["49.00", "0.00"])
def test_a_try_that_expects_another_charge_charges_nothing(stripe, client, wallet, expected):
    add_card(stripe, wallet, DECLINED_CARD)
    client.put(f"{V1}/auto-recharge", SETTINGS)

    answer = client.post(f"{V1}/auto-recharge/retry", {"quoted_charge": expected})

    assert refusal(answer, 422)["code"] == "quote_changed"
    assert Purchase.objects.count() == 1


def test_there_is_nothing_to_try_again_while_it_is_off(client):
    refusal(client.post(f"{V1}/auto-recharge/retry"), 409)

    assert not Purchase.objects.exists()


# Recharging by hand


def test_what_an_amount_would_buy_is_told_and_nothing_is_charged(client):
    body = client.post(f"{V1}/recharges/preview", {"amount": "50.00", "buys": "premium"}).json()

    assert body == {
        "amount": "50.00",
        "currency": "USD",
        "buys": "premium",
        "rate": "0.160000",
        "debt": "0.00",
        "seconds": 18750,
        "credit": "0.000000",
        "auto_recharge": "0.00",
    }
    assert not Purchase.objects.exists()


def test_a_recharge_that_waits_is_given_up_and_one_that_is_paid_stays(client, wallet):
    paid = buy(wallet)
    waits = buy(wallet, state="created")

    given_up = client.post(f"{V1}/recharges/{waits.pk}/cancel").json()
    stays = client.post(f"{V1}/recharges/{paid.pk}/cancel").json()

    assert (given_up["state"], stays["state"]) == ("canceled", "succeeded")
    strange = buy(make_wallet(), state="created")
    refusal(client.post(f"{V1}/recharges/{strange.pk}/cancel"), 404)
    assert Purchase.objects.get(pk=strange.pk).state == "created"


# Why


def test_a_charge_says_why_it_was_made(client, wallet):
    paid = buy(wallet, receipt_number=7)

    body = client.get(f"{V1}/purchases/{paid.pk}/why").json()

    assert body["purchase"] == str(paid.pk)
    assert body["text"].startswith("Charged $50.00 to Visa •••• 4242 because ")
    refusal(client_of(make_agency()).get(f"{V1}/purchases/{paid.pk}/why"), 404)


def test_decisions_are_read_in_sentences_by_campaign_and_in_pages(client, wallet):
    for name in ("one", "two"):
        campaign = make_campaign(wallet.account, name=f"{name} & more", external_id=name)
        lifecycle.pause(campaign_id=campaign.pk, account=wallet.account, actor=None)

    [row] = client.get(f"{V1}/decisions?about=one").json()["results"]
    first = client.get(f"{V1}/decisions?subject=autopause&limit=1").json()
    second = client.get(first["next"]).json()

    assert (row["subject"], row["about"], row["code"]) == ("autopause", "one", "by_hand")
    assert "one & more" in row["text"]
    assert row["figures"] == {"by": "the API"}
    assert [one["about"] for one in first["results"] + second["results"]] == ["two", "one"]
    refusal(client.get(f"{V1}/decisions?subject=calls"), 400)
    refusal(client.get(f"{V1}/decisions?cursor=x"), 400)


# A sub-account, for its agency


@pytest.fixture
def sub() -> Account:
    account = make_sub_account("Northside Dental", agency=make_agency("Brightline Agency"))
    make_wallet(account=account)
    return account


def test_a_sub_account_is_renamed_archived_and_brought_back(sub):
    client, url = client_of(sub.agency), f"/api/v1/sub-accounts/{sub.pk}"
    campaign = make_campaign(sub, status="started")

    renamed = client.put(url, {"name": " Southside  Dental "}).json()
    archived = client.put(f"{url}/archive", {"archived": True}).json()
    campaign.refresh_from_db()
    back = client.put(f"{url}/archive", {"archived": False}).json()

    assert (renamed["name"], campaign.status) == ("Southside Dental", "paused")
    assert (archived["archived_at"] is None, back["archived_at"]) == (False, None)
    assert client.get(url).json() == back
    told = Notification.objects.filter(account=sub, kind="account_status").order_by("pk")
    assert told.first().text == (
        "Northside Dental is called Southside Dental now. Renamed by your agency."
    )


def test_an_owner_is_invited_until_somebody_joins(sub):
    client, url = client_of(sub.agency), f"/api/v1/sub-accounts/{sub.pk}/owner"
    joined = client.get(url).json()
    refused = refusal(client.put(url, {"email": "new@example.com"}), 409)
    sub.memberships.all().delete()

    invited = client.put(url, {"email": "new@example.com"}).json()
    withdrawn = client.delete(url).json()

    assert (joined["state"], joined["email"]) == ("joined", "")
    assert refused["message"] == (
        "Somebody works in Northside Dental already. It invites its people itself."
    )
    assert (invited["state"], invited["email"]) == ("being_sent", "new@example.com")
    assert withdrawn == {"state": "none", "email": "", "since": None, "expires_at": None}


def test_an_agency_chooses_to_hear_of_a_sub_account(sub):
    url = f"/api/v1/sub-accounts/{sub.pk}/notices"

    assert client_of(sub.agency).put(url, {"hears": True}).json() == {"hears": True}
    assert AutoRecharge.objects.get(wallet__account=sub).agency_hears


def test_a_sub_accounts_own_key_may_none_of_it(sub):
    client, url = client_of(sub), f"/api/v1/sub-accounts/{sub.pk}"

    refusal(client.put(url, {"name": "Mine"}), 403)
    refusal(client.put(f"{url}/archive", {"archived": True}), 403)

    sub.refresh_from_db()
    assert (sub.name, sub.archived_at) == ("Northside Dental", None)
