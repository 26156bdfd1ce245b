"""GET changes: what changed, in one list that is read to its end and then asked again."""

import re
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import UNSET, Meta, UnsetType
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import leads_to, refusals
from accounts.api.shapes import AccountId, Answer, Moment, Url, Wrong
from accounts.api.views import AccountQuery, ApiView, Include, page_limit
from accounts.api.whose import resolve_accounts
from accounts.cells import place
from accounts.errors import Forbidden
from accounts.models import Change, Scope
from accounts.telling import changes

LARGEST_PAGE = 1_000
_LARGEST = 2**63 - 1


def _read_number(given: object) -> int:
    if re.fullmatch(r"0|[1-9]\d{0,18}", str(given), re.ASCII) and int(str(given)) <= _LARGEST:
        return int(str(given))
    raise Wrong("Send a sequence that was answered, or 0 for the beginning.")


Sequence = Annotated[
    int,
    Meta(
        description="Only grows, in the order in which changes could be seen; it has gaps.",
        extra={"read": _read_number},
        extra_json_schema={"as": {"type": "integer", "format": "int64", "minimum": 0}},
    ),
]


class ChangesQuery(AccountQuery):
    include: Include = UNSET
    after: Annotated[
        Sequence, Meta(description="The `sequence` read last. Default: from the beginning.")
    ] = 0
    kind: Annotated[
        list[Change.Kind] | UnsetType, Meta(description="May be sent several times.")
    ] = UNSET
    limit: Annotated[int, page_limit(LARGEST_PAGE, "Changes of a page.")] = 200


class ChangeShape(Answer):
    """The last change of one object."""

    sequence: Annotated[int, Meta(description="Of this change. It only grows, with gaps.")]
    kind: Annotated[Change.Kind, Meta(description="What kind of object changed.")]
    id: Annotated[
        str,
        Meta(
            description="A campaign's own id, the id of a recharge, of a receipt's purchase, of a "
            "gift or of an ask, the sub-account of an allocation, or the account of Auto-Recharge."
        ),
    ]
    account: AccountId
    changed_at: Annotated[Moment, Meta(description="When it changed.")]
    url: Annotated[Url, Meta(description="Where to read it as it is now.")]


class Changes(Answer):
    """What changed, in the order in which it could be seen."""

    results: Annotated[list[ChangeShape], Meta(description="Oldest change first.")]
    after: Annotated[int, Meta(description="Send this as `after` the next time.")]
    more: Annotated[bool, Meta(description="true: there is more already.")]


_SOME = OpenApiExample(
    "A campaign paused, and a recharge paid",
    value={
        "results": [
            {
                "sequence": 41,
                "kind": "campaign",
                "id": "spring-1",
                "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
                "changed_at": "2026-11-22T09:14:00Z",
                "url": "https://billing.example/api/v1/campaigns/spring-1"
                "?account=3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
            },
            {
                "sequence": 42,
                "kind": "recharge",
                "id": "0b0f6a53-6c2f-4f0b-9f57-0a4a1c6f2c11",
                "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
                "changed_at": "2026-11-22T09:14:05Z",
                "url": "https://billing.example/api/v1/wallet/recharges/"
                "0b0f6a53-6c2f-4f0b-9f57-0a4a1c6f2c11"
                "?account=3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
            },
        ],
        "after": 42,
        "more": False,
    },
    response_only=True,
)


class ChangesView(ApiView):
    query_shape = ChangesQuery

    @extend_schema(
        operation_id="list_changes",
        summary="Everything that changed after a sequence, each object once",
        description="Each object stands there with its last change only: read it by its own "
        "route. Ask again with `after` of the answer; nothing is missed, also what was committed "
        "late. A platform key without `account` is told of every account, where accounts are in "
        "one place; in several (cells), it says which.",
        tags=["Changes"],
        extensions=leads_to(list_changes={"after": "after"}),
        responses={200: Changes, **refusals()},
        examples=[_SOME],
    )
    def get(self, request: Request) -> Response:
        query = self.query
        found = changes.page(
            kinds=query.kind or (),
            accounts=_whose(request, bool(query.include)),
            after=query.after,
            limit=query.limit,
        )
        results = [
            ChangeShape(
                row.sequence,
                row.kind,
                row.object_id,
                row.account_id,
                row.changed_at,
                request.build_absolute_uri(_where(row)),
            )
            for row in found.rows
        ]
        return Response(Changes(results, found.after, found.more))


# Where each kind is read. A sub-account reads of its agency's allocation what it was given.
_ROUTES = {
    Change.Kind.CAMPAIGN: "campaigns/{}",
    Change.Kind.RECHARGE: "wallet/recharges/{}",
    Change.Kind.RECEIPT: "receipts/{}",
    Change.Kind.ALLOCATION: "sub-accounts/{}/auto-allocation",
    Change.Kind.AUTO_RECHARGE: "wallet/auto-recharge",
    Change.Kind.GIFT: "gifts/{}",
    Change.Kind.ASK: "asks/{}",
}
_RECEIVED = "wallet/entries?kind=allocation&account={}"


def _where(row: Change) -> str:
    """The path on which the change's own account reads it."""
    if row.kind == Change.Kind.ALLOCATION:
        if row.object_id == str(row.account_id):
            return f"/api/v1/{_RECEIVED.format(row.account_id)}"
        return f"/api/v1/{_ROUTES[row.kind].format(row.object_id)}"
    route = _ROUTES[Change.Kind(row.kind)].format(quote(row.object_id, safe=""))
    return f"/api/v1/{route}?account={row.account_id}"


def _whose(request: Request, with_sub_accounts: bool) -> list[UUID] | None:
    """The accounts that are told; None is every account, for a key of the platform."""
    key = request.user.key
    if key.is_platform and "account" not in request.query_params and not with_sub_accounts:
        if Scope.READ not in key.scopes:
            raise Forbidden(f"This needs an API key with the scope “{Scope.READ}”.")
        if not place.has_accounts():
            text = "Accounts are in several places, each with sequences of its own: send one's id."
            raise ValidationError({"account": [text]})
        return None
    accounts = resolve_accounts(request, with_sub_accounts=with_sub_accounts)
    return [one.pk for one in accounts]
