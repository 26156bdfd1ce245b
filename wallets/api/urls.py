"""The API routes of wallets."""

from django.urls import path

from wallets.api.allocation import AllocationView
from wallets.api.auto_recharge import AutoRechargeView
from wallets.api.papers import ReceiptsView, StatementView
from wallets.api.rates import RatesView
from wallets.api.recharges import RechargesView, RechargeView
from wallets.api.sub_accounts import SubAccountsView
from wallets.api.wallet import EntriesView, WalletView

urlpatterns = [
    path("wallet", WalletView.as_view()),
    path("wallet/entries", EntriesView.as_view()),
    path("wallet/auto-recharge", AutoRechargeView.as_view()),
    path("wallet/recharges", RechargesView.as_view()),
    path("wallet/recharges/<uuid:purchase_id>", RechargeView.as_view()),
    path("sub-accounts", SubAccountsView.as_view()),
    path("sub-accounts/<uuid:account_id>/auto-allocation", AllocationView.as_view()),
    path("receipts", ReceiptsView.as_view()),
    path("statements/<str:month>", StatementView.as_view()),
    path("rates", RatesView.as_view()),
]
