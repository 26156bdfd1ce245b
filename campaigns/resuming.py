"""Resuming campaigns: chosen by a person, each checked again under the wallet's lock."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from accounts import clock
from accounts.models import Account, User
from campaigns import decision_log, notices, payable
from campaigns.errors import CannotRun, UnknownCampaign
from campaigns.models import Campaign
from campaigns.pausing import STARTED, lock_wallet
from campaigns.payable import Verdict
from wallets.balances import holds, opening
from wallets.balances.ledger import Holding, Pots
from wallets.models import Wallet
from wallets.prices.rates import rates_now

logger = logging.getLogger(__name__)


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


def resumable(*, account: Account, wallet: Wallet | None = None) -> list[Resumable]:
    """The campaigns paused for low balance, oldest pause first, each with whether it can run now.

    Those paused by hand are never here. `wallet` is the account's, where it is at hand.
    """
    waiting = Campaign.objects.filter(account=account).paused_for_low_balance()
    campaigns = list(waiting.select_related("account").order_by("paused_at", "pk"))
    if not campaigns:
        return []
    return verdicts(campaigns=campaigns, wallet=wallet or opening.open_wallet(account=account))


def any_waits(account: Account) -> bool:
    """Whether a campaign is paused for low balance, so that the resume dialog has one to show."""
    return Campaign.objects.filter(account=account).paused_for_low_balance().exists()


def can_resume_any(*, account: Account) -> bool:
    """Whether one of the account's campaigns paused for low balance can be paid. Two statements."""
    waiting = Campaign.objects.filter(account=account).paused_for_low_balance()
    able = payable.with_payable_seconds(waiting, rates=rates_now())
    return able.filter(payable_seconds__gte=payable.MINUTE).exists()


def verdicts(*, campaigns: Iterable[Campaign], wallet: Wallet) -> list[Resumable]:
    """Say of each campaign of one wallet whether it can run now."""
    rates, reserved = rates_now(), holds.reserved_of(wallets=[wallet]).get(wallet.pk)
    return [Resumable(one, _verdict(one, wallet, rates, reserved)) for one in campaigns]


def _verdict(
    campaign: Campaign, wallet: Wallet, rates: dict[str, Decimal], reserved: Pots | None
) -> Verdict:
    if campaign.is_paused or campaign.is_started:
        return payable.judge(campaign=campaign, wallet=wallet, rates=rates, reserved=reserved)
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


def resume_after_recharge(*, wallets: Sequence[Holding]) -> int:
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
