"""What the API of campaigns takes and answers: decoded, refused and documented by these."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from accounts.api.changes import Sequence
from accounts.api.shapes import Answer, Moment, Sent, Url, Wrong
from accounts.api.views import AccountQuery, AccountsQuery
from campaigns import limits, usage
from campaigns.calls import Rejection
from campaigns.history import Spent
from campaigns.models import Call, Campaign, MinuteUse
from campaigns.reports import Report
from campaigns.usage import Figures
from wallets.api.fields import (
    AccountsPageQuery,
    DayOrMoment,
    Dollars,
    NextPage,
    dollars_text,
)

ExternalId = Annotated[str, Meta(min_length=1, max_length=limits.EXTERNAL_ID_LENGTH)]
CampaignAsked = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=limits.EXTERNAL_ID_LENGTH,
        description="The platform's own id; of several accounts, the campaign of this id in each.",
    ),
]
Cost = Annotated[
    str,
    Meta(
        description="Dollars of credit taken. A duplicate has the cost of the first report.",
        extra_json_schema={"format": "decimal", "pattern": r"^-?\d{0,12}(?:\.\d{0,6})?$"},
    ),
]


class CallsQuery(AccountsPageQuery):
    since: Annotated[
        DayOrMoment | UnsetType,
        Meta(description="A day of the account, from its beginning, or a moment."),
    ] = field(name="from", default=UNSET)
    until: Annotated[
        DayOrMoment | UnsetType,
        Meta(description="A day of the account, to its end, or a moment, itself excluded."),
    ] = field(name="to", default=UNSET)
    campaign: CampaignAsked | UnsetType = UNSET
    minute_type: Annotated[
        list[MinuteUse] | UnsetType, Meta(description="May be sent several times.")
    ] = UNSET
    outcome: Annotated[
        list[Call.Outcome] | UnsetType, Meta(description="May be sent several times.")
    ] = UNSET
    output: Annotated[
        Literal["json", "csv"],
        Meta(description="csv: every call that fits in one file, without `cursor` and `limit`."),
    ] = "json"


class TakenShape(Answer):
    """Seconds that minute pots paid, and credit paid the rest of, at its rate."""

    included: int
    premium: int
    basic: int
    credit: int


class CallShape(Answer):
    id: Annotated[str, Meta(description="The platform's own id.")]
    account: UUID
    campaign: Annotated[str | None, Meta(description="The platform's own id.")]
    minute_type: MinuteUse
    outcome: Call.Outcome
    ended_at: Moment
    seconds: int
    taken_seconds: TakenShape
    rate: Annotated[Dollars | None, Meta(description="Per minute, of what credit paid.")]
    cost: Dollars
    entries: Annotated[str, Meta(description="The key of the wallet's entries that debited it.")]


class CallPage(Answer):
    results: list[CallShape]
    next: NextPage


class UsageQuery(AccountsQuery):
    since: Annotated[
        date | UnsetType, Meta(description="A day of the account. Default: 29 days before `to`.")
    ] = field(name="from", default=UNSET)
    until: Annotated[
        date | UnsetType, Meta(description="A day of the account, included. Default: today.")
    ] = field(name="to", default=UNSET)
    by: usage.By = usage.By.DAY
    campaign: CampaignAsked | UnsetType = UNSET
    minute_type: MinuteUse | UnsetType = UNSET
    outcome: Call.Outcome | UnsetType = UNSET


class FiguresShape(Answer):
    calls: int
    seconds: int
    average_seconds: Annotated[str, Meta(description="Of a call, to the tenth of a second.")]
    included_seconds: int
    premium_seconds: int
    basic_seconds: int
    credit: Dollars


class UsageLine(Answer):
    key: Annotated[str | None, Meta(description="A day, an id, or a name; null: no campaign.")]
    label: Annotated[
        str, Meta(description="For people; of a campaign among several accounts with its account.")
    ]
    figures: FiguresShape


class UsageShape(Answer):
    since: Annotated[date, Meta()] = field(name="from")
    until: date = field(name="to")
    by: usage.By
    total: FiguresShape
    before: Annotated[
        FiguresShape, Meta(description="Of as many days right before, for comparison.")
    ]
    results: list[UsageLine]


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
    after: Annotated[
        Sequence, Meta(description="The `sequence` read last: what changed after it.")
    ] = 0
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


class ChangedCampaign(CampaignShape):
    sequence: Annotated[int, Meta(description="Of its last change. It only grows, with gaps.")]


class CampaignPage(Answer):
    next: Url | None
    previous: Url | None
    results: list[ChangedCampaign]


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
    return CampaignShape.of(one, **_facts(one))


def changed(one: Campaign, sequence: int) -> ChangedCampaign:
    """A campaign in a list, with the number of its last change."""
    return ChangedCampaign.of(one, sequence=sequence, **_facts(one))


def _facts(one: Campaign) -> dict[str, object]:
    return {
        "id": one.external_id,
        "account": one.account_id,
        "pause_reason": one.pause_reason or None,
    }


def call(one: Spent) -> CallShape:
    """A call as the API answers it."""
    told, rate = one.call, one.rate
    return CallShape.of(
        told,
        id=told.external_id,
        account=told.account_id,
        campaign=told.campaign.external_id if told.campaign else None,
        taken_seconds=TakenShape(
            told.included_seconds, told.premium_seconds, told.basic_seconds, one.credit_seconds
        ),
        rate=None if rate is None else dollars_text(rate, decimal_places=6),
        cost=dollars_text(told.cost, decimal_places=6),
        entries=f"calls:{told.batch}",
    )


def figures(one: Figures) -> FiguresShape:
    """Sums as the API answers them."""
    return FiguresShape.of(
        one,
        average_seconds=f"{one.average_seconds:f}",
        credit=dollars_text(one.cost, decimal_places=6),
    )
