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
    DateTimeField,
    DecimalField,
    F,
    Field,
    Func,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Greatest
from django.db.models.sql.compiler import SQLCompiler

from accounts import clock
from campaigns.models import Campaign, CampaignQuerySet, MinuteUse
from wallets.balances import short
from wallets.balances.holds import free
from wallets.balances.ledger import Pots
from wallets.models import Wallet
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
    """Started campaigns with less than one payable minute and no Auto-Recharge on its way.

    Few wallets may be short: the others' balances are not looked at.
    """
    rates = rates_at(now)
    wallets = auto_recharge.without_coming(short.may_be_short(rates), now)
    return _poor(campaigns.filter(account__wallet__in=wallets), rates)


def waits_for_recharge(*, campaigns: CampaignQuerySet, now: datetime) -> CampaignQuerySet:
    """Started campaigns that would be paused if no Auto-Recharge were on its way."""
    coming = auto_recharge.coming(now).values("wallet_id")
    return _poor(campaigns.filter(account__wallet__in=coming), rates_at(now))


def _poor(campaigns: CampaignQuerySet, rates: dict[str, Decimal]) -> CampaignQuerySet:
    able = with_payable_seconds(campaigns.started(), rates=rates)
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
    nothing = Value(0, _SECONDS)
    of_premium = Case(
        When(minute_type=MinuteUse.BASIC, then=nothing),
        default=_pot("premium") + _pot("included"),
    )
    of_basic = Case(When(minute_type=MinuteUse.PREMIUM, then=nothing), default=_pot("basic"))
    price = Case(
        *[
            When(minute_type=use, then=Value(rates[tier], _DOLLARS))
            for use, tier in CREDIT_RATE.items()
        ]
    )
    held = Cast(F("account__wallet__credit"), _DOLLARS) - _reserved("credit", _DOLLARS)
    credit = Greatest(held, Value(Decimal(0), _DOLLARS))
    # div() is exact; a quotient could be rounded up to the next whole second.
    bought = Func(credit * Value(MINUTE, _DOLLARS), price, function="div")
    return campaigns.annotate(payable_seconds=of_premium + of_basic + Cast(bought, _SECONDS))


def _pot(name: str) -> Combinable:
    held, reserved = F(f"account__wallet__{name}_seconds"), _reserved(f"{name}_seconds", _SECONDS)
    return Greatest(held - reserved, 0)


class _Reserved(Func):
    """What is kept as reserved of a part less what has expired; looked for only where there are
    holds. Written by hand: as an expression of Django's it took four times as long to compile.
    """

    def as_sql(self, compiler: SQLCompiler, *_: object, **__: object) -> tuple[str, list]:
        kept, calls, wallet, now = map(compiler.compile, self.get_source_expressions())
        text = f"""CASE WHEN {calls[0]} = 0 THEN 0 ELSE {kept[0]} - (
            SELECT COALESCE(SUM(h.{self.extra["part"]}), 0) FROM wallets_callhold h
            WHERE h.wallet_id = {wallet[0]} AND h.expires_at <= {now[0]}) END"""  # nosec B608 # names of ours
        return text, [*calls[1], *kept[1], *wallet[1], *now[1]]


def _reserved(part: str, kind: Field) -> Func:
    return _Reserved(
        F(f"account__wallet__reserved_{part}"),
        F("account__wallet__reserved_calls"),
        F("account__wallet__id"),
        Value(clock.now(), DateTimeField()),
        part=part,
        output_field=kind,
    )
