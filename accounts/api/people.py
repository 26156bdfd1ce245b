"""GET members, invitations and notices: who works in an account, and what it was told."""

import re
from typing import Annotated

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from accounts import clock
from accounts.api.schema import refusals
from accounts.api.shapes import Answer, Moment, Url, Wrong
from accounts.api.views import AccountQuery, ApiView, page_limit
from accounts.api.whose import resolve_account
from accounts.models import Invitation, Level, Membership, Notification, Role

LARGEST_PAGE = 200


def _read_id(given: object) -> int:
    if re.fullmatch(r"[1-9]\d{0,17}", str(given), re.ASCII):
        return int(str(given))
    raise Wrong("This cursor is not one of ours. Leave it out to start from the beginning.")


class RowsQuery(AccountQuery):
    cursor: Annotated[
        int | UnsetType,
        Meta(
            description="The `cursor` of the page before.",
            extra={"read": _read_id},
            extra_json_schema={"as": {"type": "string", "pattern": r"^[1-9]\d{0,17}$"}},
        ),
    ] = UNSET
    limit: Annotated[int, page_limit(LARGEST_PAGE, "Rows of a page.")] = 50


class RowsPage(Answer):
    """Beside the rows of a page."""

    next: Annotated[Url | None, Meta(description="The next page; null at the end.")]
    cursor: Annotated[str | None, Meta(description="Of the next page; null at the end.")]


def _beside(request: Request, rows: list, limit: int) -> dict[str, str | None]:
    """What goes beside the rows, of which one more than `limit` were read."""
    if len(rows) <= limit:
        return {"next": None, "cursor": None}
    cursor = str(rows[limit - 1].pk)
    address = request.build_absolute_uri()
    return {"next": replace_query_param(address, "cursor", cursor), "cursor": cursor}


class Member(Answer):
    id: int
    name: str
    email: str
    role: Role
    joined_at: Moment


class Members(RowsPage, kw_only=True):
    results: list[Member]


class InvitationShape(Answer):
    id: int
    email: str
    role: Role
    invited_by: Annotated[str | None, Meta(description="null: an API key.")]
    created_at: Moment
    expires_at: Moment
    is_expired: bool


class Invitations(RowsPage, kw_only=True):
    results: list[InvitationShape]


class Notice(Answer):
    id: int
    kind: str
    level: Level
    title: str
    text: str
    link: Annotated[str, Meta(description="A path of our pages, or empty.")]
    created_at: Moment
    is_read: Annotated[bool, Meta(description="By anybody of the account.")]


class Notices(RowsPage, kw_only=True):
    results: list[Notice]


def _page(name: str, row: dict[str, object]) -> OpenApiExample:
    value = {"results": [row], "next": None, "cursor": None}
    return OpenApiExample(name, value=value, response_only=True)


class MembersView(ApiView):
    query_shape = RowsQuery

    @extend_schema(
        operation_id="members",
        summary="Who works in the account, those that came first",
        tags=["Account"],
        responses={200: Members, **refusals()},
        examples=[
            _page(
                "An owner",
                {
                    "id": 7,
                    "name": "Ada Lovelace",
                    "email": "ada@northside.example",
                    "role": "owner",
                    "joined_at": "2026-08-01T09:00:00Z",
                },
            )
        ],
    )
    def get(self, request: Request) -> Response:
        query, account = self.query, resolve_account(request)
        found = Membership.objects.filter(account=account, pk__gt=query.cursor or 0)
        rows = list(found.select_related("user").order_by("pk")[: query.limit + 1])
        results = [
            Member(one.user_id, one.user.name, one.user.email, one.role, one.created_at)
            for one in rows[: query.limit]
        ]
        return Response(Members(results=results, **_beside(request, rows, query.limit)))


class InvitationsView(ApiView):
    query_shape = RowsQuery

    @extend_schema(
        operation_id="invitations",
        summary="Who was invited and has not joined yet, those that wait longest first",
        tags=["Account"],
        responses={200: Invitations, **refusals()},
        examples=[
            _page(
                "One that waits",
                {
                    "id": 3,
                    "email": "grace@northside.example",
                    "role": "admin",
                    "invited_by": "Ada Lovelace",
                    "created_at": "2026-11-20T09:00:00Z",
                    "expires_at": "2026-11-27T09:00:00Z",
                    "is_expired": False,
                },
            )
        ],
    )
    def get(self, request: Request) -> Response:
        query, account, now = self.query, resolve_account(request), clock.now()
        found = Invitation.objects.filter(account=account, accepted_at=None)
        found = found.filter(pk__gt=query.cursor or 0).select_related("invited_by")
        rows = list(found.order_by("pk")[: query.limit + 1])
        results = [
            InvitationShape.of(
                one,
                invited_by=one.invited_by and str(one.invited_by),
                is_expired=one.expires_at <= now,
            )
            for one in rows[: query.limit]
        ]
        return Response(Invitations(results=results, **_beside(request, rows, query.limit)))


class NoticesView(ApiView):
    query_shape = RowsQuery

    @extend_schema(
        operation_id="notices",
        summary="What the account was told, newest first",
        description="As behind the bell of its pages. Reading them here leaves them unread there.",
        tags=["Account"],
        responses={200: Notices, **refusals()},
        examples=[
            _page(
                "A low balance",
                {
                    "id": 41,
                    "kind": "low_balance",
                    "level": "warning",
                    "title": "Low balance",
                    "text": "Your balance ($8.20) is below $10.00.",
                    "link": "/payments/",
                    "created_at": "2026-11-22T09:14:00Z",
                    "is_read": False,
                },
            )
        ],
    )
    def get(self, request: Request) -> Response:
        query, account = self.query, resolve_account(request)
        found = Notification.objects.filter(account=account)
        if query.cursor:
            found = found.filter(pk__lt=query.cursor)
        rows = list(found.order_by("-pk")[: query.limit + 1])
        results = [Notice.of(one, is_read=one.read_at is not None) for one in rows[: query.limit]]
        return Response(Notices(results=results, **_beside(request, rows, query.limit)))
