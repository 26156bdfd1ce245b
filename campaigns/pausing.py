"""Autopause: campaigns that cannot pay one minute stop.

Every decision looks at the state as it is: a lost nudge costs a minute, never a rule. Wallets are
locked first, then campaigns, each by primary key.
"""

import logging
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from uuid import UUID

from django.db import transaction

from accounts import clock
from accounts.models import Account
from accounts.runtime import statements
from accounts.runtime.columns import column
from accounts.runtime.queues import FIRST_WAIT, Queue
from accounts.runtime.time_limits import TimeIsUp
from accounts.runtime.waits import Wait, oldest
from campaigns import decision_log, limits, notices, payable
from campaigns.models import Campaign, CampaignQuerySet, MinuteUse
from wallets.balances import holds, ledger, opening
from wallets.balances.ledger import Holding, Pots
from wallets.models import Wallet
from wallets.prices.payable import payable_seconds
from wallets.recharges import auto_recharge

logger = logging.getLogger(__name__)

STARTED = Campaign.Status.STARTED
PAUSED = Campaign.Status.PAUSED
MANUAL = Campaign.PauseReason.MANUAL
LOW_BALANCE = Campaign.PauseReason.LOW_BALANCE
PREMIUM, BASIC = MinuteUse.PREMIUM.value, MinuteUse.BASIC.value
BOTH = MinuteUse.PREMIUM_THEN_BASIC.value

STARTED_OF = """
SELECT c.account_id, c.minute_type FROM campaigns_campaign c
WHERE c.account_id = ANY(%s::uuid[]) AND c.status = 'started'
"""

# Wallet by wallet by the index of started ones, however many: joined, all would be read. A recharge
# is looked for where there is something to pause: OFFSET 0 keeps this order. Locked in the order of
# their ids, like everywhere. Its quotes tell the audit that it writes a watched table.
PAUSE = f"""
UPDATE "campaigns_campaign" AS c
SET status = 'paused', pause_reason = 'low_balance', paused_at = %s, updated_at = %s
FROM (
    SELECT c.id FROM campaigns_campaign c
    WHERE c.status = 'started' AND c.id = ANY(ARRAY(
        SELECT found.id
        FROM (
            SELECT started.id, short.wallet_id
            FROM unnest(%s::bigint[], %s::uuid[], %s::text[])
                AS short (wallet_id, account_id, minute_type)
            CROSS JOIN LATERAL (
                SELECT c.id FROM campaigns_campaign c
                WHERE c.account_id = short.account_id AND c.status = 'started'
                    AND c.minute_type = short.minute_type OFFSET 0) AS started
            OFFSET 0) AS found
        WHERE NOT EXISTS ({auto_recharge.COMING} AND ar.wallet_id = found.wallet_id OFFSET 0)))
    ORDER BY c.id FOR NO KEY UPDATE) AS locked
WHERE c.id = locked.id
RETURNING c.id, c.account_id, c.external_id, c.name, c.minute_type
"""  # nosec B608 # constants of ours

# The minute types of the started campaigns of some accounts.
Started = defaultdict[UUID, set[str]]


def ask_started(*, account_ids: Iterable[UUID]) -> Callable[[], Started]:
    """Look up which types of calls the started campaigns of these accounts make, read later.

    With the wallets locked it stays so, or becomes less: whoever starts a campaign, resumes it or
    changes its minute type holds its wallet's lock.
    """
    answer = statements.ask(STARTED_OF, [column(pk.hex for pk in account_ids)])

    def read() -> Started:
        started: Started = defaultdict(set)
        for account_id, minute_type in answer.rows():
            started[account_id].add(minute_type)
        return started

    return read


# A failed pause undoes all of its caller's transaction, so it needs no savepoint of its own.
@transaction.atomic(savepoint=False)
def pause_unpayable(
    *,
    wallets: Sequence[Wallet | Holding],
    now: datetime,
    rates: dict[str, Decimal] | None = None,
    started: Started | None = None,
) -> int:
    """Pause the started campaigns of these wallets that cannot pay one minute. Returns how many.

    Strictly less than a minute pauses, exactly one goes on; what running calls hold pays no other.
    While Auto-Recharge is on its way nothing is paused yet. Call with the wallets locked and as
    they are in the database; `rates` are those at that moment, and `started` what `ask_started`
    says under the locks, if somebody has read them. Otherwise one statement when the wallets can
    pay any call, two when they can pay those of the campaigns they have; one more with holds.
    """
    rates = rates or payable.rates_at(now)
    reserved = holds.reserved_of(wallets=wallets)
    free = {one.pk: holds.free(one.pots, reserved.get(one.pk)) for one in wallets}
    short = list(_short_of_a_minute(free, wallets, rates, started))
    broke = _pause(short, now) if short else []
    if not broke:
        return 0
    by_account = {wallet.account_id: wallet for wallet in wallets}
    for campaign in broke:
        campaign.payable_seconds = payable_seconds(
            pots=free[by_account[campaign.account_id].pk],
            usable=campaign.minute_type,
            rates=rates,
        )
        logger.info(
            "paused campaign=%s code=low_balance payable_seconds=%s",
            campaign.pk,
            campaign.payable_seconds,
        )
    notices.tell_paused(broke, by_account)
    decision_log.paused(broke, by_account, rates=rates)
    return len(broke)


def _pause(short: Sequence[tuple[int, UUID, str]], now: datetime) -> list[Campaign]:
    """Pause what is started of these minute types of these wallets, and return what is told of it.

    Not where a recharge is on its way.
    """
    wallet_ids, account_ids, minute_types = zip(*short, strict=True)
    asked = [column(wallet_ids), column(pk.hex for pk in account_ids), column(minute_types)]
    rows = statements.rows(PAUSE, [now, now, *asked, *auto_recharge.coming_values(now)])
    return [
        Campaign(
            pk=pk,
            account_id=account_id,
            external_id=external_id,
            name=name,
            minute_type=minute_type,
            status=PAUSED,
            pause_reason=LOW_BALANCE,
            paused_at=now,
            updated_at=now,
        )
        for pk, account_id, external_id, name, minute_type in sorted(rows)
    ]


def _short_of_a_minute(
    free: Mapping[int, Pots],
    wallets: Iterable[Wallet | Holding],
    rates: dict[str, Decimal],
    started: Started | None,
) -> Iterator[tuple[int, UUID, str]]:
    """Wallet, account and minute type of the calls that what is `free` cannot pay for a minute.

    Of all types there are, where it is not known what is `started`.
    """

    def cannot_pay(wallet: Wallet | Holding, use: str) -> bool:
        return payable_seconds(pots=free[wallet.pk], usable=use, rates=rates) < payable.MINUTE

    for wallet in wallets:
        uses = [BASIC] if cannot_pay(wallet, BASIC) else []
        # Who can pay a minute of Premium can pay one of both together, too.
        if cannot_pay(wallet, PREMIUM):
            uses += [PREMIUM, BOTH] if cannot_pay(wallet, BOTH) else [PREMIUM]
        for use in uses:
            if started is None or use in started[wallet.account_id]:
                yield wallet.pk, wallet.account_id, use


def _unpayable(now: datetime) -> CampaignQuerySet:
    return payable.cannot_pay(campaigns=Campaign.objects.all(), now=now)


def _of_closed(now: datetime) -> CampaignQuerySet:  # noqa: ARG001
    return Campaign.objects.started().filter(account__status=Account.Status.CLOSED)


# One that stays in a list failed to pause: it is tried each minute, behind all others.
UNPAYABLE = Queue(
    kind="unpayable_campaign",
    rows=_unpayable,
    key="account__wallet",
    since="updated_at",
    longest_wait=FIRST_WAIT,
)
OF_CLOSED = Queue(
    kind="campaign_of_closed_account",
    rows=_of_closed,
    since="updated_at",
    longest_wait=FIRST_WAIT,
)

Wait(
    kind="campaign_paused",
    since=lambda: oldest(
        Campaign.objects.filter(
            status=PAUSED, pause_reason=LOW_BALANCE, account__status=Account.Status.ACTIVE
        ),
        "paused_at",
    ),
)


def sweep() -> int:
    """Pause what no movement announced: a raised rate, another minute type, a grace that is over,
    a closed account. Returns how many."""
    now = clock.now()
    paused = _in_batches(UNPAYABLE, lambda ids: _pause_wallets(ids, now))
    try:
        _log_spared(now)
    except TimeIsUp:
        raise
    # What is only written down must not keep campaigns running.
    except Exception:
        logger.exception("campaigns that wait for a recharge were not logged")
    return paused + _in_batches(OF_CLOSED, lambda ids: _pause_closed(ids, now))


def _in_batches(queue: Queue, pause: Callable[[Collection], int]) -> int:
    """Pause all that is due. When a batch fails, each alone: one must not stop the others.

    In any order: one that kills the process must not take the same ones with it each time.
    """
    keys = list(set(queue.take()))
    random.shuffle(keys)
    paused, rest = 0, iter(keys)
    while batch := list(islice(rest, limits.SWEEP_BATCH)):
        try:
            paused += pause(batch)
        except TimeIsUp:
            raise
        except Exception:
            logger.exception("a batch of %s was not paused", queue.kind)
            paused += sum(_alone(pause, key) for key in batch)
    return paused


def _alone(pause: Callable[[Collection], int], key: int) -> int:
    try:
        return pause([key])
    except TimeIsUp:
        raise
    except Exception:
        logger.exception("%s was not paused", key)
        return 0


@transaction.atomic
def _pause_wallets(wallet_ids: Collection[int], now: datetime) -> int:
    wallets = ledger.lock(wallet_ids=wallet_ids)
    return pause_unpayable(wallets=list(wallets.values()), now=now)


def _log_spared(now: datetime) -> None:
    """Write down which campaigns go on only because a recharge is on its way."""
    spared = payable.waits_for_recharge(campaigns=Campaign.objects.all(), now=now)
    found = spared.order_by("account__wallet").values_list("account__wallet", flat=True)
    wallet_ids = iter(list(found.distinct()))
    while batch := list(islice(wallet_ids, limits.SWEEP_BATCH)):
        with transaction.atomic():
            wallets = ledger.lock(wallet_ids=batch)
            by_account = {wallet.account_id: wallet for wallet in wallets.values()}
            waiting = spared.filter(account__in=by_account).select_related("account")
            decision_log.spared(list(waiting), by_account, rates=payable.rates_at(now))


@transaction.atomic
def _pause_closed(campaign_ids: Collection[int], now: datetime) -> int:
    """As by hand: money must not bring them back."""
    running = _of_closed(now).filter(pk__in=campaign_ids)
    closed = list(running.select_related("account__wallet").locked())
    decision_log.account_closed(closed)
    return Campaign.objects.filter(pk__in=[campaign.pk for campaign in closed]).update(
        status=PAUSED, pause_reason=MANUAL, paused_at=now, updated_at=now
    )


def lock_wallet(*, account: Account) -> Wallet:
    """The account's wallet, locked until the transaction ends."""
    wallet_id = opening.open_wallet(account=account).pk
    return ledger.lock_one(wallet_id=wallet_id)
