"""Campaigns, the calls they make, and what is kept of them by day."""

from campaigns.models.campaigns import (
    LARGEST_COST,
    PLATFORM,
    Call,
    Campaign,
    CampaignQuerySet,
    MinuteUse,
)
from campaigns.models.usage import AgencyUsageDay, UsageDay, UsageKept, UsageMonth

__all__ = [
    "LARGEST_COST",
    "PLATFORM",
    "AgencyUsageDay",
    "Call",
    "Campaign",
    "CampaignQuerySet",
    "MinuteUse",
    "UsageDay",
    "UsageKept",
    "UsageMonth",
]
