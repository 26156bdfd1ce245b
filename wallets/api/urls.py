"""The API routes of wallets."""

from django.urls import path

from wallets.api import (
    alerts,
    allocation_previews,
    allocations,
    asks,
    auto_recharge_tries,
    cards,
    decisions,
    gift_preview,
    gifts,
    recharge_steps,
    seats,
)
from wallets.api.allocation import AllocationView
from wallets.api.auto_recharge import AutoRechargeView
from wallets.api.entries import EntriesView
from wallets.api.rates import RatesView
from wallets.api.receipts import ReceiptsView, ReceiptView
from wallets.api.recharges import RechargesView, RechargeView
from wallets.api.statements import StatementView
from wallets.api.sub_accounts import SubAccountsView
from wallets.api.wallet import WalletView

_RECHARGE = "wallet/recharges/<uuid:purchase_id>"
_SUB = "sub-accounts/<uuid:account_id>"
_ALLOCATION = f"{_SUB}/auto-allocation"

urlpatterns = [
    path("wallet", WalletView.as_view()),
    path("wallet/entries", EntriesView.as_view()),
    path("wallet/auto-recharge", AutoRechargeView.as_view()),
    path("wallet/auto-recharge/preview", auto_recharge_tries.PreviewView.as_view()),
    path("wallet/auto-recharge/retry", auto_recharge_tries.RetryView.as_view()),
    path("wallet/low-minutes", auto_recharge_tries.LowMinutesView.as_view()),
    path("wallet/recharges", RechargesView.as_view()),
    path("wallet/recharges/preview", recharge_steps.QuoteView.as_view()),
    path(_RECHARGE, RechargeView.as_view()),
    path(f"{_RECHARGE}/cancel", recharge_steps.CancelView.as_view()),
    path("wallet/purchases/<uuid:purchase_id>/why", decisions.WhyView.as_view()),
    path("wallet/decisions", decisions.DecisionsView.as_view()),
    path("wallet/cards", cards.CardsView.as_view()),
    path("wallet/cards/default", cards.DefaultCardView.as_view()),
    path("wallet/cards/backup", cards.BackupCardView.as_view()),
    path("wallet/alerts", alerts.AlertsView.as_view()),
    path("wallet/alerts/<int:alert_id>", alerts.AlertView.as_view()),
    path("wallet/alerts/<int:alert_id>/test", alerts.AlertTestView.as_view()),
    path("sub-accounts", SubAccountsView.as_view()),
    path(_SUB, seats.SubAccountView.as_view()),
    path(f"{_SUB}/archive", seats.ArchiveView.as_view()),
    path(f"{_SUB}/owner", seats.SeatView.as_view()),
    path(f"{_SUB}/notices", seats.NoticesOfView.as_view()),
    path(_ALLOCATION, AllocationView.as_view()),
    path(f"{_ALLOCATION}/preview", allocation_previews.AllocationPreviewView.as_view()),
    path(f"{_ALLOCATION}/runs", allocations.RunsView.as_view()),
    path(f"{_ALLOCATION}/retry", allocations.RetryView.as_view()),
    path(f"{_ALLOCATION}/skip", allocations.SkipView.as_view()),
    path(f"{_SUB}/gifts", gifts.GiftsView.as_view()),
    path(f"{_SUB}/gifts/preview", gift_preview.GiftPreviewView.as_view()),
    path(f"{_SUB}/asks/<int:ask_id>/decline", asks.DeclineView.as_view()),
    path("auto-allocations", allocations.AllocationsView.as_view()),
    path("gifts/<uuid:gift_id>", gifts.GiftView.as_view()),
    path("asks", asks.AsksView.as_view()),
    path("asks/<int:ask_id>", asks.AskView.as_view()),
    path("asks/<int:ask_id>/withdraw", asks.WithdrawView.as_view()),
    path("receipts", ReceiptsView.as_view()),
    path("receipts/<uuid:purchase_id>", ReceiptView.as_view()),
    path("statements/<str:month>", StatementView.as_view()),
    path("rates", RatesView.as_view()),
]
