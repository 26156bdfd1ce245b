from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

from accounts import clock
from accounts.api.client import ApiKeyAuthentication
from accounts.errors import Invalid, NotFound
from accounts.models import ApiKey, Notification
from accounts.people import api_keys
from accounts.tests.builders import make_agency, make_individual, make_key

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def authenticate(header: str | None):
    headers = {} if header is None else {"Authorization": header}
    request = APIRequestFactory().get("/api/v1/wallet", headers=headers)
    return ApiKeyAuthentication().authenticate(request)


def test_a_key_opens_with_its_token_and_the_database_does_not_hold_it():
    key, token = make_key(make_individual())

    assert api_keys.verify(token=token) == key
    row = ApiKey.objects.values().get()
    secret = token.split("_", 2)[2]
    assert len(secret) == 43  # 256 bits
    assert secret not in str(row)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token + "A",
        lambda token: token.replace("tb_", "sk_"),
        lambda token: "tb_000000000000_" + token.split("_", 2)[2],
        lambda token: token.upper(),
        lambda token: "",
        lambda token: "tb_" + "\x00" * 12 + "_x",
        lambda token: token + "\n",
    ],
)
def test_a_spoilt_token_opens_nothing(spoil):
    _, token = make_key(make_individual())

    assert api_keys.verify(token=spoil(token)) is None


def test_a_revoked_key_is_dead_at_once_and_stays_dead():
    account = make_individual()
    key, token = make_key(account)

    with clock.at(NOON):
        api_keys.revoke(key_id=key.pk, account=account)
    api_keys.revoke(key_id=key.pk, account=account)

    assert api_keys.verify(token=token) is None
    assert ApiKey.objects.get().revoked_at == NOON


def test_a_key_of_another_account_is_not_revoked():
    key, token = make_key(make_individual())

    with pytest.raises(NotFound):
        api_keys.revoke(key_id=key.pk, account=make_agency())
    assert api_keys.verify(token=token) == key


def test_a_key_lives_until_the_moment_it_expires():
    with clock.at(NOON):
        key, token = api_keys.create(
            account=make_individual(),
            name="Dialer",
            scopes=["read"],
            expires_at=NOON + timedelta(days=1),
        )

    with clock.at(NOON + timedelta(days=1, microseconds=-1)):
        assert api_keys.verify(token=token) == key
    with clock.at(NOON + timedelta(days=1)):
        assert api_keys.verify(token=token) is None


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("name", {"name": "   "}),
        ("name", {"name": "x" * 81}),
        ("scopes", {"scopes": []}),
        ("scopes", {"scopes": ["read", "everything"]}),
        ("expires_at", {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(field, change):
    wanted = {"account": make_individual(), "name": "Dialer", "scopes": ["read"], **change}

    with pytest.raises(Invalid) as refusal:
        api_keys.create(**wanted)

    assert set(refusal.value.fields) == {field}
    assert not ApiKey.objects.exists()


def test_the_account_is_told_of_new_and_revoked_keys():
    account = make_individual()
    key, _ = make_key(account, "read", "write")
    api_keys.revoke(key_id=key.pk, account=account)

    assert [n.text for n in Notification.objects.order_by("pk")] == [
        "A new API key, “Test”, may read and write in this account.",
        "The API key “Test” was revoked.",
    ]


def test_the_use_of_a_key_is_noted_every_five_minutes():
    _, token = make_key(make_individual())
    for minutes, noted in [(0, 0), (4, 0), (5, 5), (9, 5), (10, 10)]:
        with clock.at(NOON + timedelta(minutes=minutes)):
            authenticate(f"Bearer {token}")

        assert ApiKey.objects.get().last_used_at == NOON + timedelta(minutes=noted)


def test_the_client_stands_where_pages_have_a_user():
    key, token = make_key(make_individual())

    client, auth = authenticate(f"bearer {token}")

    assert (client.key, auth) == (key, key)
    assert client.is_authenticated
    assert not client.is_anonymous


def test_no_header_is_nobody():
    assert authenticate(None) is None


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Basic YTpi", "Bearer \xff\xfe"])
def test_a_bad_header_is_refused(header):
    with pytest.raises(AuthenticationFailed):
        authenticate(header)
