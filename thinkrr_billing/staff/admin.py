"""Of the pages other apps register, what staff need: ours, and two of dj-stripe's, to look at."""

import djstripe.models
from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.base import ReadOnly
from thinkrr_billing.staff import account_page, wallet_list  # noqa: F401

_SEEN_ELSEWHERE = ("djstripe", "django_otp", "otp_totp", "otp_static")
for _model in list(admin.site._registry):
    if apps.get_app_config(_model._meta.app_label).label in _SEEN_ELSEWHERE:
        admin.site.unregister(_model)


class Mirrored(ReadOnly):
    """What Stripe told us last. Money is never decided from it."""

    fields = readonly_fields = ["id", "livemode", "created", "djstripe_updated", "stripe_data"]
    ordering = ["-pk"]
    search_fields = ["id__exact"]
    search_help_text = "Stripe's id"


@admin.register(djstripe.models.Customer)
class CustomerAdmin(Mirrored):
    list_display = ["id", "created", "livemode", "djstripe_updated"]


@admin.register(djstripe.models.PaymentMethod)
class PaymentMethodAdmin(Mirrored):
    list_display = ["id", "card", "customer", "livemode", "djstripe_updated"]
    list_select_related = ["customer"]

    @admin.display(description="card")
    def card(self, method: djstripe.models.PaymentMethod) -> str:
        facts = method.stripe_data.get("card") or {}
        return f"{facts.get('brand', '')} •••• {facts.get('last4', '')}"

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).defer(None)
