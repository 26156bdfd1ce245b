"""Whether campaigns can be paid: at least one payable minute for the type of call they make.

What holds reserve for running calls pays nothing else. The formula stands twice: `payable_seconds`
of `wallets.prices.payable` decides about one wallet in Python, `with_payable_seconds` about many in
SQL. A test holds them together.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from django.db.models import (
    BigIntegerField,
    Case,
    DecimalField,
    F,
    Field,
    Func,
    OuterRef,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Greatest

from accounts import clock
from campaigns.models import Campaign, CampaignQuerySet, MinuteUse
from wallets.balances.holds import free
from wallets.balances.ledger import Pots
from wallets.models import CallHold, Wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE
from wallets.prices.payable import CREDIT_RATE, payable_seconds
from wallets.prices.rates import rate_history
from wallets.recharges import auto_recharge
from wallets.texts import money

MINUTE = SECONDS_PER_MINUTE
ALL_RESERVED = "What there is is reserved for running calls"
_CENT = Decimal("0.01")
_SECONDS = BigIntegerField()
_DOLLARS = DecimalField(max_digits=18, decimal_places=6)

NEEDS = {
    MinuteUse.PREMIUM: "Needs Premium minutes",
    MinuteUse.BASIC: "Needs Basic minutes",
    MinuteUse.PREMIUM_THEN_BASIC: "Needs Premium or Basic minutes",
}


@dataclass(frozen=True)
class Verdict:
    """Whether a campaign can run on its wallet, why not, and what would help."""

    ok: bool
    # payable, low_balance or closed.
    code: str
    # A short reason, such as "Needs Premium minutes". Empty when it can run.
    reason: str
    # What would help, such as "Needs at least $0.16 to run". Empty when money would not.
    needs: str

    @property
    def sentence(self) -> str:
        """Reason and remedy for the person who was refused."""
        return ". ".join(part for part in (self.reason, self.needs) if part) + "."


def judge(
    *, campaign: Campaign, wallet: Wallet, rates: dict[str, Decimal], reserved: Pots | None
) -> Verdict:
    """Decide whether the campaign may start, resume or go on: with exactly one minute it may.

    `reserved` is what `wallets.balances.holds.reserved_of` says of the wallet.
    """
    if campaign.account.is_closed:
        return Verdict(False, "closed", f"{campaign.account.name} is closed", "")
    usable = campaign.minute_type
    left = free(wallet.pots, reserved)
    if payable_seconds(pots=left, usable=usable, rates=rates) >= MINUTE:
        return Verdict(True, "payable", "", "")
    if payable_seconds(pots=wallet.pots, usable=usable, rates=rates) >= MINUTE:
        return Verdict(False, "low_balance", ALL_RESERVED, "Try again when they have ended")
    needed = needed_credit(wallet=wallet, usable=campaign.minute_type, rates=rates)
    needs = f"Needs at least {money(needed)} to run"
    return Verdict(False, "low_balance", NEEDS[campaign.minute_type], needs)


def cannot_pay(*, campaigns: CampaignQuerySet, now: datetime) -> CampaignQuerySet:
    """Started campaigns with less than one payable minute and no Auto-Recharge on its way."""
    return _poor(campaigns, now).exclude(
        account__wallet__in=auto_recharge.coming(now).values("wallet_id")
    )


def waits_for_recharge(*, campaigns: CampaignQuerySet, now: datetime) -> CampaignQuerySet:
    """Started campaigns that would be paused if no Auto-Recharge were on its way."""
    return _poor(campaigns, now).filter(
        account__wallet__in=auto_recharge.coming(now).values("wallet_id")
    )


def _poor(campaigns: CampaignQuerySet, now: datetime) -> CampaignQuerySet:
    able = with_payable_seconds(campaigns.started(), rates=rates_at(now))
    return able.filter(payable_seconds__lt=MINUTE)


def rates_at(moment: datetime) -> dict[str, Decimal]:
    """Dollars per minute of both types at a moment. One statement."""
    return rate_history().each_at(moment)


def needed_credit(*, wallet: Wallet, usable: str, rates: dict[str, Decimal]) -> Decimal:
    """The credit, in whole cents, that makes a payable minute of pots that hold less than one."""
    seconds = payable_seconds(pots=wallet.pots | {"credit": 0}, usable=usable, rates=rates)
    dollars = rates[CREDIT_RATE[usable]] * (MINUTE - seconds) / MINUTE
    return dollars.quantize(_CENT, ROUND_CEILING)


def with_payable_seconds(
    campaigns: CampaignQuerySet, *, rates: dict[str, Decimal]
) -> CampaignQuerySet:
    """Annotate campaigns with the whole seconds their wallet could still pay, now."""
    pots = {
        "premium": _pot("premium") + _pot("included"),
        "basic": _pot("basic"),
        "premium_then_basic": _pot("premium") + _pot("included") + _pot("basic"),
    }
    usable = Case(
        *[When(minute_type=use, then=seconds) for use, seconds in pots.items()],
        output_field=_SECONDS,
    )
    price = Case(
        *[
            When(minute_type=use, then=Value(rates[tier], _DOLLARS))
            for use, tier in CREDIT_RATE.items()
        ]
    )
    held = Cast(F("account__wallet__credit"), _DOLLARS) - _reserved("credit", _DOLLARS)
    credit = Greatest(held, Value(Decimal(0), _DOLLARS), output_field=_DOLLARS)
    # div() is exact; a quotient could be rounded up to the next whole second.
    bought = Func(credit * Value(MINUTE, _DOLLARS), price, function="div")
    return campaigns.annotate(payable_seconds=usable + Cast(bought, _SECONDS))


def _pot(name: str) -> Combinable:
    held, reserved = F(f"account__wallet__{name}_seconds"), _reserved(f"{name}_seconds", _SECONDS)
    return Greatest(held - reserved, 0, output_field=_SECONDS)


def _reserved(part: str, kind: Field) -> Combinable:
    """What is kept as reserved less what has expired; looked for only where there are holds."""
    expired = CallHold.objects.filter(
        wallet=OuterRef("account__wallet"), expires_at__lte=clock.now()
    )
    past = expired.order_by().values("wallet").annotate(past=Sum(part)).values("past")
    nothing = Value(0, kind)
    kept = Cast(F(f"account__wallet__reserved_{part}"), kind)
    return Case(
        When(account__wallet__reserved_calls=0, then=nothing),
        default=kept - Coalesce(Cast(Subquery(past), kind), nothing),
        output_field=kind,
    )
