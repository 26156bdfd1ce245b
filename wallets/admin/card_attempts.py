"""Cards that people showed us: what was tried, by whom and from where."""

from django.contrib import admin

from wallets.admin.base import ReadOnly
from wallets.models import CardAttempt


@admin.register(CardAttempt)
class CardAttemptAdmin(ReadOnly):
    list_display = ["created_at", "account", "person", "address", "purchase"]
    list_select_related = ["account", "person", "purchase"]
    search_fields = ["account__id__exact", "address__exact"]
    search_help_text = "The id of an account, or an address"
    ordering = ["-pk"]
