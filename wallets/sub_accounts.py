"""What an agency sees of its sub-accounts. Reads only."""

from django.db.models import Count, F, Q, QuerySet

from accounts.models import Account

STATUSES = ("active", "payment_failed", "suspended", "closed")
SORTS = {
    "name": ("name", "pk"),
    "balance": (F("wallet__credit").asc(nulls_first=True), "name", "pk"),
    "-balance": (F("wallet__credit").desc(nulls_last=True), "name", "pk"),
}

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
