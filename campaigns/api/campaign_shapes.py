"""What the API takes and answers of campaigns."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from accounts.api.changes import Sequence
from accounts.api.rows import NextCursor
from accounts.api.shapes import AccountId, Answer, Moment, Sent, Url
from accounts.api.views import AccountQuery
from campaigns import limits
from campaigns.models import Campaign, MinuteUse


class CampaignRequest(Sent):
    """A campaign as it shall be."""

    name: Annotated[
        str, Meta(min_length=1, max_length=limits.NAME_LENGTH, description="For people.")
    ]
    minute_type: Annotated[MinuteUse, Meta(description="Which minutes its calls use.")]


class CampaignsQuery(AccountQuery):
    changed_since: Annotated[
        Moment | UnsetType,
        Meta(
            description="Deprecated: send `after`. A moment with its offset.",
            extra_json_schema={"deprecated": True},
        ),
    ] = UNSET
    after: Annotated[
        Sequence, Meta(description="The `sequence` read last: what changed after it.")
    ] = 0
    cursor: Annotated[
        str | UnsetType,
        Meta(description="The `next_cursor` of the page before. Default: the first page."),
    ] = UNSET


class CampaignShape(Answer):
    """A campaign as it is."""

    id: Annotated[str, Meta(description="The platform's own id.")]
    account: AccountId
    name: Annotated[str, Meta(description="For people.")]
    minute_type: Annotated[MinuteUse, Meta(description="Which minutes its calls use.")]
    status: Annotated[Campaign.Status, Meta(description="Where it is in its life.")]
    pause_reason: Annotated[Campaign.PauseReason | None, Meta(description="Only while paused.")]
    paused_at: Annotated[Moment | None, Meta(description="Only while paused.")]
    updated_at: Annotated[Moment, Meta(description="When it last changed.")]


class ChangedCampaign(CampaignShape):
    """A campaign, and the number of its last change."""

    sequence: Annotated[int, Meta(description="Of its last change. It only grows, with gaps.")]


class CampaignPage(Answer):
    """A page of campaigns."""

    next: Annotated[Url | None, Meta(description="The page of later changes; null at the end.")]
    previous: Annotated[Url | None, Meta(description="The page of earlier changes, if any.")]
    next_cursor: NextCursor
    results: Annotated[list[ChangedCampaign], Meta(description="The earliest change first.")]


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
