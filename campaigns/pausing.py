"""Autopause and resume (design 4.2). Every decision looks at the state as it is: a lost nudge
costs a minute, never a rule. Wallets are locked first, then campaigns, each by primary key.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models.expressions import RawSQL

from accounts import clock
from accounts.models import Account, User
from campaigns import decision_log, limits, notices, payable
from campaigns.errors import CannotRun, UnknownCampaign
from campaigns.models import Campaign
from campaigns.payable import Verdict
from wallets.balances import ledger, opening
from wallets.models import Wallet
from wallets.prices.rates import rates_now

logger = logging.getLogger(__name__)

STARTED = Campaign.Status.STARTED
PAUSED = Campaign.Status.PAUSED
MANUAL = Campaign.PauseReason.MANUAL
LOW_BALANCE = Campaign.PauseReason.LOW_BALANCE


@dataclass(frozen=True)
class Resumable:
    """A paused campaign in the resume list: eligible, or unavailable with its reason."""

    campaign: Campaign
    verdict: Verdict

    @property
    def eligible(self) -> bool:
        return self.verdict.ok

    @property
    def reason(self) -> str:
        return self.verdict.reason


@dataclass(frozen=True)
class Resumed:
    """What became of the campaigns somebody wanted to resume."""

    resumed: list[Campaign]
    refused: list[Resumable]


@transaction.atomic
def pause_unpayable(*, wallets: Sequence[Wallet], now: datetime) -> int:
    """Pause the started campaigns of these wallets that cannot pay one minute. Returns how many.

    Strictly less than a minute pauses, exactly one goes on. While Auto-Recharge is on its way
    nothing is paused yet. Call with the wallets locked. Two statements when nothing is paused.
    """
    # A batch moves a thousand wallets: one array is cheaper than a thousand parameters.
    accounts = RawSQL("SELECT unnest(%s::uuid[])", [[wallet.account_id for wallet in wallets]])
    mine = Campaign.objects.filter(account__in=accounts)
    broke = list(payable.cannot_pay(campaigns=mine, now=now).select_related("account").locked())
    if not broke:
        return 0
    for campaign in broke:
        campaign.status, campaign.pause_reason = PAUSED, LOW_BALANCE
        campaign.paused_at = campaign.updated_at = now
        logger.info(
            "paused campaign=%s code=low_balance payable_seconds=%s",
            campaign.pk,
            campaign.payable_seconds,
        )
    Campaign.objects.filter(pk__in=[campaign.pk for campaign in broke]).update(
        status=PAUSED, pause_reason=LOW_BALANCE, paused_at=now, updated_at=now
    )
    by_account = {wallet.account_id: wallet for wallet in wallets}
    notices.tell_paused(broke, by_account)
    decision_log.paused(broke, by_account, rates=payable.rates_at(now))
    return len(broke)


def sweep() -> int:
    """Pause what no movement announced: a raised rate, another minute type, a grace that is over,
    a closed account. Returns how many."""
    now = clock.now()
    unpayable = payable.cannot_pay(campaigns=Campaign.objects.all(), now=now)
    ids = unpayable.order_by("account__wallet").values_list("account__wallet", flat=True)
    paused = 0
    with transaction.atomic():
        wallets = ledger.lock(wallet_ids=list(ids.distinct()[: limits.SWEEP_BATCH]))
        if wallets:
            paused = pause_unpayable(wallets=list(wallets.values()), now=now)
    _log_spared(now)
    return paused + _pause_closed(now)


@transaction.atomic
def _log_spared(now: datetime) -> None:
    """Write down which campaigns go on only because a recharge is on its way."""
    spared = payable.waits_for_recharge(campaigns=Campaign.objects.all(), now=now)
    wallet_ids = spared.order_by("account__wallet").values_list("account__wallet", flat=True)
    wallets = ledger.lock(wallet_ids=list(wallet_ids.distinct()[: limits.SWEEP_BATCH]))
    if not wallets:
        return
    by_account = {wallet.account_id: wallet for wallet in wallets.values()}
    waiting = spared.filter(account__in=by_account).select_related("account")
    decision_log.spared(list(waiting), by_account, rates=payable.rates_at(now))


@transaction.atomic
def _pause_closed(now: datetime) -> int:
    """Campaigns of closed accounts. As by hand: money must not bring them back."""
    running = Campaign.objects.started().filter(account__status=Account.Status.CLOSED)
    closed = list(running.select_related("account__wallet").locked()[: limits.SWEEP_BATCH])
    decision_log.account_closed(closed)
    return Campaign.objects.filter(pk__in=[campaign.pk for campaign in closed]).update(
        status=PAUSED, pause_reason=MANUAL, paused_at=now, updated_at=now
    )


def resumable(*, account: Account) -> list[Resumable]:
    """The campaigns paused for low balance, oldest pause first, each with whether it can run now.

    Those paused by hand are never here.
    """
    waiting = Campaign.objects.filter(account=account).paused_for_low_balance()
    campaigns = list(waiting.select_related("account").order_by("paused_at", "pk"))
    if not campaigns:
        return []
    return verdicts(campaigns=campaigns, wallet=opening.open_wallet(account=account))


def can_resume_any(*, account: Account) -> bool:
    """Whether one of the account's campaigns paused for low balance can be paid. Two statements."""
    waiting = Campaign.objects.filter(account=account).paused_for_low_balance()
    able = payable.with_payable_seconds(waiting, rates=rates_now())
    return able.filter(payable_seconds__gte=payable.MINUTE).exists()


def verdicts(*, campaigns: Iterable[Campaign], wallet: Wallet) -> list[Resumable]:
    """Say of each campaign of one wallet whether it can run now."""
    rates = rates_now()
    return [Resumable(one, _verdict(one, wallet, rates)) for one in campaigns]


def _verdict(campaign: Campaign, wallet: Wallet, rates: dict[str, Decimal]) -> Verdict:
    if campaign.is_paused or campaign.is_started:
        return payable.judge(campaign=campaign, wallet=wallet, rates=rates)
    status = campaign.get_status_display()
    reason = f"It is “{status}”, and only paused campaigns can be resumed"
    return Verdict(False, "wrong_status", reason, "")


@transaction.atomic
def resume(*, campaign_ids: Iterable[int], account: Account, actor: User | None) -> Resumed:
    """Resume these paused campaigns of the account, as far as each can be paid right now.

    Looked at again under the wallet's lock. One that cannot run stays as it is and is refused with
    its reason; one that runs already is left alone. Raises UnknownCampaign, with nothing changed.
    """
    wanted = set(campaign_ids)
    wallet = lock_wallet(account=account)
    found = Campaign.objects.filter(account=account, pk__in=wanted).select_related("account")
    campaigns = list(found.locked())
    if len(campaigns) < len(wanted):
        raise UnknownCampaign("There is no such campaign.")
    stopped = [one for one in campaigns if not one.is_started]
    looked_at = verdicts(campaigns=stopped, wallet=wallet)
    resumed = [one.campaign for one in looked_at if one.eligible]
    _run_again(resumed, by_themselves=False)
    decision_log.resumed(resumed, wallet_id=wallet.pk, actor=actor)
    for one in looked_at:
        if not one.eligible:
            decision_log.refused(one.campaign, wallet_id=wallet.pk, error=one.verdict.sentence)
    logger.info(
        "resumed campaigns=%s by=%s", [one.pk for one in resumed], actor.pk if actor else None
    )
    return Resumed(resumed, refused=[one for one in looked_at if not one.eligible])


def resume_one(*, campaign_id: int, account: Account, actor: User | None) -> Campaign:
    """Resume one campaign. Raises CannotRun with the reason, or UnknownCampaign."""
    answer = resume(campaign_ids=[campaign_id], account=account, actor=actor)
    for refused in answer.refused:
        refuse(refused.verdict)
    return Campaign.objects.get(pk=campaign_id)


def refuse(verdict: Verdict) -> None:
    """Raise CannotRun with the reason."""
    raise CannotRun(verdict.sentence, code=verdict.code)


def resume_after_recharge(*, wallets: Sequence[Wallet]) -> int:
    """Resume what Auto-Recharge pays again, for accounts that chose so. Returns how many.

    Call with the wallets locked. Off by default: calls reach real people.
    """
    accounts = [wallet.account_id for wallet in wallets]
    waiting = Campaign.objects.paused_for_low_balance().filter(
        account__in=accounts,
        account__status=Account.Status.ACTIVE,
        account__wallet__auto_recharge__resume_campaigns=True,
    )
    able = payable.with_payable_seconds(waiting, rates=rates_now())
    campaigns = list(
        able.filter(payable_seconds__gte=payable.MINUTE).select_related("account").locked()
    )
    _run_again(campaigns, by_themselves=True)
    decision_log.resumed_by_themselves(campaigns, {one.account_id: one.pk for one in wallets})
    return len(campaigns)


def _run_again(campaigns: list[Campaign], *, by_themselves: bool) -> None:
    now = clock.now()
    for campaign in campaigns:
        campaign.status, campaign.pause_reason, campaign.paused_at = STARTED, "", None
        campaign.updated_at = now
    Campaign.objects.filter(pk__in=[campaign.pk for campaign in campaigns]).update(
        status=STARTED, pause_reason="", paused_at=None, updated_at=now
    )
    notices.tell_resumed(campaigns, by_themselves=by_themselves)


def lock_wallet(*, account: Account) -> Wallet:
    """The account's wallet, locked until the transaction ends."""
    wallet_id = opening.open_wallet(account=account).pk
    return ledger.lock_one(wallet_id=wallet_id)
