"""Campaigns over the API: the list, one of them, and the steps of its life."""

from functools import partial
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.schema import refusals
from accounts.api.whose import resolve_account
from accounts.errors import NotFound
from accounts.people.access import Permission
from campaigns import lifecycle, resuming
from campaigns.api import shapes
from campaigns.models import Campaign

ACCOUNT = OpenApiParameter(
    "account", UUID, description="Whose campaigns. Default: the key's own account."
)

CAMPAIGNS_PER_PAGE = 100


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
    "pause": partial(lifecycle.pause, actor=None),
    "resume": partial(resuming.resume_one, actor=None),
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
        moved = STEPS[step](campaign_id=campaign.pk, account=account)
        return Response(shapes.campaign(moved))
