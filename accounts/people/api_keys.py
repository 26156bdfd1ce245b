"""Keys for machines: making, checking, rotating and revoking them.

A key reads `tb_<prefix>_<secret>`. It is shown once; only the SHA-256 of its secret is kept."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from accounts import clock
from accounts.errors import Conflict, Invalid, NotFound
from accounts.models import Account, ApiKey, Scope, User
from accounts.runtime import statements
from accounts.runtime.addresses import is_within, read_network
from accounts.runtime.statements import columns
from accounts.telling.notifications import notify

PREFIX_BYTES = 6
SECRET_BYTES = 32  # 256 random bits: nothing can be guessed, so a fast hash is enough.
MAX_NAME_LENGTH = 80
# Offices and data centres with their successors; they are read at every request.
MAX_ADDRESSES = 20
# For how long the old key works beside its new one: a working day, whenever it was rotated.
OVERLAP = timedelta(hours=24)
# A key used a thousand times a second still writes one row every five minutes.
LAST_USED_EVERY = timedelta(minutes=5)
# What an account may give its own keys; reporting calls is given by support only.
SELF_SERVICE_SCOPES = (Scope.READ, Scope.WRITE)

# Asked at every request of the API: a key, its account, and that one's agency.
BY_PREFIX = f"""SELECT {columns(ApiKey, "k")}, {columns(Account, "a")}, {columns(Account, "g")}
FROM accounts_apikey k
LEFT JOIN accounts_account a ON a.id = k.account_id
LEFT JOIN accounts_account g ON g.id = a.agency_id
WHERE k.prefix = %s
"""  # nosec B608 # columns of ours

_KEY = re.compile(r"tb_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)


@transaction.atomic
def create(
    *,
    account: Account | None,
    name: str,
    scopes: Iterable[str],
    created_by: User | None = None,
    expires_at: datetime | None = None,
    addresses: Iterable[str] = (),
) -> tuple[ApiKey, str]:
    """Make a key (of the platform when `account` is None) and return it with its only copy.

    `addresses` (`203.0.113.9`, `2001:db8::/32`) are the only ones it will work from; without any
    it works from everywhere.
    """
    wanted, networks = sorted(set(scopes)), list(addresses)
    _check(name=name, scopes=wanted, expires_at=expires_at, addresses=networks)
    key, token = _make(
        account=account,
        name=name.strip(),
        scopes=wanted,
        created_by=created_by,
        expires_at=expires_at,
        addresses=[str(read_network(each)) for each in networks],
    )
    if account is not None:
        _tell(key, f"A new API key, “{key.name}”, may {' and '.join(wanted)} in this account.")
    return key, token


@transaction.atomic
def rotate(
    *, key_id: int, account: Account | None, rotated_by: User | None = None
) -> tuple[ApiKey, str]:
    """Make a key that takes the place of one of the account's, and return it with its only copy.

    The old one works on for `OVERLAP`, so that its programs can be changed in between. `Conflict`
    for one that has ended or was rotated before: a form sent twice makes one key.
    """
    old = _to_rotate(key_id=key_id, account=account)
    new, token = _make(
        account=account,
        name=old.name,
        scopes=old.scopes,
        created_by=rotated_by,
        expires_at=_end_of_next(old),
        addresses=old.addresses or [],
    )
    ends = clock.now() + OVERLAP
    old.expires_at = min(old.expires_at or ends, ends)
    old.replaced_by = new
    old.save(update_fields=["expires_at", "replaced_by"])
    if account is not None:
        _tell(
            new,
            f"The API key “{new.name}” was rotated: tb_{new.prefix}_… took the place of "
            f"tb_{old.prefix}_…, which stops working within 24 hours.",
        )
    return new, token


def _to_rotate(*, key_id: int, account: Account | None) -> ApiKey:
    key = ApiKey.objects.select_for_update().filter(pk=key_id, account=account).first()
    if key is None:
        raise NotFound("There is no such API key.")
    if key.replaced_by_id:
        raise Conflict("This API key has been rotated already, and its new one was shown.")
    if not is_live(key=key):
        raise Conflict("This API key works no more, so it cannot be rotated. Make a new one.")
    return key


def _end_of_next(old: ApiKey) -> datetime | None:
    """As far away as the old one's once was; what only support gives ends when support said."""
    if old.expires_at is None or not set(old.scopes) <= set(SELF_SERVICE_SCOPES):
        return old.expires_at
    return clock.now() + (old.expires_at - old.created_at)


def _make(**facts: object) -> tuple[ApiKey, str]:
    prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey.objects.create(prefix=prefix, secret_hash=_hash(secret), **facts)
    return key, f"tb_{prefix}_{secret}"


def verify(*, token: str) -> ApiKey | None:
    """The live key this token opens, with its account; None for anything else."""
    parts = _KEY.fullmatch(token)
    if parts is None:
        return None
    prefix, secret = parts.groups()
    key = _by_prefix(prefix)
    # Compared even when there is no such key, so that the time taken says nothing.
    same = hmac.compare_digest(_hash(secret), key.secret_hash if key else _hash(""))
    return key if key and same and is_live(key=key) else None


def _by_prefix(prefix: str) -> ApiKey | None:
    if settings.CELLS:
        return ApiKey.objects.filter(prefix=prefix).first()
    for row in statements.rows(BY_PREFIX, [prefix]):
        key, account, agency = statements.instances(row, ApiKey, Account, Account)
        if account:
            key.account, account.agency = account, agency
        return key
    return None


def is_live(*, key: ApiKey) -> bool:
    expired = key.expires_at is not None and key.expires_at <= clock.now()
    return key.revoked_at is None and not expired


def may_come_from(*, key: ApiKey, ip: str) -> bool:
    return not key.addresses or is_within(ip, map(read_network, key.addresses))


@transaction.atomic
def revoke(*, key_id: int, account: Account | None) -> None:
    """Stop one of the account's keys (of the platform's when None) at once. Safe to repeat."""
    key = ApiKey.objects.select_for_update().filter(pk=key_id, account=account).first()
    if key is None:
        raise NotFound("There is no such API key.")
    if key.revoked_at is None:
        key.revoked_at = clock.now()
        key.save(update_fields=["revoked_at"])
        if account is not None:
            _tell(key, f"The API key “{key.name}” was revoked.")


@transaction.atomic
def revoke_all(*, account: Account) -> int:
    """Stop every key of the account at once. Returns how many were live."""
    live = ApiKey.objects.filter(account=account, revoked_at=None).order_by("pk")
    ids = list(live.values_list("pk", flat=True))
    for key_id in ids:
        revoke(key_id=key_id, account=account)
    return len(ids)


def note_use(*, key: ApiKey) -> None:
    now = clock.now()
    if key.last_used_at and key.last_used_at > now - LAST_USED_EVERY:
        return
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - LAST_USED_EVERY)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def _check(
    *, name: str, scopes: list[str], expires_at: datetime | None, addresses: list[str]
) -> None:
    fields = {}
    if not 1 <= len(name.strip()) <= MAX_NAME_LENGTH:
        fields["name"] = f"Give the key a name of 1 to {MAX_NAME_LENGTH} characters."
    if not scopes or not set(scopes) <= set(Scope.values):
        fields["scopes"] = f"Choose at least one of: {', '.join(Scope.values)}."
    if expires_at is not None and expires_at <= clock.now():
        fields["expires_at"] = "The key must expire in the future."
    if wrong := _wrong_addresses(addresses):
        fields["addresses"] = wrong
    if fields:
        raise Invalid(" ".join(fields.values()), fields=fields)


def addresses_in(text: str) -> list[str]:
    """What somebody typed, with commas or spaces between them. Not looked at yet."""
    return text.replace(",", " ").split()


def _wrong_addresses(addresses: list[str]) -> str:
    if len(addresses) > MAX_ADDRESSES:
        return f"Name {MAX_ADDRESSES} addresses or networks at most."
    for each in addresses:
        try:
            read_network(each)
        except ValueError:
            return (
                f"“{each}” is no IP address or network: write it as 203.0.113.9, 203.0.113.0/24 "
                "or 2001:db8::/32."
            )
    return ""


def _tell(key: ApiKey, text: str) -> None:
    notify(
        account=key.account,
        kind="api_keys_changed",
        title="API keys changed",
        text=text,
        link=reverse("accounts:api_keys"),
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
