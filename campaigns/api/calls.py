"""The voice platform's door: reporting calls, asking whether one may start, and campaigns."""

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import UNSET
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once_in_steps
from accounts.api.rows import next_page
from accounts.api.schema import refusals
from accounts.api.shapes import Wrong, convert, read, read_query
from accounts.api.strict import TooLarge, Unreadable
from accounts.api.views import Route
from accounts.api.whose import account_for, resolve_accounts
from accounts.errors import Forbidden
from accounts.models import Account, Scope
from accounts.people import access
from accounts.people.access import Permission
from campaigns import calls, history, lifecycle, limits, recording
from campaigns.api import calls_csv, shapes
from campaigns.api.usage import campaigns_named
from campaigns.calls import Rejection, Result
from campaigns.reports import Report, is_external_id
from wallets.api.fields import check_range
from wallets.months import beginning, end_of

# A thousand calls of a thousand characters each.
BATCH_BYTES = 1024 * 1024

_CALL_EXAMPLE = OpenApiExample(
    "A call of which minutes paid a part",
    value={
        "results": [
            {
                "id": "call-48211",
                "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
                "campaign": "spring-1",
                "minute_type": "premium",
                "outcome": "completed",
                "ended_at": "2026-11-22T09:14:03Z",
                "seconds": 120,
                "taken_seconds": {"included": 0, "premium": 90, "basic": 0, "credit": 30},
                "rate": "0.160000",
                "cost": "0.080000",
                "entries": "calls:0b0f6a53-6c2f-4f0b-9f57-0a4a1c6f2c11",
            }
        ],
        "next": None,
        "next_cursor": None,
    },
    response_only=True,
    media_type="application/json",
)
_ACCOUNT = "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11"
_REPORT_EXAMPLES = [
    OpenApiExample(
        "One good call, and one of a campaign that is not there",
        value={
            "calls": [
                {
                    "id": "call-48212",
                    "account": _ACCOUNT,
                    "campaign": "spring-1",
                    "seconds": 120,
                    "ended_at": "2026-11-22T09:14:03Z",
                    "outcome": "completed",
                },
                {
                    "id": "call-48213",
                    "account": _ACCOUNT,
                    "campaign": "autumn-1",
                    "seconds": 61,
                    "ended_at": "2026-11-22T09:14:03Z",
                },
            ]
        },
        request_only=True,
    ),
    OpenApiExample(
        "One charged, one rejected",
        value={
            "currency": "USD",
            "results": [
                {"id": "call-48212", "status": "charged", "cost": "0.320000"},
                {
                    "id": "call-48213",
                    "status": "rejected",
                    "error": {
                        "code": "unknown_campaign",
                        "message": "The account has no such campaign.",
                    },
                },
            ],
        },
        response_only=True,
        status_codes=["200"],
    ),
]
_AUTHORIZE_EXAMPLES = [
    OpenApiExample(
        "A call of a campaign",
        value={"account": _ACCOUNT, "campaign": "spring-1", "live": 2},
        request_only=True,
    ),
    OpenApiExample(
        "It may last",
        value={"allowed": True, "seconds": 1025, "reason": "ok"},
        response_only=True,
        status_codes=["200"],
    ),
]


class Calls(Route):
    max_body_bytes = BATCH_BYTES
    items = "calls"

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        """Who asks for the file may accept nothing else; what refuses it is JSON all the same."""
        is_file = request.query_params.get("output") == "csv"
        return super().perform_content_negotiation(request, force=force or is_file)

    @extend_schema(
        operation_id="list_calls",
        summary="Calls with what paid for each, newest first",
        description="Days are those of the account that is asked for, also over all of its "
        "sub-accounts.",
        tags=["Calls"],
        parameters=[shapes.CallsQuery],
        responses={
            (200, "application/json"): shapes.CallPage,
            (200, "text/csv"): OpenApiTypes.STR,
            **refusals(),
        },
        examples=[_CALL_EXAMPLE],
    )
    def get(self, request: Request) -> Response | StreamingHttpResponse:
        query = read_query(shapes.CallsQuery, request.query_params)
        accounts = resolve_accounts(request, with_sub_accounts=bool(query.include))
        filters = _filters(query, accounts)
        ids = [account.pk for account in accounts]
        if query.output == "csv":
            _check_whole(request)
            return calls_csv.response(accounts=ids, filters=filters)
        page = history.calls(
            accounts=ids, filters=filters, cursor=query.cursor or None, limit=query.limit
        )
        results = [shapes.call(one) for one in page.rows]
        return Response(shapes.CallPage(results=results, **next_page(request, page.next_cursor)))

    @extend_schema(
        operation_id="report_calls",
        summary="Report up to 1,000 finished calls; each is charged once",
        description="However often a call is sent, it is charged once. One bad call does not stop "
        "the others, whatever is wrong with it: look at each result. Only a body that is no JSON, "
        "no list of calls, or too large is refused as a whole.",
        tags=["Calls"],
        request=shapes.ReportBatch,
        responses={200: shapes.ResultBatch, **refusals(409, 413, 422)},
        examples=_REPORT_EXAMPLES,
    )
    @once_in_steps
    def post(self, request: Request) -> Response:
        reporter = reporter_of(request)
        batch = _batch(request.data)
        readable = [one for one in batch if isinstance(one, Report)]
        recorded = iter(
            recording.record(reports=readable, reporter=reporter, client=request.user.key.pk)
        )
        results = [next(recorded) if isinstance(one, Report) else one for one in batch]
        answer = Response(shapes.ResultBatch("USD", [_result(one) for one in results]))
        # Whoever repeats the batch, as it is told to, wants those recorded.
        answer.is_kept = not any(one.error and one.error.code == "unavailable" for one in results)
        return answer


class Authorize(Route):
    @extend_schema(
        operation_id="authorize_call",
        summary="May a call start now, and how long may it last?",
        description="Answers from the balances of this moment and reserves nothing: tell by "
        "`live` how many calls of this account and type run already.",
        tags=["Calls"],
        request=shapes.AuthorizeRequest,
        responses={200: shapes.Authorization, **refusals(413)},
        examples=_AUTHORIZE_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        asked = read(shapes.AuthorizeRequest, request.data)
        account = account_for(request, account_id=asked.account, permission=Permission.CALLS)
        campaign = None
        if asked.campaign is not UNSET:
            campaign = lifecycle.find(account=account, external_id=asked.campaign)
        answer = calls.authorize(
            account=account,
            campaign=campaign,
            minute_type=asked.minute_type or None,
            live=asked.live,
        )
        return Response(shapes.Authorization.of(answer))


def _check_whole(request: Request) -> None:
    """Raise ValidationError (400) for a page of what is one file."""
    wrong = [name for name in ("cursor", "limit") if name in request.query_params]
    if wrong:
        sentence = "The file has every call that fits. Leave this out."
        raise ValidationError(dict.fromkeys(wrong, sentence))


def _filters(query: shapes.CallsQuery, accounts: list[Account]) -> history.Filters:
    zone = accounts[0].zone
    since, until = query.since or None, query.until or None
    check_range(since, until, account=accounts[0])
    return history.Filters(
        campaigns=campaigns_named(query.campaign or "", accounts),
        outcomes=query.outcome or None,
        minute_types=query.minute_type or None,
        since=None if since is None else beginning(since, zone),
        until=None if until is None else end_of(until, zone),
    )


def reporter_of(request: Request) -> Account | None:
    """Whose key reports: an account for its own calls, None for the platform."""
    key = request.user.key
    if not key.is_platform:
        access.require_key(key=key, account=key.account, permission=Permission.CALLS)
    elif Scope.CALLS not in key.scopes:
        raise Forbidden(f"This needs an API key with the scope “{Scope.CALLS}”.")
    return key.account


def _batch(data: object) -> list[Report | Result]:
    """The reports, and in the place of each that cannot be read its rejection."""
    sent = data.get("calls") if isinstance(data, dict) else None
    if isinstance(sent, list) and len(sent) > limits.CALLS_PER_BATCH:
        raise TooLarge(f"Send at most {limits.CALLS_PER_BATCH:,} calls at once.")
    try:
        return read(shapes.ReportBatch, data).calls
    except ValidationError:
        if not isinstance(sent, list) or set(data) != {"calls"}:
            raise
    return [_report(one) for one in sent]


def _report(sent: object) -> Report | Result:
    if isinstance(sent, Unreadable):
        return _unreadable(sent.id, sent.sentence)
    if not isinstance(sent, dict):
        return _unreadable(None, "Send each call as an object.")
    try:
        return convert(sent, shapes.ReportShape)
    except Wrong as wrong:
        return _unreadable(sent.get("id"), f"{wrong.path.lstrip('.')}: {wrong}")


def _unreadable(named: object, sentence: str) -> Result:
    """Whatever id was sent is answered if it could be one; the place in the list says which."""
    is_id = isinstance(named, str) and is_external_id(named)
    return Result(named if is_id else "", "rejected", error=Rejection("invalid", sentence))


def _result(result: Result) -> shapes.ResultShape:
    if result.error:
        return shapes.ResultShape(result.id, result.status, error=result.error)
    return shapes.ResultShape(result.id, result.status, cost=f"{result.cost:.6f}")
