"""Everything support does goes through `act`: once per form, with a reason, and written down."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from accounts import clock
from accounts.errors import AccountError, Invalid
from accounts.models import Account, StaffAction, User

logger = logging.getLogger(__name__)

MOST_REASON = 200
MOST_RESULT = 400
REUSED = "This form was already used for something else. Open it anew."


@dataclass(frozen=True)
class Wish:
    """What somebody of the staff wants done, to what, and why."""

    actor: User
    kind: str
    subject: str
    reason: str
    form_key: str
    account: Account | None = None
    link: str = ""
    facts: dict[str, object] | None = None
    address: str | None = None
    request_id: str = ""


def act(wish: Wish, do: Callable[[], str]) -> StaffAction:
    """Do it, unless this form did it before, and keep how it ended. Returns the row.

    `do` calls one function of the middle and answers with a sentence. Call with no transaction
    open: some functions talk to Stripe. What `do` refuses is kept as refused and raised again;
    then the same form may be corrected and sent again. A second click changes nothing, and its
    row says whether the first has ended. Raises Invalid when another person, or for another deed,
    sent a form that was used.
    """
    reason = wish.reason.strip()
    if not reason or len(reason) > MOST_REASON:
        text = f"Say why, in 1 to {MOST_REASON} characters."
        raise Invalid(text, fields={"reason": text})
    action, is_new = _claim(wish, reason)
    if not is_new:
        return action
    try:
        result = do()
    except AccountError as error:
        _close(action, StaffAction.State.REFUSED, str(error))
        raise
    _close(action, StaffAction.State.DONE, result)
    logger.info("staff action=%s kind=%s by=%s", action.pk, wish.kind, wish.actor.pk)
    return action


def _claim(wish: Wish, reason: str) -> tuple[StaffAction, bool]:
    try:
        with transaction.atomic():
            action = StaffAction.objects.create(
                actor=wish.actor,
                account=wish.account,
                kind=wish.kind,
                subject=wish.subject[:120],
                link=wish.link,
                facts=wish.facts or {},
                reason=reason,
                form_key=wish.form_key,
                address=wish.address,
                request_id=wish.request_id,
            )
    except IntegrityError:
        before = StaffAction.objects.get(form_key=wish.form_key)
        if _deed(before) != (wish.actor.pk, wish.kind, wish.link, wish.facts or {}):
            raise Invalid(REUSED) from None
        return before, False
    return action, True


def _deed(action: StaffAction) -> tuple[object, ...]:
    return action.actor_id, action.kind, action.link, action.facts


def _close(action: StaffAction, state: str, result: str) -> None:
    action.state, action.result = state, result[:MOST_RESULT]
    action.closed_at = clock.now()
    if state == StaffAction.State.REFUSED:
        action.form_key = None
    action.save(update_fields=["state", "result", "closed_at", "form_key"])
