"""Wallets and their Auto-Recharge."""

from datetime import datetime

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from accounts.admin.ranges import Amounts, Marked
from accounts.models import Account
from accounts.people import searching
from accounts.runtime.of_one import of_one
from wallets.admin.base import ReadOnly, amount_of
from wallets.models import AutoRecharge, LoggedDecision, Pot, Purchase, Wallet
from wallets.texts import usd


class BalanceFilter(admin.SimpleListFilter):
    title = "debt"
    parameter_name = "balance"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [("debt", "Below zero")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> QuerySet[Wallet]:
        return queryset.filter(credit__lt=0) if self.value() == "debt" else queryset


class AutomaticFilter(admin.SimpleListFilter):
    """As the column says it: what is suspended is neither on nor off."""

    title = "Auto-Recharge"
    parameter_name = "automatic"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [("on", "On"), ("off", "Off"), ("suspended", "Suspended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> QuerySet[Wallet]:
        wanted = self.value()
        if wanted == "suspended":
            return queryset.filter(auto_recharge__suspended_at__isnull=False)
        if wanted in ("on", "off"):
            return queryset.filter(
                auto_recharge__enabled=wanted == "on", auto_recharge__suspended_at=None
            )
        return queryset


@admin.register(Wallet)
class WalletAdmin(ReadOnly):
    list_display = [
        "account",
        "credit",
        "premium",
        "basic",
        "included",
        "threshold",
        "automatic",
        "last_recharge",
        "status",
    ]
    csv_display = (
        "account",
        "credit",
        "premium_seconds",
        "basic_seconds",
        "included_seconds",
        "threshold",
        "automatic",
        "last_recharge",
        "status",
        "blocked_at",
        "blocked_reason",
    )
    list_filter = [
        BalanceFilter,
        AutomaticFilter,
        ("credit", Amounts),
        ("blocked_at", Marked),
    ]
    list_select_related = ["account", "auto_recharge"]
    search_fields = ["account__id__exact"]
    search_help_text = "Account, its id, its customer at Stripe, or a person's e-mail"
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Wallet]:
        # PostgreSQL asks it of the rows it returns only, each by the index purchases_of_wallet.
        of_wallet = Purchase.objects.recharges().filter(of_one("wallet", OuterRef("pk")))
        paid = of_wallet.filter(state="succeeded").order_by("wallet_id", "-created_at")
        newest = paid.values("created_at")[:1]
        return super().get_queryset(request).annotate(recharged_at=Subquery(newest))

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

    @admin.display(description="threshold")
    def threshold(self, wallet: Wallet) -> str:
        settings = getattr(wallet, "auto_recharge", None)
        return usd(settings.threshold.amount) if settings else "-"

    @admin.display(description="Auto-Recharge")
    def automatic(self, wallet: Wallet) -> str:
        settings = getattr(wallet, "auto_recharge", None)
        if settings and settings.suspended_at:
            return f"Suspended: {settings.get_suspended_reason_display().lower()}"
        return f"On: {usd(settings.amount.amount)}" if settings and settings.enabled else "Off"

    @admin.display(description="last recharge")
    def last_recharge(self, wallet: Wallet) -> datetime | None:
        return wallet.recharged_at

    @admin.display(description="status", ordering="blocked_at")
    def status(self, wallet: Wallet) -> str:
        if wallet.blocked_at:
            return f"Blocked: {wallet.get_blocked_reason_display().lower()}"
        return wallet.account.get_status_display()


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
        "daily_ceiling",
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
