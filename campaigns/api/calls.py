"""The voice platform's door: reporting calls, asking whether one may start, and campaigns."""

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.schema import refusals
from accounts.api.strict import TooLarge
from accounts.api.whose import account_for
from accounts.errors import Forbidden
from accounts.models import Account, Scope
from accounts.people import access
from accounts.people.access import Permission
from campaigns import calls, lifecycle, limits
from campaigns.api import shapes
from campaigns.calls import Result
from campaigns.reports import Report

# A thousand calls of a thousand characters each.
BATCH_BYTES = 1024 * 1024


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    calls: list[Report]


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
        batch = _decode(request.data)
        results = calls.record(reports=batch.calls, reporter=reporter)
        return Response({"currency": "USD", "results": [_result(one) for one in results]})


class Authorize(APIView):
    @extend_schema(
        operation_id="authorize_call",
        request=shapes.AuthorizeRequest,
        responses={200: shapes.Authorization, **refusals(413)},
    )
    def post(self, request: Request) -> Response:
        """May a call start now, and how long may it last?"""
        asked = shapes.AuthorizeRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        account = account_for(request, account_id=values["account"], permission=Permission.CALLS)
        campaign = None
        if values.get("campaign") is not None:
            campaign = lifecycle.find(account=account, external_id=values["campaign"])
        answer = calls.authorize(
            account=account,
            campaign=campaign,
            minute_type=values.get("minute_type"),
            live=values["live"],
        )
        return Response(
            {"allowed": answer.allowed, "seconds": answer.seconds, "reason": answer.reason}
        )


def _reporter(request: Request) -> Account | None:
    """Whose key reports: an account for its own calls, None for the platform."""
    key = request.user.key
    if not key.is_platform:
        access.require_key(key=key, account=key.account, permission=Permission.CALLS)
    elif Scope.CALLS not in key.scopes:
        raise Forbidden(f"This needs an API key with the scope “{Scope.CALLS}”.")
    return key.account


def _decode(data: object) -> Batch:
    sent = data.get("calls") if isinstance(data, dict) else None
    if isinstance(sent, list) and len(sent) > limits.CALLS_PER_BATCH:
        raise TooLarge(f"Send at most {limits.CALLS_PER_BATCH:,} calls at once.")
    try:
        return msgspec.convert(data, Batch, strict=True)
    except msgspec.ValidationError as error:
        raise ValidationError(_complaint(str(error))) from None


def _complaint(text: str) -> dict[str, list[str]]:
    """Where it is and what is wrong: "… - at `$.calls[3].seconds`" becomes calls.3.seconds."""
    what, _, where = text.partition(" - at `$")
    path = where.rstrip("`").replace("[", ".").replace("]", "").strip(".")
    return {path or "non_field_errors": [what.replace("`", "")]}


def _result(result: Result) -> dict[str, object]:
    answer: dict[str, object] = {"id": result.id, "status": result.status}
    if result.error:
        answer["error"] = {"code": result.error.code, "message": result.error.message}
    else:
        answer["cost"] = f"{result.cost:.6f}"
    return answer
