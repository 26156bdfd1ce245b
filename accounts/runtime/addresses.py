"""Where requests come from."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

UNKNOWN_IP = "0.0.0.0"  # noqa: S104  A web server on a socket names no address.


def client_ip(request: HttpRequest) -> str:
    """The machine that asks. Where a proxy of ours stands in front (settings trust its
    X-Forwarded-Proto), it is the last address that proxy added; what a client sent counts never."""
    last = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    if settings.SECURE_PROXY_SSL_HEADER and _is_address(last):
        return last
    return request.META.get("REMOTE_ADDR") or UNKNOWN_IP


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
