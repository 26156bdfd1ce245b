"""How far each comparison with Stripe has come, and each look for what no event told."""

from django.contrib import admin

from wallets.admin.base import ReadOnly
from wallets.models import CatchUp, StripeComparison


@admin.register(StripeComparison)
class StripeComparisonAdmin(ReadOnly):
    list_display = ["started_at", "since", "at", "until", "is_full", "cell", "found", "finished_at"]
    list_filter = ["is_full"]
    ordering = ["-pk"]


@admin.register(CatchUp)
class CatchUpAdmin(ReadOnly):
    list_display = ["since", "at", "until", "known", "touched_at", "finished_at"]
    ordering = ["-pk"]
