"""Support's view of campaigns and calls: calls are facts, and campaigns move by their own rules."""

from django.contrib import admin
from django.http import HttpRequest

from campaigns.models import Call, Campaign


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):
    """Read-only: the platform registers campaigns, and people pause and resume them."""

    list_display = ["name", "account", "minute_type", "status_label", "paused_at", "updated_at"]
    list_filter = ["status", "pause_reason", "minute_type"]
    list_select_related = ["account"]
    search_fields = ["name", "external_id", "account__name"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Call)
class CallAdmin(admin.ModelAdmin):
    """Read-only: a call that was charged wrongly is corrected by an adjustment of its wallet."""

    list_display = ["external_id", "account", "campaign", "seconds", "outcome", "cost", "ended_at"]
    list_select_related = ["account", "campaign"]
    search_fields = ["=external_id"]
    search_help_text = "The platform's id of a call, exactly."
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
