"""What campaigns tell of all sub-accounts of an agency at once, for its Account Manager."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from django.db.models import Count

from accounts.models import Account
from campaigns import usage
from campaigns.models import Campaign
from wallets.agencies.clients import Told, campaigns_told_by


def paused(accounts: Sequence[UUID]) -> Mapping[UUID, int]:
    """How many campaigns of each are paused for low balance. One query."""
    rows = Campaign.objects.filter(account__in=accounts).paused_for_low_balance()
    return dict(rows.order_by().values_list("account").annotate(Count("pk")))


def used(agency: Account, since: date, until: date) -> Mapping[UUID, int]:
    """Seconds of calls of each sub-account, on its own days. One query for each time zone."""
    accounts = list(Account.objects.filter(agency=agency).only("pk", "name", "timezone"))
    asked = usage.Asked(accounts=accounts, since=since, until=until)
    return {
        line.key: line.figures.seconds
        for line in usage.usage(asked=asked, by=usage.By.ACCOUNT).lines
    }


campaigns_told_by(Told(paused=paused, used=used))
