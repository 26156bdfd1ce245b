"""Outgoing webhooks: looked at, without what signs them or lets anybody in."""

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.admin.base import ReadOnly
from accounts.admin.ranges import Marked
from accounts.models import WebhookDelivery, WebhookEndpoint
from accounts.webhooks import endpoints


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnly):
    list_display = ["name", "account", "format", "worked_at", "troubled_since", "disabled_at"]
    list_filter = [("disabled_at", Marked), ("paused_at", Marked)]
    list_select_related = ["account"]
    search_fields = ["account__name__startswith"]
    search_help_text = "The beginning of the account's name"
    exclude = ["url", "secret", "old_secrets"]
    readonly_fields = ["leads_to"]
    ordering = ["-created_at"]
    led_to_by = ("account__id__exact",)

    @admin.display(description="webhook")
    def name(self, endpoint: WebhookEndpoint) -> str:
        return endpoints.shown_name(endpoint)

    @admin.display(description="server")
    def leads_to(self, endpoint: WebhookEndpoint) -> str:
        """Without its path, which may let in whoever knows it."""
        return endpoints.server_of(endpoint)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly):
    list_display = ["event", "endpoint", "state", "attempts", "next_at", "sent_at"]
    list_select_related = ["event", "endpoint"]
    readonly_fields = ["answers"]
    ordering = ["-pk"]
    led_to_by = ("endpoint__id__exact",)

    @admin.display(description="answers")
    def answers(self, delivery: WebhookDelivery) -> SafeString:
        """Its tries, without what was answered: that is the customer's."""
        lines = ((one.at, one) for one in delivery.tries.all())
        return format_html_join("\n", "{}: {}<br>", lines)
