"""Routes of monthly allocations beside setting one: all of an agency, dry run, months, retry."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.changes import Sequence
from accounts.api.idempotency import once, once_in_steps
from accounts.api.rows import Limit
from accounts.api.schema import leads_to, refusals
from accounts.api.shapes import Answer, Sent, dollars, read
from accounts.api.views import AccountQuery, ApiView, page_limit
from accounts.api.whose import resolve_account
from accounts.models import Account, Change
from accounts.people import access
from accounts.people.access import Permission
from accounts.runtime.addresses import client_ip
from accounts.telling import changes
from wallets.allocations import configure, retries
from wallets.api import allocation
from wallets.api.allocation import (
    PATH,
    Allocation,
    NoAccountQuery,
    Run,
    shown,
    sub_account_of,
    told,
)
from wallets.api.fields import quoted
from wallets.api.following import in_order
from wallets.models import AllocationRun, AutoAllocation, Purchase
from wallets.prices.rates import rates_now

# Two years of months, and a page.
MOST_RUNS = 200


class AllocationsQuery(AccountQuery):
    after: Annotated[
        Sequence,
        Meta(description="The `after` of the answer before. Default: from the beginning."),
    ] = 0
    limit: Limit = 50


class Allocations(Answer):
    """An agency's monthly allocations, in the order in which they changed."""

    results: Annotated[list[Allocation], Meta(description="Oldest change first.")]
    after: Annotated[int, Meta(description="Send this as `after` the next time.")]
    more: Annotated[bool, Meta(description="true: there is more already.")]


class AllocationsView(ApiView):
    query_shape = AllocationsQuery

    @extend_schema(
        operation_id="list_auto_allocations",
        summary="An agency's monthly allocations, in the order in which they changed",
        description="A month that is charged, fails or is missed changes its allocation. Ask "
        "again with `after` of the answer, and nothing is missed.",
        tags=["Sub-accounts"],
        extensions=leads_to(
            list_auto_allocations={"after": "after"},
            get_auto_allocation={"account_id": "results/0/account"},
            list_auto_allocation_runs={"account_id": "results/0/account"},
        ),
        responses={200: Allocations, **refusals()},
        examples=[
            OpenApiExample(
                "One",
                value={
                    "results": [allocation.EXAMPLE | {"sequence": 41}],
                    "after": 41,
                    "more": False,
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        agency, query = resolve_account(request), self.query
        access.require_agency(account=agency)
        kind = Change.Kind.ALLOCATION
        page = changes.page(
            kinds=[kind], accounts=[agency.pk], after=query.after, limit=query.limit
        )
        found = AutoAllocation.objects.select_related("agency").filter(
            account__in=page.sequences, agency=agency, account__agency=agency
        )
        rows = in_order(page, found, id_of=lambda one: one.account_id)
        latest, rates = _latest_runs([one.pk for one, _ in rows]), rates_now()
        results = [told(one, latest.get(one.pk), rates, sequence=number) for one, number in rows]
        return Response(Allocations(results, page.after, page.more))


def _latest_runs(allocations: list[int]) -> dict[int, AllocationRun]:
    """The latest month of each, in one query."""
    runs = AllocationRun.objects.filter(allocation__in=allocations)
    latest = runs.order_by("allocation_id", "-period").distinct("allocation_id")
    return {one.allocation_id: one for one in latest}


class Runs(Answer):
    """The latest months of an allocation."""

    results: Annotated[list[Run], Meta(description="Latest first.")]


class RunsQuery(Sent):
    limit: Annotated[int, page_limit(MOST_RUNS, "The latest so many months.")] = 12


class RunsView(ApiView):
    query_shape = RunsQuery

    @extend_schema(
        operation_id="list_auto_allocation_runs",
        summary="The months of a sub-account's allocation, latest first, and what became of each",
        description="Of the allocation that its agency of today set up; empty without one.",
        parameters=[PATH],
        tags=["Sub-accounts"],
        responses={200: Runs, **refusals()},
        examples=[
            OpenApiExample(
                "One", value={"results": [allocation.EXAMPLE["latest_run"]]}, response_only=True
            )
        ],
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        account = sub_account_of(request, account_id, Permission.SEE)
        existing = AutoAllocation.objects.filter(account=account, agency=account.agency).first()
        runs = existing.runs.order_by("-period")[: self.query.limit] if existing else []
        return Response(Runs([allocation.run_shown(one) for one in runs]))


class RetryRequest(Sent):
    """One try of the month that runs now."""

    quoted_charge: Annotated[
        Decimal | UnsetType,
        dollars(),
        Meta(description="What you expect to be charged. Another figure is refused with 422."),
    ] = UNSET


class RetryView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="retry_auto_allocation",
        summary="Charge this month's missed or failed run now",
        description="With the allocation's card, at most five times an hour. A decline is not an "
        "error: read `latest_run`.",
        parameters=[PATH],
        tags=["Sub-accounts"],
        request=RetryRequest,
        responses={200: Allocation, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("At this price", value={"quoted_charge": "205.00"}, request_only=True),
            OpenApiExample("Paid", value=allocation.EXAMPLE, response_only=True),
        ],
    )
    @once_in_steps
    def post(self, request: Request, account_id: UUID) -> Response:
        account = sub_account_of(request, account_id, Permission.ALLOCATE)
        body = read(RetryRequest, request.data or {})
        _retried(request, account, body)
        return Response(shown(account))


def _retried(request: Request, account: Account, body: RetryRequest) -> Purchase:
    return retries.retry_now(
        account=account,
        agency=account.agency,
        actor=None,
        address=client_ip(request),
        quoted_charge=quoted(body.quoted_charge),
    )


class SkipRequest(Sent):
    """Whether the next month is left out."""

    skip: Annotated[
        bool, Meta(description="true: leave out the next month; false: charge it after all.")
    ]


class SkipView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="skip_auto_allocation",
        summary="Leave out the next month of an allocation, or charge it after all",
        description="The months after it are charged as before. Sent again, it leaves out no more.",
        parameters=[PATH],
        tags=["Sub-accounts"],
        request=SkipRequest,
        responses={200: Allocation, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("Leave it out", value={"skip": True}, request_only=True),
            OpenApiExample(
                "Left out",
                value=allocation.EXAMPLE | {"skipped": "2026-12-14"},
                response_only=True,
            ),
        ],
    )
    @once
    def put(self, request: Request, account_id: UUID) -> Response:
        account = sub_account_of(request, account_id, Permission.ALLOCATE)
        change = configure.skip_next if read(SkipRequest, request.data).skip else configure.unskip
        change(account=account, agency=account.agency, actor=None)
        return Response(shown(account))
