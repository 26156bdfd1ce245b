"""The inbox of Stripe's events."""

from django.contrib import admin

from wallets.admin.base import ReadOnly
from wallets.models import StripeEvent


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnly):
    list_display = [
        "received_at",
        "type",
        "event_id",
        "applied_at",
        "attempts",
        "next_attempt_at",
        "given_up_at",
        "error",
    ]
    list_filter = [
        ("applied_at", admin.EmptyFieldListFilter),
        ("given_up_at", admin.EmptyFieldListFilter),
    ]
    search_fields = ["event_id__exact", "type__startswith"]
    search_help_text = "Stripe's id of the event, or the beginning of its type"
