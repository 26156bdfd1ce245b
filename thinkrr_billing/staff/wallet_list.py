"""The list of wallets, which can also be asked whose campaigns stand still for want of money."""

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from campaigns.models import Campaign
from wallets.admin.wallets import WalletAdmin
from wallets.models import Wallet

admin.site.unregister(Wallet)


class CampaignsFilter(admin.SimpleListFilter):
    title = "campaigns"
    parameter_name = "campaigns"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return [("low_balance", Campaign.PauseReason.LOW_BALANCE.label)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> QuerySet[Wallet]:
        if self.value() != "low_balance":
            return queryset
        paused = Campaign.objects.paused_for_low_balance()
        return queryset.filter(Exists(paused.filter(account=OuterRef("account"))))


@admin.register(Wallet)
class WalletList(WalletAdmin):
    list_filter = [*WalletAdmin.list_filter, CampaignsFilter]
