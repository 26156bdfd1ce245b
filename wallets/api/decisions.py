"""Why: the decision log of a wallet, of one campaign or sub-account, and of one charge."""

import html
from typing import Annotated
from uuid import UUID

from django.utils.safestring import SafeString
from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.rows import NextCursor, NextPage, next_page
from accounts.api.schema import in_path, refusals
from accounts.api.shapes import AS_SENT, Answer, Moment
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from accounts.errors import NotFound
from wallets.api.fields import PageQuery
from wallets.api.purchases import PAID
from wallets.models import LoggedDecision, Purchase, Wallet
from wallets.statements.charge_line import charge_line
from wallets.why import decisions, sentences


class DecisionsQuery(PageQuery):
    subject: Annotated[
        LoggedDecision.Subject | UnsetType, Meta(description="Only decisions about this.")
    ] = UNSET
    about: Annotated[
        Annotated[str, AS_SENT, Meta(max_length=120)] | UnsetType,
        Meta(
            description="A campaign's own id, or the id of a sub-account with an allocation.",
        ),
    ] = UNSET


class LoggedDecisionShape(Answer):
    """One thing decided, perhaps again and again."""

    subject: Annotated[LoggedDecision.Subject, Meta(description="What it was about.")]
    about: Annotated[
        str, Meta(description="A campaign's own id, or a sub-account's id; mostly empty.")
    ]
    name: Annotated[str, Meta(description="Of the campaign or sub-account.")]
    code: Annotated[str, Meta(description="For programs; it never changes its meaning.")]
    text: Annotated[str, Meta(description="For people; it may change.")]
    figures: Annotated[dict[str, str], Meta(description="What it rested on, as texts.")]
    first_at: Annotated[Moment, Meta(description="When it was first decided.")]
    last_at: Annotated[Moment, Meta(description="When the same was last decided again.")]
    times: Annotated[int, Meta(description="How often in a row.")]


class DecisionPage(Answer):
    """A page of decisions."""

    results: Annotated[list[LoggedDecisionShape], Meta(description="Newest first.")]
    next: NextPage
    next_cursor: NextCursor


_DECISION = {
    "subject": "autopause",
    "about": "spring-sale",
    "name": "Spring sale",
    "code": "paused",
    "text": "Spring sale was paused: not one minute can be paid.",
    "figures": {"payable": "12", "credit": "0.03", "rate": "0.16"},
    "first_at": "2026-11-22T09:14:00Z",
    "last_at": "2026-11-22T09:14:00Z",
    "times": 1,
}


class DecisionsView(ApiView):
    query_shape = DecisionsQuery

    @extend_schema(
        operation_id="list_decisions",
        summary="What was decided about the wallet and its campaigns, and why, newest first",
        description="Kept for a while, for people and their programs. No rule reads it.",
        tags=["Why"],
        responses={200: DecisionPage, **refusals()},
        examples=[
            OpenApiExample(
                "A campaign paused",
                value={"results": [_DECISION], "next": None, "next_cursor": None},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        account, query = resolve_account(request), self.query
        wallet = Wallet.objects.filter(account=account).first()
        if wallet is None:
            return Response(DecisionPage([], None, None))
        page = decisions.page(
            wallet_id=wallet.pk,
            subject=query.subject or "",
            about=query.about or "",
            cursor=query.cursor or None,
            limit=query.limit,
        )
        zone = account.zone
        results = [
            LoggedDecisionShape.of(one, text=_plain(sentences.sentence(decision=one, zone=zone)))
            for one in page.rows
        ]
        return Response(DecisionPage(results=results, **next_page(request, page.next_cursor)))


def _plain(sentence: SafeString) -> str:
    """For readers without HTML. A new text: what is marked as safe for pages is not encoded."""
    return html.unescape(sentence) + ""


class Why(Answer):
    """One charge in a sentence."""

    purchase: Annotated[UUID, Meta(description="The id of the purchase.")]
    text: Annotated[str, Meta(description="What was charged, why, and when.")]


class WhyView(ApiView):
    @extend_schema(
        operation_id="get_charge_reason",
        summary="Why a card of the account was charged, in a sentence",
        description="Of every purchase: recharges by hand, automatic ones, monthly allocations and "
        "gifts.",
        parameters=[in_path("purchase_id", "The purchase's id.", PAID["id"], UUID)],
        tags=["Why"],
        responses={200: Why, **refusals()},
        examples=[
            OpenApiExample(
                "Auto-Recharge",
                value={
                    "purchase": PAID["id"],
                    "text": "Charged $50.00 to Visa •••• 4242 because the balance of $8.20 was "
                    "below $10.00, on 22 Nov 2026, 04:14 EST (09:14 UTC). Receipt 1001.",
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, purchase_id: UUID) -> Response:
        rows = Purchase.objects.select_related(
            "payer", "wallet__account", "requested_by", "allocation_run"
        )
        found = rows.filter(payer=resolve_account(request), pk=purchase_id).first()
        if found is None:
            raise NotFound("There is no such purchase.")
        return Response(Why(found.pk, charge_line(found)))
