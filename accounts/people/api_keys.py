"""Keys for machines: making, checking and revoking them.

A key reads `tb_<prefix>_<secret>`. It is shown once; only the SHA-256 of its secret is kept."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from accounts import clock
from accounts.errors import Invalid, NotFound
from accounts.models import Account, ApiKey, Scope, User
from accounts.telling.notifications import notify

PREFIX_BYTES = 6
SECRET_BYTES = 32  # 256 random bits: nothing can be guessed, so a fast hash is enough.
MAX_NAME_LENGTH = 80
# A key used a thousand times a second still writes one row every five minutes.
LAST_USED_EVERY = timedelta(minutes=5)
# What an account may give its own keys; reporting calls is given by support only.
SELF_SERVICE_SCOPES = (Scope.READ, Scope.WRITE)

_KEY = re.compile(r"tb_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)


@transaction.atomic
def create(
    *,
    account: Account | None,
    name: str,
    scopes: Iterable[str],
    created_by: User | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key (of the platform when `account` is None) and return it with its only copy."""
    _check(name=name, scopes=(wanted := sorted(set(scopes))), expires_at=expires_at)
    prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey.objects.create(
        account=account,
        name=name.strip(),
        prefix=prefix,
        secret_hash=_hash(secret),
        scopes=wanted,
        created_by=created_by,
        expires_at=expires_at,
    )
    if account is not None:
        _tell(key, f"A new API key, “{key.name}”, may {' and '.join(wanted)} in this account.")
    return key, f"tb_{prefix}_{secret}"


def verify(*, token: str) -> ApiKey | None:
    """The live key this token opens, with its account; None for anything else."""
    parts = _KEY.fullmatch(token)
    if parts is None:
        return None
    prefix, secret = parts.groups()
    key = ApiKey.objects.select_related("account__agency").filter(prefix=prefix).first()
    # Compared even when there is no such key, so that the time taken says nothing.
    same = hmac.compare_digest(_hash(secret), key.secret_hash if key else _hash(""))
    return key if key and same and is_live(key=key) else None


def is_live(*, key: ApiKey) -> bool:
    expired = key.expires_at is not None and key.expires_at <= clock.now()
    return key.revoked_at is None and not expired


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


def _check(*, name: str, scopes: list[str], expires_at: datetime | None) -> None:
    fields = {}
    if not 1 <= len(name.strip()) <= MAX_NAME_LENGTH:
        fields["name"] = f"Give the key a name of 1 to {MAX_NAME_LENGTH} characters."
    if not scopes or not set(scopes) <= set(Scope.values):
        fields["scopes"] = f"Choose at least one of: {', '.join(Scope.values)}."
    if expires_at is not None and expires_at <= clock.now():
        fields["expires_at"] = "The key must expire in the future."
    if fields:
        raise Invalid(" ".join(fields.values()), fields=fields)


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
