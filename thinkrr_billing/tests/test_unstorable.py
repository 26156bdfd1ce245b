"""A NUL is refused wherever a person could have sent it; nothing is done."""

import pytest

from accounts.models import Account
from accounts.tests.builders import make_agency, owner_of
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


@pytest.fixture
def owner(client):
    agency = make_agency("Brightline Agency")
    make_wallet(account=agency)
    client.force_login(owner_of(agency))
    return client


@pytest.mark.parametrize(
    "address",
    ["/account-manager/?search=a%00", "/payments/?%00=1", "/login/?next=/%00"],
)
def test_an_address_with_a_nul_is_a_bad_request(owner, address):
    answer = owner.get(address)

    assert answer.status_code == 400
    assert "Something in it was not right." in answer.content.decode()


def test_a_form_with_a_nul_is_a_bad_request_and_stores_nothing(owner):
    answer = owner.post("/settings/", {"name": "Bright\x00line", "timezone": "UTC"})

    assert answer.status_code == 400
    assert Account.objects.get().name == "Brightline Agency"


def test_where_to_go_next_is_a_path_of_ours_or_nothing(owner):
    agency = Account.objects.get()
    for wanted in ("9", "NaN", "javascript:alert(1)", "//evil.example", "https://evil.example/"):
        answer = owner.post("/accounts/switch/", {"account": str(agency.pk), "next": wanted})

        assert (answer.status_code, answer["Location"]) == (302, "/")
