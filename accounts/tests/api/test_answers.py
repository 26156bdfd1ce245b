"""The envelope, whose account is meant, and the throttle, through views made for the test."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import pytest
from django.core.cache import cache
from django.http import Http404
from msgspec import Meta
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts import clock
from accounts.api import client as api_client
from accounts.api.answers import exception_handler
from accounts.api.shapes import Sent, read
from accounts.api.whose import account_for, resolve_account
from accounts.errors import Conflict, Invalid, NotFound
from accounts.people import access
from accounts.tests.builders import make_agency, make_individual, make_key, make_sub_account

pytestmark = [pytest.mark.django_db, pytest.mark.journey]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Body(Sent):
    name: Annotated[str, Meta(max_length=5)]
    numbers: Annotated[int, Meta(ge=0)]


class Echo(APIView):
    def get(self, request):
        return Response({"account": str(resolve_account(request).pk)})

    def post(self, request):
        return Response(read(Body, request.data))

    def put(self, request):
        account_for(
            request, account_id=resolve_account(request).pk, permission=access.Permission.MONEY
        )
        return Response({})


@pytest.fixture(autouse=True)
def _fresh_throttle():
    cache.clear()


def call(method: str, path: str = "/x", token: str = "", view=Echo, **kwargs) -> Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    kwargs.setdefault("format", "json")
    request = getattr(APIRequestFactory(), method)(path, headers=headers, **kwargs)
    response = view.as_view()(request)
    return response.render()


def error_of(response: Response) -> dict:
    assert set(response.data) == {"error"}
    assert set(response.data["error"]) == {"code", "message", "fields"}
    return response.data["error"]


def test_without_a_key_nothing_is_answered():
    response = call("get")

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert error_of(response)["code"] == "not_authenticated"


def test_a_wrong_key_is_401_and_says_so():
    response = call("get", token="tb_wrong")

    assert response.status_code == 401
    assert error_of(response) == {
        "code": "authentication_failed",
        "message": "This API key is unknown, revoked or expired.",
        "fields": {},
    }


def test_a_key_in_the_address_is_no_key():
    _, token = make_key(make_individual())

    assert call("get", f"/x?api_key={token}").status_code == 401


@pytest.mark.parametrize(
    ("status", "code", "kwargs"),
    [
        (400, "parse_error", {"data": "{", "content_type": "application/json", "format": None}),
        (415, "unsupported_media_type", {"data": "a", "content_type": "text/xml", "format": None}),
        (413, "too_large", {"data": {"name": "x" * 300_000}}),
    ],
)
def test_bodies_that_cannot_be_read(status, code, kwargs):
    _, token = make_key(make_individual())

    response = call("post", token=token, **kwargs)

    assert response.status_code == status
    assert error_of(response)["code"] == code


def test_another_method_is_405():
    _, token = make_key(make_individual())

    response = call("delete", token=token)

    assert response.status_code == 405
    assert error_of(response)["code"] == "method_not_allowed"


def test_a_bad_field_is_400_and_named():
    _, token = make_key(make_individual())

    response = call("post", token=token, data={"name": "abcdef", "numbers": 1, "x": 1})
    assert response.status_code == 400
    assert error_of(response) == {
        "code": "invalid",
        "message": "x: Unknown field.",
        "fields": {"x": "Unknown field."},
    }

    response = call("post", token=token, data={"name": "abcdef", "numbers": "1"})
    assert error_of(response)["fields"] == {
        "name": "Ensure this field has no more than 5 characters.",
        "numbers": "Send a whole number, without quotes.",
    }


@pytest.mark.parametrize("data", [[], "text", 5, None])
def test_a_body_of_another_shape_is_400(data):
    _, token = make_key(make_individual())

    assert call("post", token=token, data=data).status_code == 400


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (
            Conflict("Busy.", fields={"a": "b"}),
            409,
            {"code": "conflict", "message": "Busy.", "fields": {"a": "b"}},
        ),
        (Invalid("No."), 422, {"code": "invalid", "message": "No.", "fields": {}}),
        (NotFound("Gone."), 404, {"code": "not_found", "message": "Gone.", "fields": {}}),
        (
            Http404("secret path"),
            404,
            {
                "code": "not_found",
                "message": "There is nothing at this address.",
                "fields": {},
            },
        ),
    ],
)
def test_our_errors_carry_their_own_status_code_and_fields(error, status, body):
    response = exception_handler(error, {})

    assert response.status_code == status
    assert response.data == {"error": body}


def test_nested_complaints_are_named_by_their_path():
    response = exception_handler(ValidationError({"calls": [{}, {"seconds": ["Too many."]}]}), {})

    assert response.data["error"]["fields"] == {"calls.1.seconds": "Too many."}
    assert response.data["error"]["message"] == "calls.1.seconds: Too many."


def test_an_error_that_is_not_ours_stays_a_500():
    assert exception_handler(ZeroDivisionError(), {}) is None


def test_a_key_speaks_for_its_own_account_by_default():
    account = make_individual()
    _, token = make_key(account)

    assert call("get", token=token).data == {"account": str(account.pk)}


def test_an_agencys_key_names_its_sub_account():
    account = make_sub_account()
    _, token = make_key(account.agency)

    assert call("get", f"/x?account={account.pk}", token=token).data == {"account": str(account.pk)}
    assert call("put", f"/x?account={account.pk}", token=token).status_code == 403


def test_a_platform_key_must_name_the_account():
    account = make_individual()
    _, token = make_key(None)

    assert call("get", token=token).status_code == 400
    assert call("get", f"/x?account={account.pk}", token=token).status_code == 200


@pytest.mark.parametrize(
    ("_case", "status", "query"),
    [
        ("not an id", 400, "account=7"),
        ("two ids", 400, "account={own}&account={own}"),
        ("NUL", 400, "account=%00"),
        ("nobody's", 404, "account=00000000-0000-4000-8000-000000000000"),
        ("somebody else's", 404, "account={other}"),
    ],
)
def test_an_account_that_is_not_the_keys_own(_case, status, query):
    own, other = make_individual(), make_agency()
    _, token = make_key(own)

    response = call("get", "/x?" + query.format(own=own.pk, other=other.pk), token=token)

    assert response.status_code == status
    error_of(response)


def test_too_many_requests_of_one_key_are_429_and_another_key_is_served(monkeypatch):
    monkeypatch.setattr(api_client.KeyThrottle, "requests_per_minute", 2)
    account = make_individual()
    (_, busy), (_, calm), (_, platform) = make_key(account), make_key(account), make_key(None)

    with clock.at(NOON + timedelta(seconds=40)):
        assert [call("get", token=busy).status_code for _ in range(3)] == [200, 200, 429]
        response = call("get", token=busy)
        assert error_of(response)["code"] == "throttled"
        assert response["Retry-After"] == "20"
        assert call("get", token=calm).status_code == 200
        path = f"/x?account={account.pk}"
        assert {call("get", path, token=platform).status_code for _ in range(9)} == {200}
    with clock.at(NOON + timedelta(seconds=60)):
        assert call("get", token=busy).status_code == 200


def test_a_cache_that_is_down_does_not_take_the_api_with_it(no_cache):
    _, token = make_key(make_individual())

    assert call("get", token=token).status_code == 200
    assert "not counted error=ConnectionError" in no_cache.text


def test_an_address_that_does_not_exist_has_the_envelope(client):
    response = client.get("/api/v1/nothing-here")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("address", ["nowhere", "wallet%0A", "calls/holds/a%0Ab", "%0D%0A"])
def test_an_address_without_a_route_is_refused_in_json(client, address):
    response = client.get(f"/api/v1/{address}")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"
