"""How money, minutes and days are written: in sentences, on pages, in mails.

Display only: nothing written here is ever parsed or stored.
"""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from djmoney.money import Money

MINUS = "\N{MINUS SIGN}"

_SECONDS_PER_MINUTE = 60


def usd(amount: Decimal) -> str:
    """Dollars to the cent, half-up, grouped: $1,234.50 or −$4.32."""
    rounded = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{MINUS if rounded < 0 else ''}${abs(rounded):,.2f}"


def money(amount: Money | Decimal | int | None) -> str:
    """Write dollars rounded half-up to the cent: `$1,234.50`, `−$4.32`; nothing for None."""
    if amount is None or amount == "":
        return ""
    return usd(_dollars(amount))


def signed_money(amount: Money | Decimal | int | None) -> str:
    """Write a movement: `+$50.00`, `−$4.32`, `$0.00`."""
    written = money(amount)
    rose = written and not written.startswith(MINUS) and written != "$0.00"
    return f"+{written}" if rose else written


def exact_money(amount: Money | Decimal | int) -> str:
    """Write dollars with every decimal they have, at least two: `$7.15`, `−$0.218667`."""
    dollars = _dollars(amount)
    plain = f"{abs(dollars).normalize():f}"
    whole, _, decimals = plain.partition(".")
    return f"{MINUS if dollars < 0 else ''}${int(whole):,}.{decimals.ljust(2, '0')}"


def signed_exact_money(amount: Money | Decimal | int) -> str:
    """Write a movement that has to add up: `+$50.00`, `−$0.218667`."""
    written = exact_money(amount)
    return written if written.startswith(MINUS) or not _dollars(amount) else f"+{written}"


def exact_minutes(seconds: int | Decimal) -> str:
    """Write minutes that have to add up: `312 min 30 s`, `1,250 min`."""
    return signed_minutes(seconds).removeprefix("+")


def unsigned_money(amount: Money | Decimal) -> str:
    """Write what would have moved and did not: `$35.00`."""
    return usd(abs(_dollars(amount)))


def cents(amount_cents: int | None) -> str:
    """Write whole cents, as cards are charged: `5000` is `$50.00`."""
    return "" if amount_cents is None else money(Decimal(amount_cents) / 100)


def rate(price: Money | Decimal) -> str:
    """Write a price per minute with every decimal it has, at least two: `$0.16`, `$0.0875`."""
    plain = f"{_dollars(price).normalize():f}"
    whole, _, decimals = plain.partition(".")
    return f"${whole}.{decimals.ljust(2, '0')}"


def minutes(seconds: int | Decimal | None) -> str:
    """Write whole minutes, rounded down, never below zero: `1,250`."""
    return f"{max(int(seconds or 0), 0) // _SECONDS_PER_MINUTE:,}"


def duration(seconds: int) -> str:
    """Write how long a call was: `4 min 04 s`, `22 s`."""
    whole, rest = divmod(seconds, _SECONDS_PER_MINUTE)
    return f"{whole:,} min {rest:02d} s" if whole else f"{rest} s"


def signed_minutes(seconds: int | Decimal) -> str:
    """Write a movement of minutes to the second: `+312 min 30 s`, `−1 min 05 s`."""
    whole, rest = divmod(abs(int(seconds)), _SECONDS_PER_MINUTE)
    sign = MINUS if seconds < 0 else "+"
    return f"{sign}{whole:,} min {rest:02d} s" if rest else f"{sign}{whole:,} min"


def holds(wallet) -> str:
    """What a balance consists of: `$0.05 and 156 Premium minutes`."""
    minutes = {pot: wallet.held(pot) // 60 for pot in ("included", "premium", "basic")}
    named = [f"{count:,} {pot.title()}" for pot, count in minutes.items() if count]
    credit = usd(wallet.credit.amount)
    return f"{credit} and {' and '.join(named)} minutes" if named else credit


def minutes_text(*, basic: int, premium: int) -> str:
    """500 Basic and 1,000 Premium minutes; a type of which there are none is left out."""
    parts = [f"{basic:,} Basic"] * bool(basic) + [f"{premium:,} Premium"] * bool(premium)
    return f"{' and '.join(parts)} minutes"


def day(value: date) -> str:
    """Write a calendar day: `1 Dec 2026`."""
    return f"{value.day} {value:%b} {value.year}"


def month(value: date) -> str:
    """Write a month: `December 2026`."""
    return f"{value:%B} {value.year}"


def spoken(day: date, *, today: date) -> str:
    """A date in a sentence: 14 Dec, with the year when it is another one."""
    return f"{day:%-d %b}" if day.year == today.year else f"{day:%-d %b %Y}"


def day_of_month(anchor: date) -> str:
    """How people say it: 1st, 2nd, 3rd, 14th."""
    day = anchor.day
    teens = 11 <= day <= 13
    return f"{day}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def _dollars(amount: Money | Decimal | int) -> Decimal:
    return amount.amount if isinstance(amount, Money) else Decimal(amount)
