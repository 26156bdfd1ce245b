"""Autopause: campaigns that cannot pay one minute stop.

Every decision looks at the state as it is: a lost nudge costs a minute, never a rule. Wallets are
locked first, then campaigns, each by primary key.
"""

import logging
import random
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice

from django.db import transaction

from accounts import clock
from accounts.models import Account
from accounts.runtime import statements
from accounts.runtime.columns import column
from accounts.runtime.queues import FIRST_WAIT, Queue
from accounts.runtime.waits import Wait, oldest
from campaigns import decision_log, limits, notices, payable
from campaigns.models import Campaign, CampaignQuerySet, MinuteUse
from wallets.balances import holds, ledger, opening
from wallets.balances.ledger import Holding
from wallets.models import Wallet
from wallets.prices.payable import payable_seconds
from wallets.recharges import auto_recharge

logger = logging.getLogger(__name__)

STARTED = Campaign.Status.STARTED
PAUSED = Campaign.Status.PAUSED
MANUAL = Campaign.PauseReason.MANUAL
LOW_BALANCE = Campaign.PauseReason.LOW_BALANCE
# Who can pay a minute of each of these can pay one of both together, too.
PREMIUM, BASIC = MinuteUse.PREMIUM.value, MinuteUse.BASIC.value

# Account by account by the index of started ones, however many: joined, all would be read.
STARTED_OF = """
SELECT asked.account_id, started.id, started.minute_type
FROM unnest(%s::uuid[]) AS asked (account_id)
CROSS JOIN LATERAL (
    SELECT c.id, c.minute_type FROM campaigns_campaign c
    WHERE c.account_id = asked.account_id AND c.status = 'started' OFFSET 0) AS started
"""

# Locked in the order of their ids, like everywhere. Its quotes tell the audit that it writes a
# watched table.
PAUSE = """
UPDATE "campaigns_campaign" AS c
SET status = 'paused', pause_reason = 'low_balance', paused_at = %s, updated_at = %s
FROM (
    SELECT c.id FROM campaigns_campaign c
    WHERE c.id = ANY(%s::bigint[]) AND c.status = 'started'
    ORDER BY c.id FOR NO KEY UPDATE) AS locked
WHERE c.id = locked.id
RETURNING c.id, c.account_id, c.external_id, c.name, c.minute_type
"""


# A failed pause undoes all of its caller's transaction, so it needs no savepoint of its own.
@transaction.atomic(savepoint=False)
def pause_unpayable(
    *,
    wallets: Sequence[Wallet | Holding],
    now: datetime,
    rates: dict[str, Decimal] | None = None,
) -> int:
    """Pause the started campaigns of these wallets that cannot pay one minute. Returns how many.

    Strictly less than a minute pauses, exactly one goes on; what running calls hold pays no other.
    While Auto-Recharge is on its way nothing is paused yet. Call with the wallets locked and as
    they are in the database; `rates` are those at that moment, if somebody has read them. Otherwise
    one statement when they can pay any call, two when they can pay those of the campaigns they
    have; one more with holds.
    """
    rates = rates or payable.rates_at(now)
    short = _short_of_a_minute(wallets, rates)
    if not short:
        return 0
    wallet_ids = {wallet_id for wallet_id, _ in short.values()}
    spared = auto_recharge.coming_among(wallet_ids=wallet_ids, now=now)
    wanted = [pk for pk, (wallet_id, _) in short.items() if wallet_id not in spared]
    broke = _pause(wanted, now) if wanted else []
    if not broke:
        return 0
    for campaign in broke:
        _, campaign.payable_seconds = short[campaign.pk]
        logger.info(
            "paused campaign=%s code=low_balance payable_seconds=%s",
            campaign.pk,
            campaign.payable_seconds,
        )
    by_account = {wallet.account_id: wallet for wallet in wallets}
    notices.tell_paused(broke, by_account)
    decision_log.paused(broke, by_account, rates=rates)
    return len(broke)


def _pause(campaign_ids: Iterable[int], now: datetime) -> list[Campaign]:
    """Pause those of these campaigns that are still started, and return what is told of them."""
    rows = statements.rows(PAUSE, [now, now, column(campaign_ids)])
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
    wallets: Sequence[Wallet | Holding], rates: dict[str, Decimal]
) -> dict[int, tuple[int, int]]:
    """The started campaigns that cannot pay one minute: of which wallet, and what they can pay.

    Few wallets cannot pay any call there is: only their campaigns are looked up.
    """

    reserved = holds.reserved_of(wallets=wallets)

    def seconds(wallet: Wallet | Holding, use: str) -> int:
        pots = holds.free(wallet.pots, reserved.get(wallet.pk))
        return payable_seconds(pots=pots, usable=use, rates=rates)

    suspects = {
        wallet.account_id: wallet
        for wallet in wallets
        if seconds(wallet, PREMIUM) < payable.MINUTE or seconds(wallet, BASIC) < payable.MINUTE
    }
    if not suspects:
        return {}
    started = statements.rows(STARTED_OF, [column(account_id.hex for account_id in suspects)])
    return {
        pk: (suspects[account_id].pk, payable_for)
        for account_id, pk, use in started
        if (payable_for := seconds(suspects[account_id], use)) < payable.MINUTE
    }


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
        except Exception:
            logger.exception("a batch of %s was not paused", queue.kind)
            paused += sum(_alone(pause, key) for key in batch)
    return paused


def _alone(pause: Callable[[Collection], int], key: int) -> int:
    try:
        return pause([key])
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
