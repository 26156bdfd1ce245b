"""The voice platform's door: reporting calls, asking whether one may start, and campaigns."""

from drf_spectacular.utils import extend_schema
from msgspec import UNSET
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.schema import refusals
from accounts.api.shapes import read
from accounts.api.strict import TooLarge
from accounts.api.whose import account_for
from accounts.errors import Forbidden
from accounts.models import Account, Scope
from accounts.people import access
from accounts.people.access import Permission
from campaigns import calls, lifecycle, limits
from campaigns.api import shapes
from campaigns.calls import Result

# A thousand calls of a thousand characters each.
BATCH_BYTES = 1024 * 1024


class Calls(APIView):
    max_body_bytes = BATCH_BYTES

    @extend_schema(
        operation_id="report_calls",
        request=shapes.ReportBatch,
        responses={200: shapes.ResultBatch, **refusals(413)},
    )
    def post(self, request: Request) -> Response:
        """Report up to 1,000 finished calls. Each is charged once, however often it is sent.

        One bad call does not stop the others: look at each result. A body that is not of this
        shape is refused as a whole.
        """
        reporter = _reporter(request)
        batch = _batch(request.data)
        results = calls.record(reports=batch.calls, reporter=reporter)
        return Response(shapes.ResultBatch("USD", [_result(one) for one in results]))


class Authorize(APIView):
    @extend_schema(
        operation_id="authorize_call",
        request=shapes.AuthorizeRequest,
        responses={200: shapes.Authorization, **refusals(413)},
    )
    def post(self, request: Request) -> Response:
        """May a call start now, and how long may it last?"""
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


def _reporter(request: Request) -> Account | None:
    """Whose key reports: an account for its own calls, None for the platform."""
    key = request.user.key
    if not key.is_platform:
        access.require_key(key=key, account=key.account, permission=Permission.CALLS)
    elif Scope.CALLS not in key.scopes:
        raise Forbidden(f"This needs an API key with the scope “{Scope.CALLS}”.")
    return key.account


def _batch(data: object) -> shapes.ReportBatch:
    sent = data.get("calls") if isinstance(data, dict) else None
    if isinstance(sent, list) and len(sent) > limits.CALLS_PER_BATCH:
        raise TooLarge(f"Send at most {limits.CALLS_PER_BATCH:,} calls at once.")
    return read(shapes.ReportBatch, data)


def _result(result: Result) -> shapes.ResultShape:
    if result.error:
        return shapes.ResultShape(result.id, result.status, error=result.error)
    return shapes.ResultShape(result.id, result.status, cost=f"{result.cost:.6f}")
