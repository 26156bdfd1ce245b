from django.urls import path
from django.views.generic import RedirectView

from wallets.views import (
    account_manager,
    allocations,
    auto_recharge,
    exports,
    methods,
    monthly,
    payments,
    purchases,
    receipts,
    recharge,
    sub_account,
    transactions,
    webhook,
    why,
)

app_name = "wallets"

_PURCHASE = "payments/purchases/<uuid:purchase_id>/"
_SUB_ACCOUNT = "account-manager/<uuid:account_id>/"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="wallets:payments"), name="home"),
    path("payments/", payments.payments, name="payments"),
    path("payments/auto-recharge/", auto_recharge.configure, name="auto_recharge"),
    path("payments/auto-recharge/preview/", auto_recharge.preview, name="auto_recharge_preview"),
    path("payments/auto-recharge/retry/", auto_recharge.retry, name="auto_recharge_retry"),
    path("payments/auto-recharge/off/", auto_recharge.switch_off, name="auto_recharge_off"),
    path("payments/low-minutes/", auto_recharge.low_minutes_level, name="low_minutes"),
    path("payments/recharge/", recharge.recharge, name="recharge"),
    path("payments/recharge/quote/", recharge.quote, name="recharge_quote"),
    path("payments/recharge/outcome/<uuid:form_key>/", recharge.outcome, name="recharge_outcome"),
    path("payments/outcome/", purchases.outcome, name="outcome"),
    path("payments/transactions.csv", exports.transactions_csv, name="transactions_csv"),
    path("payments/export/", exports.export, name="export"),
    path(_PURCHASE, purchases.purchase, name="purchase"),
    path(f"{_PURCHASE}confirm/", purchases.confirm, name="purchase_confirm"),
    path(f"{_PURCHASE}cancel/", purchases.cancel, name="purchase_cancel"),
    path("payments/receipts/", receipts.receipts, name="receipts"),
    path("payments/receipts.pdf", receipts.receipts_pdf, name="receipts_pdf"),
    path("payments/receipts/<uuid:purchase_id>/", receipts.receipt, name="receipt"),
    path("payments/receipts/<uuid:purchase_id>.pdf", receipts.pdf, name="receipt_pdf"),
    path("payments/credit-notes/<uuid:reversal_id>/", receipts.credit_note, name="credit_note"),
    path(
        "payments/credit-notes/<uuid:reversal_id>.pdf",
        receipts.credit_note_pdf,
        name="credit_note_pdf",
    ),
    path("payments/statements/", monthly.months, name="statements"),
    path("payments/statements/<str:month>/", monthly.statement, name="statement"),
    path("payments/statements/<str:month>.pdf", monthly.pdf, name="statement_pdf"),
    path("payments/statements/<str:month>.csv", monthly.csv_file, name="statement_csv"),
    path("payments/methods/add/", methods.add, name="methods_add"),
    path("payments/methods/added/", methods.added, name="methods_added"),
    path("payments/methods/<str:card_id>/default/", methods.make_default, name="methods_default"),
    path("payments/methods/<str:card_id>/remove/", methods.remove, name="methods_remove"),
    path("payments/transactions/", transactions.transactions, name="transactions"),
    path("payments/why/", why.why, name="why"),
    path("account-manager/", account_manager.account_manager, name="account_manager"),
    path("account-manager/add/", account_manager.add_sub_account, name="add_sub_account"),
    path(_SUB_ACCOUNT, sub_account.sub_account, name="account_manager_account"),
    path(f"{_SUB_ACCOUNT}notices/", sub_account.notices, name="sub_account_notices"),
    path(f"{_SUB_ACCOUNT}auto-allocation/", allocations.configure, name="auto_allocation"),
    path(
        f"{_SUB_ACCOUNT}auto-allocation/estimate/",
        allocations.estimate,
        name="auto_allocation_estimate",
    ),
    path(f"{_SUB_ACCOUNT}auto-allocation/retry/", allocations.retry, name="auto_allocation_retry"),
    path(f"{_SUB_ACCOUNT}auto-allocation/skip/", allocations.skip, name="auto_allocation_skip"),
    path("stripe/webhook/", webhook.webhook, name="stripe_webhook"),
]
