"""GET members, invitations and notices: who works in an account, and what it was told."""

from typing import Annotated

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import clock
from accounts.api.rows import RowsPage, RowsQuery, beside
from accounts.api.schema import refusals
from accounts.api.shapes import Answer, Moment
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from accounts.models import Invitation, Level, Membership, Notification, Role
from accounts.runtime.first_rows import first
from accounts.runtime.of_one import of_one


class Member(Answer):
    """A person who works in the account."""

    id: Annotated[int, Meta(description="The person's id, the same in every account.")]
    name: Annotated[str, Meta(description="As they call themselves; may be empty.")]
    email: Annotated[str, Meta(description="Where they get mails, and log in with.")]
    role: Annotated[Role, Meta(description="What they may do in this account.")]
    joined_at: Annotated[Moment, Meta(description="When they joined this account.")]


class Members(RowsPage, kw_only=True):
    """A page of the people who work in an account."""

    results: Annotated[list[Member], Meta(description="Those that came first, first.")]


class InvitationShape(Answer):
    """Somebody who was invited and has not joined yet."""

    id: Annotated[int, Meta(description="The invitation's id.")]
    email: Annotated[str, Meta(description="Where the invitation was sent.")]
    role: Annotated[Role, Meta(description="What they may do once they join.")]
    invited_by: Annotated[
        str | None, Meta(description="Who invited them; null: a program, or nobody who is left.")
    ]
    created_at: Annotated[Moment, Meta(description="When they were invited.")]
    expires_at: Annotated[Moment, Meta(description="Until when they may join by it.")]
    is_expired: Annotated[bool, Meta(description="true: only a new invitation lets them in.")]


class Invitations(RowsPage, kw_only=True):
    """A page of invitations that wait."""

    results: Annotated[list[InvitationShape], Meta(description="Those that wait longest, first.")]


class Notice(Answer):
    """Something the account was told."""

    id: Annotated[int, Meta(description="The notice's id.")]
    kind: Annotated[str, Meta(description="What it is about, for programs. New ones may come.")]
    level: Annotated[Level, Meta(description="How pressing it is.")]
    title: Annotated[str, Meta(description="In a few words; may be empty.")]
    text: Annotated[str, Meta(description="For people; it may change.")]
    link: Annotated[str, Meta(description="A path of our pages, or empty.")]
    created_at: Annotated[Moment, Meta(description="When it was told.")]
    is_read: Annotated[bool, Meta(description="By anybody of the account, on a page.")]


class Notices(RowsPage, kw_only=True):
    """A page of notices."""

    results: Annotated[list[Notice], Meta(description="Newest first.")]


def _page(name: str, row: dict[str, object]) -> OpenApiExample:
    value = {"results": [row], "next": None, "next_cursor": None}
    return OpenApiExample(name, value=value, response_only=True)


class MembersView(ApiView):
    query_shape = RowsQuery

    @extend_schema(
        operation_id="list_members",
        summary="Who works in the account",
        description="Those that came first, first. What each of them may do, a person of the "
        "account decides on the page Members.",
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
        return Response(Members(results=results, **beside(request, rows, query.limit)))


class InvitationsView(ApiView):
    query_shape = RowsQuery

    @extend_schema(
        operation_id="list_invitations",
        summary="Who was invited and has not joined yet",
        description="Those that wait longest, first, expired ones among them. Who shall join, a "
        "person of the account decides on the page Members.",
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
        return Response(Invitations(results=results, **beside(request, rows, query.limit)))


class NoticesView(ApiView):
    query_shape = RowsQuery

    @extend_schema(
        operation_id="list_notices",
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
        found = Notification.objects.filter(of_one("account", account.pk))
        if query.cursor:
            found = found.filter(pk__lt=query.cursor)
        rows = first(found.order_by("account_id", "-pk"), query.limit + 1)
        results = [Notice.of(one, is_read=one.read_at is not None) for one in rows[: query.limit]]
        return Response(Notices(results=results, **beside(request, rows, query.limit)))
