"""Own alerts of accounts: what they asked to hear of, and what went to Slack."""

from django.contrib import admin

from wallets.admin.base import ReadOnly
from wallets.alerts import slack, words
from wallets.models import Alert, SlackHook, SlackMessage


@admin.register(Alert)
class AlertAdmin(ReadOnly):
    list_display = ["what", "wallet", "people", "slack", "armed", "crossed_at", "told_at"]
    list_select_related = ["wallet__account"]
    search_fields = ["wallet__account__name"]
    ordering = ["-pk"]

    @admin.display(description="Alert")
    def what(self, alert: Alert) -> str:
        return words.name(alert)


@admin.register(SlackHook)
class SlackHookAdmin(ReadOnly):
    """Where it leads, never what lets one in."""

    list_display = ["wallet", "address", "worked_at", "disabled_at", "disabled_because"]
    list_select_related = ["wallet__account"]
    search_fields = ["wallet__account__name"]
    fields = ["wallet", "address", "added_at", "added_by", "worked_at", "disabled_at"]
    readonly_fields = fields
    ordering = ["-pk"]

    @admin.display(description="Webhook")
    def address(self, hook: SlackHook) -> str:
        return slack.shown(hook.secret_path)


@admin.register(SlackMessage)
class SlackMessageAdmin(ReadOnly):
    list_display = ["created_at", "wallet", "text", "attempts", "sent_at", "given_up_at"]
    list_select_related = ["wallet__account"]
    search_fields = ["wallet__account__name"]
    ordering = ["-pk"]
