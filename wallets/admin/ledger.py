"""The ledger, as it was written."""

from django.contrib import admin
from django.http import HttpRequest

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
    list_filter = ["kind"]
    list_filter_of_one = ("pot", "created_at")
    list_select_related = ["wallet__account", "purchase", "actor"]
    search_fields = ["purchase__id__exact"]
    search_help_text = "Id of a purchase. The entries of one account: from its page."
    led_to_by = ("wallet__id__exact", "purchase__id__exact")

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """Of one wallet by the index of its statement; of all, the newest by their number."""
        one_wallet = "wallet__id__exact" in request.GET
        return ["-created_at", "-pk"] if one_wallet else ["-pk"]
