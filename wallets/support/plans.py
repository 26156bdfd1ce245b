"""Included minutes that come with a plan, and their anchor day: alone or by two people."""

from decimal import Decimal

from django.db import transaction

from accounts.audit import seen as seen_before
from accounts.models import Account, User
from wallets import limits
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.errors import InvalidAmount, Refused
from wallets.models import AdjustmentRequest, Pot
from wallets.support import policy

# What its dialog shows and saves.
PLAN = ("included_minutes", "included_anchor_day")


@transaction.atomic
def set_included(
    *,
    account: Account,
    minutes: int,
    anchor_day: int,
    note: str,
    actor: User,
    form_key: str,
    seen: str = "",
) -> Account | AdjustmentRequest:
    """Change how many Included minutes a month brings and on which day, or ask for it.

    Holds from the next period on: what was granted stays. The same form again answers with what
    it made. Raises InvalidAmount, FormReused, or Refused for sub-accounts and for no change; and
    Overtaken when it is not the plan any more whose mark (`seen`) was shown.
    """
    wallet = ledger.lock_one(wallet_id=open_wallet(account=account).pk)
    now = Account.objects.get(pk=account.pk)
    _check(now, minutes, anchor_day, note)
    deed = policy.Deed(
        kind=policy.Kind.INCLUDED,
        person=actor,
        note=note,
        form_key=form_key,
        wallet=wallet,
        facts={"minutes": str(minutes), "anchor_day": str(anchor_day)},
    )
    row = policy.earlier(deed)
    if row is None:
        if (minutes, anchor_day) == (now.included_minutes, now.included_anchor_day):
            raise Refused("The plan has these minutes and this day already.")
        seen_before.refuse_overtaken(now, fields=PLAN, seen=seen)
        worth, what = _worth(now, minutes, anchor_day), _what(now, minutes, anchor_day)
        row = policy.decide(deed, worth=worth, what=what)
        if row.state == policy.State.ALONE:
            _set(now, row)
    return now if row.state == policy.State.ALONE else row


@transaction.atomic
def approve(*, request: AdjustmentRequest, actor: User) -> str:
    """Change the plan as somebody else asked for. Raises what `policy.undecided` raises."""
    ledger.lock_one(wallet_id=request.wallet_id)
    account = Account.objects.get(wallet=request.wallet_id)
    row = policy.undecided(request_id=request.pk, actor=actor)
    _set(account, row)
    policy.approved(row, actor=actor)
    return f"{account.included_minutes:,} minutes a month, on day {account.included_anchor_day}."


def _check(account: Account, minutes: int, anchor_day: int, note: str) -> None:
    policy.check_note(note)
    if account.agency_id:
        raise Refused("Sub-accounts have no Included minutes.")
    if not 0 <= minutes <= limits.INCLUDED_MOST_MINUTES:
        text = f"A plan has 0 to {limits.INCLUDED_MOST_MINUTES:,} minutes a month."
        raise InvalidAmount(text, fields={"minutes": text})
    if not 1 <= anchor_day <= 31:
        text = "The anchor day is a day of a month, 1 to 31."
        raise InvalidAmount(text, fields={"anchor_day": text})


def _worth(account: Account, minutes: int, anchor_day: int) -> Decimal:
    """A year of what a month gains or loses; of a day that moves, one month that comes apart."""
    counted = abs(minutes - account.included_minutes) * limits.INCLUDED_MONTHS
    if anchor_day != account.included_anchor_day:
        counted += max(minutes, account.included_minutes)
    return policy.worth_of(pot=Pot.INCLUDED, amount=Decimal(counted * 60))


def _set(account: Account, row: AdjustmentRequest) -> None:
    account.included_minutes = int(row.facts["minutes"])
    account.included_anchor_day = int(row.facts["anchor_day"])
    account.save(update_fields=PLAN)


def _what(account: Account, minutes: int, anchor_day: int) -> str:
    return (
        f"Included minutes a month {account.included_minutes:,} → {minutes:,}, "
        f"on day {account.included_anchor_day} → {anchor_day}"
    )
