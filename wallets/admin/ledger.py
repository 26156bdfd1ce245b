"""The ledger, as it was written."""

from django.contrib import admin

from wallets.admin.base import ReadOnly
from wallets.models import LedgerEntry


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnly):
    list_display = [
        "created_at",
        "wallet",
        "kind",
        "pot",
        "amount",
        "balance_after",
        "purchase",
        "actor",
        "note",
    ]
    list_filter = ["kind", "pot"]
    list_select_related = ["wallet__account", "purchase", "actor"]
    search_fields = ["wallet__account__name", "key__startswith", "purchase__id__exact"]
    search_help_text = "Account, key of the entry, or id of the purchase"
    ordering = ["-created_at", "-pk"]
