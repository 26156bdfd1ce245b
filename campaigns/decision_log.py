"""What the decision log says of campaigns: paused, spared, resumed or refused, and on which
figures. Written by what acts, never by a batch of calls that pauses nothing."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from campaigns.models import Campaign
from wallets.balances.ledger import Holding
from wallets.models import Wallet
from wallets.prices.payable import CREDIT_RATE
from wallets.why import decisions
from wallets.why.codes import Autopause, Code
from wallets.why.decisions import Entry

# By account id.
Wallets = Mapping[object, Wallet | Holding]


def paused(
    campaigns: Iterable[Campaign],
    wallets: Wallets,
    *,
    rates: dict[str, Decimal],
) -> None:
    """Campaigns that were just paused for low balance; `wallets` by account id. One statement."""
    decisions.record_new(
        _poor(campaign, wallets[campaign.account_id], Autopause.PAUSED, rates)
        for campaign in campaigns
    )


def spared(
    campaigns: Iterable[Campaign],
    wallets: Wallets,
    *,
    rates: dict[str, Decimal],
) -> None:
    """Campaigns that go on although they cannot be paid: a recharge is on its way."""
    for campaign in campaigns:
        decisions.record(_poor(campaign, wallets[campaign.account_id], Autopause.WAITING, rates))


def _poor(
    campaign: Campaign, wallet: Wallet | Holding, code: Code, rates: dict[str, Decimal]
) -> Entry:
    figures = {
        "payable": campaign.payable_seconds,
        "credit": wallet.pots["credit"],
        "rate": rates[CREDIT_RATE[campaign.minute_type]],
    }
    return _entry(campaign, wallet.pk, code, figures)


def resumed(campaigns: Iterable[Campaign], *, wallet_id: int, actor: object) -> None:
    by = {"by": actor or "the API"}
    decisions.record_new(
        _entry(campaign, wallet_id, Autopause.RESUMED, by) for campaign in campaigns
    )


def resumed_by_themselves(campaigns: Iterable[Campaign], wallet_ids: dict[object, int]) -> None:
    """After Auto-Recharge, as the account chose; `wallet_ids` by account id."""
    decisions.record_new(
        _entry(campaign, wallet_ids[campaign.account_id], Autopause.RESUMED_BY_ITSELF, {})
        for campaign in campaigns
    )


def refused(campaign: Campaign, *, wallet_id: int, error: str) -> None:
    decisions.record(_entry(campaign, wallet_id, Autopause.REFUSED, {"error": error}))


def paused_by_hand(campaign: Campaign, *, wallet_id: int, actor: object) -> None:
    by = {"by": actor or "the API"}
    decisions.record(_entry(campaign, wallet_id, Autopause.BY_HAND, by))


def account_closed(campaigns: Iterable[Campaign]) -> None:
    """Campaigns of closed accounts, each with its account and wallet read already."""
    decisions.record_new(
        _entry(campaign, campaign.account.wallet.pk, Autopause.ACCOUNT_CLOSED, {})
        for campaign in campaigns
    )


def _entry(campaign: Campaign, wallet_id: int, code: Code, figures: dict[str, object]) -> Entry:
    return Entry(
        wallet_id=wallet_id,
        code=code,
        about=campaign.external_id,
        name=campaign.name,
        figures=figures,
    )
