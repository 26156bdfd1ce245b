"""A sub-account itself, for its agency: its name, its archive, its owner's seat, its notices."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once, once_in_steps
from accounts.api.schema import in_path, leads_to, refusals
from accounts.api.shapes import Answer, Sent, read
from accounts.api.views import ApiView
from accounts.errors import Forbidden
from accounts.models import Account, Role
from accounts.people import archiving, members, seats
from accounts.people.access import Permission
from accounts.people.opening import MAX_NAME_LENGTH
from wallets.api.allocation import PATH, NoAccountQuery, sub_account_of
from wallets.api.sub_accounts import ROW, Email, SubAccount, shown
from wallets.balances.opening import open_wallet
from wallets.recharges import low_minutes


class NewName(Sent):
    """Another name."""

    name: Annotated[
        str,
        Meta(min_length=1, max_length=MAX_NAME_LENGTH, description="Of the business it is for."),
    ]


class SubAccountView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="get_sub_account",
        summary="A sub-account with what it has",
        description="For keys of its agency and of the platform.",
        parameters=[PATH],
        extensions=leads_to(
            get_auto_allocation={"account_id": "id"}, list_gifts={"account_id": "id"}
        ),
        tags=["Sub-accounts"],
        responses={200: SubAccount, **refusals()},
        examples=[OpenApiExample("One", value=ROW, response_only=True)],
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        return Response(shown(sub_account_of(request, account_id, Permission.SEE)))

    @extend_schema(
        operation_id="rename_sub_account",
        summary="Give a sub-account another name",
        description="Both sides hear of it. May be repeated.",
        parameters=[PATH],
        tags=["Sub-accounts"],
        request=NewName,
        responses={200: SubAccount, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("A name", value={"name": "Northside Dental"}, request_only=True),
            OpenApiExample("Renamed", value=ROW, response_only=True),
        ],
    )
    @once
    def put(self, request: Request, account_id: UUID) -> Response:
        account = _own(request, account_id)
        archiving.rename(account=account, name=read(NewName, request.data).name, actor=None)
        return Response(shown(account))


class ArchiveRequest(Sent):
    """Whether a sub-account is archived."""

    archived: Annotated[
        bool, Meta(description="true: out of the agency's sight and work; false: back again.")
    ]


class ArchiveView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="archive_sub_account",
        summary="Archive a sub-account, or bring it back",
        description="Its started campaigns pause and its monthly allocation ends; what it holds "
        "stays its own. Brought back, both stay as they are. May be repeated.",
        parameters=[PATH],
        tags=["Sub-accounts"],
        request=ArchiveRequest,
        responses={200: SubAccount, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("Archive it", value={"archived": True}, request_only=True),
            OpenApiExample(
                "Archived",
                value=ROW | {"archived_at": "2026-11-22T09:14:00Z"},
                response_only=True,
            ),
        ],
    )
    @once_in_steps
    def put(self, request: Request, account_id: UUID) -> Response:
        account = _own(request, account_id)
        if read(ArchiveRequest, request.data).archived:
            archiving.archive(account=account, actor=None)
        else:
            archiving.bring_back(account=account)
        return Response(shown(Account.objects.select_related("agency").get(pk=account.pk)))


class Seat(Answer):
    """How the first owner's seat of a sub-account stands."""

    state: Annotated[
        Literal["joined", "being_sent", "not_sent", "sent", "opened", "expired", "none"],
        Meta(
            description="none: nobody is invited. Of the invitation's mail: being_sent, not_sent, "
            "sent; opened: its page was seen."
        ),
    ]
    email: Annotated[str, Meta(description="Of the invitation that waits; empty otherwise.")]
    since: Annotated[datetime | None, Meta(description="When it came to stand so.")]
    expires_at: Annotated[datetime | None, Meta(description="Of the invitation that waits.")]


class NewInvitation(Sent):
    """Who is invited."""

    email: Annotated[Email, Meta(description="Of the person who shall be its owner.")]


# A sub-account that nobody has joined.
_WAITING = in_path(
    "account_id", "The sub-account's id.", "8f6d2c11-3b4e-4d7a-9e05-6c1a8b2f7d44", UUID
)
_SENT = {
    "state": "being_sent",
    "email": "owner@northside.example",
    "since": "2026-11-22T09:14:00Z",
    "expires_at": "2026-11-29T09:14:00Z",
}


class SeatView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="get_owner_seat",
        summary="How the first owner's seat of a sub-account stands",
        description="Until somebody has joined, its agency invites; from then on, it does itself.",
        parameters=[_WAITING],
        tags=["Sub-accounts"],
        responses={200: Seat, **refusals()},
        examples=[OpenApiExample("Invited", value=_SENT, response_only=True)],
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        account = sub_account_of(request, account_id, Permission.SEE)
        return Response(Seat.of(seats.seat_of(account=account)))

    @extend_schema(
        operation_id="invite_owner",
        summary="Send the first owner's invitation, again or to another address",
        description="The link that was sent before ends. 409 once somebody has joined.",
        parameters=[_WAITING],
        tags=["Sub-accounts"],
        request=NewInvitation,
        responses={200: Seat, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("Invite", value={"email": "owner@northside.example"}, request_only=True),
            OpenApiExample("Invited", value=_SENT, response_only=True),
        ],
    )
    @once
    def put(self, request: Request, account_id: UUID) -> Response:
        account = _own(request, account_id)
        email = read(NewInvitation, request.data).email
        seats.require_awaiting(account=account)
        members.invite(account=account, email=email, role=Role.OWNER, invited_by=None)
        return Response(Seat.of(seats.seat_of(account=account)))

    @extend_schema(
        operation_id="withdraw_owner_invitation",
        summary="Take the first owner's invitation back",
        description="Its link ends. 409 once somebody has joined. May be repeated.",
        parameters=[_WAITING],
        tags=["Sub-accounts"],
        request=None,
        responses={200: Seat, **refusals(409, 422)},
        examples=[
            OpenApiExample(
                "Withdrawn",
                value={"state": "none", "email": "", "since": None, "expires_at": None},
                response_only=True,
            )
        ],
    )
    @once
    def delete(self, request: Request, account_id: UUID) -> Response:
        account = _own(request, account_id)
        seats.withdraw(account=account)
        return Response(Seat.of(seats.seat_of(account=account)))


Hears = Annotated[
    bool, Meta(description="Whether the agency hears when this sub-account runs low.")
]


class Hearing(Sent):
    """What the agency wants to hear."""

    hears: Hears


class HearingShape(Answer):
    """What the agency hears."""

    hears: Hears


class NoticesOfView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="set_sub_account_notices",
        summary="Let the agency hear of a sub-account's low balance and minutes, or not",
        description="The sub-account's own people hear of them either way. May be repeated.",
        parameters=[PATH],
        tags=["Sub-accounts"],
        request=Hearing,
        responses={200: HearingShape, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("Hear", value={"hears": True}, request_only=True),
            OpenApiExample("Saved", value={"hears": True}, response_only=True),
        ],
    )
    @once
    def put(self, request: Request, account_id: UUID) -> Response:
        account = _own(request, account_id)
        hears = read(Hearing, request.data).hears
        low_minutes.let_agency_hear(wallet_id=open_wallet(account=account).pk, hears=hears)
        return Response(HearingShape(hears))


def _own(request: Request, account_id: UUID) -> Account:
    account = sub_account_of(request, account_id, Permission.ALLOCATE)
    if account.agency.is_closed:
        raise Forbidden(f"{account.agency} is closed, so nothing in it can be changed.")
    return account
