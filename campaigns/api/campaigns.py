"""Campaigns over the API: the list, one of them, and the steps of its life."""

import re
from functools import partial
from urllib.parse import urlsplit

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from msgspec.structs import asdict
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.deprecation import CHANGED_SINCE, deprecated
from accounts.api.idempotency import once, once_in_steps
from accounts.api.schema import in_path, leads_to, refusals
from accounts.api.shapes import read, read_query
from accounts.api.views import ApiView, Route
from accounts.api.whose import resolve_account
from accounts.errors import NotFound
from accounts.models import Change
from accounts.people.access import Permission
from accounts.runtime.of_one import of_one
from accounts.telling import changes
from campaigns import lifecycle, limits, resuming
from campaigns.api import campaign_shapes
from campaigns.models import Campaign

CAMPAIGNS_PER_PAGE = 100
_SEQUENCE = re.compile(r"\d{1,19}", re.ASCII)


_SHOWN = {
    "id": "spring-1",
    "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
    "name": "Spring offers",
    "minute_type": "premium",
    "status": "started",
    "pause_reason": None,
    "paused_at": None,
    "updated_at": "2026-11-22T09:14:00Z",
}
_PAUSED = _SHOWN | {
    "status": "paused",
    "pause_reason": "manual",
    "paused_at": "2026-11-22T09:14:00Z",
}
_PAGE = {
    "next": None,
    "previous": None,
    "next_cursor": None,
    "results": [_SHOWN | {"sequence": 41}],
}
_ID = in_path(
    "external_id",
    "The campaign's own id.",
    _SHOWN["id"],
    {"type": "string", "minLength": 1, "maxLength": limits.EXTERNAL_ID_LENGTH},
)
_STEPS = leads_to(move_campaign={"external_id": "id"})


class _OfOneAccount(QuerySet):
    """In the order of the account's own index. In everybody's alone, those of one who changed
    nothing for long come after all that others changed."""

    def order_by(self, *fields: str) -> "_OfOneAccount":
        sign = "-" if fields[0].startswith("-") else ""
        return super().order_by(f"{sign}account_id", *fields)


class _Pages(CursorPagination):
    page_size = CAMPAIGNS_PER_PAGE
    ordering = "sequence"

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        # Older ones stood at a moment. None is the beginning, and an empty text is nowhere.
        position = cursor.position if cursor else None
        if position is not None and not _SEQUENCE.fullmatch(position):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class Campaigns(Route):
    @extend_schema(
        operation_id="list_campaigns",
        summary="The account's campaigns, in the order in which they changed",
        description="To follow them, send the greatest `sequence` read as `after`: nothing is "
        "missed, also what was committed late. `changed_since` misses nothing either, and repeats "
        "the last ones.",
        tags=["Campaigns"],
        extensions=leads_to(save_campaign={"external_id": "results/0/id"}),
        parameters=[campaign_shapes.CampaignsQuery],
        responses={200: campaign_shapes.CampaignPage, **refusals()},
        examples=[OpenApiExample("One", value=_PAGE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        account = resolve_account(request)
        found = changes.numbered(kind=Change.Kind.CAMPAIGN).filter(of_one("account", account.pk))
        query = read_query(campaign_shapes.CampaignsQuery, request.query_params)
        if query.changed_since:
            found = found.filter(changes.since(query.changed_since))
        pages = _Pages()
        found = _OfOneAccount(Change, query=found.filter(sequence__gt=query.after).query)
        rows = pages.paginate_queryset(found, request)
        following, before = pages.get_next_link(), pages.get_previous_link()
        answer = Response(
            campaign_shapes.CampaignPage(following, before, _cursor_in(following), _shown(rows))
        )
        return deprecated(answer, CHANGED_SINCE) if query.changed_since else answer


def _cursor_in(link: str | None) -> str | None:
    """What the link of a page sends as its cursor."""
    return QueryDict(urlsplit(link).query)["cursor"] if link else None


def _shown(rows: list[Change]) -> list[campaign_shapes.ChangedCampaign]:
    """The campaigns that changed, as they are now."""
    sequences = {(row.account_id, row.object_id): row.sequence for row in rows}
    found = Campaign.objects.filter(
        account__in={account for account, _ in sequences},
        external_id__in=[name for _, name in sequences],
    )
    by_name = {(one.account_id, one.external_id): one for one in found}
    return [
        campaign_shapes.changed(by_name[name], sequence) for name, sequence in sequences.items()
    ]


class OneCampaign(ApiView):
    @extend_schema(
        operation_id="get_campaign",
        summary="A campaign as it is now",
        tags=["Campaigns"],
        description="By its own id.",
        extensions=_STEPS,
        parameters=[_ID],
        responses={200: campaign_shapes.CampaignShape, **refusals()},
        examples=[OpenApiExample("Paused", value=_PAUSED, response_only=True)],
    )
    def get(self, request: Request, external_id: str) -> Response:
        account = resolve_account(request)
        return Response(
            campaign_shapes.campaign(lifecycle.find(account=account, external_id=external_id))
        )

    @extend_schema(
        operation_id="save_campaign",
        summary="Register a campaign, or change its name and minute type",
        description="A new one is not started yet. May be repeated.",
        tags=["Campaigns"],
        extensions=_STEPS,
        parameters=[_ID],
        request=campaign_shapes.CampaignRequest,
        responses={200: campaign_shapes.CampaignShape, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample(
                "Register",
                value={"name": "Spring offers", "minute_type": "premium"},
                request_only=True,
            ),
            OpenApiExample("Running", value=_SHOWN, response_only=True, status_codes=["200"]),
        ],
    )
    @once
    def put(self, request: Request, external_id: str) -> Response:
        account = resolve_account(request, permission=Permission.CAMPAIGNS)
        asked = read(campaign_shapes.CampaignRequest, request.data)
        saved = lifecycle.save(account=account, external_id=external_id, **asdict(asked))
        return Response(campaign_shapes.campaign(saved))


STEPS = {
    "start": lifecycle.start,
    "pause": partial(lifecycle.pause, actor=None),
    "resume": partial(resuming.resume_one, actor=None),
    "complete": lifecycle.complete,
    "end": lifecycle.end,
}


_STEP = OpenApiParameter(
    "step",
    str,
    OpenApiParameter.PATH,
    enum=list(STEPS),
    description="The step to take.",
    examples=[OpenApiExample("pause", value="pause")],
)


class Step(ApiView):
    @extend_schema(
        operation_id="move_campaign",
        summary="Start, pause, resume, complete or end a campaign",
        description="May be repeated: what is done already is answered as it is. Start and resume "
        "answer 409 with the reason when not even one minute can be paid.",
        tags=["Campaigns"],
        extensions=_STEPS,
        parameters=[_ID, _STEP],
        request=None,
        responses={200: campaign_shapes.CampaignShape, **refusals(409, 422)},
        examples=[OpenApiExample("Paused", value=_PAUSED, response_only=True)],
    )
    @once_in_steps
    def post(self, request: Request, external_id: str, step: str) -> Response:
        if step not in STEPS:
            raise NotFound("There is nothing at this address.")
        account = resolve_account(request, permission=Permission.CAMPAIGNS)
        if request.data:
            raise ValidationError("This takes no body.")
        campaign = lifecycle.find(account=account, external_id=external_id)
        moved = STEPS[step](campaign_id=campaign.pk, account=account)
        return Response(campaign_shapes.campaign(moved))
