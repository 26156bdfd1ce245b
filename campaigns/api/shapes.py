"""What the API of campaigns takes and answers, checked and documented for OpenAPI."""

from rest_framework import serializers

from accounts.api.strict import (
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    StrictMomentField,
    StrictSerializer,
    StrictUUIDField,
)
from campaigns import limits
from campaigns.models import Call, Campaign, MinuteUse

RESULTS = ("charged", "duplicate", "rejected")
REASONS = (
    "ok",
    "low_balance",
    "recharging",
    "campaign_paused",
    "campaign_not_started",
    "campaign_finished",
    "closed",
)


class AuthorizeRequest(StrictSerializer):
    account = StrictUUIDField()
    campaign = StrictCharField(max_length=limits.EXTERNAL_ID_LENGTH, required=False)
    minute_type = StrictChoiceField(choices=MinuteUse.choices, required=False)
    live = StrictIntegerField(
        max_value=limits.MOST_LIVE_CALLS,
        default=0,
        help_text="Calls now running for this account and type.",
    )

    def validate(self, values: dict) -> dict:
        if ("campaign" in values) == ("minute_type" in values):
            raise serializers.ValidationError("Send either the campaign or the minute_type.")
        return values


class Authorization(serializers.Serializer):
    allowed = serializers.BooleanField()
    seconds = serializers.IntegerField(help_text="How long the call can be paid. 0: not allowed.")
    reason = serializers.ChoiceField(choices=REASONS)


class CampaignRequest(StrictSerializer):
    name = StrictCharField(max_length=limits.NAME_LENGTH)
    minute_type = StrictChoiceField(choices=MinuteUse.choices)


class ChangedSince(StrictSerializer):
    changed_since = StrictMomentField()


class CampaignShape(serializers.Serializer):
    id = serializers.CharField(help_text="The platform's own id.")
    account = serializers.UUIDField()
    name = serializers.CharField()
    minute_type = serializers.ChoiceField(choices=MinuteUse.choices)
    status = serializers.ChoiceField(choices=Campaign.Status.choices)
    pause_reason = serializers.ChoiceField(
        choices=Campaign.PauseReason.choices, allow_null=True, help_text="Only while paused."
    )
    paused_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField()


class CampaignPage(serializers.Serializer):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = CampaignShape(many=True)


class ReportShape(StrictSerializer):
    """One finished call. Decoded by `campaigns.reports.Report`; this one documents it."""

    id = serializers.CharField(max_length=limits.EXTERNAL_ID_LENGTH)
    account = serializers.UUIDField()
    campaign = serializers.CharField(required=False, allow_null=True)
    minute_type = serializers.ChoiceField(
        choices=MinuteUse.choices, required=False, allow_null=True
    )
    seconds = serializers.IntegerField(min_value=0, max_value=limits.CALL_MOST_SECONDS)
    ended_at = serializers.DateTimeField(help_text="With its offset.")
    outcome = serializers.ChoiceField(choices=Call.Outcome.choices, default="completed")


class ReportBatch(StrictSerializer):
    calls = serializers.ListField(child=ReportShape(), max_length=limits.CALLS_PER_BATCH)


class RejectionShape(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()


class ResultShape(serializers.Serializer):
    id = serializers.CharField()
    status = serializers.ChoiceField(choices=RESULTS)
    cost = serializers.DecimalField(
        max_digits=18,
        decimal_places=6,
        required=False,
        help_text="Dollars of credit taken. A duplicate has the cost of the first report.",
    )
    error = RejectionShape(required=False)


class ResultBatch(serializers.Serializer):
    currency = serializers.CharField()
    results = ResultShape(many=True)


def campaign(one: Campaign) -> dict[str, object]:
    """A campaign as the API answers it."""
    return {
        "id": one.external_id,
        "account": str(one.account_id),
        "name": one.name,
        "minute_type": one.minute_type,
        "status": one.status,
        "pause_reason": one.pause_reason or None,
        "paused_at": one.paused_at,
        "updated_at": one.updated_at,
    }
