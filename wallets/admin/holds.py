"""What is reserved for calls that run."""

from django.contrib import admin

from wallets.admin.base import ReadOnly
from wallets.models import CallHold


@admin.register(CallHold)
class CallHoldAdmin(ReadOnly):
    list_display = [
        "call",
        "wallet",
        "minute_type",
        "seconds",
        "included_seconds",
        "premium_seconds",
        "basic_seconds",
        "credit",
        "held_at",
        "expires_at",
    ]
    list_select_related = ["wallet__account"]
    search_fields = ["call__exact", "wallet__account__id__exact"]
    search_help_text = "The id of a call, or of an account"
    ordering = ["-pk"]
