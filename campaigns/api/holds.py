"""The voice platform's door to holds: reserving seconds for a call, and giving them back."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once, once_in_steps
from accounts.api.schema import in_path, refusals
from accounts.api.shapes import read
from accounts.api.views import Route
from accounts.api.whose import account_for
from accounts.people.access import Permission
from campaigns import holds, lifecycle, limits
from campaigns.api import shapes
from campaigns.api.calls import reporter_of
from campaigns.reports import REJECTIONS, is_external_id

_REQUEST = OpenApiExample(
    "Five minutes for a call of a campaign",
    value={
        "call": "call-48214",
        "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
        "campaign": "spring-1",
        "seconds": 300,
    },
    request_only=True,
)
_PARTLY = OpenApiExample(
    "Fewer seconds than were asked for",
    value={
        "allowed": True,
        "seconds": 187,
        "expires_at": "2026-11-22T09:27:10Z",
        "reason": "ok",
    },
    response_only=True,
)
_REFUSED = OpenApiExample(
    "Everything is used, or reserved for other calls",
    value={"allowed": False, "seconds": 0, "expires_at": None, "reason": "low_balance"},
    response_only=True,
)
_CALL = in_path(
    "call",
    "The platform's own id of the call.",
    "call-48214",
    {"type": "string", "minLength": 1, "maxLength": limits.EXTERNAL_ID_LENGTH},
)


class Holds(Route):
    @extend_schema(
        operation_id="hold_call",
        summary="Reserve seconds for one call before it starts, or extend what it has",
        description="May the call start, and for how long is it paid for? What is answered is "
        "reserved for this call: no other hold, `calls/authorize` or campaign counts on it. Let "
        "the call end after `seconds`, or ask again in time.\n\n"
        "`seconds` are of the whole call. The same call again never takes twice: 120 after 60 adds "
        "60, and 60 after 60 only moves `expires_at`. What a call has is not made smaller; release "
        "it first. When the call is reported, what it used is charged and the rest is free again. "
        "A hold that is neither extended, released nor reported ends at `expires_at`: ten minutes "
        "after the last second it pays for. Report the call before that.\n\n"
        "Hold a minute or a few and extend them: what is reserved pays no other call, and may "
        "pause a campaign that has nothing else.",
        tags=["Calls"],
        request=shapes.HoldRequest,
        responses={200: shapes.HoldAnswer, **refusals(409, 413, 422)},
        examples=[_REQUEST, _PARTLY, _REFUSED],
    )
    @once
    def post(self, request: Request) -> Response:
        asked = read(shapes.HoldRequest, request.data)
        account = account_for(request, account_id=asked.account, permission=Permission.CALLS)
        campaign = None
        if isinstance(asked.campaign, str):
            campaign = lifecycle.find(account=account, external_id=asked.campaign)
        answer = holds.hold(
            account=account,
            call=_named(asked.call),
            seconds=asked.seconds,
            reporter=request.user.key.account,
            campaign=campaign,
            minute_type=asked.minute_type or None,
        )
        return Response(shapes.HoldAnswer.of(answer))


class OneHold(Route):
    @extend_schema(
        operation_id="release_call",
        summary="Give back what is reserved for a call",
        description="For a call that never started. One that is reported needs no release. May be "
        "repeated; a call without a hold is answered the same.",
        tags=["Calls"],
        parameters=[_CALL],
        request=None,
        responses={204: None, **refusals(409, 422)},
    )
    # By the platform's key it is done in the cell that has it.
    @once_in_steps
    def delete(self, request: Request, call: str) -> Response:
        reporter = reporter_of(request)
        if request.data:
            raise ValidationError("This takes no body.")
        holds.release(call=_named(call), reporter=reporter)
        return Response(status=204)


def _named(call: str) -> str:
    if not is_external_id(call):
        raise ValidationError({"call": [REJECTIONS["bad_id"]]})
    return call
