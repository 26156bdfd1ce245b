"""Asking for minutes: a sub-account asks its agency once, and the agency gives or declines.

What is given is paid by `gifts`, which marks the ask as given in the transaction that credits it.
An ask that nobody answered ends by itself.
"""

import logging

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import clock
from accounts.models import Account, User
from accounts.runtime import brakes
from accounts.runtime.brakes import Brake
from wallets import limits
from wallets.allocations import gift_notices
from wallets.allocations.terms import Wish, check_minutes
from wallets.errors import InvalidAmount, Refused
from wallets.models import MinuteAsk, Purchase
from wallets.models.purchase import OPEN_STATES

logger = logging.getLogger(__name__)

State = MinuteAsk.State
_ANSWERED = {
    State.GIVEN: "These minutes were given already.",
    State.DECLINED: "This was declined already.",
    State.WITHDRAWN: "This was withdrawn meanwhile.",
    State.EXPIRED: "This has expired. They can ask again.",
}


def open_asks(*, agency: Account) -> QuerySet[MinuteAsk]:
    """What this agency has not answered yet, those that waited longest first."""
    asks = MinuteAsk.objects.filter(
        agency=agency, state=State.OPEN, expires_at__gt=clock.now(), account__agency=agency
    )
    return asks.select_related("account", "asked_by", "purchase").order_by("pk")


def latest(*, account: Account) -> MinuteAsk | None:
    """The ask that is open, or the one before, with what was answered."""
    return MinuteAsk.objects.filter(account=account).select_related("asked_by").first()


def is_open(ask: MinuteAsk | None) -> bool:
    return ask is not None and ask.state == State.OPEN and ask.expires_at > clock.now()


@transaction.atomic
def ask(
    *,
    account: Account,
    actor: User | None,
    basic_minutes: int,
    premium_minutes: int,
    words: str = "",
) -> MinuteAsk:
    """Ask the account's agency for these minutes. It hears in the app and by mail.

    Raises InvalidAmount, Refused (nobody to ask, or one is open), or TooMany.
    """
    agency = account.agency
    if agency is None:
        raise Refused(f"{account.name} has no agency to ask.")
    if account.is_closed or agency.is_closed:
        raise Refused("This account is closed, or its agency is. Contact support.")
    if account.archived_at:
        raise Refused(f"{agency.name} has archived this account. Call them.")
    words = _plain(words, field="words")
    wish = Wish(basic_minutes, premium_minutes)
    check_minutes(wish)
    if wish.is_nothing:
        message = "Enter minutes for at least one type."
        raise InvalidAmount(message, fields={"basic_minutes": message})
    brakes.one_at_a_time(f"asks:{account.pk}")
    _end_expired(MinuteAsk.objects.filter(account=account))
    _refuse_too_many(account)
    now = clock.now()
    asked = MinuteAsk(
        agency=agency,
        account=account,
        basic_minutes=basic_minutes,
        premium_minutes=premium_minutes,
        words=words,
        asked_by=actor,
        created_at=now,
        expires_at=now + limits.ASK_LASTS,
    )
    try:
        with transaction.atomic():
            asked.save(force_insert=True)
    except IntegrityError:
        raise Refused(
            f"You have asked {agency.name} already. Withdraw that first, or wait for the answer."
        ) from None
    gift_notices.tell_asked(asked)
    return asked


def withdraw(*, account: Account, ask_id: int, actor: User | None) -> MinuteAsk:
    """Take the ask back while nobody has answered. Raises Refused."""
    with transaction.atomic():
        asked = lock(ask_id=ask_id, account=account)
        _close(asked, State.WITHDRAWN, actor)
    return asked


def decline(
    *, agency: Account, account: Account, ask_id: int, actor: User | None, answer: str = ""
) -> MinuteAsk:
    """Say no, with a reason if there is one. Raises Refused when it was answered already."""
    answer = _plain(answer, field="answer")
    with transaction.atomic():
        asked = lock(ask_id=ask_id, account=account)
        if asked.agency_id != agency.pk:
            raise Refused("This was asked of another agency.")
        asked.answer = answer
        _close(asked, State.DECLINED, actor)
        gift_notices.tell_declined_ask(asked)
    return asked


def lock(*, ask_id: int, account: Account) -> MinuteAsk:
    """The account's open ask, locked, with no payment for it under way. Raises Refused.

    Where its wallet is locked, too, that comes first.
    """
    asks = MinuteAsk.objects.select_for_update(of=("self",), no_key=True)
    asked = asks.filter(pk=ask_id, account=account).select_related("agency", "account").first()
    if asked is None:
        raise Refused("There is no such request.")
    if asked.state != State.OPEN:
        raise Refused(_ANSWERED[State(asked.state)])
    if asked.expires_at <= clock.now():
        raise Refused(_ANSWERED[State.EXPIRED])
    if asked.purchase_id and Purchase.objects.get(pk=asked.purchase_id).is_open:
        raise Refused("These minutes are being paid for already. Wait for the result.")
    return asked


def may_answer(*, purchase: Purchase, ask_id: int | None) -> bool:
    """Whether this was the payment for that ask, or for none. A payment that failed may have given
    way to another one: which ask it was for is not known any more then."""
    asked = MinuteAsk.objects.filter(purchase=purchase).values_list("pk", flat=True).first()
    failed = purchase.state in (Purchase.State.DECLINED, Purchase.State.CANCELED)
    return asked == ask_id or (asked is None and failed)


def mark_given(*, purchase: Purchase) -> MinuteAsk | None:
    """The payment for an ask succeeded: it is answered. Call in the transaction that credits."""
    asks = MinuteAsk.objects.select_for_update(of=("self",), no_key=True)
    asked = asks.filter(purchase=purchase).first()
    if asked and asked.state != State.GIVEN:
        _close(asked, State.GIVEN, purchase.requested_by)
    return asked


def end_expired() -> int:
    """End what nobody answered in time, and tell who asked. Returns how many; by the tick."""
    with transaction.atomic():
        return _end_expired(MinuteAsk.objects.all())


def end_of(*, account: Account, actor: User | None, answer: str) -> None:
    """Its agency works with it no more: what is open is declined. Inside a transaction."""
    for asked in MinuteAsk.objects.filter(account=account, state=State.OPEN):
        try:
            decline(
                agency=asked.agency, account=account, ask_id=asked.pk, actor=actor, answer=answer
            )
        except Refused:
            logger.info("ask %s is being paid for and stays open", asked.pk)


def _end_expired(asks: QuerySet[MinuteAsk]) -> int:
    """One that is being paid for ends as its payment does."""
    due = (
        asks.filter(state=State.OPEN, expires_at__lte=clock.now())
        .exclude(purchase__state__in=OPEN_STATES)
        .select_related("agency", "account")
        .select_for_update(of=("self",), no_key=True, skip_locked=True)
        .order_by("expires_at")
    )
    ended = list(due[: limits.ASKS_ENDED_AT_ONCE])
    for asked in ended:
        _close(asked, State.EXPIRED, None)
        gift_notices.tell_expired(asked)
    return len(ended)


def _close(asked: MinuteAsk, state: str, actor: User | None) -> None:
    asked.state = state
    asked.closed_at = clock.now()
    asked.answered_by = actor
    asked.save(update_fields=["state", "closed_at", "answered_by", "answer"])


def _refuse_too_many(account: Account) -> None:
    most = limits.ASKS_A_DAY
    brakes.check(
        [
            Brake(
                rows=MinuteAsk.objects.filter(account=account),
                most=most,
                within=limits.ASKS_WITHIN,
                refusal=f"You asked {most} times in a day. Go on tomorrow, or call your agency.",
            )
        ]
    )


def _plain(words: str, *, field: str) -> str:
    """On one line, and short. Raises InvalidAmount."""
    words = " ".join(words.split())
    if len(words) > limits.ASK_WORDS_LENGTH or not words.isprintable():
        message = f"Write at most {limits.ASK_WORDS_LENGTH} plain characters."
        raise InvalidAmount(message, fields={field: message})
    return words
