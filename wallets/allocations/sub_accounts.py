"""What an agency sees of its sub-accounts. Reads only."""

from django.db.models import (
    Case,
    Count,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.fields import BooleanField

from accounts.models import Account
from wallets.models import AllocationRun, Purchase
from wallets.models.purchase import OPEN_STATES

STATUSES = ("active", "payment_failed", "suspended", "closed")
SORTS = {
    "name": ("name", "pk"),
    "balance": (F("wallet__credit").asc(nulls_first=True), "name", "pk"),
    "-balance": (F("wallet__credit").desc(nulls_last=True), "name", "pk"),
}

_OPEN = Q(status=Account.Status.ACTIVE)
_SUSPENDED = _OPEN & Q(
    wallet__auto_recharge__enabled=True, wallet__auto_recharge__suspended_at__isnull=False
)


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
        rows = rows.filter(_payment_failed(agency))
    elif status == "suspended":
        rows = rows.filter(_SUSPENDED)
    elif status == "closed":
        rows = rows.filter(status=Account.Status.CLOSED)
    elif status == "active":
        rows = rows.filter(_OPEN).exclude(_SUSPENDED | _payment_failed(agency))
    return rows.order_by(*SORTS.get(sort, SORTS["name"]))


def with_payments(rows: QuerySet[Account], *, agency: Account) -> QuerySet[Account]:
    """Say of each how this month's payment stands, in the same query.

    `latest_period` is the month of its latest run; `payment_failed`, and `tried_again_at` when it
    is tried again by itself; `open_purchase`, `open_state`, `open_cents` and, unless minutes are
    given once, `open_run` while the bank or Stripe has not answered.
    """
    open_purchases = (
        _open_purchases().filter(wallet__account=OuterRef("pk")).order_by("-created_at")
    )
    retried = _retried(agency).filter(allocation__account=OuterRef("pk"))
    return with_latest(with_failures(rows, agency=agency)).annotate(
        tried_again_at=Subquery(retried.values("next_attempt_at")[:1]),
        open_purchase=Subquery(open_purchases.values("pk")[:1]),
        open_state=Subquery(open_purchases.values("shown")[:1]),
        open_cents=Subquery(open_purchases.values("amount_cents")[:1]),
        open_run=Subquery(open_purchases.values("allocation_run")[:1]),
    )


def with_latest(rows: QuerySet[Account]) -> QuerySet[Account]:
    """Say of each which month is its latest that was planned, in the same query."""
    runs = AllocationRun.objects.filter(allocation__account=OuterRef("pk")).order_by("-period")
    return rows.annotate(latest_period=Subquery(runs.values("period")[:1]))


def with_failures(rows: QuerySet[Account], *, agency: Account) -> QuerySet[Account]:
    """Say of each whether this month's payment failed, in the same query."""
    failed = ExpressionWrapper(_payment_failed(agency), output_field=BooleanField())
    return rows.annotate(payment_failed=failed)


def tried_again(*, agency: Account) -> QuerySet:
    """Of each sub-account with a failed payment, when it is tried again by itself: its latest month
    comes last. As account and moment."""
    rows = _retried(agency).order_by("period")
    return rows.values_list("allocation__account", "next_attempt_at")


def open_payments(*, agency: Account) -> QuerySet:
    """Payments for sub-accounts that the bank or Stripe has not answered, the latest last. As
    account, purchase and state."""
    rows = _open_purchases().filter(wallet__account__agency=agency).order_by("created_at")
    return rows.values_list("wallet__account", "pk", "shown")


def _open_purchases() -> QuerySet[Purchase]:
    # One in quarantine waits for support, not for the bank.
    state = Case(When(quarantined_at=None, then=F("state")), default=Value("submitted"))
    rows = Purchase.objects.filter(purpose="allocation", state__in=OPEN_STATES)
    return rows.annotate(shown=state)


def counts(*, agency: Account) -> dict[str, int]:
    """How many there are, and how many want attention."""
    return Account.objects.filter(agency=agency).aggregate(
        all=Count("pk"),
        payment_failed=Count("pk", filter=_payment_failed(agency)),
        suspended=Count("pk", filter=_SUSPENDED),
    )


def _payment_failed(agency: Account) -> Q:
    """Given up, or failed and still tried again by itself."""
    given_up = Q(auto_allocation__failed_at__isnull=False)
    retried = Q(pk__in=_retried(agency).values("allocation__account"))
    return _OPEN & Q(auto_allocation__active=True) & (given_up | retried)


def _retried(agency: Account) -> QuerySet[AllocationRun]:
    return AllocationRun.objects.filter(
        allocation__agency=agency, state=AllocationRun.State.DUE, attempts__gt=0
    )
