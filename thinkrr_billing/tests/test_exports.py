"""Lists and receipts that are taken as files: written down, and not without end."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts import clock, limits
from accounts.tests.builders import make_individual, make_user, owner_of
from thinkrr_billing.staff.tests.phone import staff_client, url
from wallets.balances.opening import open_wallet
from wallets.tests.worlds.builders import make_wallet
from wallets.tests.worlds.histories import buy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

STATEMENT = "/payments/transactions.csv"


@pytest.fixture
def most(monkeypatch) -> int:
    monkeypatch.setattr(limits, "FILES_OF_PERSON_AN_HOUR", 3)
    return 3


@pytest.fixture
def client() -> Client:
    account = make_individual(owner=make_user("ada@example.com"))
    open_wallet(account=account)
    client = Client()
    client.force_login(owner_of(account))
    return client


def test_whoever_takes_a_list_is_written_down(client, caplog):
    caplog.set_level("INFO", logger="accounts.runtime.exports")
    client.get(STATEMENT)
    staff = staff_client()
    staff.get(url("accounts.account", "export"))

    ada, sam = client.session["_auth_user_id"], staff.session["_auth_user_id"]
    assert [each for each in caplog.messages if each.startswith("exported")] == [
        f"exported transactions user={ada}",
        f"exported accounts.account user={sam}",
    ]


def test_one_more_than_the_limit_is_refused_with_a_sentence_until_the_hour_is_over(client, most):
    with clock.at(clock.now().replace(minute=5)):
        answers = [client.get(STATEMENT) for _ in range(most + 1)]
    with clock.at(clock.now().replace(minute=5) + timedelta(hours=1)):
        later = client.get(STATEMENT)

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert "very many files within this hour" in answers[-1].content.decode()
    assert later.status_code == 200


def test_support_is_braked_as_well_and_each_person_alone(most):
    first, second = staff_client(), staff_client()
    path = url("accounts.account", "export")

    statuses = [first.get(path).status_code for _ in range(most + 1)]

    assert statuses == [200, 200, 200, 429]
    assert second.get(path).status_code == 200


@pytest.mark.usefixtures("stripe")
def test_a_receipt_counts_too_and_pages_do_not(most):
    wallet = make_wallet()
    paid = buy(wallet)
    client = Client()
    client.force_login(owner_of(wallet.account))
    receipt = f"/payments/receipts/{paid.pk}.pdf"

    assert [client.get(receipt).status_code for _ in range(most + 1)] == [200, 200, 200, 429]
    assert client.get(STATEMENT).status_code == 429
    assert client.get("/payments/transactions/").status_code == 200
