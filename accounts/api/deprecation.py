"""What is deprecated says so in its answers (RFC 9745), and from when on it is gone (RFC 8594)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.http import http_date
from rest_framework.response import Response

_POLICY = "/api/v1/docs/"


@dataclass(frozen=True)
class Deprecated:
    """A route or a parameter that another one replaces. `sunset` once its end is decided."""

    since: datetime
    sunset: datetime | None = None
    link: str = _POLICY


# `after` takes its place (docs/api-policy.md).
CHANGED_SINCE = Deprecated(since=datetime(2026, 12, 1, tzinfo=UTC))


def deprecated(response: Response, what: Deprecated) -> Response:
    """The answer, with the headers that programs watch for."""
    response["Deprecation"] = f"@{int(what.since.timestamp())}"
    response["Link"] = f'<{what.link}>; rel="deprecation"; type="text/html"'
    if what.sunset:
        response["Sunset"] = http_date(what.sunset.timestamp())
    return response
