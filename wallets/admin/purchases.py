"""Purchases, their reversals, and the months of allocations."""

from django.contrib import admin

from wallets.admin.base import ReadOnly, ReadOnlyInline, in_dollars
from wallets.models import AllocationRun, AutoAllocation, LedgerEntry, Purchase, Reversal


class EntriesInline(ReadOnlyInline):
    model = LedgerEntry
    fields = ["created_at", "wallet", "kind", "pot", "amount", "balance_after"]
    readonly_fields = fields
    ordering = ["created_at", "pk"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("wallet__account")


class ReversalsInline(ReadOnlyInline):
    model = Reversal
    fields = ["created_at", "kind", "state", "amount_cents", "reason"]
    readonly_fields = fields
    ordering = ["created_at"]


@admin.register(Purchase)
class PurchaseAdmin(ReadOnly):
    list_display = [
        "created_at",
        "payer",
        "wallet",
        "purpose",
        "amount",
        "buys",
        "state",
        "card",
        "decline_code",
        "receipt_number",
        "quarantined_at",
    ]
    list_filter = ["state", "purpose", ("quarantined_at", admin.EmptyFieldListFilter)]
    list_select_related = ["payer", "wallet__account"]
    search_fields = [
        "id__exact",
        "payment_intent__exact",
        "payer__name",
        "wallet__account__name",
        "receipt_number__exact",
    ]
    search_help_text = "Account, id, payment intent or receipt number"
    inlines = [EntriesInline, ReversalsInline]

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, purchase: Purchase) -> str:
        return in_dollars(purchase.amount_cents)


@admin.register(Reversal)
class ReversalAdmin(ReadOnly):
    list_display = ["created_at", "account", "kind", "amount", "state", "reason", "stripe_id"]
    list_filter = ["kind", "state"]
    list_select_related = ["purchase__payer"]
    search_fields = [
        "id__exact",
        "stripe_id__exact",
        "purchase__id__exact",
        "purchase__payer__name",
    ]
    search_help_text = "Account, id, Stripe's id or the purchase's"

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, reversal: Reversal) -> str:
        return in_dollars(reversal.amount_cents)

    @admin.display(description="account", ordering="purchase__payer__name")
    def account(self, reversal: Reversal) -> str:
        return str(reversal.purchase.payer)


@admin.register(AutoAllocation)
class AutoAllocationAdmin(ReadOnly):
    list_display = [
        "account",
        "agency",
        "basic_minutes",
        "premium_minutes",
        "anchor_date",
        "active",
        "failed_at",
    ]
    list_filter = ["active", ("failed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["account", "agency"]
    search_fields = ["account__name", "agency__name"]


@admin.register(AllocationRun)
class AllocationRunAdmin(ReadOnly):
    list_display = [
        "period",
        "account",
        "agency",
        "state",
        "amount",
        "charged",
        "attempts",
        "next_attempt_at",
    ]
    list_filter = ["state"]
    list_select_related = ["allocation__account", "allocation__agency"]
    search_fields = ["allocation__account__name", "allocation__agency__name"]

    @admin.display(description="account", ordering="allocation__account__name")
    def account(self, run: AllocationRun) -> str:
        return str(run.allocation.account)

    @admin.display(description="agency", ordering="allocation__agency__name")
    def agency(self, run: AllocationRun) -> str:
        return str(run.allocation.agency)

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, run: AllocationRun) -> str:
        return in_dollars(run.amount_cents)

    @admin.display(description="charged", ordering="charged_cents")
    def charged(self, run: AllocationRun) -> str:
        return in_dollars(run.charged_cents)
