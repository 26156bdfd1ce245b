"""Who calls the API: recognised by their key, let in, and slowed down.

REST framework loads these while it loads its views, so nothing here may import views."""

import logging
from dataclasses import dataclass

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts import clock
from accounts.cells import directory, place
from accounts.models import ApiKey
from accounts.people import api_keys
from accounts.runtime import soft_cache
from accounts.runtime.addresses import client_ip

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60


@dataclass(frozen=True)
class ApiClient:
    """Who calls the API: stands where pages have a user."""

    key: ApiKey
    is_authenticated = True
    is_anonymous = False
    is_active = True

    @property
    def pk(self) -> str:
        return f"key:{self.key.pk}"

    def __str__(self) -> str:
        return str(self.key)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`, and nothing else: no cookies, no key in the address."""

    def authenticate(self, request: Request) -> tuple[ApiClient, ApiKey] | None:
        header = get_authorization_header(request)
        if not header:
            return None
        scheme, _, token = header.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("Send your API key as “Authorization: Bearer <key>”.")
        key, ip = api_keys.verify(token=token.strip()), client_ip(request)
        if key is None or not api_keys.may_come_from(key=key, ip=ip):
            logger.warning("API key refused id=%s ip=%s", key and key.pk, ip)
            if key is None:
                raise AuthenticationFailed("This API key is unknown, revoked or expired.")
            raise AuthenticationFailed(f"This API key may not be used from {ip}.")
        api_keys.note_use(key=key)
        if key.account_id:
            place.enter(directory.must_have(key.account_id))
        return ApiClient(key), key

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return 'Bearer realm="api"'


class HasApiKey(BasePermission):
    """The default for every API view: nobody without a key."""

    def has_permission(self, request: Request, view: object) -> bool:  # noqa: ARG002
        return isinstance(request.user, ApiClient)


@dataclass(frozen=True)
class Rate:
    """How a key stands in this minute, as the answer's headers say it."""

    limit: int
    remaining: int
    reset_seconds: int


class KeyThrottle(BaseThrottle):
    """A brake for runaway clients. It protects our machines, never the money: rows do that.

    Counts whole minutes, one cheap increment a request. The platform's own keys, which report
    the calls of every account, are not slowed down."""

    requests_per_minute = 1200

    def allow_request(self, request: Request, view: object) -> bool:  # noqa: ARG002
        if not isinstance(request.user, ApiClient) or request.user.key.is_platform:
            return True
        now = clock.now()
        window = f"api:{request.user.key.pk}:{now:%Y%m%d%H%M}"
        counted = soft_cache.count(window, seconds=2 * WINDOW_SECONDS)
        self._wait = WINDOW_SECONDS - now.second
        left = max(self.requests_per_minute - counted, 0)
        request.rate = Rate(self.requests_per_minute, left, self._wait)
        return counted <= self.requests_per_minute

    def wait(self) -> int:
        return self._wait
