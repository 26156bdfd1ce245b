"""A campaign's life by request: registered, started, paused by hand, completed, ended.

Each step may be repeated: a campaign already there stays as it is. Resuming is in
`campaigns.resuming`, pausing for low balance in `campaigns.pausing`.
"""

from collections.abc import Iterable

from django.db import transaction

from accounts import clock
from accounts.models import Account, User
from accounts.runtime import statements
from accounts.runtime.statements import columns
from campaigns import decision_log, limits, pausing, payable, resuming
from campaigns.errors import InvalidCampaign, UnknownCampaign, WrongStatus
from campaigns.models import Campaign, MinuteUse
from campaigns.reports import is_external_id
from wallets.balances import holds, opening
from wallets.prices.rates import rates_now

Status = Campaign.Status

BY_EXTERNAL_ID = f"""SELECT {columns(Campaign, "c")} FROM campaigns_campaign c
WHERE c.account_id = %s AND c.external_id = %s
"""  # nosec B608 # columns of ours

FINISHED = frozenset({Status.COMPLETE, Status.ENDED})
RUNNING = frozenset({Status.STARTED, Status.PAUSED})


def find(*, account: Account, external_id: str) -> Campaign:
    """The account's campaign by the platform's id, with this account. Raises UnknownCampaign."""
    if is_external_id(external_id):
        for row in statements.rows(BY_EXTERNAL_ID, [account.pk, external_id]):
            (campaign,) = statements.instances(row, Campaign)
            campaign.account = account
            return campaign
    raise UnknownCampaign("The account has no such campaign.")


@transaction.atomic
def save(*, account: Account, external_id: str, name: str, minute_type: str) -> Campaign:
    """Register a campaign, or change its name and minute type. Safe to repeat.

    A change of the minute type of a started campaign is looked at at once: it may pause.
    """
    _check(external_id, name, minute_type)
    wallet = pausing.lock_wallet(account=account)
    now = clock.now()
    campaign, _ = Campaign.objects.get_or_create(
        account=account,
        external_id=external_id,
        defaults={
            "name": name.strip(),
            "minute_type": minute_type,
            "created_at": now,
            "updated_at": now,
        },
    )
    if (campaign.name, campaign.minute_type) != (name.strip(), minute_type):
        campaign.name, campaign.minute_type = name.strip(), minute_type
        campaign.updated_at = now
        campaign.save(update_fields=["name", "minute_type", "updated_at"])
        pausing.pause_unpayable(wallets=[wallet], now=now)
        campaign.refresh_from_db()
    return campaign


def _check(external_id: str, name: str, minute_type: str) -> None:
    fields = {}
    if not is_external_id(external_id):
        fields["external_id"] = f"Use 1 to {limits.EXTERNAL_ID_LENGTH} printable characters."
    if not 0 < len(name.strip()) <= limits.NAME_LENGTH or not name.isprintable():
        fields["name"] = f"Use 1 to {limits.NAME_LENGTH} printable characters."
    if minute_type not in MinuteUse.values:
        fields["minute_type"] = f"Use one of {', '.join(MinuteUse.values)}."
    if fields:
        field, complaint = next(iter(fields.items()))
        raise InvalidCampaign(f"{field}: {complaint}", fields=fields)


def start(*, campaign_id: int, account: Account) -> Campaign:
    """Start a campaign, if one minute can be paid. Raises CannotRun or WrongStatus."""
    campaign, verdict = _start(campaign_id, account)
    if verdict and not verdict.ok:
        resuming.refuse(verdict)
    return campaign


@transaction.atomic
def _start(campaign_id: int, account: Account) -> tuple[Campaign, payable.Verdict | None]:
    """The campaign, started unless the verdict says no: a refusal is written down, too."""
    wallet = pausing.lock_wallet(account=account)
    campaign = _locked(campaign_id, account)
    if campaign.status == Status.STARTED:
        return campaign, None
    if campaign.status == Status.PAUSED:
        raise WrongStatus("The campaign is paused. Resume it instead.")
    _refuse_finished(campaign)
    reserved = holds.reserved_of(wallets=[wallet]).get(wallet.pk)
    verdict = payable.judge(campaign=campaign, wallet=wallet, rates=rates_now(), reserved=reserved)
    if verdict.ok:
        return _move(campaign, Status.STARTED), verdict
    decision_log.refused(campaign, wallet_id=wallet.pk, error=verdict.sentence)
    return campaign, verdict


@transaction.atomic
def pause(*, campaign_id: int, account: Account, actor: User | None) -> Campaign:
    """Pause by hand. One paused for low balance counts as paused by hand from now on."""
    campaign = _locked(campaign_id, account)
    if campaign.pause_reason == pausing.MANUAL:
        return campaign
    _refuse_finished(campaign)
    if campaign.status == Status.NOT_STARTED:
        raise WrongStatus("The campaign has not started, so there is nothing to pause.")
    wallet_id = opening.open_wallet(account=account).pk
    decision_log.paused_by_hand(campaign, wallet_id=wallet_id, actor=actor)
    return _move(campaign, Status.PAUSED)


@transaction.atomic
def pause_many(
    *, campaign_ids: Iterable[int], account: Account, actor: User | None
) -> list[Campaign]:
    """Pause these by hand, all or none, locked by primary key."""
    return [
        pause(campaign_id=campaign_id, account=account, actor=actor)
        for campaign_id in sorted(set(campaign_ids))
    ]


def pause_all(*, account: Account, actor: User | None) -> None:
    """Pause by hand what runs in this account. Repeatable."""
    started = Campaign.objects.filter(account=account).started()
    pause_many(campaign_ids=started.values_list("pk", flat=True), account=account, actor=actor)


@transaction.atomic
def complete(*, campaign_id: int, account: Account) -> Campaign:
    """Everybody was called. Only a campaign that was started can be complete."""
    campaign = _locked(campaign_id, account)
    if campaign.status == Status.COMPLETE:
        return campaign
    if campaign.status not in RUNNING:
        raise WrongStatus(f"The campaign is “{campaign.get_status_display()}”.")
    return _move(campaign, Status.COMPLETE)


@transaction.atomic
def end(*, campaign_id: int, account: Account) -> Campaign:
    """Somebody ended it before everybody was called."""
    campaign = _locked(campaign_id, account)
    if campaign.status == Status.ENDED:
        return campaign
    _refuse_finished(campaign)
    return _move(campaign, Status.ENDED)


def _refuse_finished(campaign: Campaign) -> None:
    if campaign.status in FINISHED:
        raise WrongStatus(
            f"The campaign is “{campaign.get_status_display()}”, which cannot be changed."
        )


def _locked(campaign_id: int, account: Account) -> Campaign:
    mine = Campaign.objects.filter(account=account, pk=campaign_id).select_related("account")
    if campaign := mine.locked().first():
        return campaign
    raise UnknownCampaign("There is no such campaign.")


def _move(campaign: Campaign, status: str) -> Campaign:
    """Write the status of the locked row, with what belongs to it."""
    now = clock.now()
    paused = status == Status.PAUSED
    campaign.status = status
    campaign.pause_reason = pausing.MANUAL if paused else ""
    campaign.paused_at = now if paused else None
    campaign.updated_at = now
    campaign.save(update_fields=["status", "pause_reason", "paused_at", "updated_at"])
    return campaign
