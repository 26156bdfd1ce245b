"""GET wallet: what an account has."""

from decimal import Decimal
from typing import Annotated, Literal

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import clock
from accounts.api.schema import refusals
from accounts.api.shapes import AccountId, Answer
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from accounts.models import Account
from wallets import models
from wallets.api.fields import CURRENCY, Currency, Dollars, dollars_text
from wallets.balances import holds
from wallets.models import AutoRecharge
from wallets.prices import payable
from wallets.prices.amounts import minutes_for
from wallets.prices.rates import rates_now

BalanceStatus = Literal["healthy", "low", "negative"]
AutoRechargeState = Literal["off", "on", "waiting", "suspended", "blocked"]
AutoRechargeStatus = Annotated[
    AutoRechargeState,
    Meta(
        description="Of Auto-Recharge. waiting: not before a moment; suspended: until a person "
        "acts; blocked: by support."
    ),
]


def wallet_of(account: Account) -> models.Wallet:
    """The account's wallet with its settings, empty if it was never used. Writes nothing."""
    wallet = (
        models.Wallet.objects.select_related("account", "auto_recharge")
        .filter(account=account)
        .first()
    )
    if wallet is None:
        wallet = models.Wallet(account=account)
        wallet.auto_recharge = AutoRecharge(wallet=wallet)
    return wallet


def balance_status(wallet: models.Wallet) -> str:
    if wallet.credit.amount < 0:
        return "negative"
    return "low" if wallet.credit < wallet.auto_recharge.threshold else "healthy"


def auto_recharge_status(automatic: AutoRecharge) -> str:
    if not automatic.enabled:
        return "off"
    if automatic.wallet.blocked_at:
        return "blocked"
    if automatic.suspended_at:
        return "suspended"
    cools_down = automatic.hold_reason == AutoRecharge.Hold.COOLDOWN
    return "waiting" if waits(automatic) and not cools_down else "on"


def waits(automatic: AutoRecharge) -> bool:
    return automatic.not_before is not None and automatic.not_before > clock.now()


class MinutesByType(Answer):
    """A time for each type of minutes, as if all were used for that one."""

    premium: Annotated[int, Meta(description="Of Premium calls.")]
    basic: Annotated[int, Meta(description="Of Basic calls.")]


class RatesByType(Answer):
    """A price for each type of minutes."""

    premium: Annotated[Dollars, Meta(description="A Premium minute.")]
    basic: Annotated[Dollars, Meta(description="A Basic minute.")]


def rates_by_type(rates: dict[str, Decimal]) -> RatesByType:
    return RatesByType(
        **{name: dollars_text(rate, decimal_places=6) for name, rate in rates.items()}
    )


class Held(Answer):
    """What is reserved for running calls."""

    calls: Annotated[int, Meta(description="Calls that have a hold now.")]
    credit: Annotated[Dollars, Meta(description="Dollars of credit.")]
    premium_seconds: Annotated[int, Meta(description="Seconds of Premium minutes.")]
    basic_seconds: Annotated[int, Meta(description="Seconds of Basic minutes.")]
    included_seconds: Annotated[
        int, Meta(description="Of the Premium seconds that come with the plan.")
    ]


def _held(found: holds.Summary) -> Held:
    return Held(
        calls=found.calls,
        credit=dollars_text(found.pots["credit"], decimal_places=6),
        **{f"{pot}_seconds": found.pots[pot] for pot in ("premium", "basic", "included")},
    )


class Wallet(Answer):
    """What an account has, and how long it lasts."""

    account: AccountId
    credit: Annotated[Dollars, Meta(description="May be negative.")]
    currency: Currency
    premium_seconds: Annotated[int, Meta(description="Seconds of Premium minutes.")]
    basic_seconds: Annotated[int, Meta(description="Seconds of Basic minutes.")]
    included_seconds: Annotated[
        int, Meta(description="Premium seconds that come with the plan, used first.")
    ]
    credit_minutes: Annotated[
        MinutesByType,
        Meta(
            description="Whole minutes that the credit alone is worth, if all were used for one "
            "type."
        ),
    ]
    payable_seconds: Annotated[
        MinutesByType,
        Meta(
            description="Seconds of a type that minutes and credit together can pay now, without "
            "what is held."
        ),
    ]
    held: Annotated[Held, Meta(description="What of the balances is reserved for running calls.")]
    rates: Annotated[RatesByType, Meta(description="Dollars per minute in force now.")]
    status: Annotated[
        BalanceStatus,
        Meta(description="low: below the threshold of Auto-Recharge, whether it is on or off."),
    ]
    auto_recharge: AutoRechargeStatus
    blocked: Annotated[bool, Meta(description="Support stopped automatic charges.")]


def _wallet(wallet: models.Wallet) -> Wallet:
    rates = rates_now()
    credit = max(wallet.credit.amount, Decimal(0))
    minutes = {name: minutes_for(amount=credit, rate=rate) for name, rate in rates.items()}
    held = holds.summary(wallet)
    free = holds.free(wallet.pots, held.pots)
    seconds = {name: payable.payable_seconds(pots=free, usable=name, rates=rates) for name in rates}
    return Wallet.of(
        wallet,
        account=wallet.account_id,
        credit=dollars_text(wallet.credit, decimal_places=6),
        currency=CURRENCY,
        credit_minutes=MinutesByType(**minutes),
        payable_seconds=MinutesByType(**seconds),
        held=_held(held),
        rates=rates_by_type(rates),
        status=balance_status(wallet),
        auto_recharge=auto_recharge_status(wallet.auto_recharge),
        blocked=wallet.blocked_at is not None,
    )


_WALLET_EXAMPLE = OpenApiExample(
    "A wallet below its threshold",
    value={
        "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
        "credit": "8.200000",
        "currency": "USD",
        "premium_seconds": 7200,
        "basic_seconds": 0,
        "included_seconds": 0,
        "credit_minutes": {"premium": 51, "basic": 91},
        "payable_seconds": {"premium": 9975, "basic": 5466},
        "held": {
            "calls": 1,
            "credit": "0.000000",
            "premium_seconds": 300,
            "basic_seconds": 0,
            "included_seconds": 0,
        },
        "rates": {"premium": "0.160000", "basic": "0.090000"},
        "status": "low",
        "auto_recharge": "on",
        "blocked": False,
    },
    response_only=True,
)


class WalletView(ApiView):
    @extend_schema(
        operation_id="get_wallet",
        summary="Balances, what they are worth, rates and status",
        description="Of one moment: calls that run are not in it until they are reported.",
        tags=["Wallet"],
        responses={200: Wallet, **refusals()},
        examples=[_WALLET_EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        return Response(_wallet(wallet_of(resolve_account(request))))
