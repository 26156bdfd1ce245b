"""What the API of campaigns takes and answers: decoded, refused and documented by these."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from accounts.api.shapes import Answer, Moment, Sent, Url, Wrong
from accounts.api.views import AccountQuery
from campaigns import limits
from campaigns.calls import Rejection
from campaigns.models import Campaign, MinuteUse
from campaigns.reports import Report

ExternalId = Annotated[str, Meta(min_length=1, max_length=limits.EXTERNAL_ID_LENGTH)]
Cost = Annotated[
    str,
    Meta(
        description="Dollars of credit taken. A duplicate has the cost of the first report.",
        extra_json_schema={"format": "decimal", "pattern": r"^-?\d{0,12}(?:\.\d{0,6})?$"},
    ),
]


class AuthorizeRequest(Sent):
    """Exactly one of the campaign and the minute_type says which minutes count."""

    account: UUID
    campaign: ExternalId | UnsetType = UNSET
    minute_type: MinuteUse | UnsetType = UNSET
    live: Annotated[
        int,
        Meta(
            ge=0,
            le=limits.MOST_LIVE_CALLS,
            description="Calls now running for this account and type.",
        ),
    ] = 0

    def __post_init__(self) -> None:
        if (self.campaign is UNSET) == (self.minute_type is UNSET):
            raise Wrong("Send either the campaign or the minute_type.")


class Authorization(Answer):
    allowed: bool
    seconds: Annotated[int, Meta(description="How long the call can be paid. 0: not allowed.")]
    reason: Literal[
        "ok",
        "low_balance",
        "recharging",
        "campaign_paused",
        "campaign_not_started",
        "campaign_finished",
        "closed",
    ]


class CampaignRequest(Sent):
    name: Annotated[str, Meta(min_length=1, max_length=limits.NAME_LENGTH)]
    minute_type: MinuteUse


class CampaignsQuery(AccountQuery):
    changed_since: Annotated[Moment | UnsetType, Meta(description="A moment with its offset.")] = (
        UNSET
    )
    cursor: str | UnsetType = UNSET


class CampaignShape(Answer):
    id: Annotated[str, Meta(description="The platform's own id.")]
    account: UUID
    name: str
    minute_type: MinuteUse
    status: Campaign.Status
    pause_reason: Annotated[Campaign.PauseReason | None, Meta(description="Only while paused.")]
    paused_at: Moment | None
    updated_at: Moment


class CampaignPage(Answer):
    next: Url | None
    previous: Url | None
    results: list[CampaignShape]


# The document's names for two Structs of the middle.
class ReportShape(Report):
    """One finished call."""


class RejectionShape(Rejection):
    """Why a call was not taken."""


class ReportBatch(Sent):
    calls: Annotated[list[ReportShape], Meta(max_length=limits.CALLS_PER_BATCH)]


class ResultShape(Answer):
    id: str
    status: Literal["charged", "duplicate", "rejected"]
    cost: Cost | UnsetType = UNSET
    error: RejectionShape | UnsetType = UNSET


class ResultBatch(Answer):
    currency: str
    results: list[ResultShape]


def campaign(one: Campaign) -> CampaignShape:
    """A campaign as the API answers it."""
    return CampaignShape.of(
        one,
        id=one.external_id,
        account=one.account_id,
        pause_reason=one.pause_reason or None,
    )
