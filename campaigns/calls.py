"""Calls become debits. The platform reports finished calls in batches.

A call is a fact: it is recorded and charged once, whatever the balance. Whether a call may
*start* is asked of `authorize`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from django.db import DatabaseError, IntegrityError, OperationalError, transaction

from accounts import clock
from accounts.models import Account
from accounts.runtime import statements
from accounts.runtime.columns import column, lines
from accounts.runtime.ids import time_ordered_uuid
from campaigns import limits, pausing
from campaigns.errors import Busy
from campaigns.models import PLATFORM, Call, Campaign
from campaigns.reports import (
    REJECTION_CHOICES,
    REJECTIONS,
    Accepted,
    Report,
    ask_campaigns,
    bad_facts,
    facts,
    judge_all,
    named_accounts,
    with_new_wallets,
)
from wallets.balances import holds, ledger, metering
from wallets.balances.opening import open_wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE
from wallets.prices.payable import payable_seconds
from wallets.prices.rates import RateHistory, ask_rate_history, rates_now
from wallets.recharges import auto_recharge

BILLABLE = frozenset(
    {
        Call.Outcome.COMPLETED,
        Call.Outcome.NO_ANSWER,
        Call.Outcome.NO_MESSAGE,
        Call.Outcome.LEFT_MESSAGE,
    }
)

# Unique violation, deadlock, serialization failure: the same batch passes when it is repeated.
PASSING_SQLSTATES = frozenset({"23505", "40P01", "40001"})

KNOWN = """
SELECT k.external_id, k.account_id, coalesce(c.external_id, ''), k.minute_type_sent, k.seconds,
    k.ended_at, k.outcome, k.cost
FROM campaigns_call k LEFT JOIN campaigns_campaign c ON c.id = k.campaign_id
WHERE k.reporter = %s AND k.external_id = ANY(string_to_array(%s::text, chr(10)))
"""

INSERT = """
INSERT INTO campaigns_call
    (reporter, batch, created_at, external_id, account_id, campaign_id, minute_type_sent,
     minute_type, seconds, ended_at, outcome, included_seconds, premium_seconds, basic_seconds,
     cost)
SELECT %s::uuid, %s::uuid, %s::timestamptz, new.* FROM unnest(
    string_to_array(%s::text, chr(10)), %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::int[],
    %s::timestamptz[], %s::text[], %s::int[], %s::int[], %s::int[], %s::numeric[]) AS new
"""


class Rejection(msgspec.Struct, frozen=True):
    code: Annotated[
        str, msgspec.Meta(extra_json_schema={"choices": REJECTION_CHOICES}, description="Why.")
    ]
    message: Annotated[str, msgspec.Meta(description="The same for people, and what helps.")]


class Result(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What became of one report: charged, duplicate (with the first cost) or rejected."""

    id: str
    status: str
    # Dollars of credit taken.
    cost: Decimal | None = None
    error: Rejection | None = None


def record(*, reports: Sequence[Report], reporter: Account | None) -> list[Result]:
    """Record finished calls and charge each exactly once. One result per report, in order.

    `reporter` is the account whose key reports, which may report its own calls only, or None for
    the voice platform. Safe to repeat: a call known with the same facts is a `duplicate`.
    The whole batch is one transaction of a fixed number of statements.

    Raises Busy, with nothing recorded, when others kept writing the same calls or wallets.
    """
    for _ in range(limits.RECORD_ATTEMPTS):
        try:
            return _record(reports, reporter)
        except (IntegrityError, OperationalError) as error:
            if not _passes_when_repeated(error):
                raise
    raise Busy("Others are reporting the same calls. Nothing was recorded: send the batch again.")


@transaction.atomic
def _record(reports: Sequence[Report], reporter: Account | None) -> list[Result]:
    source = reporter.pk if reporter else PLATFORM
    accounts = named_accounts(reports, reporter)
    with statements.together():
        # What others do not change is read before anybody has to wait.
        rates = ask_rate_history()
        campaigns = ask_campaigns(reports, accounts, tell_of_others=reporter is None)
        # The wallets first: whoever reports the same calls at the same time waits here.
        locked = ledger.ask_locked(account_ids=accounts.values())
        # Looked at while PostgreSQL finds those.
        bad = bad_facts(reports)
        known = _ask_known(reports, bad, source)
        started = _ask_started(accounts.values())
    found = locked()
    wallets = with_new_wallets(accounts, found)
    # Nobody held the lock of a wallet that is made now.
    read = {"started": started()} if started and len(found) == len(accounts) else {}
    judged = judge_all(reports, bad, wallets, campaigns())
    results, new = _sort_out(reports, judged, known())
    with statements.together(commit=True):
        charged = _charge(new, source, rates(), **read)
    return [_settle(result, charged) for result in results]


def _passes_when_repeated(error: DatabaseError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) in PASSING_SQLSTATES


# Facts and cost of calls that were recorded before, by their ids.
_Known = dict[str, tuple[tuple, Decimal]]


def _ask_known(
    reports: Sequence[Report], bad: Sequence[str | None], source: UUID
) -> Callable[[], _Known]:
    """Look up which of these were recorded before, to be read later."""
    ids = {one.id for one, code in zip(reports, bad, strict=True) if code != "bad_id"}
    answer = statements.ask(KNOWN, [source, lines(ids)])
    return lambda: {row[0]: (row[1:-1], row[-1]) for row in answer.rows()}


def _ask_started(account_ids: Collection[UUID]) -> Callable[[], pausing.Started] | None:
    """Of few accounts it is asked in advance, so that nobody waits for it while the entries are
    written. Of many only those are looked at that cannot pay any call, once that is known."""
    few = len(account_ids) <= limits.FEW_ACCOUNTS
    return pausing.ask_started(account_ids=account_ids) if few else None


# A result that is settled once the batch is charged: a report's place among the new calls.
_Pending = tuple[Report, str, int]


def _sort_out(
    reports: Sequence[Report],
    judged: Sequence[Accepted | str],
    known: _Known,
) -> tuple[list[Result | _Pending], list[Accepted]]:
    """Tell new calls from those reported before, in this batch or an earlier one."""
    results: list[Result | _Pending] = []
    new: list[Accepted] = []
    places: dict[str, int] = {}
    for report, one in zip(reports, judged, strict=True):
        if (before := known.get(report.id)) is not None:
            first, cost = before
            same = first == facts(report)
            results.append(Result(report.id, "duplicate", cost) if same else rejected(report))
        elif (place := places.get(report.id)) is not None:
            same = facts(new[place].report) == facts(report)
            results.append((report, "duplicate", place) if same else rejected(report))
        elif isinstance(one, Accepted):
            places[report.id] = len(new)
            results.append((report, "charged", len(new)))
            new.append(one)
        else:
            results.append(rejected(report, one))
    return results, new


def rejected(report: Report, code: str = "conflict") -> Result:
    """`code` is one of `REJECTIONS`."""
    return Result(report.id, "rejected", error=Rejection(code, REJECTIONS[code]))


def _settle(result: Result | _Pending, charged: list[metering.Taken]) -> Result:
    if isinstance(result, Result):
        return result
    report, status, place = result
    return Result(report.id, status, charged[place].credit)


def _charge(
    new: list[Accepted], source: UUID, rates: RateHistory, **read: object
) -> list[metering.Taken]:
    """Debit the new calls and write them down, in the order they were reported.

    What is `read` already is passed on to who pauses what cannot be paid any more.
    """
    if not new:
        return []
    batch = time_ordered_uuid()
    wallets = {one.wallet.pk: one.wallet for one in sorted(new, key=lambda one: one.wallet.pk)}
    # Nothing is asked where no wallet has a hold.
    reserved = holds.of_calls(
        wallets=wallets.values(),
        reporter=source,
        calls=((one.report.id, one.wallet.pk) for one in new),
    )
    usages = [
        metering.Usage(
            wallet_id=one.wallet.pk,
            minute_type=one.minute_type,
            seconds=one.report.seconds,
            ended_at=one.report.ended_at,
            billable=one.report.outcome in BILLABLE,
            hold=reserved.live.get(one.report.id),
        )
        for one in new
    ]
    with metering.charged(
        usages=usages,
        batch=batch,
        wallets=wallets,
        rates=rates,
        reserved=reserved.of_wallets,
        **read,
    ) as taken:
        _insert(new, taken, source, batch)
        holds.capture(holds=reserved.own, wallets=wallets)
    return taken


def _insert(new: list[Accepted], taken: list[metering.Taken], source: UUID, batch: UUID) -> None:
    """Write the calls in the order of their ids, so that two batches cannot deadlock on them."""
    pairs = sorted(zip(new, taken, strict=True), key=lambda pair: pair[0].report.id)
    calls = [one.report for one, _ in pairs]
    values = [
        lines(call.id for call in calls),
        column(one.wallet.account_id.hex for one, _ in pairs),
        column(one.campaign_id or "NULL" for one, _ in pairs),
        # An empty word has to be written with its quotes.
        column(call.minute_type or '""' for call in calls),
        column(one.minute_type for one, _ in pairs),
        column(call.seconds for call in calls),
        column(call.ended_at for call in calls),
        column(call.outcome for call in calls),
        column(part.included_seconds for _, part in pairs),
        column(part.premium_seconds for _, part in pairs),
        column(part.basic_seconds for _, part in pairs),
        column(part.credit for _, part in pairs),
    ]
    statements.run(INSERT, [source, batch, clock.now(), *values])


@dataclass(frozen=True)
class Authorization:
    """Whether a call may start now, how long it may last, and why not."""

    allowed: bool
    # Whole seconds each of the calls then running can be paid. 0 when not allowed.
    seconds: int
    # ok, low_balance, recharging, campaign_paused, campaign_not_started, campaign_finished, closed
    reason: str


def authorize(
    *,
    account: Account,
    campaign: Campaign | None = None,
    minute_type: str | None = None,
    live: int = 0,
) -> Authorization:
    """May one more call start, beside `live` running ones of this account and type?

    Allowed when there is a payable minute for each of them. What holds reserve pays nothing else,
    and running calls that have one are not counted again. Reads only, and promises nothing: calls
    that run longer are charged all the same. Give the campaign, or else the minute type.
    """
    usable = campaign.minute_type if campaign else minute_type
    wallet = ledger.holding(account_id=account.pk) or open_wallet(account=account)
    seconds = payable_seconds(pots=holds.free_of(wallet), usable=usable, rates=rates_now())
    if reason := not_running(account, campaign):
        return Authorization(False, 0, reason)
    if live:
        live = max(live - holds.running(wallet=wallet, minute_type=usable), 0)
    calls = live + 1
    if seconds >= calls * SECONDS_PER_MINUTE:
        return Authorization(True, seconds // calls, "ok")
    return Authorization(False, 0, cannot_pay(wallet.pk))


def cannot_pay(wallet_id: int) -> str:
    """The reason when nothing can be paid: unless Auto-Recharge is on its way, it is low."""
    coming = auto_recharge.coming_among(wallet_ids=[wallet_id], now=clock.now())
    return "recharging" if coming else "low_balance"


def not_running(account: Account, campaign: Campaign | None) -> str:
    """The reason why no call of it may start; empty when one may."""
    if account.is_closed:
        return "closed"
    if campaign is None or campaign.is_started:
        return ""
    if campaign.is_paused:
        return "campaign_paused"
    return "campaign_finished" if campaign.is_finished else "campaign_not_started"
