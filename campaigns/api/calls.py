"""The voice platform's door: reporting calls, asking whether one may start, and campaigns."""

from uuid import UUID

import msgspec
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.schema import refusals
from accounts.api.strict import TooLarge
from accounts.api.whose import account_for, resolve_account
from accounts.errors import Forbidden, NotFound
from accounts.models import Account, Scope
from accounts.people import access
from accounts.people.access import Permission
from campaigns import calls, lifecycle, limits, pausing
from campaigns.api import shapes
from campaigns.calls import Result
from campaigns.models import Campaign
from campaigns.reports import Report

# A thousand calls of a thousand characters each.
BATCH_BYTES = 1024 * 1024
CAMPAIGNS_PER_PAGE = 100

ACCOUNT = OpenApiParameter(
    "account", UUID, description="Whose campaigns. Default: the key's own account."
)


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    calls: list[Report]


class Calls(APIView):
    max_body_bytes = BATCH_BYTES

    @extend_schema(
        operation_id="report_calls",
        request=shapes.ReportBatch,
        responses={200: shapes.ResultBatch, **refusals(413)},
    )
    def post(self, request: Request) -> Response:
        """Report up to 1,000 finished calls. Each is charged once, however often it is sent.

        One bad call does not stop the others: look at each result. A body that is not of this
        shape is refused as a whole.
        """
        reporter = _reporter(request)
        batch = _decode(request.data)
        results = calls.record(reports=batch.calls, reporter=reporter)
        return Response({"currency": "USD", "results": [_result(one) for one in results]})


class Authorize(APIView):
    @extend_schema(
        operation_id="authorize_call",
        request=shapes.AuthorizeRequest,
        responses={200: shapes.Authorization, **refusals(413)},
    )
    def post(self, request: Request) -> Response:
        """May a call start now, and how long may it last?"""
        asked = shapes.AuthorizeRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        account = account_for(request, account_id=values["account"], permission=Permission.CALLS)
        campaign = None
        if values.get("campaign") is not None:
            campaign = lifecycle.find(account=account, external_id=values["campaign"])
        answer = calls.authorize(
            account=account,
            campaign=campaign,
            minute_type=values.get("minute_type"),
            live=values["live"],
        )
        return Response(
            {"allowed": answer.allowed, "seconds": answer.seconds, "reason": answer.reason}
        )


class _Pages(CursorPagination):
    page_size = CAMPAIGNS_PER_PAGE
    ordering = ("updated_at", "pk")


class Campaigns(APIView):
    @extend_schema(
        operation_id="list_campaigns",
        parameters=[
            ACCOUNT,
            OpenApiParameter("changed_since", str, description="A moment with its offset."),
            OpenApiParameter("cursor", str),
        ],
        responses={200: shapes.CampaignPage, **refusals()},
    )
    def get(self, request: Request) -> Response:
        """The account's campaigns, in the order in which they changed."""
        account = resolve_account(request)
        found = Campaign.objects.filter(account=account)
        if moment := request.query_params.get("changed_since"):
            since = shapes.ChangedSince(data={"changed_since": moment})
            since.is_valid(raise_exception=True)
            found = found.filter(updated_at__gte=since.validated_data["changed_since"])
        pages = _Pages()
        page = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response([shapes.campaign(one) for one in page])


class OneCampaign(APIView):
    @extend_schema(
        operation_id="save_campaign",
        parameters=[ACCOUNT],
        request=shapes.CampaignRequest,
        responses={200: shapes.CampaignShape, **refusals(413, 422)},
    )
    def put(self, request: Request, external_id: str) -> Response:
        """Register a campaign, or change its name and minute type. May be repeated."""
        account = resolve_account(request, permission=Permission.CAMPAIGNS)
        asked = shapes.CampaignRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        saved = lifecycle.save(account=account, external_id=external_id, **asked.validated_data)
        return Response(shapes.campaign(saved))


STEPS = {
    "start": lifecycle.start,
    "pause": lifecycle.pause,
    "resume": pausing.resume_one,
    "complete": lifecycle.complete,
    "end": lifecycle.end,
}


class Step(APIView):
    @extend_schema(
        operation_id="move_campaign",
        parameters=[
            ACCOUNT,
            OpenApiParameter("step", str, OpenApiParameter.PATH, enum=list(STEPS)),
        ],
        request=None,
        responses={200: shapes.CampaignShape, **refusals(409)},
    )
    def post(self, request: Request, external_id: str, step: str) -> Response:
        """Start, pause, resume, complete or end a campaign. May be repeated.

        Start and resume answer 409 with the reason when not even one minute can be paid.
        """
        if step not in STEPS:
            raise NotFound("There is nothing at this address.")
        account = resolve_account(request, permission=Permission.CAMPAIGNS)
        if request.data:
            raise ValidationError("This takes no body.")
        campaign = lifecycle.find(account=account, external_id=external_id)
        moved = STEPS[step](campaign_id=campaign.pk, account=account, actor=None)
        return Response(shapes.campaign(moved))


def _reporter(request: Request) -> Account | None:
    """Whose key reports: an account for its own calls, None for the platform."""
    key = request.user.key
    if not key.is_platform:
        access.require_key(key=key, account=key.account, permission=Permission.CALLS)
    elif Scope.CALLS not in key.scopes:
        raise Forbidden(f"This needs an API key with the scope “{Scope.CALLS}”.")
    return key.account


def _decode(data: object) -> Batch:
    sent = data.get("calls") if isinstance(data, dict) else None
    if isinstance(sent, list) and len(sent) > limits.CALLS_PER_BATCH:
        raise TooLarge(f"Send at most {limits.CALLS_PER_BATCH:,} calls at once.")
    try:
        return msgspec.convert(data, Batch, strict=True)
    except msgspec.ValidationError as error:
        raise ValidationError(_complaint(str(error))) from None


def _complaint(text: str) -> dict[str, list[str]]:
    """Where it is and what is wrong: "… - at `$.calls[3].seconds`" becomes calls.3.seconds."""
    what, _, where = text.partition(" - at `$")
    path = where.rstrip("`").replace("[", ".").replace("]", "").strip(".")
    return {path or "non_field_errors": [what.replace("`", "")]}


def _result(result: Result) -> dict[str, object]:
    answer: dict[str, object] = {"id": result.id, "status": result.status}
    if result.error:
        answer["error"] = {"code": result.error.code, "message": result.error.message}
    else:
        answer["cost"] = f"{result.cost:.6f}"
    return answer
