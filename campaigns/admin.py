"""Support's view of campaigns and calls: calls are facts, and campaigns move by their own rules."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.enums import ActionVariant

from accounts.admin.base import ReadOnly
from accounts.admin.dialogs import NotedForm, ReasonForm, staff_action
from campaigns import lifecycle, resuming, searching
from campaigns.models import Call, Campaign


@admin.register(Campaign)
class CampaignAdmin(ReadOnly):
    """The platform registers campaigns; people start, pause and resume them."""

    list_display = ["name", "account", "minute_type", "status_label", "paused_at", "updated_at"]
    list_filter = ["status", "pause_reason", "minute_type"]
    list_select_related = ["account"]
    search_fields = ["name"]
    search_help_text = "Words of the name, or the platform's id"
    led_to_by = ("account__id__exact",)
    actions_detail = ["pause", "resume"]

    def get_search_results(self, request: HttpRequest, queryset, search_term: str):
        wanted = search_term.strip()
        return (searching.campaigns(queryset, wanted) if wanted else queryset), False

    def offered(self, name: str, campaign: Campaign) -> bool:
        return campaign.is_started if name == "pause" else campaign.is_paused

    @staff_action(
        title="Pause",
        permission="campaigns.pause_campaign",
        button="Pause this campaign",
        text="As if the customer paused it: money does not bring it back by itself.",
        form=NotedForm,
        icon="pause",
        variant=ActionVariant.WARNING,
        account_of=lambda campaign: campaign.account,
    )
    def pause(self, campaign: Campaign, form: ReasonForm, request: HttpRequest) -> str:
        lifecycle.pause(campaign_id=campaign.pk, account=campaign.account, actor=request.user)
        return f"{campaign} is paused."

    @staff_action(
        title="Resume",
        permission="campaigns.resume_campaign",
        button="Resume this campaign",
        text="Calls reach real people: resume only what the customer asked for.",
        form=NotedForm,
        icon="play_arrow",
        account_of=lambda campaign: campaign.account,
    )
    def resume(self, campaign: Campaign, form: ReasonForm, request: HttpRequest) -> str:
        resuming.resume_one(campaign_id=campaign.pk, account=campaign.account, actor=request.user)
        return f"{campaign} runs again."


@admin.register(Call)
class CallAdmin(ReadOnly):
    """A call that was charged wrongly is corrected by an adjustment of its wallet."""

    list_display = [
        "external_id",
        "account",
        "campaign",
        "minute_type",
        "seconds",
        "outcome",
        "cost",
        "ended_at",
    ]
    list_filter_of_one = ("outcome", "minute_type")
    list_select_related = ["account", "campaign"]
    search_fields = ["external_id"]
    search_help_text = "The platform's id of a call, exactly."
    ordering = ["-pk"]
    led_to_by = ("account__id__exact", "campaign__id__exact", "batch")

    def get_search_results(self, request: HttpRequest, queryset, search_term: str):
        wanted = search_term.strip()
        return (searching.calls(queryset, wanted) if wanted else queryset), False

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """Of one account or campaign by the index that lists it."""
        led = {"account__id__exact", "campaign__id__exact"} & request.GET.keys()
        return ["-ended_at"] if led else ["-pk"]
