"""GET wallet/entries: every movement of a wallet."""

from typing import Annotated
from uuid import UUID

import msgspec
from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.rows import NextCursor, NextPage, next_page
from accounts.api.schema import refusals
from accounts.api.shapes import Answer, Moment
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from wallets.api.fields import DayOrMoment, PageQuery, Units, check_range
from wallets.models import LedgerEntry, Pot
from wallets.statements import statements
from wallets.statements.rows import of_entries


class EntriesQuery(PageQuery):
    kind: Annotated[
        list[LedgerEntry.Kind] | UnsetType, Meta(description="May be sent several times.")
    ] = UNSET
    pot: Annotated[list[Pot] | UnsetType, Meta(description="May be sent several times.")] = UNSET
    since: Annotated[
        DayOrMoment | UnsetType,
        Meta(description="A day of the account, from its beginning, or a moment."),
    ] = msgspec.field(name="from", default=UNSET)
    until: Annotated[
        DayOrMoment | UnsetType,
        Meta(description="A day of the account, to its end, or a moment, itself excluded."),
    ] = msgspec.field(name="to", default=UNSET)


class Entry(Answer):
    """One movement of one pot."""

    id: Annotated[int, Meta(description="Greater ids were written later.")]
    kind: Annotated[LedgerEntry.Kind, Meta(description="What moved it.")]
    pot: Annotated[Pot, Meta(description="Credit, or the minutes of one type.")]
    amount: Annotated[
        str,
        Meta(description="Positive adds, negative takes: dollars of credit, or whole seconds."),
    ]
    unit: Annotated[Units, Meta(description="Of `amount` and `balance_after`.")]
    balance_after: Annotated[str, Meta(description="Of the pot, in `unit`.")]
    description: Annotated[str, Meta(description="What it was, for people.")]
    note: Annotated[str, Meta(description="More about it; mostly empty.")]
    purchase: Annotated[
        UUID | None,
        Meta(description="The account's own purchase behind it; never its agency's."),
    ]
    occurred_at: Annotated[Moment, Meta(description="When it happened.")]
    created_at: Annotated[Moment, Meta(description="When it was written: pages go by this.")]


class Entries(Answer):
    """A page of movements."""

    results: Annotated[list[Entry], Meta(description="Newest first.")]
    next: NextPage
    next_cursor: NextCursor


def _entry(entry: LedgerEntry) -> Entry:
    is_credit = entry.pot == Pot.CREDIT
    pattern = "{:.6f}" if is_credit else "{:.0f}"
    row = of_entries([entry])
    return Entry.of(
        entry,
        amount=pattern.format(entry.amount),
        unit=Units.USD if is_credit else Units.SECONDS,
        balance_after=pattern.format(entry.balance_after),
        description=row.description,
        note=row.note,
        purchase=row.purchase_id,
    )


_ENTRIES_EXAMPLE = OpenApiExample(
    "Calls paid with credit",
    value={
        "results": [
            {
                "id": 48211,
                "kind": "calls",
                "pot": "credit",
                "amount": "-0.218667",
                "unit": "USD",
                "balance_after": "8.200000",
                "description": "Calls",
                "note": "",
                "purchase": None,
                "occurred_at": "2026-11-22T09:14:03Z",
                "created_at": "2026-11-22T09:14:03Z",
            }
        ],
        "next": None,
        "next_cursor": None,
    },
    response_only=True,
)


class EntriesView(ApiView):
    query_shape = EntriesQuery

    @extend_schema(
        operation_id="list_wallet_entries",
        summary="Every movement of the wallet, newest first",
        description="Of a page, the entries of one pot lead from `balance_after` to the next: "
        "nothing else changes a balance, and no entry ever changes.",
        tags=["Wallet"],
        responses={200: Entries, **refusals()},
        examples=[_ENTRIES_EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        query, account = self.query, resolve_account(request)
        check_range(query.since or None, query.until or None, account=account)
        page = statements.entries(
            account=account,
            kinds=query.kind or None,
            pots=query.pot or None,
            since=query.since or None,
            until=query.until or None,
            cursor=query.cursor or None,
            limit=query.limit,
        )
        results = [_entry(one) for one in page.rows]
        return Response(Entries(results=results, **next_page(request, page.next_cursor)))
