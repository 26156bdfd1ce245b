"""Filters in the words and units people read: yes and no, days, dollars."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from django.contrib.admin import EmptyFieldListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Model, QuerySet
from django.http import HttpRequest
from django.utils.timezone import is_naive
from unfold.contrib.filters.admin import RangeDateFilter, RangeNumericFilter

from accounts.errors import Unusable

# Written out, 1E+99999999999 would fill the memory; no column of ours has as many digits.
MOST_DIGITS = 30


def is_immense(text: str) -> bool:
    """Whether it is a number of more digits than any column has."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    return number.is_finite() and number.adjusted() >= MOST_DIGITS


def lacks_a_zone(model: type[Model], lookup: str, value: str) -> bool:
    """Whether it asks a column for a moment and leaves the time zone to be guessed."""
    name = lookup.partition("__")[0]
    column = next((one for one in model._meta.concrete_fields if one.name == name), None)
    if not isinstance(column, DateTimeField):
        return False
    for one in value.split(","):
        with suppress(ValidationError):
            if (moment := column.to_python(one)) and is_naive(moment):
                return True
    return False


class Marked(EmptyFieldListFilter):
    """By a moment that is there or not: quarantined at, yes or no."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.title = str(self.title).removesuffix(" at")

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, object]]:
        names = ("All", "No", "Yes")
        for name, choice in zip(names, super().choices(changelist), strict=True):
            yield choice | {"display": name}


class Days(RangeDateFilter):
    """From one day to another, both included, in UTC."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        first = self._midnight("from")
        after = self._midnight("to", days=1)
        if first and after and first >= after:
            raise Unusable("The last day is before the first. Turn them round.")
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": first})
        if after:
            queryset = queryset.filter(**{f"{self.field_path}__lt": after})
        return queryset

    def _midnight(self, end: str, *, days: int = 0) -> datetime | None:
        text = self.used_parameters.get(f"{self.field_path}_{end}")
        if not text:
            return None
        try:
            day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            return day + timedelta(days=days)
        except (ValueError, OverflowError):
            sentence = f"“{text[:20]}” is no day. Write it like 2026-11-22."
            raise Unusable(sentence) from None


class Amounts(RangeNumericFilter):
    """From one amount to another, both included. `scale` is what a dollar is in the column."""

    scale = 1

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        least, most = (self._amount(end) for end in ("from", "to"))
        if least is not None and most is not None and least > most:
            raise Unusable("The largest amount is below the smallest. Turn them round.")
        wanted = {f"{self.field_path}__gte": least, f"{self.field_path}__lte": most}
        wanted = {lookup: amount for lookup, amount in wanted.items() if amount is not None}
        return self.among(queryset, wanted) if wanted else queryset

    def among(self, queryset: QuerySet, wanted: dict[str, Decimal]) -> QuerySet:
        return queryset.filter(**wanted)

    def _amount(self, end: str) -> Decimal | None:
        text = self.used_parameters.get(f"{self.field_path}_{end}")
        if not text:
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = None
        if amount is None or not amount.is_finite() or is_immense(text):
            raise Unusable(f"“{text[:20]}” is no amount. Write it like 12.50.")
        return amount * self.scale


class Cents(Amounts):
    """Of a column of cents, asked for in dollars."""

    scale = 100

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.title = "amount in dollars"
