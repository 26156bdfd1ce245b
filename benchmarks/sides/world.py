"""What every side starts from: accounts, each with a wallet, its Auto-Recharge and a campaign."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from django.db import connection

from accounts.models import Account
from campaigns.models import Campaign
from wallets.balances import ledger
from wallets.models import AutoRecharge, Wallet

# Numbers 1 to so many are called at random.
WALLETS = 10_000
# The numbers above are used up one after the other: an even one falls below its threshold, an odd
# one pauses its campaign, each once.
CROSSING = 6_000
CROSSING_SECONDS = 30

HERE = Path(__file__).parent


def prepare() -> None:
    """Fill an empty database."""
    fill(range(1, WALLETS + CROSSING + 1))
    with connection.cursor() as cursor:
        cursor.execute((HERE / "numbered.sql").read_text())
        cursor.execute("VACUUM ANALYZE")


def fill(numbers: range) -> dict[int, Account]:
    """Make these of its accounts."""
    accounts = Account.objects.bulk_create(
        Account(kind="individual", name=f"Bench {number}", timezone="UTC") for number in numbers
    )
    wallets = Wallet.objects.bulk_create(
        Wallet(account=account, default_payment_method="pm_bench") for account in accounts
    )
    numbered = list(zip(numbers, wallets, strict=True))
    AutoRecharge.objects.bulk_create(
        AutoRecharge(wallet=wallet, enabled=_is_enabled(number)) for number, wallet in numbered
    )
    Campaign.objects.bulk_create(
        Campaign(
            account=account,
            external_id="bench",
            name="Bench",
            minute_type=_minute_type(number),
            status=Campaign.Status.STARTED,
        )
        for number, account in zip(numbers, accounts, strict=True)
    )
    _post(_first(numbered), key="adjustment:bench")
    # From well above the threshold, so that falling below it is news.
    _post(_back(numbered), key="adjustment:back")
    return dict(zip(numbers, accounts, strict=True))


def _minute_type(number: int) -> str:
    if number > WALLETS:
        return "premium"
    return ("premium", "basic", "premium_then_basic")[number % 3]


def _is_enabled(number: int) -> bool:
    """Every fourth, of those that have credit; and those whose charge will be due."""
    return number % 2 == 0 if number > WALLETS else number % 4 == 0


def _pots(number: int) -> dict[str, Decimal | int]:
    """Half have the minutes of their campaign, half have credit."""
    if number > WALLETS:
        # 75 seconds, less 30, are no minute; $10.01 is a cent above the threshold.
        return {"credit": Decimal("0.20") if number % 2 else Decimal("20.01")}
    if number % 2 == 0:
        return {"credit": Decimal(100_000)}
    return dict.fromkeys(_minute_type(number).split("_then_"), 10_000_000)


Move = tuple[int, str, Decimal | int]


def _first(numbered: Iterable[tuple[int, Wallet]]) -> Iterable[Move]:
    for number, wallet in numbered:
        for pot, amount in _pots(number).items():
            yield wallet.pk, pot, amount


def _back(numbered: Iterable[tuple[int, Wallet]]) -> Iterable[Move]:
    for number, wallet in numbered:
        if number > WALLETS and number % 2 == 0:
            yield wallet.pk, "credit", Decimal(-10)


def _post(moves: Iterable[Move], *, key: str) -> None:
    ledger.post(
        movements=[
            ledger.Movement(wallet_id=pk, pot=pot, amount=amount, kind="adjustment", key=key)
            for pk, pot, amount in moves
        ]
    )
