"""Wallets and their Auto-Recharge."""

from django.contrib import admin

from wallets.admin.base import ReadOnly
from wallets.models import AutoRecharge, Wallet


@admin.register(Wallet)
class WalletAdmin(ReadOnly):
    list_display = [
        "account",
        "credit",
        "premium_seconds",
        "basic_seconds",
        "included_seconds",
        "blocked_at",
        "blocked_reason",
    ]
    list_filter = [("blocked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["account"]
    search_fields = ["account__name", "account__id__exact", "account__stripe_customer__exact"]
    search_help_text = "Account, its id, or its customer at Stripe"


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
    list_filter = ["enabled", "suspended_reason", "hold_reason"]
    list_select_related = ["wallet__account"]
    search_fields = ["wallet__account__name"]
