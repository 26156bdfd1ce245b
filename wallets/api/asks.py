"""Asking an agency for minutes: what a sub-account asks, and what its agency answers."""

from typing import Annotated
from uuid import UUID

from django.db.models import Q
from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from msgspec.structs import asdict
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once
from accounts.api.rows import NextCursor, NextPage, next_page
from accounts.api.schema import in_path, leads_to, refusals
from accounts.api.shapes import Answer, Moment, Sent, read
from accounts.api.views import AccountQuery, ApiView
from accounts.api.whose import resolve_account
from accounts.errors import NotFound
from accounts.models import Account
from accounts.people.access import Permission
from wallets import limits
from wallets.allocations import asks
from wallets.api.allocation import (
    MINUTES,
    BasicOnce,
    NoAccountQuery,
    PremiumOnce,
    sub_account_of,
)
from wallets.api.fields import PageQuery
from wallets.cursors import Place
from wallets.models import MinuteAsk

WORDS = Meta(max_length=limits.ASK_WORDS_LENGTH)


class Ask(Answer):
    """Minutes that a sub-account asked its agency for."""

    id: Annotated[int, Meta(description="Ask for it again with this.")]
    account: Annotated[UUID, Meta(description="The sub-account that asks.")]
    agency: Annotated[UUID, Meta(description="The agency that is asked.")]
    state: Annotated[MinuteAsk.State, Meta(description="What became of it.")]
    basic_minutes: BasicOnce
    premium_minutes: PremiumOnce
    words: Annotated[str, Meta(description="What they say about it.")]
    answer: Annotated[str, Meta(description="Why it was declined, if the agency says so.")]
    created_at: Annotated[Moment, Meta(description="When it was asked.")]
    expires_at: Annotated[Moment, Meta(description="It ends by itself then.")]
    closed_at: Annotated[Moment | None, Meta(description="When it was answered or ended.")]


class Asks(Answer):
    """A page of what was asked for."""

    results: Annotated[
        list[Ask],
        Meta(description="Latest first; of an agency, those that wait longest first."),
    ]
    next: NextPage
    next_cursor: NextCursor


class NewAsk(Sent):
    """How many minutes are wanted, and what for."""

    basic_minutes: Annotated[BasicOnce, MINUTES]
    premium_minutes: Annotated[PremiumOnce, MINUTES]
    words: Annotated[str, WORDS, Meta(description="What the agency shall know about it.")] = ""


class Declined(Sent):
    """A no."""

    answer: Annotated[str, WORDS, Meta(description="Why, for the sub-account to read.")] = ""


_ASK = {
    "id": 60012,
    "account": "5a2e9c40-8d17-4c3b-a6f1-2b7d0e9c4a22",
    "agency": "7a1d1c5e-2b3c-4d5e-8f90-1a2b3c4d5e6f",
    "state": "open",
    "basic_minutes": 100,
    "premium_minutes": 0,
    "words": "For the fair on Friday.",
    "answer": "",
    "created_at": "2026-11-22T09:14:03Z",
    "expires_at": "2026-11-29T09:14:03Z",
    "closed_at": None,
}
_PATH = in_path("ask_id", "The ask's id.", _ASK["id"], int)
_ACCOUNT = in_path("account_id", "The id of the sub-account that asks.", _ASK["account"], UUID)
_NEW = {"basic_minutes": 100, "premium_minutes": 0, "words": "For the fair on Friday."}


def _shown(ask: MinuteAsk) -> Ask:
    return Ask.of(ask, account=ask.account_id, agency=ask.agency_id)


class AsksView(ApiView):
    @property
    def query_shape(self) -> type[Sent]:
        return PageQuery if self.request.method in ("GET", "HEAD") else AccountQuery

    @extend_schema(
        operation_id="list_asks",
        summary="What a sub-account asked for, latest first; of an agency, what waits for it",
        description="All that a sub-account asked for; the open ones of an agency's sub-accounts, "
        "those that wait longest first.",
        tags=["Sub-accounts"],
        extensions=leads_to(get_ask={"ask_id": "results/0/id"}),
        responses={200: Asks, **refusals()},
        examples=[
            OpenApiExample(
                "One",
                value={"results": [_ASK], "next": None, "next_cursor": None},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        account, limit = resolve_account(request), self.query.limit
        place = Place.read(self.query.cursor or None, of="asks")
        if account.is_agency:
            found = asks.open_asks(agency=account)
            further = Q(pk__gt=place.pk) if place else Q()
        else:
            found = MinuteAsk.objects.filter(account=account).order_by("-pk")
            further = Q(pk__lt=place.pk) if place else Q()
        rows = list(found.filter(further)[: limit + 1])
        more, rows = len(rows) > limit, rows[:limit]
        cursor = Place.of(rows[-1]).written(of="asks") if more else ""
        results = [_shown(one) for one in rows]
        return Response(Asks(results=results, **next_page(request, cursor)))

    @extend_schema(
        operation_id="create_ask",
        extensions=leads_to(get_ask={"ask_id": "id"}, withdraw_ask={"ask_id": "id"}),
        summary="Ask the agency of a sub-account for minutes",
        description="One ask is open at a time; it ends by itself after a week.",
        tags=["Sub-accounts"],
        request=NewAsk,
        responses={201: Ask, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("100 Basic", value=_NEW, request_only=True),
            OpenApiExample("Asked", value=_ASK, response_only=True, status_codes=["201"]),
        ],
    )
    @once
    def post(self, request: Request) -> Response:
        account = _client(request)
        body = read(NewAsk, request.data)
        return Response(_shown(asks.ask(account=account, actor=None, **asdict(body))), status=201)


class AskView(ApiView):
    @extend_schema(
        operation_id="get_ask",
        summary="An ask as it is now, for the sub-account and for its agency",
        description="Once it is answered or ended, it never changes again.",
        parameters=[_PATH],
        extensions=leads_to(withdraw_ask={"ask_id": "id"}),
        tags=["Sub-accounts"],
        responses={200: Ask, **refusals()},
        examples=[OpenApiExample("Open", value=_ASK, response_only=True)],
    )
    def get(self, request: Request, ask_id: int) -> Response:
        account = resolve_account(request)
        return Response(_shown(_found(Q(account=account) | Q(agency=account), ask_id)))


class WithdrawView(ApiView):
    @extend_schema(
        operation_id="withdraw_ask",
        summary="Take an ask back while nobody has answered",
        description="Another may be asked then.",
        parameters=[_PATH],
        tags=["Sub-accounts"],
        request=None,
        responses={200: Ask, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample(
                "Withdrawn",
                value=_ASK | {"state": "withdrawn", "closed_at": "2026-11-22T10:00:00Z"},
                response_only=True,
            )
        ],
    )
    @once
    def post(self, request: Request, ask_id: int) -> Response:
        account = _client(request)
        _found(Q(account=account), ask_id)
        return Response(_shown(asks.withdraw(account=account, ask_id=ask_id, actor=None)))


class DeclineView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="decline_ask",
        summary="Answer an ask with no",
        description="The sub-account is told. To say yes, give the minutes and name the ask.",
        parameters=[_ACCOUNT, _PATH],
        tags=["Sub-accounts"],
        request=Declined,
        responses={200: Ask, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("With a reason", value={"answer": "Next month."}, request_only=True),
            OpenApiExample(
                "Declined",
                value=_ASK
                | {
                    "state": "declined",
                    "answer": "Next month.",
                    "closed_at": "2026-11-22T10:00:00Z",
                },
                response_only=True,
            ),
        ],
    )
    @once
    def post(self, request: Request, account_id: UUID, ask_id: int) -> Response:
        account = sub_account_of(request, account_id, Permission.ALLOCATE)
        _found(Q(account=account, agency=account.agency), ask_id)
        answer = read(Declined, request.data or {}).answer
        declined = asks.decline(
            agency=account.agency, account=account, ask_id=ask_id, actor=None, answer=answer
        )
        return Response(_shown(declined))


def _client(request: Request) -> Account:
    account = resolve_account(request, permission=Permission.MONEY)
    if account.agency_id is None:
        raise NotFound("Only sub-accounts have an agency to ask.")
    return account


def _found(whose: Q, ask_id: int) -> MinuteAsk:
    found = MinuteAsk.objects.filter(whose, pk=ask_id).first()
    if found is None:
        raise NotFound("There is no such ask.")
    return found
