from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIClient, APIRequestFactory

from accounts import clock
from accounts.api.client import ApiKeyAuthentication
from accounts.errors import Conflict, Invalid, NotFound
from accounts.models import ApiKey, Notification
from accounts.people import api_keys
from accounts.tests.builders import make_agency, make_individual, make_key, owner_of

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def authenticate(header: str | None, *, ip: str = "127.0.0.1"):
    headers = {} if header is None else {"Authorization": header}
    request = APIRequestFactory().get("/api/v1/wallet", headers=headers, REMOTE_ADDR=ip)
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
        ("addresses", {"addresses": ["203.0.113.9", "203.0.113"]}),
        ("addresses", {"addresses": ["203.0.113.9/24"]}),
        ("addresses", {"addresses": ["203.0.113.0/33"]}),
        ("addresses", {"addresses": ["fe80::1%eth0"]}),
        ("addresses", {"addresses": ["::ffff:203.0.113.9"]}),
        ("addresses", {"addresses": ["a\x00"]}),
        ("addresses", {"addresses": [f"203.0.113.{number}" for number in range(21)]}),
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


def make_limited(*addresses: str):
    return api_keys.create(
        account=make_individual(), name="Dialer", scopes=["read"], addresses=addresses
    )


@pytest.mark.parametrize(
    ("ip", "may"),
    [
        ("203.0.113.0", True),
        ("203.0.113.255", True),
        ("203.0.114.0", False),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("::ffff:203.0.113.9", True),
        ("2001:db8:ffff::1", True),
        ("2001:db9::1", False),
        ("", False),
    ],
)
def test_a_limited_key_works_from_its_addresses_only(ip, may):
    key, token = make_limited("203.0.113.0/24", "198.51.100.7", "2001:DB8::/32")

    if may:
        assert authenticate(f"Bearer {token}", ip=ip)[1] == key
    else:
        with pytest.raises(AuthenticationFailed) as refusal:
            authenticate(f"Bearer {token}", ip=ip)
        assert "This API key may not be used from" in str(refusal.value)
        assert ApiKey.objects.get().last_used_at is None
    assert ApiKey.objects.get().addresses == ["203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32"]


def test_a_key_without_addresses_works_from_everywhere():
    key, token = make_limited()

    assert authenticate(f"Bearer {token}", ip="203.0.113.9")[1] == key


def test_a_limited_key_from_elsewhere_is_401_and_the_log_says_so(caplog):
    key, token = make_limited("203.0.113.0/24")

    answer = APIClient().get(
        "/api/v1/wallet", headers={"Authorization": f"Bearer {token}"}, REMOTE_ADDR="192.0.2.1"
    )
    APIClient().get("/api/v1/wallet", headers={"Authorization": "Bearer no"})

    assert answer.status_code == 401
    assert answer.json() == {
        "error": {
            "code": "authentication_failed",
            "message": "This API key may not be used from 192.0.2.1.",
            "fields": {},
        }
    }
    assert [text for text in caplog.messages if text.startswith("API key refused")] == [
        f"API key refused id={key.pk} ip=192.0.2.1",
        "API key refused id=None ip=127.0.0.1",
    ]


def test_rotating_gives_a_new_key_and_leaves_the_old_one_a_day():
    account = make_individual()
    with clock.at(NOON):
        old, token = api_keys.create(
            account=account, name="Dialer", scopes=["read"], addresses=["203.0.113.0/24"]
        )
    user = owner_of(account)

    with clock.at(NOON + timedelta(days=9)):
        new, new_token = api_keys.rotate(key_id=old.pk, account=account, rotated_by=user)

    old.refresh_from_db()
    assert old.replaced_by == new
    assert old.expires_at == NOON + timedelta(days=10)
    assert (new.name, new.scopes, new.addresses) == ("Dialer", ["read"], ["203.0.113.0/24"])
    assert (new.created_by, new.expires_at, new.replaced_by) == (user, None, None)
    with clock.at(NOON + timedelta(days=10, microseconds=-1)):
        assert api_keys.verify(token=token) == old
        assert api_keys.verify(token=new_token) == new
    with clock.at(NOON + timedelta(days=10)):
        assert api_keys.verify(token=token) is None
        assert api_keys.verify(token=new_token) == new
    assert Notification.objects.order_by("-pk")[0].text == (
        f"The API key “Dialer” was rotated: tb_{new.prefix}_… took the place of "
        f"tb_{old.prefix}_…, which stops working within 24 hours."
    )


def test_a_rotated_key_never_lives_longer_than_it_would_have_and_the_new_one_as_long_again():
    account = make_individual()
    with clock.at(NOON):
        old, _ = api_keys.create(
            account=account, name="K", scopes=["read"], expires_at=NOON + timedelta(days=30)
        )

    with clock.at(NOON + timedelta(days=29, hours=12)):
        new, _ = api_keys.rotate(key_id=old.pk, account=account)

    old.refresh_from_db()
    assert old.expires_at == NOON + timedelta(days=30)
    assert new.expires_at == NOON + timedelta(days=59, hours=12)


def test_what_only_support_gives_does_not_live_longer_by_rotating():
    account = make_individual()
    end = NOON + timedelta(days=30)
    with clock.at(NOON):
        old, _ = api_keys.create(account=account, name="K", scopes=["calls"], expires_at=end)

    with clock.at(NOON + timedelta(days=20)):
        new, _ = api_keys.rotate(key_id=old.pk, account=account)

    assert (new.scopes, new.expires_at) == (["calls"], end)


def _revoked(key: ApiKey) -> None:
    api_keys.revoke(key_id=key.pk, account=key.account)


def _expired(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(expires_at=clock.now())


def _rotated(key: ApiKey) -> None:
    api_keys.rotate(key_id=key.pk, account=key.account)


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        (_revoked, "This API key works no more, so it cannot be rotated. Make a new one."),
        (_expired, "This API key works no more, so it cannot be rotated. Make a new one."),
        (_rotated, "This API key has been rotated already, and its new one was shown."),
    ],
)
def test_a_key_that_has_ended_or_was_rotated_is_not_rotated(before, sentence):
    key, _ = make_key(make_individual())
    before(key)
    rows = list(ApiKey.objects.order_by("pk").values())

    with pytest.raises(Conflict, match=sentence):
        api_keys.rotate(key_id=key.pk, account=key.account)

    assert list(ApiKey.objects.order_by("pk").values()) == rows


def test_a_key_of_another_account_is_not_rotated():
    key, _ = make_key(make_individual())

    with pytest.raises(NotFound):
        api_keys.rotate(key_id=key.pk, account=make_agency())

    assert ApiKey.objects.get().expires_at is None
