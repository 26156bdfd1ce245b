"""GET usage: the figures of the Usage page."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import clock
from accounts.api.schema import refusals
from accounts.api.views import ApiView
from accounts.api.whose import resolve_accounts
from accounts.errors import NotFound, Unusable
from accounts.models import Account
from campaigns import usage
from campaigns.api import usage_shapes
from campaigns.models import Campaign
from campaigns.usage import Asked
from wallets.api.fields import renamed

_FIGURES = {
    "calls": 2,
    "seconds": 180,
    "average_seconds": "90.0",
    "included_seconds": 0,
    "premium_seconds": 60,
    "basic_seconds": 0,
    "credit": "0.320000",
}
_EXAMPLE = OpenApiExample(
    "One campaign in November",
    value={
        "from": "2026-11-01",
        "to": "2026-11-30",
        "by": "campaign",
        "total": _FIGURES,
        "before": _FIGURES,
        "results": [{"key": "spring-1", "label": "Spring offers", "figures": _FIGURES}],
    },
    response_only=True,
)


class Usage(ApiView):
    query_shape = usage_shapes.UsageQuery

    @extend_schema(
        operation_id="get_usage",
        summary="What calls used, by day, campaign, account, minute type or outcome",
        description="A call counts on the day it ended, where its account is: over all "
        "sub-accounts, each has days of its own.",
        tags=["Usage"],
        responses={200: usage_shapes.UsageShape, **refusals()},
        examples=[_EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        query = self.query
        accounts = resolve_accounts(request, with_sub_accounts=bool(query.include))
        today = accounts[0].local_date(clock.now())
        until = query.until or today
        since = query.since or usage.earlier(min(until, today))
        try:
            usage.check(since=since, until=until, today=today)
        except Unusable as error:
            raise renamed(error) from None
        asked = Asked(
            accounts,
            since,
            until,
            campaigns=campaigns_named(query.campaign or "", accounts),
            minute_type=query.minute_type or "",
            outcome=query.outcome or "",
            agency=accounts[0].pk if query.include else None,
        )
        found, before = usage.compared(asked=asked, by=query.by)
        answer = usage_shapes.UsageShape(
            since=since,
            until=until,
            by=query.by,
            total=usage_shapes.figures(found.total),
            before=usage_shapes.figures(before),
            results=[
                usage_shapes.UsageLine(line.name, line.label, usage_shapes.figures(line.figures))
                for line in found.lines
            ],
        )
        return Response(answer)


def campaigns_named(external_id: str, accounts: list[Account]) -> list[int] | None:
    """The campaigns of this id: each account may have one. None without an id. Raises NotFound."""
    if not external_id:
        return None
    rows = Campaign.objects.filter(external_id=external_id, account__in=[a.pk for a in accounts])
    found = list(rows.values_list("pk", flat=True))
    if not found:
        raise NotFound("There is no such campaign.")
    return found
