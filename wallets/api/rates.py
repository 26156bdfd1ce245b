"""GET rates: the price of a minute now, before, and as announced."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import refusals
from accounts.api.strict import StrictSerializer
from accounts.api.views import ApiView
from accounts.errors import Forbidden
from accounts.models import Scope
from wallets.api.fields import CurrencyField, DollarsField
from wallets.api.wallet import RatesByTypeSerializer
from wallets.models import MinuteRate, MinuteType
from wallets.prices.rates import rates_now


class RateSerializer(serializers.Serializer):
    minute_type = serializers.ChoiceField(choices=MinuteType.choices)
    price = DollarsField(decimal_places=6)
    effective_from = serializers.DateTimeField()


class RatesSerializer(serializers.Serializer):
    currency = CurrencyField()
    now = RatesByTypeSerializer(help_text="Dollars per minute in force now.")
    history = RateSerializer(
        many=True, help_text="Latest first; a rate holds until the next one of its type begins."
    )


_EXAMPLE = {
    "currency": "USD",
    "now": {"premium": "0.160000", "basic": "0.090000"},
    "history": [
        {"minute_type": "premium", "price": "0.160000", "effective_from": "2020-01-01T00:00:00Z"},
        {"minute_type": "basic", "price": "0.090000", "effective_from": "2020-01-01T00:00:00Z"},
    ],
}


class NoQuery(StrictSerializer):
    """Rates are the platform's: they are the same for every account."""


class RatesView(ApiView):
    query_serializer = NoQuery

    @extend_schema(
        operation_id="rates",
        summary="Rates now, and their history",
        tags=["Rates"],
        responses={200: RatesSerializer, **refusals()},
        examples=[OpenApiExample("Rates", value=_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        if Scope.READ not in request.user.key.scopes:
            raise Forbidden("This needs an API key with the scope “read”.")
        history = MinuteRate.objects.order_by("-effective_from", "-minute_type")
        return Response(RatesSerializer({"now": rates_now(), "history": history}).data)
