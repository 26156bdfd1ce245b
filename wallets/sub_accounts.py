"""What an agency sees of its sub-accounts: balances, Auto-Recharge, allocations, usage. Reads only."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from accounts.models import Account
from wallets.models import LedgerEntry, Wallet

STATUSES = ("active", "payment_failed", "suspended", "closed")
SORTS = {
    "name": ("name", "pk"),
    "balance": (F("wallet__credit").asc(nulls_first=True), "name", "pk"),
    "-balance": (F("wallet__credit").desc(nulls_last=True), "name", "pk"),
}
# A year of months, as many as people compare.
USAGE_MONTHS = 12

_SUSPENDED = Q(
    wallet__auto_recharge__enabled=True, wallet__auto_recharge__suspended_at__isnull=False
)
_PAYMENT_FAILED = Q(auto_allocation__active=True, auto_allocation__failed_at__isnull=False)


def sub_accounts(
    *, agency: Account, search: str = "", status: str = "", sort: str = "name"
) -> QuerySet[Account]:
    """The agency's sub-accounts with their wallets and settings, in one query a page."""
    rows = Account.objects.filter(agency=agency).select_related(
        "wallet__auto_recharge", "auto_allocation"
    )
    if search:
        rows = rows.filter(name__icontains=search)
    if status == "payment_failed":
        rows = rows.filter(_PAYMENT_FAILED)
    elif status == "suspended":
        rows = rows.filter(_SUSPENDED)
    elif status == "closed":
        rows = rows.filter(status=Account.Status.CLOSED)
    elif status == "active":
        rows = rows.filter(status=Account.Status.ACTIVE).exclude(_SUSPENDED | _PAYMENT_FAILED)
    return rows.order_by(*SORTS.get(sort, SORTS["name"]))


def counts(*, agency: Account) -> dict[str, int]:
    """How many there are, and how many want attention."""
    return Account.objects.filter(agency=agency).aggregate(
        all=Count("pk"),
        payment_failed=Count("pk", filter=_PAYMENT_FAILED),
        suspended=Count("pk", filter=_SUSPENDED),
    )


@dataclass(frozen=True)
class MonthOfUse:
    """What calls took in a month: seconds of each pot, and dollars of credit, all positive."""

    month: date
    premium_seconds: int
    basic_seconds: int
    included_seconds: int
    credit: Decimal


def usage_by_month(*, wallet: Wallet, zone: ZoneInfo, since: datetime) -> list[MonthOfUse]:
    """What calls took since then, by month in the account's time zone, latest first."""
    entries = (
        LedgerEntry.objects.filter(
            wallet=wallet, kind=LedgerEntry.Kind.CALLS, occurred_at__gte=since
        )
        .annotate(month=TruncMonth("occurred_at", tzinfo=zone))
        .order_by()
        .values("month", "pot")
        .annotate(taken=Sum("amount"))
    )
    months: dict[date, dict[str, Decimal]] = {}
    for entry in entries:
        months.setdefault(entry["month"].date(), {})[entry["pot"]] = -entry["taken"]
    return [
        MonthOfUse(
            month=month,
            premium_seconds=int(taken.get("premium", 0)),
            basic_seconds=int(taken.get("basic", 0)),
            included_seconds=int(taken.get("included", 0)),
            credit=taken.get("credit", Decimal(0)),
        )
        for month, taken in sorted(months.items(), reverse=True)
    ]
