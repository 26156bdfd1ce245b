"""GET rates: the price of a minute now, before, and as announced."""

from typing import Annotated

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import refusals
from accounts.api.shapes import Answer, Moment, Sent
from accounts.api.views import ApiView
from accounts.errors import Forbidden
from accounts.models import Scope
from wallets.api.fields import CURRENCY, Currency, Dollars, dollars_text
from wallets.api.wallet import RatesByType, rates_by_type
from wallets.models import MinuteRate, MinuteType
from wallets.prices.rates import rates_now


class Rate(Answer):
    """What a minute of one type costs from a moment on."""

    minute_type: Annotated[MinuteType, Meta(description="Whose price it is.")]
    price: Annotated[Dollars, Meta(description="Dollars per minute.")]
    effective_from: Annotated[Moment, Meta(description="May be in the future: announced.")]


class Rates(Answer):
    """What a minute costs now, cost before, and will cost."""

    currency: Currency
    now: Annotated[RatesByType, Meta(description="Dollars per minute in force now.")]
    history: Annotated[
        list[Rate],
        Meta(description="Latest first; a rate holds until the next one of its type begins."),
    ]


_EXAMPLE = {
    "currency": "USD",
    "now": {"premium": "0.160000", "basic": "0.090000"},
    "history": [
        {"minute_type": "premium", "price": "0.160000", "effective_from": "2020-01-01T00:00:00Z"},
        {"minute_type": "basic", "price": "0.090000", "effective_from": "2020-01-01T00:00:00Z"},
    ],
}


class NoQuery(Sent):
    """Rates are the platform's: they are the same for every account."""


class RatesView(ApiView):
    query_shape = NoQuery

    @extend_schema(
        operation_id="get_rates",
        summary="Rates now, and their history",
        description="Also rates that are announced and not in force yet. The same for every "
        "account.",
        tags=["Rates"],
        responses={200: Rates, **refusals()},
        examples=[OpenApiExample("Rates", value=_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        if Scope.READ not in request.user.key.scopes:
            raise Forbidden("This needs an API key with the scope “read”.")
        history = [
            Rate.of(one, price=dollars_text(one.price, decimal_places=6))
            for one in MinuteRate.objects.order_by("-effective_from", "-minute_type")
        ]
        return Response(Rates(CURRENCY, rates_by_type(rates_now()), history))
