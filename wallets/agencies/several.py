"""A monthly allocation for several sub-accounts at once: the same form and rules as for one.

What saving would charge is told first, for all together. One that is refused stops no other.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from accounts.audit import seen as seen_before
from accounts.audit.seen import Overtaken
from accounts.models import Account, User
from wallets import limits
from wallets.allocations import configure
from wallets.allocations.terms import Wish, check_card, check_minutes
from wallets.errors import InvalidAmount, Refused, WalletError
from wallets.models import AutoAllocation
from wallets.texts import usd

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Planned:
    """What saving would do to one of them: what is charged now, or why it cannot be."""

    account: Account
    charge_now: Decimal = _ZERO
    monthly: Decimal = _ZERO
    text: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Plan:
    """The dry run of all of them."""

    rows: list[Planned]

    @property
    def charge_now(self) -> Decimal:
        return sum((row.charge_now for row in self.rows), _ZERO)

    @property
    def monthly(self) -> Decimal:
        return sum((row.monthly for row in self.rows), _ZERO)

    @property
    def able(self) -> list[Planned]:
        return [row for row in self.rows if not row.problem]

    @property
    def unable(self) -> list[Planned]:
        return [row for row in self.rows if row.problem]

    @property
    def text(self) -> str:
        """ "Will charge $90.00 now, and $180.00 each month." """
        now = f"{usd(self.charge_now)} now" if self.charge_now else "nothing now"
        return f"Will charge {now}, and {usd(self.monthly)} each month."


@dataclass
class Saved:
    """What became of each, by name. Those `left` were not reached in time."""

    saved: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    left: list[Account] = field(default_factory=list)


def chosen(*, agency: Account, ids: Sequence[UUID]) -> list[Account]:
    """The agency's own sub-accounts among these, by name. Raises Refused for none or too many."""
    if len(ids) > limits.SEVERAL_MOST:
        raise Refused(f"Choose at most {limits.SEVERAL_MOST} at once.")
    rows = Account.objects.filter(agency=agency, pk__in=ids, archived_at=None)
    found = list(rows.select_related("agency").order_by("name", "pk"))
    if not found:
        raise Refused("Choose at least one sub-account.")
    return found


def mark_of(accounts: Sequence[Account]) -> str:
    """The mark of what all of these have now."""
    return seen_before.mark(*_terms(accounts).values(), fields=configure.TERMS)


def _terms(accounts: Sequence[Account]) -> dict[UUID, AutoAllocation | None]:
    kept = AutoAllocation.objects.in_bulk([one.pk for one in accounts], field_name="account_id")
    return {one.pk: kept.get(one.pk) for one in accounts}


def plan(*, agency: Account, accounts: Sequence[Account], wish: Wish) -> Plan:
    """What saving this for each would mean. Writes nothing. Raises InvalidAmount or
    NoPaymentMethod for what is wrong with the form itself."""
    check_minutes(wish)
    if wish.is_nothing:
        message = "Enter minutes for at least one type. Stop an allocation in its own dialog."
        raise InvalidAmount(message, fields={"basic_minutes": message})
    check_card(agency=agency, wish=wish)
    return Plan([_planned(agency, account, wish) for account in accounts])


def _planned(agency: Account, account: Account, wish: Wish) -> Planned:
    try:
        shown = configure.preview(
            account=account,
            agency=agency,
            basic_minutes=wish.basic_minutes,
            premium_minutes=wish.premium_minutes,
            payment_method=wish.payment_method,
        )
    except WalletError as error:
        return Planned(account, problem=str(error))
    if shown.problem:
        return Planned(account, problem=shown.problem)
    return Planned(account, shown.charge_now, shown.estimate.total, shown.text)


def save(
    *,
    agency: Account,
    accounts: Sequence[Account],
    actor: User,
    wish: Wish,
    seen: str = "",
    shown: Plan | None = None,
) -> Saved:
    """Save it for each, in transactions of their own; workers charge what is due at once.

    Saving the same again charges nothing twice. Stops in time for a person who waits. `seen` marks
    what they all had when it was shown: when one was changed by others meanwhile, nothing is saved
    and Overtaken raised; one that is changed only now is told among the refused. So is one that
    would be charged another sum by now than `shown` said.
    """
    quoted = {row.account.pk: row.charge_now for row in shown.rows} if shown else {}
    terms = _terms(accounts)
    if seen and seen != (now := seen_before.mark(*terms.values(), fields=configure.TERMS)):
        raise seen_before.overtaken(*filter(None, terms.values()), fields=configure.TERMS, now=now)
    done = Saved()
    ends = time.monotonic() + limits.SEVERAL_SECONDS
    for number, account in enumerate(accounts):
        if time.monotonic() > ends:
            done.left = list(accounts[number:])
            break
        try:
            configure.save(
                account=account,
                agency=agency,
                actor=actor,
                basic_minutes=wish.basic_minutes,
                premium_minutes=wish.premium_minutes,
                payment_method=wish.payment_method,
                seen=configure.mark_of(terms[account.pk]) if seen else "",
                quoted_charge=quoted.get(account.pk),
            )
        except (WalletError, Overtaken) as error:
            done.refused[account.name] = str(error)
        else:
            done.saved.append(account.name)
    return done
