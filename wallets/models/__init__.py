"""The tables of money. Only `wallets.balances.ledger` writes balances and entries."""

from wallets.models.adjustment import AdjustmentRequest
from wallets.models.alert import Alert, SlackHook, SlackMessage
from wallets.models.allocation import AllocationRun, AutoAllocation
from wallets.models.auto_recharge import AutoRecharge
from wallets.models.billing_address import BillingAddress, PaperMail
from wallets.models.call_hold import CallHold
from wallets.models.card_attempt import CardAttempt
from wallets.models.catch_up import CatchUp
from wallets.models.charge_switch import ChargeSwitch
from wallets.models.comparison import StripeComparison
from wallets.models.ledger import LedgerEntry, Pot
from wallets.models.logged_decision import LoggedDecision
from wallets.models.minute_ask import MinuteAsk
from wallets.models.paper import Parties, Seller
from wallets.models.purchase import Purchase
from wallets.models.rate import MinuteRate, MinuteType
from wallets.models.reversal import CreditNoteSeries, Reversal
from wallets.models.stripe_event import StripeEvent
from wallets.models.wallet import Wallet

__all__ = [
    "AdjustmentRequest",
    "Alert",
    "AllocationRun",
    "AutoAllocation",
    "AutoRecharge",
    "BillingAddress",
    "CallHold",
    "CardAttempt",
    "CatchUp",
    "ChargeSwitch",
    "CreditNoteSeries",
    "LedgerEntry",
    "LoggedDecision",
    "MinuteAsk",
    "MinuteRate",
    "MinuteType",
    "PaperMail",
    "Parties",
    "Pot",
    "Purchase",
    "Reversal",
    "Seller",
    "SlackHook",
    "SlackMessage",
    "StripeComparison",
    "StripeEvent",
    "Wallet",
]
