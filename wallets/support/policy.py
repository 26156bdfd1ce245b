"""The one policy of what support may give away: alone up to a limit, by two people above it.

Every deed is worth dollars and leaves a row. What one person did alone within a day is summed over
all wallets, and what all of them did alone in a wallet; the row says so, never a form. Whatever is
above a limit waits for another person, who has done exactly what was asked.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import QuerySet, Sum

from accounts import clock
from accounts.models import User
from accounts.telling.notifications import alert_staff
from wallets import limits
from wallets.balances.adjustments import NOTE_LENGTH
from wallets.errors import FormReused, InvalidAmount, Refused
from wallets.models import AdjustmentRequest, MinuteType, Pot, Wallet
from wallets.prices.amounts import price_of_seconds
from wallets.prices.rates import rates_now
from wallets.texts import usd

Kind = AdjustmentRequest.Kind
State = AdjustmentRequest.State

ASKED = "It is more than one person decides alone: another person must approve it."


@dataclass(frozen=True)
class Purse:
    """Kinds of deeds that are counted together, and how much of them is one person's to decide."""

    kinds: tuple[str, ...]
    alone: Decimal
    in_wallet: Decimal


PURSES = (
    Purse((Kind.ADJUSTMENT, Kind.INCLUDED, Kind.RATE), limits.GIVEN_ALONE, limits.GIVEN_IN_WALLET),
    Purse((Kind.REFUND,), limits.REFUNDED_ALONE, limits.REFUNDED_IN_WALLET),
)


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What somebody of support wants done; `facts` is what exactly, of other than adjustments."""

    kind: str
    person: User
    note: str
    form_key: str
    wallet: Wallet | None = None
    pot: str = ""
    amount: Decimal | None = None
    # What the customer is to read; `note` is for ourselves.
    customer_note: str = ""
    facts: dict[str, str] = field(default_factory=dict)


def check_note(note: str) -> None:
    """Raise InvalidAmount unless the note says why."""
    if not 0 < len(note.strip()) <= NOTE_LENGTH:
        text = f"Say why you do this, in at most {NOTE_LENGTH} characters."
        raise InvalidAmount(text, fields={"note": "Say why."})


def worth_of(*, pot: str, amount: Decimal) -> Decimal:
    """Dollars a pot's movement is worth, whichever way it goes: minutes at today's rate."""
    if pot == Pot.CREDIT:
        return abs(amount)
    kind = MinuteType.BASIC if pot == Pot.BASIC else MinuteType.PREMIUM
    return price_of_seconds(seconds=abs(int(amount)), rate=rates_now()[kind])


def earlier(deed: Deed) -> AdjustmentRequest | None:
    """What the same form has made already. Call in a transaction, with the wallet locked.

    Locks the person until it ends, so that two deeds at once are counted one after the other.
    Raises FormReused when another person, or for another deed, used the form.
    """
    User.objects.select_for_update(no_key=True).get(pk=deed.person.pk)
    row = AdjustmentRequest.objects.filter(form_key=deed.form_key).first()
    if row is not None and _asked(row) != _asked(_row(deed, row.worth, "")):
        raise FormReused("This form was already used for something else. Open a new one.")
    return row


def decide(deed: Deed, *, worth: Decimal, what: str, needs_two: bool = False) -> AdjustmentRequest:
    """Note the deed: to be done now by this person alone, or waiting for a second one, who is told.

    `worth` is in dollars, whichever way it goes; `what` is how the deed reads. Call once, after
    `earlier` and in its transaction; the caller does what is `alone`.
    """
    row = _row(deed, worth, what)
    row.state = State.ALONE if not needs_two and _may_alone(deed, worth) else State.ASKED
    row.save()
    if row.state == State.ASKED:
        alert_staff(
            kind="adjustment_asked",
            text=_alert(row),
            data={"request": row.pk},
            dedupe_key=f"adjustment:{row.pk}",
        )
    return row


def undecided(*, request_id: int, actor: User) -> AdjustmentRequest:
    """Lock a request that waits. Call with the wallets locked that it moves.

    Raises Refused for one that was decided already, and for one's own.
    """
    row = _waiting(request_id)
    if row.asked_by_id == actor.pk:
        raise Refused("You asked for this yourself. Another person must approve it.")
    return row


def approved(row: AdjustmentRequest, *, actor: User) -> None:
    """Note who approved what was done. In the transaction of `undecided` and of the deed."""
    _decide(row, State.APPROVED, actor)


def reject(*, request_id: int, actor: User) -> AdjustmentRequest:
    """Do nothing. Whoever asked may take it back this way, too. Call in a transaction."""
    row = _waiting(request_id)
    _decide(row, State.REJECTED, actor)
    return row


def _may_alone(deed: Deed, worth: Decimal) -> bool:
    purse = next(one for one in PURSES if deed.kind in one.kinds)
    lately = AdjustmentRequest.objects.filter(
        kind__in=purse.kinds,
        state=State.ALONE,
        asked_at__gte=clock.now() - limits.ALONE_WITHIN,
    )
    if worth + _worth(lately.filter(asked_by=deed.person)) > purse.alone:
        return False
    return deed.wallet is None or (
        worth + _worth(lately.filter(wallet=deed.wallet)) <= purse.in_wallet
    )


def _worth(rows: QuerySet) -> Decimal:
    return rows.aggregate(total=Sum("worth"))["total"] or Decimal(0)


def _row(deed: Deed, worth: Decimal | None, what: str) -> AdjustmentRequest:
    return AdjustmentRequest(
        kind=deed.kind,
        wallet=deed.wallet,
        pot=deed.pot,
        amount=deed.amount,
        facts={**deed.facts, **_told(deed), "what": what},
        worth=worth,
        note=deed.note.strip(),
        asked_by=deed.person,
        form_key=deed.form_key,
    )


def _told(deed: Deed) -> dict[str, str]:
    told = deed.customer_note.strip()[:NOTE_LENGTH]
    return {"customer_note": told} if told else {}


def customer_note(row: AdjustmentRequest) -> str:
    """What the customer is to read of this deed."""
    return (row.facts or {}).get("customer_note", "")


def _asked(row: AdjustmentRequest) -> tuple[object, ...]:
    """What makes a repeated form the same deed: not how it reads, which the hour may change."""
    facts = {name: value for name, value in (row.facts or {}).items() if name != "what"}
    return row.kind, row.wallet_id, row.pot, row.amount, facts, row.asked_by_id


def _alert(row: AdjustmentRequest) -> str:
    whose = f" for {row.wallet.account.name}" if row.wallet else ""
    return f"{row.asked_by} asks{whose}: {row.what}, worth {usd(row.worth)}: {row.note}"


def _waiting(request_id: int) -> AdjustmentRequest:
    rows = AdjustmentRequest.objects.select_for_update(of=("self",), no_key=True)
    row = rows.select_related("asked_by").get(pk=request_id)
    if row.state != State.ASKED:
        raise Refused(f"This was decided already: {row.get_state_display().lower()}.")
    return row


def _decide(row: AdjustmentRequest, state: str, actor: User) -> None:
    row.state, row.decided_by, row.decided_at = state, actor, clock.now()
    row.save(update_fields=["state", "decided_by", "decided_at"])
