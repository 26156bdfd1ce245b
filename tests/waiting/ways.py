"""The ways out of what waits: who took them in a test, and what the table says."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from django.test import Client
from django.urls import reverse

from accounts import clock
from accounts.models import Account
from accounts.runtime import waits
from accounts.runtime.queues import Queue
from accounts.tests.builders import owner_of
from campaigns import pausing
from tests import oracle
from thinkrr_billing.staff.groups import BILLING
from thinkrr_billing.staff.tests.phone import press, staff_client
from wallets import sweeps
from wallets.models import Wallet

TABLE = Path(__file__).resolve().parents[2] / "docs" / "waiting.md"
BY = ("customer", "support", "time")

# What the tests take: (kind, by whom, how).
taken: set[tuple[str, str, str]] = set()


def way_out(*kinds: str, by: str, how: str) -> Callable[[Callable], Callable]:
    """Mark a test: it builds these kinds, and takes this way out of them."""
    taken.update((kind, by, how) for kind in kinds)
    return lambda test: test


def rows() -> dict[str, tuple[str, ...]]:
    """The table by its kinds: what waits, who moves it, its bound, and the three ways out."""
    found = re.findall(r"^\| `(\w+)` \|(.+)\|$", TABLE.read_text(), re.MULTILINE)
    return {kind: tuple(cell.strip() for cell in cells.split("|")) for kind, cells in found}


def bound_of(kind: str) -> timedelta | None:
    """The bound of I8 that its row names: "5 min", "24 h 10 min"."""
    figures = re.match(r"(?:(\d+) h ?)?(?:(\d+) min)?", rows()[kind][2])
    hours, minutes = (int(one or 0) for one in figures.groups())
    return timedelta(hours=hours, minutes=minutes) or None


def told() -> set[tuple[str, str, str]]:
    """What the table says: (kind, by whom, how)."""
    return {
        (kind, by, how.strip().strip("*`"))
        for kind, cells in rows().items()
        for by, cell in zip(BY, cells[-3:], strict=True)
        for how in cell.split(";")
        if how.strip() != "—"
    }


def waits_for(kind: str) -> bool:
    """Whether anything of this kind waits now."""
    one = waits.every()[kind]
    if isinstance(one, Queue):
        return one.rows(clock.now()).exclude(**{one.column: None}).exists()
    return one.since() is not None


def later(**span: float) -> AbstractContextManager:
    return clock.at(clock.now() + timedelta(**span))


def tick() -> None:
    """What beat and workers do in a minute, and the campaigns' sweep."""
    pausing.sweep()
    for name, arguments in sweeps.find_work():
        oracle.do(name, arguments)


def customer(account: Account) -> Client:
    """Its owner, logged in."""
    browser = Client()
    browser.force_login(owner_of(account))
    return browser


def support(page: str, button: str, row: object, **fields: object) -> None:
    """Press a button of support, and see it accepted."""
    answer = press(staff_client(BILLING), page, button, row, **fields)
    assert answer.status_code == 303, answer.content.decode()


def post(account: Account, name: str, *args: object, **fields: object) -> None:
    """The customer sends a page's form, and is not refused."""
    answer = customer(account).post(reverse(name, args=args), fields)
    assert answer.status_code in (200, 302), answer.content.decode()


def recharge(wallet: Wallet, amount: str = "50.00", card: str = "") -> None:
    """Credit, by hand."""
    wallet.refresh_from_db()
    post(
        wallet.account,
        "wallets:recharge",
        amount=amount,
        buys="credit",
        payment_method=card or wallet.default_payment_method,
        form_key=str(uuid4()),
        quoted_amount=amount,
        quoted_debt="0",
    )


def configure(wallet: Wallet, **changes: str) -> None:
    """Auto-Recharge on, $50 below $10, and what changes in that."""
    facts = {"enabled": "on", "threshold": "10.00", "amount": "50.00", "quoted_charge": "0"}
    post(wallet.account, "wallets:auto_recharge", **(facts | changes))
