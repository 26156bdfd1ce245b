"""Corrections by hand. Above a limit one person asks and another one approves."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from accounts import clock
from accounts.models import Account, User
from accounts.telling.notifications import alert_staff
from wallets import limits
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.errors import FormReused, InvalidAmount, Refused
from wallets.models import AdjustmentRequest, LedgerEntry, MinuteType, Pot, Wallet
from wallets.models.fields import LARGEST_AMOUNT
from wallets.models.wallet import MOST_SECONDS
from wallets.prices.amounts import MICRO_DOLLAR, price_of_seconds
from wallets.prices.rates import rates_now
from wallets.texts import usd

State = AdjustmentRequest.State

NOTE_LENGTH = 200


@transaction.atomic
def adjust(
    *, wallet_id: int, pot: str, amount: Decimal, note: str, actor: User, form_key: str
) -> LedgerEntry | AdjustmentRequest:
    """Post the correction, or ask a second person when it is worth too much for one.

    Positive adds, negative takes; dollars, or whole seconds for minute pots. Counted with what
    this person has adjusted in this wallet within a day, so that splitting helps nobody. The
    same form again answers with what it made. Raises InvalidAmount.
    """
    wallet = ledger.lock_one(wallet_id=wallet_id)
    if asked := AdjustmentRequest.objects.filter(form_key=form_key).first():
        return _repeated(asked, wallet_id, pot, amount)
    posted = wallet.entries.filter(pot=pot, key=f"adjustment:{form_key}").exists()
    if not posted:
        _check(wallet=wallet, pot=pot, amount=amount, note=note)
    if posted or worth(pot=pot, amount=amount) + _worth_today(wallet, actor) <= (
        limits.ADJUSTED_ALONE
    ):
        return post(
            wallet_id=wallet_id, pot=pot, amount=amount, note=note, actor=actor, form_key=form_key
        )
    return _ask(wallet, pot, amount, note.strip(), actor, form_key)


def post(
    *, wallet_id: int, pot: str, amount: Decimal, note: str, actor: User | None, form_key: str
) -> LedgerEntry:
    """Correct one pot without a second person: approved, or in nobody's working day.

    Positive adds, negative takes; dollars, or whole seconds for minute pots. The form's key makes
    a second click post nothing. Raises InvalidAmount.
    """
    with transaction.atomic():
        wallet = ledger.lock_one(wallet_id=wallet_id)
        key = f"adjustment:{form_key}"
        before = LedgerEntry.objects.filter(wallet_id=wallet_id, pot=pot, key=key).first()
        if before is None:
            _check(wallet=wallet, pot=pot, amount=amount, note=note)
        movement = ledger.Movement(
            wallet_id=wallet_id,
            pot=pot,
            amount=amount,
            kind=LedgerEntry.Kind.ADJUSTMENT,
            key=key,
            note=note.strip(),
            actor_id=actor.pk if actor else None,
        )
        ledger.post(movements=[movement], wallets={wallet_id: wallet})
        return LedgerEntry.objects.get(wallet_id=wallet_id, pot=pot, key=key)


def _check(*, wallet: Wallet, pot: str, amount: Decimal, note: str) -> None:
    """Raise InvalidAmount unless the locked wallet can be adjusted so."""
    if not 0 < len(note.strip()) <= NOTE_LENGTH:
        text = f"Say why you adjust this, in at most {NOTE_LENGTH} characters."
        raise InvalidAmount(text, fields={"note": "Say why."})
    if not amount.is_finite() or not amount:
        raise InvalidAmount("Enter an amount other than 0.", fields={"amount": "Not 0."})
    after = wallet.held(pot) + amount
    if pot == Pot.CREDIT:
        largest = max(abs(amount), abs(after))
        if largest > LARGEST_AMOUNT or amount != amount.quantize(MICRO_DOLLAR):
            text = "Enter dollars with at most six decimals; a wallet holds up to a billion."
            raise InvalidAmount(text, fields={"amount": text})
        return
    if amount != int(amount):
        raise InvalidAmount("Enter whole seconds.", fields={"amount": "Whole seconds."})
    if after >= MOST_SECONDS:
        raise InvalidAmount("A minute pot cannot hold that.", fields={"amount": "Too much."})
    if after < 0:
        raise InvalidAmount(
            "A minute pot cannot go below zero.", fields={"amount": "More than there is."}
        )


def worth(*, pot: str, amount: Decimal) -> Decimal:
    """Dollars a correction is worth, whichever way it goes: minutes at today's rate."""
    if pot == Pot.CREDIT:
        return abs(amount)
    kind = MinuteType.BASIC if pot == Pot.BASIC else MinuteType.PREMIUM
    return price_of_seconds(seconds=abs(int(amount)), rate=rates_now()[kind])


def _worth_today(wallet: Wallet, actor: User) -> Decimal:
    """What this person posted here alone, lately; approved requests had their second person."""
    since: datetime = clock.now() - limits.ADJUSTED_WITHIN
    mine = wallet.entries.filter(
        Q(created_at__gte=since), kind=LedgerEntry.Kind.ADJUSTMENT, actor=actor
    ).exclude(key__startswith="adjustment:request:")
    return sum((worth(pot=entry.pot, amount=entry.amount) for entry in mine), Decimal(0))


def _repeated(
    asked: AdjustmentRequest, wallet_id: int, pot: str, amount: Decimal
) -> AdjustmentRequest:
    if (asked.wallet_id, asked.pot, asked.amount) != (wallet_id, pot, amount):
        raise FormReused("This form was already used for another adjustment. Open a new one.")
    return asked


def _ask(
    wallet: Wallet, pot: str, amount: Decimal, note: str, actor: User, form_key: str
) -> AdjustmentRequest:
    request = AdjustmentRequest.objects.create(
        wallet=wallet, pot=pot, amount=amount, note=note, asked_by=actor, form_key=form_key
    )
    alert_staff(
        kind="adjustment_asked",
        text=(
            f"{actor} asks to adjust {wallet.account.name} by "
            f"{usd(worth(pot=pot, amount=amount))} in {Pot(pot).label}: {note}"
        ),
        data={"request": request.pk},
        dedupe_key=f"adjustment:{request.pk}",
    )
    return request


@transaction.atomic
def approve(*, request_id: int, actor: User) -> LedgerEntry:
    """Post what somebody else asked for. Raises Refused for one's own, or a decided one."""
    request = _undecided(request_id)
    if request.asked_by_id == actor.pk:
        raise Refused("You asked for this yourself. Another person must approve it.")
    entry = post(
        wallet_id=request.wallet_id,
        pot=request.pot,
        amount=request.amount,
        note=request.note,
        actor=request.asked_by,
        form_key=f"request:{request.pk}",
    )
    _decide(request, State.APPROVED, actor)
    return entry


@transaction.atomic
def reject(*, request_id: int, actor: User) -> AdjustmentRequest:
    """Post nothing. Whoever asked may take it back this way, too."""
    request = _undecided(request_id)
    _decide(request, State.REJECTED, actor)
    return request


def _undecided(request_id: int) -> AdjustmentRequest:
    wallet_id = AdjustmentRequest.objects.values_list("wallet_id", flat=True).get(pk=request_id)
    ledger.lock_one(wallet_id=wallet_id)
    rows = AdjustmentRequest.objects.select_for_update(of=("self",), no_key=True)
    request = rows.select_related("asked_by").get(pk=request_id)
    if request.state != State.ASKED:
        raise Refused(f"This was decided already: {request.get_state_display().lower()}.")
    return request


def _decide(request: AdjustmentRequest, state: str, actor: User) -> None:
    request.state, request.decided_by, request.decided_at = state, actor, clock.now()
    request.save(update_fields=["state", "decided_by", "decided_at"])


def grant_included(
    *, account: Account, minutes: int, note: str, actor: User, form_key: str
) -> LedgerEntry | AdjustmentRequest:
    """Add Included minutes for the rest of this period. Not for sub-accounts: they have none."""
    if account.agency_id:
        raise Refused("Sub-accounts have no Included minutes.")
    if not 0 < minutes <= limits.GRANTED_MINUTES_MOST:
        text = f"Grant 1 to {limits.GRANTED_MINUTES_MOST:,} minutes."
        raise InvalidAmount(text, fields={"minutes": text})
    wallet = open_wallet(account=account)
    return adjust(
        wallet_id=wallet.pk,
        pot=Pot.INCLUDED,
        amount=Decimal(minutes * 60),
        note=note,
        actor=actor,
        form_key=form_key,
    )
