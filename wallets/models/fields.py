"""The one money column, and the range that keeps NaN and nonsense out of it."""

from functools import partial

from django.db.models import Q
from djmoney.models import fields

# A millionth of a dollar, up to a trillion: a second of a call costs $0.0015 to $0.0027.
MoneyField = partial(
    fields.MoneyField,
    max_digits=18,
    decimal_places=6,
    default_currency="USD",
    currency_field_name="currency",
)

# PostgreSQL sorts NaN above every number, so an upper bound refuses it.
LARGEST_AMOUNT = 1_000_000_000


def within(name: str, *, low: int = -LARGEST_AMOUNT, high: int = LARGEST_AMOUNT) -> Q:
    """Say that the column `name` lies between `low` and `high`, both included."""
    return Q(**{f"{name}__gte": low, f"{name}__lte": high})
