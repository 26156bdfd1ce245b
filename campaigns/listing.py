"""What the pages of campaigns show: one page of them, and how each has used its minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, OuterRef, Q, Subquery

from accounts import clock
from accounts.models import Account
from accounts.runtime.first_rows import first
from campaigns import limits, resuming
from campaigns.models import Call, Campaign
from campaigns.payable import Verdict
from campaigns.usage import Asked, By, usage
from wallets.models import Wallet
from wallets.prices.payable import CREDIT_RATE

Status = Campaign.Status

TABS = {
    "all": ("All", Q()),
    "started": ("Started", Q(status=Status.STARTED)),
    "paused": ("Paused", Q(status=Status.PAUSED)),
    "finished": ("Finished", Q(status__in=[Status.COMPLETE, Status.ENDED])),
}


@dataclass
class Row:
    """One campaign as a list shows it."""

    campaign: Campaign
    # Whether it could run now. Only asked of paused ones.
    verdict: Verdict | None
    seconds_this_month: int = 0
    last_call_at: datetime | None = None

    @property
    def tier(self) -> str:
        """The minutes to buy first: premium or basic."""
        return CREDIT_RATE[self.campaign.minute_type]

    @property
    def can_resume(self) -> bool:
        return self.verdict is not None and self.verdict.ok


@dataclass(frozen=True)
class Tab:
    name: str
    label: str
    count: int


def tabs(*, account: Account) -> list[Tab]:
    """How many campaigns there are under each tab. One statement."""
    counts = Campaign.objects.filter(account=account).aggregate(
        **{f"{name}_count": Count("pk", filter=which) for name, (_, which) in TABS.items()}
    )
    return [Tab(name, label, counts[f"{name}_count"]) for name, (label, _) in TABS.items()]


def page(
    *, account: Account, wallet: Wallet, tab: str, before: int | None
) -> tuple[list[Row], int | None]:
    """A tab's newest campaigns older than the id `before`, and the `before` of the next page."""
    found = Campaign.objects.filter(TABS[tab][1], account=account).select_related("account")
    if before is not None:
        found = found.filter(pk__lt=before)
    campaigns = first(found.order_by("-pk"), limits.PAGE + 1)
    more = campaigns[limits.PAGE - 1].pk if len(campaigns) > limits.PAGE else None
    return rows(campaigns=campaigns[: limits.PAGE], account=account, wallet=wallet), more


def rows(*, campaigns: list[Campaign], account: Account, wallet: Wallet) -> list[Row]:
    """Campaigns of one account with their use of this month, in its time zone."""
    paused = [one for one in campaigns if one.is_paused]
    verdicts = {
        one.campaign.pk: one.verdict for one in resuming.verdicts(campaigns=paused, wallet=wallet)
    }
    use = _use(campaigns, account)
    return [Row(one, verdicts.get(one.pk), *use.get(one.pk, (0, None))) for one in campaigns]


def last_calls(*, campaign: Campaign) -> list[Call]:
    """The latest calls of a campaign, newest first."""
    return first(campaign.calls.order_by("-ended_at", "-pk"), limits.LAST_CALLS)


def _use(campaigns: Sequence[Campaign], account: Account) -> dict[int, tuple]:
    """Seconds of this month, as Usage has them, and when each campaign's last call ended.

    The last call is read from the end of the index, so that a long history costs nothing.
    """
    pks, today = [one.pk for one in campaigns], account.local_date(clock.now())
    month = Asked([account], today.replace(day=1), today, campaigns=pks)
    used = {one.key: one.figures.seconds for one in usage(asked=month, by=By.CAMPAIGN).lines}
    last = Call.objects.filter(campaign=OuterRef("pk")).order_by("-ended_at", "-pk")
    found = Campaign.objects.filter(pk__in=pks).annotate(last=Subquery(last.values("ended_at")[:1]))
    return {pk: (used.get(pk, 0), ended) for pk, ended in found.values_list("pk", "last")}
