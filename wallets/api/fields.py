"""How money, pages and days are written and read on the routes of wallets."""

from datetime import date
from decimal import Decimal

from django.db.models import TextChoices
from djmoney.money import Money
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from accounts.api.strict import StrictCharField, StrictDateField, StrictMomentField
from accounts.api.views import AccountQuery, PageSizeField

CURRENCY = "USD"
LARGEST_PAGE = 200


class Units(TextChoices):
    USD = "USD"
    SECONDS = "seconds"


@extend_schema_field({"type": "string", "pattern": r"^-?\d{1,12}\.\d{2,6}$", "example": "50.00"})
class DollarsField(serializers.Field):
    """Dollars as a text, negative ones with a minus. For answers only."""

    def __init__(self, *, decimal_places: int = 2, **kwargs) -> None:
        self.decimal_places = decimal_places
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: Money | Decimal) -> str:
        return f"{getattr(value, 'amount', value):.{self.decimal_places}f}"


@extend_schema_field({"type": "string", "enum": [CURRENCY]})
class CurrencyField(serializers.Field):
    """The one currency."""

    def __init__(self, **kwargs) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: object) -> str:
        return CURRENCY


@extend_schema_field(OpenApiTypes.STR)
class DayOrMomentField(serializers.Field):
    """A day of the account (2026-11-22), or a moment with its offset (2026-11-22T09:14:00Z)."""

    def to_internal_value(self, data: object) -> date:
        field = StrictDateField() if len(str(data)) <= len("2026-11-22") else StrictMomentField()
        return field.to_internal_value(data)


class PageQuery(AccountQuery):
    cursor = StrictCharField(
        required=False, allow_blank=True, help_text="From `next` of the page before."
    )
    limit = PageSizeField(max_value=LARGEST_PAGE, required=False, default=50)


def page_of(serializer: type[serializers.Serializer], *, name: str) -> type:
    """The serializer of a page of rows, for the document and for answers."""
    fields = {
        "results": serializer(many=True),
        "next": serializers.URLField(
            allow_null=True, help_text="The page of older rows; null at the end."
        ),
    }
    return type(f"{name}Serializer", (serializers.Serializer,), fields)


def next_page(request: Request, cursor: str) -> str | None:
    """The address of the page that begins at `cursor`, with the same filters."""
    if not cursor:
        return None
    return replace_query_param(request.build_absolute_uri(), "cursor", cursor)
