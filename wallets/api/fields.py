"""How money, pages and days are written and read on the routes of wallets."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from django.db.models import TextChoices
from djmoney.money import Money
from msgspec import UNSET, Meta, UnsetType
from rest_framework.exceptions import ValidationError

from accounts import clock
from accounts.api.rows import Limit
from accounts.api.shapes import convert, read_moment
from accounts.api.views import AccountQuery, Include
from accounts.errors import Unusable
from accounts.models import Account
from wallets.months import beginning, end_of
from wallets.statements import ranges

CURRENCY = "USD"

Currency = Annotated[Literal["USD"], Meta(description="Of every amount beside it.")]
# A saved card's, or none: empty.
CardId = Annotated[str, Meta(max_length=255)]
Cursor = Annotated[
    str,
    Meta(
        max_length=255, description="The `next_cursor` of the page before. Default: the first page."
    ),
]
# Dollars as a text, negative ones with a minus. For answers only.
Dollars = Annotated[
    str, Meta(pattern=r"^-?\d{1,12}\.\d{2,6}$", extra_json_schema={"examples": ["50.00"]})
]


class Units(TextChoices):
    USD = "USD"
    SECONDS = "seconds"


def dollars_text(amount: Money | Decimal, *, decimal_places: int = 2) -> Dollars:
    return f"{getattr(amount, 'amount', amount):.{decimal_places}f}"


def _read_day_or_moment(given: object) -> date:
    if len(str(given)) <= len("2026-11-22"):
        return convert(given, date)
    return read_moment(given)


# A day of the account (2026-11-22), or a moment with its offset (2026-11-22T09:14:00Z).
DayOrMoment = Annotated[
    date,
    Meta(
        extra={"read": _read_day_or_moment},
        extra_json_schema={
            "as": {
                "anyOf": [
                    {"type": "string", "format": "date"},
                    {"type": "string", "format": "date-time"},
                ]
            }
        },
    ),
]


def quoted(charge: Decimal | UnsetType) -> Decimal | None:
    """The charge that was expected; None where nobody said. Of no charge at all it is 0."""
    return None if charge is UNSET else charge


def check_range(since: date | None, until: date | None, *, account: Account) -> None:
    """Raise ValidationError (400) for a range whose end is not after its beginning, and for days
    that are to come or before there was anything. Moments may be a little ahead of our clock.
    """
    days = [None if isinstance(one, datetime) else one for one in (since, until)]
    try:
        ranges.check(since=days[0], until=days[1], today=account.local_date(clock.now()))
    except Unusable as error:
        raise renamed(error) from None
    if since is None or until is None:
        return
    if beginning(since, account.zone) >= end_of(until, account.zone):
        raise ValidationError({"to": "This is before `from`. Send them the other way round."})


def renamed(error: Unusable) -> ValidationError:
    """A refusal of the middle about days, by the names they have in the API."""
    names = {"since": "from", "until": "to"}
    return ValidationError({names.get(name, name): text for name, text in error.fields.items()})


class PageQuery(AccountQuery):
    cursor: Cursor | UnsetType = UNSET
    limit: Limit = 50


class AccountsPageQuery(PageQuery):
    include: Include = UNSET
