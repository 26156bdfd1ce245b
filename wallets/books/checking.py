"""Proves the books: plays every rule, stops automatic charges of what is wrong, tells support.

The rules are in `rules` and in campaigns' `book_rules`; what Stripe and we do not agree on is found
by `against_stripe`.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import DataError, ProgrammingError, connection, transaction
from django.db.backends.utils import CursorWrapper

from accounts import clock
from accounts.cells import place
from accounts.runtime import waits
from accounts.telling.notifications import alert_staff
from wallets import limits
from wallets.balances import blocking
from wallets.books import against_stripe
from wallets.books.register import Broken, Rule, rules
from wallets.models import Wallet
from wallets.stripe import answers

logger = logging.getLogger(__name__)

# A broken rule is shown by its first rows; a thousand more would say nothing new.
MOST_ROWS = 100
# One transaction blocks no more wallets; those that are blocked leave the others' way.
MOST_FROZEN = 10_000
# Of one sort or hash of one rule: with PostgreSQL's usual 4 MB, ten million entries are sorted on
# the disk. Twice this for each of two processes is what a check may take.
MEMORY = "256MB"
# What the proof before may have missed: it was written by then, and committed later.
OVERLAP = timedelta(hours=1)
# What was begun before a moment may be paid after it: a bank has a day to confirm.
BEGUN_BEFORE = limits.BANK_ENDS_WITHIN + OVERLAP


# Broken rows are few, whatever PostgreSQL thinks: handing them over costs a second process nothing.
# Nor is the ledger read through an index, only to be merged: entries of one cause are far apart.
_SETTINGS = """
SELECT set_config('work_mem', %s, true), set_config('parallel_tuple_cost', '0', true),
       set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)
"""
# What was written lately is few rows, in pages that are at hand.
_LATELY = "SET LOCAL random_page_cost = 1.1"


def prepare(cursor: CursorWrapper, *, lately: bool = False) -> None:
    """Set for this transaction how PostgreSQL plans rules: of everything, or of what is new."""
    cursor.execute(_SETTINGS, [MEMORY])
    if lately:
        cursor.execute(_LATELY)


def check_all(*, stripe: bool = False, since: datetime | None = None) -> list[Broken]:
    """Every row that breaks a rule; with `stripe` also what Stripe and we do not agree on.

    With `since` only what was written from then on is proven, as far as a rule can tell it apart:
    together with a proof of everything at that moment that is a proof of everything now.

    Where there are cells, the books of the one that this is called in; outside of all, what is
    everybody's.
    """
    here = [rule for rule in rules if place.concerns(rule.of)]
    broken = [row for rule in here for row in check_rule(rule, since)]
    broken += _overdue()
    if stripe and place.has_accounts():
        found = against_stripe.compare()
        broken += [Broken("I13", wallet_id, text, freezes=True) for wallet_id, text in found]
    return sorted(broken, key=lambda row: (len(row.rule), row.rule))


def check_rule(rule: Rule, since: datetime | None = None) -> list[Broken]:
    """What breaks one rule. A rule that a value breaks is one more finding, and the others go on.

    A database that is gone is none: that is raised, and the whole is checked again.
    """
    sql = rule.asked(recently=since is not None)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            prepare(cursor, lately=since is not None)
            figures = {
                "now": clock.now(),
                "since": since and since - OVERLAP,
                "begun": since and since - BEGUN_BEFORE,
                **rule.figures(),
            }
            cursor.execute(sql, figures)
            found = cursor.fetchmany(MOST_ROWS)
            if rule.freezes and len(found) == MOST_ROWS:
                shown = {wallet_id for wallet_id, _ in found}
                found += _not_frozen_yet(sql, figures, cursor, shown)
    except (DataError, ProgrammingError) as error:
        logger.exception("rule %s could not be checked", rule.name)
        return [Broken(rule.name, None, f"could not be checked: {error}", freezes=False)]
    return [Broken(rule.name, wallet_id, text, rule.freezes) for wallet_id, text in found]


def _not_frozen_yet(
    sql: str, figures: dict[str, object], cursor: CursorWrapper, shown: set[int | None]
) -> list[tuple]:
    """One row of each wallet more that goes on: those in front may have been frozen long ago."""
    cursor.execute(
        f"SELECT r.wallet_id, min(r.text) FROM ({sql}) r (wallet_id, text)"  # nosec B608 # a rule's own
        " JOIN wallets_wallet w ON w.id = r.wallet_id AND w.blocked_at IS NULL"
        " GROUP BY 1 ORDER BY 1 LIMIT %(most)s",
        figures | {"most": MOST_FROZEN},
    )
    return [row for row in cursor.fetchall() if row[0] not in shown]


def _overdue() -> list[Broken]:
    """I8: whatever waits is looked at within its bound, however much stands in front of it."""
    bounded = (one for one in waits.here() if one.bound is not None)
    ages = ((one, one.oldest_overdue()) for one in bounded)
    return [
        Broken(
            "I8",
            None,
            f"the oldest {one.kind} that waits is overdue for {age}, at most {one.bound} are "
            "allowed",
            freezes=False,
        )
        for one, age in ages
        if age > one.bound
    ]


def check_and_freeze() -> list[Broken]:
    """Check; stop automatic charges of what is wrong, and tell support. For the tasks."""
    broken = check_all()
    if broken:
        freeze_and_tell(broken)
    return broken


@transaction.atomic
def freeze_and_tell(broken: list[Broken], *, about: str = "") -> None:
    """Stop automatic charges of what is wrong, and tell support once about it and day."""
    frozen = _freeze([row for row in broken if row.freezes])
    _tell(broken, frozen, about)


def _freeze(broken: Iterable[Broken]) -> int:
    """Block the wallets named; all of them when a rule is broken that names none."""
    named = {row.wallet_id for row in broken}
    if not named:
        return 0
    wallets = Wallet.objects.filter(blocked_at=None)
    if None not in named:
        wallets = wallets.filter(pk__in=named)
    ids = list(wallets.locked().values_list("pk", flat=True))
    return blocking.block(wallet_ids=ids, reason=Wallet.Blocked.BOOKS)


def tell_not_compared(error: answers.GatewayError) -> None:
    alert_staff(
        kind="books",
        text=f"The books could not be compared with Stripe: {error}",
        dedupe_key=f"books:stripe:{clock.now():%Y-%m-%d}",
    )


def _tell(broken: list[Broken], frozen: int, about: str) -> None:
    """One alert a rule and day: the hourly check would repeat itself."""
    for name in sorted({row.rule for row in broken}):
        rows = [row for row in broken if row.rule == name]
        shown = "; ".join(row.text for row in rows[:5])
        alert_staff(
            kind="books",
            text=f"{name} is broken {len(rows)} times, {frozen} wallets were blocked: {shown}",
            data={"rule": name, "wallets": sorted({row.wallet_id or 0 for row in rows})},
            dedupe_key=f"books:{name}:{clock.now():%Y-%m-%d}:{len(rows)}{about}",
        )
