"""Wallets and their Auto-Recharge."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import searching
from accounts.admin.ranges import Amounts, Marked
from accounts.models import Account
from wallets.admin.base import ReadOnly, amount_of
from wallets.models import AutoRecharge, LoggedDecision, Pot, Wallet
from wallets.texts import usd


class BalanceFilter(admin.SimpleListFilter):
    title = "credit"
    parameter_name = "balance"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [("debt", "Below zero")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> QuerySet[Wallet]:
        return queryset.filter(credit__lt=0) if self.value() == "debt" else queryset


@admin.register(Wallet)
class WalletAdmin(ReadOnly):
    list_display = [
        "account",
        "credit",
        "premium",
        "basic",
        "included",
        "automatic",
        "blocked",
    ]
    csv_display = (
        "account",
        "credit",
        "premium_seconds",
        "basic_seconds",
        "included_seconds",
        "blocked_at",
        "blocked_reason",
    )
    list_filter = [
        BalanceFilter,
        ("credit", Amounts),
        ("blocked_at", Marked),
    ]
    list_select_related = ["account", "auto_recharge"]
    search_fields = ["account__id__exact"]
    search_help_text = "Account, its id, its customer at Stripe, or a person's e-mail"
    ordering = ["-pk"]

    def get_search_results(self, request: HttpRequest, queryset, search_term: str):
        if not search_term.strip():
            return queryset, False
        found = searching.accounts(Account.objects.all(), search_term)
        return queryset.filter(account__in=found.values("pk")), False

    @admin.display(description="premium", ordering="premium_seconds")
    def premium(self, wallet: Wallet) -> str:
        return amount_of(Pot.PREMIUM, wallet.premium_seconds)

    @admin.display(description="basic", ordering="basic_seconds")
    def basic(self, wallet: Wallet) -> str:
        return amount_of(Pot.BASIC, wallet.basic_seconds)

    @admin.display(description="included", ordering="included_seconds")
    def included(self, wallet: Wallet) -> str:
        return amount_of(Pot.INCLUDED, wallet.included_seconds)

    @admin.display(description="Auto-Recharge")
    def automatic(self, wallet: Wallet) -> str:
        settings = getattr(wallet, "auto_recharge", None)
        if settings is None or not settings.enabled:
            return "Off"
        if settings.suspended_at:
            return f"Suspended: {settings.get_suspended_reason_display().lower()}"
        return f"Below {usd(settings.threshold.amount)}: {usd(settings.amount.amount)}"

    @admin.display(description="blocked", ordering="blocked_at")
    def blocked(self, wallet: Wallet) -> str:
        return wallet.get_blocked_reason_display() or "No"


@admin.register(LoggedDecision)
class LoggedDecisionAdmin(ReadOnly):
    list_display = ["last_at", "wallet", "subject", "name", "code", "figures", "times"]
    list_filter = ["subject"]
    list_select_related = ["wallet__account"]
    search_fields = ["wallet__account__id__exact"]
    search_help_text = "The id of an account"
    ordering = ["-pk"]
    led_to_by = ("wallet__id__exact",)


@admin.register(AutoRecharge)
class AutoRechargeAdmin(ReadOnly):
    list_display = [
        "wallet",
        "enabled",
        "threshold",
        "amount",
        "monthly_limit",
        "suspended_at",
        "suspended_reason",
        "hold_reason",
        "not_before",
        "due_since",
    ]
    list_filter = [
        ("suspended_at", Marked),
    ]
    list_select_related = ["wallet__account"]
    search_fields = ["wallet__account__id__exact"]
    search_help_text = "The id of an account"
    ordering = ["-pk"]
