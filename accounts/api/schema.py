"""What the OpenAPI document says about every route: how to log in, and how refusals look."""

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.api.client.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key of an account, or of the platform: `tb_…`.",
        }


class StrictBody(OpenApiSerializerExtension):
    """A body with a field we do not know is refused, and the document says so."""

    target_class = "accounts.api.strict.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: object, direction: str) -> dict:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return schema | {"additionalProperties": False}


class RefusalSerializer(serializers.Serializer):
    code = serializers.CharField(help_text="For programs; it never changes.")
    message = serializers.CharField(help_text="For people; it may change.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), help_text="What is wrong, by the path of the field."
    )


class ErrorSerializer(serializers.Serializer):
    """How every refusal looks. Nothing was changed."""

    error = RefusalSerializer()


_MEANINGS = {
    400: ("Something sent cannot be used.", "invalid", "amount: Send at least 5."),
    401: (
        "The key is missing, unknown, revoked or expired.",
        "authentication_failed",
        "This API key is unknown, revoked or expired.",
    ),
    403: (
        "The key may see it, but not do this.",
        "forbidden",
        "This needs an API key of Northside Dental itself.",
    ),
    404: ("There is nothing for this key.", "not_found", "There is no such account."),
    409: (
        "The state of things does not allow it.",
        "purchase_in_progress",
        "A $50.00 recharge is being confirmed. Wait for its result before you pay again.",
    ),
    413: ("Too much at once.", "too_large", "The body is larger than 256 KB."),
    415: (
        "Only JSON is taken.",
        "unsupported_media_type",
        'Unsupported media type "text/plain" in request.',
    ),
    422: (
        "Understood, but it cannot be done with these facts.",
        "no_payment_method",
        "Add a payment method first.",
    ),
    429: ("Too many requests.", "throttled", "Request was throttled."),
    503: (
        "The database or the payment service could not be asked.",
        "unavailable",
        "The service is not answering. Send the same request again in a minute.",
    ),
}
_ALWAYS = (400, 401, 403, 404, 429, 503)


def refusals(*more: int) -> dict[int, OpenApiResponse]:
    """The documented refusals of a route: those of every route, and `more` statuses.

    Where a body can be too large (413), it can also be no JSON (415).
    """
    wanted = {*_ALWAYS, *more, *([415] if 413 in more else [])}
    return {status: _refusal(status) for status in sorted(wanted)}


def _refusal(status: int) -> OpenApiResponse:
    description, code, message = _MEANINGS[status]
    example = OpenApiExample(
        description,
        value={"error": {"code": code, "message": message, "fields": {}}},
        response_only=True,
        status_codes=[str(status)],
    )
    return OpenApiResponse(ErrorSerializer, description=description, examples=[example])
