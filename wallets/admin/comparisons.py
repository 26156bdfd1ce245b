"""How far each comparison of the books with Stripe has come."""

from django.contrib import admin

from wallets.admin.base import ReadOnly
from wallets.models import StripeComparison


@admin.register(StripeComparison)
class StripeComparisonAdmin(ReadOnly):
    list_display = ["started_at", "since", "at", "until", "is_full", "found", "finished_at"]
    list_filter = ["is_full"]
    ordering = ["-pk"]
