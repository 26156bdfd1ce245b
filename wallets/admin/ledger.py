"""The ledger, as it was written."""

from decimal import Decimal

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.base import ROWS_WITHIN_REACH
from accounts.admin.ranges import Amounts, Days
from wallets.admin.base import ReadOnly, amount_of
from wallets.models import LedgerEntry


class AmountsButCalls(Amounts):
    """Batches of calls, nearly all of the entries, have amounts nobody looks for."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.title = "amount (calls left out)"

    def among(self, queryset: QuerySet, wanted: dict[str, Decimal]) -> QuerySet:
        """Some of many, then sorted: the index of amounts finds them, none sorts them by day."""
        found = queryset.exclude(kind=LedgerEntry.Kind.CALLS).filter(**wanted).order_by("amount")
        ids = found.values_list("pk", flat=True)[:ROWS_WITHIN_REACH]
        return queryset.filter(pk__in=list(ids))


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnly):
    list_display = ["created_at", "wallet", "kind", "pot", "moved", "left", "actor", "note"]
    csv_display = (
        "created_at",
        "wallet",
        "kind",
        "pot",
        "amount",
        "balance_after",
        "purchase",
        "actor",
        "note",
        "customer_note",
    )
    list_filter = ["kind", ("amount", AmountsButCalls), ("created_at", Days)]
    list_filter_of_one = ("pot",)
    list_select_related = ["wallet__account", "purchase", "actor"]
    search_fields = ["purchase__id__exact"]
    search_help_text = "Id of a purchase. The entries of one account: from its page."
    led_to_by = ("wallet__id__exact", "purchase__id__exact")

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """Of one wallet or some days by the index of moments; of all, the newest by number."""
        by_moment = {"wallet__id__exact", "created_at_from", "created_at_to"} & request.GET.keys()
        return ["-created_at", "-pk"] if by_moment else ["-pk"]

    @admin.display(description="amount", ordering="amount")
    def moved(self, entry: LedgerEntry) -> str:
        return amount_of(entry.pot, entry.amount, signed=True)

    @admin.display(description="then held")
    def left(self, entry: LedgerEntry) -> str:
        return amount_of(entry.pot, entry.balance_after)
