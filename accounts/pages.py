"""What the views of every app share: asking for a permission, and where requests come from."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import access
from accounts.access import Permission

UNKNOWN_IP = "0.0.0.0"  # noqa: S104  A web server on a socket names no address.


def require(request: HttpRequest, permission: Permission) -> None:
    """Pass, or raise what the middleware answers with 403 or 404. No query."""
    access.check(granted=request.permissions, account=request.account, permission=permission)


def may(request: HttpRequest, permission: Permission) -> bool:
    return permission in request.permissions


def next_path(request: HttpRequest, default: str = "/") -> str:
    """The `next` of a form when it stays on this site, else `default`."""
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours else default


def client_ip(request: HttpRequest) -> str:
    """The machine that asks. Forwarded addresses count only behind as many proxies as we run."""
    proxies = getattr(settings, "TRUSTED_PROXIES", 0)
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    if proxies and len(forwarded) >= proxies and _is_address(forwarded[-proxies]):
        return forwarded[-proxies]
    return request.META.get("REMOTE_ADDR") or UNKNOWN_IP


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
