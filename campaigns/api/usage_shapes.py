"""What the API takes and answers of usage."""

from datetime import date
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field

from accounts.api.shapes import Answer
from accounts.api.views import AccountsQuery
from campaigns import usage
from campaigns.api.shapes import CampaignAsked
from campaigns.models import Call, MinuteUse
from campaigns.usage import Figures
from wallets.api.fields import Dollars, dollars_text


class UsageQuery(AccountsQuery):
    since: Annotated[
        date | UnsetType, Meta(description="A day of the account. Default: 29 days before `to`.")
    ] = field(name="from", default=UNSET)
    until: Annotated[
        date | UnsetType, Meta(description="A day of the account, included. Default: today.")
    ] = field(name="to", default=UNSET)
    by: Annotated[usage.By, Meta(description="What each line adds up.")] = usage.By.DAY
    campaign: CampaignAsked | UnsetType = UNSET
    minute_type: Annotated[MinuteUse | UnsetType, Meta(description="Calls of this type only.")] = (
        UNSET
    )
    outcome: Annotated[Call.Outcome | UnsetType, Meta(description="Calls that ended so only.")] = (
        UNSET
    )


class FiguresShape(Answer):
    """What some calls add up to."""

    calls: Annotated[int, Meta(description="How many.")]
    seconds: Annotated[int, Meta(description="How long together.")]
    average_seconds: Annotated[str, Meta(description="Of a call, to the tenth of a second.")]
    included_seconds: Annotated[int, Meta(description="Paid by what comes with the plan.")]
    premium_seconds: Annotated[int, Meta(description="Paid by Premium minutes.")]
    basic_seconds: Annotated[int, Meta(description="Paid by Basic minutes.")]
    credit: Annotated[Dollars, Meta(description="Dollars of credit that paid the rest.")]


class UsageLine(Answer):
    """One line of what calls used."""

    key: Annotated[str | None, Meta(description="A day, an id, or a name; null: no campaign.")]
    label: Annotated[
        str, Meta(description="For people; of a campaign among several accounts with its account.")
    ]
    figures: Annotated[FiguresShape, Meta(description="Of the calls of this line.")]


class UsageShape(Answer):
    """What calls used between two days."""

    since: Annotated[date, Meta(description="The first day.")] = field(name="from")
    until: Annotated[date, Meta(description="The last day, included.")] = field(name="to")
    by: Annotated[usage.By, Meta(description="What each line adds up.")]
    total: Annotated[FiguresShape, Meta(description="Of all these calls.")]
    before: Annotated[
        FiguresShape, Meta(description="Of as many days right before, for comparison.")
    ]
    results: Annotated[list[UsageLine], Meta(description="All lines, in the order of their keys.")]


def figures(one: Figures) -> FiguresShape:
    """Sums as the API answers them."""
    return FiguresShape.of(
        one,
        average_seconds=f"{one.average_seconds:f}",
        credit=dollars_text(one.cost, decimal_places=6),
    )
