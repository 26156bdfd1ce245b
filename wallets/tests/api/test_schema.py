"""The OpenAPI document: complete, valid and without a warning."""

import pytest
import yaml
from django.core.management import call_command

pytestmark = pytest.mark.journey

ROUTES = {
    "/api/v1/wallet": {"get"},
    "/api/v1/wallet/entries": {"get"},
    "/api/v1/wallet/auto-recharge": {"get", "put"},
    "/api/v1/wallet/recharges": {"get", "post"},
    "/api/v1/wallet/auto-recharge/preview": {"post"},
    "/api/v1/wallet/auto-recharge/retry": {"post"},
    "/api/v1/wallet/low-minutes": {"get", "put"},
    "/api/v1/wallet/recharges/{purchase_id}": {"get"},
    "/api/v1/wallet/recharges/preview": {"post"},
    "/api/v1/wallet/recharges/{purchase_id}/cancel": {"post"},
    "/api/v1/wallet/purchases/{purchase_id}/why": {"get"},
    "/api/v1/wallet/decisions": {"get"},
    "/api/v1/wallet/cards": {"get"},
    "/api/v1/wallet/cards/default": {"put"},
    "/api/v1/wallet/cards/backup": {"put"},
    "/api/v1/wallet/alerts": {"get", "post"},
    "/api/v1/wallet/alerts/{alert_id}": {"get", "put", "delete"},
    "/api/v1/wallet/alerts/{alert_id}/test": {"post"},
    "/api/v1/sub-accounts/{account_id}": {"get", "put"},
    "/api/v1/sub-accounts/{account_id}/archive": {"put"},
    "/api/v1/sub-accounts/{account_id}/owner": {"get", "put", "delete"},
    "/api/v1/sub-accounts/{account_id}/notices": {"put"},
    "/api/v1/sub-accounts/{account_id}/auto-allocation/preview": {"post"},
    "/api/v1/sub-accounts/{account_id}/auto-allocation/runs": {"get"},
    "/api/v1/sub-accounts/{account_id}/auto-allocation/retry": {"post"},
    "/api/v1/sub-accounts/{account_id}/auto-allocation/skip": {"put"},
    "/api/v1/sub-accounts/{account_id}/gifts": {"get", "post"},
    "/api/v1/sub-accounts/{account_id}/gifts/preview": {"post"},
    "/api/v1/sub-accounts/{account_id}/asks/{ask_id}/decline": {"post"},
    "/api/v1/auto-allocations": {"get"},
    "/api/v1/gifts/{gift_id}": {"get"},
    "/api/v1/asks": {"get", "post"},
    "/api/v1/asks/{ask_id}": {"get"},
    "/api/v1/asks/{ask_id}/withdraw": {"post"},
    "/api/v1/members": {"get"},
    "/api/v1/invitations": {"get"},
    "/api/v1/notices": {"get"},
    "/api/v1/receipts/{purchase_id}": {"get"},
    "/api/v1/sub-accounts": {"get", "post"},
    "/api/v1/sub-accounts/{account_id}/auto-allocation": {"get", "put"},
    "/api/v1/rates": {"get"},
    "/api/v1/receipts": {"get"},
    "/api/v1/statements/{month}": {"get"},
    "/api/v1/usage": {"get"},
}


@pytest.fixture(scope="module")
def document(tmp_path_factory) -> dict:
    file = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    return yaml.safe_load(file.read_text())


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_is_described_with_its_methods(document, route):
    assert {name for name in document["paths"][route] if name != "parameters"} == ROUTES[route]


@pytest.mark.parametrize(
    ("route", "method"), [(route, method) for route in ROUTES for method in sorted(ROUTES[route])]
)
def test_every_operation_has_a_summary_an_example_and_its_refusals(document, route, method):
    operation = document["paths"][route][method]
    responses = operation["responses"]
    good = [responses[status] for status in responses if status.startswith("2")]

    assert operation["summary"]
    assert operation["security"] == [{"ApiKey": []}]
    assert all("examples" in answer["content"]["application/json"] for answer in good)
    assert {"400", "401", "403", "404", "429"} <= set(responses)
    if "requestBody" in operation:
        assert "413" in responses
        assert "examples" in operation["requestBody"]["content"]["application/json"]


MONEY = ("calls", "usage", "wallet/recharges", "receipts", "statements/{month}", "wallet/entries")


@pytest.mark.parametrize("route", MONEY)
def test_what_adds_up_is_described_to_the_last_parameter_with_an_example(document, route):
    operation = document["paths"][f"/api/v1/{route}"]["get"]

    silent = [one["name"] for one in operation["parameters"] if not described(one)]
    assert silent == []
    assert "examples" in operation["responses"]["200"]["content"]["application/json"]
    assert {"400", "401", "403", "404", "429"} <= set(operation["responses"])


def described(parameter: dict) -> bool:
    shape = parameter["schema"]
    return any("description" in one for one in (parameter, shape, shape.get("items", {})))


def test_refusals_have_one_shape(document):
    (refusal,) = document["components"]["schemas"]["Error"]["properties"]["error"]["allOf"]
    fields = document["components"]["schemas"]["Refusal"]["properties"]

    assert refusal["$ref"].endswith("/Refusal")
    assert set(fields) == {"code", "message", "fields"}


def test_every_route_of_every_app_refuses_in_that_shape(document):
    operations = [one for path in document["paths"].values() for one in path.values()]
    shapes = {
        answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for operation in operations
        for status, answer in operation["responses"].items()
        if not status.startswith("2")
    }

    assert shapes == {"Error"}


@pytest.mark.django_db
def test_the_document_is_open_to_everybody(client):
    assert client.get("/api/v1/schema/").status_code == 200
    assert client.get("/api/v1/docs/").status_code == 200
    # It has no other shape to answer this with.
    assert client.options("/api/v1/docs/").status_code == 405


@pytest.mark.django_db
def test_an_address_that_is_not_there_says_so_in_json(client):
    for address in ("/api/v1/wallets", "/api/v1/wallet/a%0Ab"):
        response = client.get(address)

        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
