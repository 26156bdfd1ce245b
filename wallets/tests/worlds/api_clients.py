"""Clients of the API for tests, each with a key of its own."""

from rest_framework.test import APIClient

from accounts.models import Account
from accounts.tests.builders import make_key


def client_of(account: Account | None, *scopes: str) -> APIClient:
    """A client with a key of the account (of the platform when None); all scopes by default."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(account, *scopes)[1]}")
    return client


def refusal(response, status: int) -> dict:
    """The refusal in a response: has this status and the shape every refusal has."""
    body = response.json()
    assert response.status_code == status, body
    assert list(body) == ["error"]
    assert sorted(body["error"]) == ["code", "fields", "message"]
    assert body["error"]["message"]
    return body["error"]
