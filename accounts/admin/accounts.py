"""Accounts as this app knows them; `thinkrr_billing.staff` adds the money and the campaigns."""

from django.contrib import admin
from django.http import HttpRequest

from accounts import models
from accounts.admin.base import Editable, ReadOnly, ReadOnlyInline


class PeopleInline(ReadOnlyInline):
    model = models.Membership
    fields = readonly_fields = ["user", "role", "created_at"]
    verbose_name_plural = "people"

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("user")


@admin.register(models.Account)
class AccountAdmin(Editable):
    list_display = ["name", "kind", "agency", "status", "timezone", "created_at"]
    list_filter = ["kind", "status"]
    list_select_related = ["agency"]
    search_fields = ["name", "id__exact", "stripe_customer__exact"]
    ordering = ["name", "id"]
    inlines = [PeopleInline]
    # What support may correct; everything else has its own button or never changes.
    readonly_fields = ["included_minutes", "included_anchor_day"]
    fields = [
        "name",
        "timezone",
        "billing_name",
        "billing_address",
        "billing_country",
        "tax_id",
        "included_minutes",
        "included_anchor_day",
    ]
    led_to_by = ("agency__id__exact",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Accounts are opened by signing up, by their agency, or by the API."""
        return False


@admin.register(models.Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ["email", "account", "role", "created_at", "expires_at", "accepted_at"]
    list_select_related = ["account"]
    search_fields = ["email__startswith"]
    exclude = ["nonce"]
    ordering = ["-pk"]
