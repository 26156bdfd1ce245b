"""What accounts are told about their campaigns: one digest per account and cause."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from django.urls import reverse

from accounts.models import Level, Notification
from accounts.telling.notifications import notify, notify_each
from campaigns.models import Campaign
from wallets.balances.ledger import Holding
from wallets.models import Wallet
from wallets.texts import money

# A digest names this many campaigns and counts the rest.
NAMED = 5


def tell_paused(campaigns: Iterable[Campaign], wallets: Mapping[object, Wallet | Holding]) -> None:
    """One digest per account of campaigns that were just paused for low balance.

    `wallets` by account id, with the balance that paused them. Two statements.
    """
    notify_each([_paused(mine, wallets) for mine in _by_account(campaigns)])


def _paused(campaigns: list[Campaign], wallets: Mapping[object, Wallet | Holding]) -> Notification:
    first = campaigns[0]
    balance = money(wallets[first.account_id].pots["credit"])
    count = counted(len(campaigns))
    return Notification(
        account_id=first.account_id,
        kind="campaigns_paused",
        title=f"{count} paused: balance too low",
        text=f"{count} paused: balance too low. The balance is {balance}. "
        f"Recharge to continue calling. {_names(campaigns)}",
        level=Level.WARNING,
        data={"campaigns": [campaign.pk for campaign in campaigns]},
        dedupe_key=_key("campaigns-paused", campaigns, first.paused_at),
        link=_list("paused"),
        created_at=first.paused_at,
        mail_due_at=first.paused_at,
    )


def tell_resumed(campaigns: Iterable[Campaign], *, by_themselves: bool) -> None:
    """One digest per account. A person who resumed them needs no mail about it."""
    for account_campaigns in _by_account(campaigns):
        first = account_campaigns[0]
        count = counted(len(account_campaigns))
        how = " after Auto-Recharge" if by_themselves else ""
        notify(
            account=first.account,
            kind="campaigns_resumed",
            title=f"{count} resumed{how}",
            text=f"{count} resumed{how}. {_names(account_campaigns)}",
            data={"campaigns": [campaign.pk for campaign in account_campaigns]},
            dedupe_key=_key("campaigns-resumed", account_campaigns, first.updated_at),
            link=_list("started"),
            mail=by_themselves,
        )


def _list(tab: str) -> str:
    return f"{reverse('campaigns:list')}?show={tab}"


def counted(count: int) -> str:
    return "1 campaign" if count == 1 else f"{count:,} campaigns"


def _by_account(campaigns: Iterable[Campaign]) -> Iterable[list[Campaign]]:
    groups: dict[object, list[Campaign]] = defaultdict(list)
    for campaign in campaigns:
        groups[campaign.account_id].append(campaign)
    return groups.values()


def _names(campaigns: list[Campaign]) -> str:
    names = ", ".join(campaign.name for campaign in campaigns[:NAMED])
    rest = len(campaigns) - NAMED
    return f"{names} and {rest} more." if rest > 0 else f"{names}."


def _key(kind: str, campaigns: list[Campaign], moment: object) -> str:
    return f"{kind}:{campaigns[0].pk}:{moment:%Y-%m-%dT%H:%M:%S.%f}"
