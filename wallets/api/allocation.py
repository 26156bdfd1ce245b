"""GET and PUT sub-accounts/<id>/auto-allocation: what an agency buys for one each month."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once_in_steps
from accounts.api.schema import in_path, refusals
from accounts.api.shapes import Answer, Sent, read
from accounts.api.views import ApiView
from accounts.api.whose import account_for
from accounts.errors import Forbidden, NotFound
from accounts.models import Account
from accounts.people.access import Permission
from wallets import limits
from wallets.allocations import configure
from wallets.api.fields import CURRENCY, CardId, Currency, Dollars, dollars_text
from wallets.api.following import ChangeNumber
from wallets.models import AllocationRun, AutoAllocation
from wallets.prices.amounts import dollars
from wallets.prices.estimates import estimate
from wallets.prices.rates import rates_now

CHARGES_SHOWN = 3
MINUTES = Meta(ge=0, le=limits.ALLOCATION_MOST_MINUTES)

BasicMinutes = Annotated[int, Meta(description="Basic minutes a month.")]
PremiumMinutes = Annotated[int, Meta(description="Premium minutes a month.")]


class Run(Answer):
    """One month of the allocation."""

    period: Annotated[date, Meta(description="The due date, in the agency's time zone.")]
    state: Annotated[AllocationRun.State, Meta(description="What became of it.")]
    basic_minutes: BasicMinutes
    premium_minutes: PremiumMinutes
    charge: Annotated[Dollars, Meta(description="What the agency's card is charged.")]
    error_text: Annotated[str, Meta(description="What went wrong, and what helps; mostly empty.")]


class Allocation(Answer):
    """What an agency buys for one sub-account each month."""

    account: Annotated[UUID, Meta(description="The sub-account's id.")]
    active: Annotated[bool, Meta(description="Whether months to come are charged.")]
    basic_minutes: BasicMinutes
    premium_minutes: PremiumMinutes
    payment_method: Annotated[str, Meta(description="A card of the agency.")]
    start_date: Annotated[
        date | None,
        Meta(description="Every month counts from it, in the agency's time zone."),
    ]
    estimated_monthly_charge: Annotated[
        Dollars, Meta(description="At today's rates; final billing occurs at runtime.")
    ]
    currency: Currency
    next_charges: Annotated[
        list[date], Meta(description="The due dates to come; empty while it is stopped.")
    ]
    skipped: Annotated[date | None, Meta(description="The month that is left out.")]
    payment_failed: Annotated[bool, Meta(description="The latest month could not be charged.")]
    latest_run: Annotated[Run | None, Meta(description="The latest month that was due.")]
    sequence: ChangeNumber = UNSET


# Given once, or asked for.
BasicOnce = Annotated[int, Meta(description="Basic minutes, once.")]
PremiumOnce = Annotated[int, Meta(description="Premium minutes, once.")]


class NewAllocation(Sent):
    """The whole allocation as it shall be."""

    basic_minutes: Annotated[BasicMinutes, MINUTES]
    premium_minutes: Annotated[PremiumMinutes, MINUTES]
    payment_method: Annotated[
        CardId,
        Meta(description="A card's id. Needed unless both are 0, which stops the allocation."),
    ] = ""
    start_date: Annotated[
        date | None,
        Meta(description="The first charge: today to a year from now. Default: today."),
    ] = None


_BODY = {"basic_minutes": 500, "premium_minutes": 1000, "payment_method": "pm_1Q2w3E4r5T"}
EXAMPLE = {
    "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
    "active": True,
    "basic_minutes": 500,
    "premium_minutes": 1000,
    "payment_method": "pm_1Q2w3E4r5T",
    "start_date": "2026-11-14",
    "estimated_monthly_charge": "205.00",
    "currency": "USD",
    "next_charges": ["2026-12-14", "2027-01-14", "2027-02-14"],
    "skipped": None,
    "payment_failed": False,
    "latest_run": {
        "period": "2026-11-14",
        "state": "paid",
        "basic_minutes": 500,
        "premium_minutes": 1000,
        "charge": "205.00",
        "error_text": "",
    },
}
_EXAMPLE = OpenApiExample("500 Basic, 1,000 Premium", value=EXAMPLE, response_only=True)


class NoAccountQuery(Sent):
    """The account is in the path."""


PATH = in_path("account_id", "The sub-account's id.", EXAMPLE["account"], UUID)


class AllocationView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="get_auto_allocation",
        summary="A sub-account's monthly allocation",
        description="What the agency buys for it each month, the charges to come and the outcome "
        "of the latest. Without one, `active` is false. For keys of the agency and the platform.",
        parameters=[PATH],
        tags=["Sub-accounts"],
        responses={200: Allocation, **refusals()},
        examples=[_EXAMPLE],
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        account = sub_account_of(request, account_id, Permission.SEE)
        return Response(shown(account))

    @extend_schema(
        operation_id="set_auto_allocation",
        summary="Set a sub-account's monthly allocation; both 0 stops it",
        description="A charge that is due today is made right after, by a task: read "
        "`latest_run` for its outcome. Only the agency's key may do this.",
        parameters=[PATH],
        tags=["Sub-accounts"],
        request=NewAllocation,
        responses={200: Allocation, **refusals(409, 413, 422)},
        examples=[OpenApiExample("Set", value=_BODY, request_only=True), _EXAMPLE],
    )
    @once_in_steps
    def put(self, request: Request, account_id: UUID) -> Response:
        account = sub_account_of(request, account_id, Permission.ALLOCATE)
        body = read(NewAllocation, request.data)
        configure.save(account=account, agency=account.agency, actor=None, **asdict(body))
        return Response(shown(account))


def sub_account_of(request: Request, account_id: UUID, permission: Permission) -> Account:
    """The sub-account, for its agency's key or the platform's: it shows the agency's card.

    Raises NotFound or Forbidden.
    """
    account = account_for(request, account_id=account_id, permission=permission)
    if account.agency_id is None:
        raise NotFound("There is no such sub-account.")
    key = request.user.key
    if not key.is_platform and key.account_id != account.agency_id:
        raise Forbidden(f"This needs an API key of the agency of {account.name}.")
    return account


def shown(account: Account) -> Allocation:
    """What the agency buys for its sub-account, as the API answers it."""
    allocation = (
        AutoAllocation.objects.select_related("agency")
        .filter(account=account, agency=account.agency)
        .first()
    ) or AutoAllocation(
        account=account, agency=account.agency, active=False, payment_method="", anchor_date=None
    )
    latest = allocation.runs.order_by("-period").first() if allocation.pk else None
    return told(allocation, latest, rates_now())


def told(
    allocation: AutoAllocation,
    latest: AllocationRun | None,
    rates: dict[str, Decimal],
    *,
    sequence: int | UnsetType = UNSET,
) -> Allocation:
    """An allocation whose agency and latest month have been read. No query."""
    basic, premium = allocation.basic_minutes, allocation.premium_minutes
    charge = estimate(basic_minutes=basic, premium_minutes=premium, rates=rates).total
    period = latest.period if latest else None
    return Allocation.of(
        allocation,
        account=allocation.account_id,
        start_date=allocation.anchor_date,
        estimated_monthly_charge=dollars_text(charge),
        currency=CURRENCY,
        next_charges=configure.upcoming_after(allocation, latest=period, n=CHARGES_SHOWN),
        skipped=allocation.skip_period,
        payment_failed=allocation.failed_at is not None,
        latest_run=latest and run_shown(latest),
        sequence=sequence,
    )


def run_shown(run: AllocationRun) -> Run:
    """One month, with what was charged or would have been."""
    charged = run.amount_cents if run.charged_cents is None else run.charged_cents
    return Run.of(run, charge=dollars_text(dollars(charged)))
