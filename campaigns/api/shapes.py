"""What the API takes and answers of calls: decoded, refused and documented by these."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from accounts.api.rows import NextCursor, NextPage
from accounts.api.shapes import AS_SENT, AccountId, Answer, Moment, Sent, Wrong
from campaigns import limits
from campaigns.calls import Rejection
from campaigns.history import Spent
from campaigns.models import Call, MinuteUse
from campaigns.reports import Report
from wallets.api.fields import AccountsPageQuery, DayOrMoment, Dollars, dollars_text

ExternalId = Annotated[str, AS_SENT, Meta(min_length=1, max_length=limits.EXTERNAL_ID_LENGTH)]
CampaignAsked = Annotated[
    ExternalId,
    Meta(
        description="The platform's own id; of several accounts, the campaign of this id in each."
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

    included: Annotated[int, Meta(description="Paid by what comes with the plan.")]
    premium: Annotated[int, Meta(description="Paid by Premium minutes.")]
    basic: Annotated[int, Meta(description="Paid by Basic minutes.")]
    credit: Annotated[int, Meta(description="Paid by credit.")]


class CallShape(Answer):
    """A call as it was reported, and what paid for it."""

    id: Annotated[str, Meta(description="The platform's own id.")]
    account: AccountId
    campaign: Annotated[str | None, Meta(description="The platform's own id.")]
    minute_type: Annotated[MinuteUse, Meta(description="Which minutes counted.")]
    outcome: Annotated[Call.Outcome, Meta(description="How the call ended.")]
    ended_at: Annotated[Moment, Meta(description="When the call ended.")]
    seconds: Annotated[int, Meta(description="How long it was.")]
    taken_seconds: Annotated[TakenShape, Meta(description="What paid for how many of them.")]
    rate: Annotated[Dollars | None, Meta(description="Per minute, of what credit paid.")]
    cost: Annotated[Dollars, Meta(description="Dollars of credit taken.")]
    entries: Annotated[str, Meta(description="The key of the wallet's entries that debited it.")]


class CallPage(Answer):
    """A page of calls."""

    results: Annotated[list[CallShape], Meta(description="Latest first.")]
    next: NextPage
    next_cursor: NextCursor


class AuthorizeRequest(Sent):
    """Exactly one of the campaign and the minute_type says which minutes count."""

    more_rules: ClassVar[dict] = {
        "if": {"required": ["campaign"]},
        "then": {"not": {"required": ["minute_type"]}},
        "else": {"required": ["minute_type"]},
    }

    account: Annotated[UUID, Meta(description="Whose call it would be.")]
    campaign: Annotated[
        ExternalId | UnsetType, Meta(description="The campaign's own id; or send minute_type.")
    ] = UNSET
    minute_type: Annotated[
        MinuteUse | UnsetType, Meta(description="Which minutes count; or send the campaign.")
    ] = UNSET
    live: Annotated[
        int,
        Meta(
            ge=0,
            le=limits.MOST_LIVE_CALLS,
            description="Calls now running for this account and type. Those with a hold may be "
            "among them: they are not counted twice.",
        ),
    ] = 0

    def __post_init__(self) -> None:
        if (self.campaign is UNSET) == (self.minute_type is UNSET):
            raise Wrong("Send either the campaign or the minute_type.")


class Authorization(Answer):
    """Whether a call may start, of this moment: nothing is reserved."""

    allowed: Annotated[bool, Meta(description="Whether it may start.")]
    seconds: Annotated[int, Meta(description="How long the call can be paid. 0: not allowed.")]
    reason: Annotated[
        Literal[
            "ok",
            "low_balance",
            "recharging",
            "campaign_paused",
            "campaign_not_started",
            "campaign_finished",
            "closed",
        ],
        Meta(
            description="Why, or why not. recharging: money is on its way, ask again in some "
            "seconds; closed: the account is."
        ),
    ]


class HoldRequest(Sent):
    """Exactly one of the campaign and the minute_type says which minutes count."""

    more_rules: ClassVar[dict] = AuthorizeRequest.more_rules

    call: Annotated[
        ExternalId, Meta(description="The platform's own id, as the call will be reported by.")
    ]
    account: Annotated[UUID, Meta(description="Whose call it is.")]
    seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=limits.CALL_MOST_SECONDS,
            description="How long the whole call may last, what it has used among it.",
        ),
    ]
    campaign: Annotated[
        ExternalId | UnsetType, Meta(description="The campaign's own id; or send minute_type.")
    ] = UNSET
    minute_type: Annotated[
        MinuteUse | UnsetType, Meta(description="Which minutes count; or send the campaign.")
    ] = UNSET

    def __post_init__(self) -> None:
        if (self.campaign is UNSET) == (self.minute_type is UNSET):
            raise Wrong("Send either the campaign or the minute_type.")


class HoldAnswer(Answer):
    """Whether the call may last, and what is reserved for it now."""

    allowed: Annotated[bool, Meta(description="Whether it may start, or go on.")]
    seconds: Annotated[
        int,
        Meta(
            description="How long the whole call is paid for: maybe less than was asked for. 0: "
            "not allowed."
        ),
    ]
    expires_at: Annotated[
        Moment | None,
        Meta(description="Nothing is reserved any more from then on; null: nothing is."),
    ]
    reason: Annotated[
        Literal[
            "ok",
            "low_balance",
            "recharging",
            "campaign_paused",
            "campaign_not_started",
            "campaign_finished",
            "closed",
            "reported",
            "held_elsewhere",
        ],
        Meta(
            description="reported: the call is over and was charged. held_elsewhere: another "
            "account pays for a call of this id. While a call has a hold, a paused or finished "
            "campaign is no reason against extending it."
        ),
    ]


# The document's names for two Structs of the middle.
class ReportShape(Report):
    """One finished call."""


class RejectionShape(Rejection):
    """Why a call was not taken."""


class ReportBatch(Sent):
    """Finished calls."""

    calls: Annotated[
        list[ReportShape],
        Meta(max_length=limits.CALLS_PER_BATCH, description="Up to 1,000, in any order."),
    ]


class ResultShape(Answer):
    """What became of one reported call."""

    id: Annotated[str, Meta(description="As it was sent; empty if it could be no id.")]
    status: Annotated[
        Literal["charged", "duplicate", "rejected"],
        Meta(description="duplicate: it was charged before, and is not again."),
    ]
    cost: Cost | UnsetType = UNSET
    error: Annotated[RejectionShape | UnsetType, Meta(description="Only when rejected.")] = UNSET


class ResultBatch(Answer):
    """What became of each reported call."""

    currency: Annotated[str, Meta(description="Of every cost: USD.")]
    results: Annotated[
        list[ResultShape], Meta(description="One for each call, in the order they were sent.")
    ]


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
