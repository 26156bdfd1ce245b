"""Every code of a decision once: what it is called, how it reads, and how it is marked.

Rules answer with these, the log keeps their names, clients of the API see them. A code without a
sentence, two of one name, or a hold without a code stop the process at start-up.
"""

from typing import ClassVar, Self

from wallets.models import AutoRecharge, LoggedDecision

Subject = LoggedDecision.Subject

WARNING, SUCCESS = "warning", "success"

_NOTHING = "Nothing is charged now."
_LEVELS = "Balance {credit}, threshold {threshold}."


class Code(str):
    """A decision's code: its name, and what is known about it.

    `sentence` is how the log says it, of figures by their names; `now` what somebody reads who
    asks before anything is done. `tone` marks it in the log. `quiet`: worth a row only after
    something else was said. `expected`: after it, a quiet one surprises nobody. `calm`: that
    nothing is charged is no cause for concern. `logged`: False where another row says it already.
    """

    __slots__ = ("calm", "expected", "logged", "now", "quiet", "sentence", "subject", "tone")

    def __new__(
        cls,
        name: str,
        sentence: str,
        *,
        now: str = _NOTHING,
        tone: str = "",
        quiet: bool = False,
        expected: bool = False,
        calm: bool = False,
        logged: bool = True,
    ) -> Self:
        if not sentence:
            raise ValueError(f"The code {name} has no sentence.")
        code = super().__new__(cls, name)
        code.sentence, code.now, code.tone = sentence, now, tone
        code.quiet, code.expected, code.calm = quiet, expected or quiet, calm
        code.logged = logged
        return code


class Codes:
    """The codes of one subject of the log, by their names."""

    subject: ClassVar[str]
    by_name: ClassVar[dict[str, Code]]

    def __init_subclass__(cls, *, subject: str) -> None:
        cls.subject, cls.by_name = subject, {}
        for code in vars(cls).values():
            if not isinstance(code, Code):
                continue
            if code in cls.by_name:
                raise ValueError(f"Two codes of {subject} are called {code}.")
            code.subject = subject
            cls.by_name[str(code)] = code

    @classmethod
    def of(cls, name: str) -> Code:
        """The code of a name that was kept. Raises KeyError."""
        return cls.by_name[name]


def _uncharged(why: str) -> str:
    return f"Auto-Recharge did not charge: {why}"


class Recharge(Codes, subject=Subject.AUTO_RECHARGE):
    OFF = Code(
        "off",
        "Auto-Recharge was off, so nothing was charged. Balance {credit}.",
        now="Auto-Recharge is off. Nothing is charged.",
        quiet=True,
        calm=True,
    )
    CLOSED = Code(
        "closed",
        _uncharged("the account is closed."),
        now="This account is closed. Nothing is charged.",
    )
    BLOCKED = Code(
        "blocked",
        _uncharged(f"automatic charges are blocked until support lifts it. {_LEVELS}"),
        now=f"Automatic charges are blocked. {_NOTHING} Contact support.",
        tone=WARNING,
    )
    ON_HOLD = Code(
        "on_hold",
        _uncharged(f"automatic charges are paused by support. {_LEVELS}"),
        now=f"Automatic charges are paused by support. {_NOTHING} You can still recharge by hand.",
        tone=WARNING,
    )
    SUSPENDED = Code(
        "suspended",
        _uncharged(f"it is suspended ({{reason}}). {_LEVELS}"),
        now=f"Auto-Recharge is suspended. {_NOTHING}",
        tone=WARNING,
    )
    BALANCE_FINE = Code(
        "balance_fine",
        _uncharged("the balance of {credit} is not below {threshold}."),
        now=f"Your balance ({{credit}}) is not below {{threshold}}. {_NOTHING}",
        quiet=True,
        calm=True,
    )
    NO_CARD = Code(
        "no_card",
        _uncharged(f"there is no card that can be charged. {_LEVELS}"),
        now="Add a payment method before turning this on.",
        tone=WARNING,
    )
    CARD_CHANGED = Code("card_changed", _uncharged("another card was chosen meanwhile."))
    DECLINED = Code(
        "declined",
        _uncharged(f"the last charge failed; it tries again {{until}}. {_LEVELS}"),
        now=f"The last charge failed. Auto-Recharge tries again later by itself. {_NOTHING}",
        tone=WARNING,
    )
    GATEWAY = Code(
        "gateway",
        _uncharged("the payment service was not answering; it tries again {until}."),
        now=f"The payment service is not answering. Auto-Recharge tries again shortly. {_NOTHING}",
    )
    PURCHASE_PENDING = Code(
        "purchase_pending",
        f"Auto-Recharge did not charge again: a recharge is being confirmed. {_LEVELS}",
        now="Another recharge is being confirmed. Nothing more is charged now.",
        calm=True,
    )
    COOLDOWN = Code(
        "cooldown",
        _uncharged(f"a recharge was just paid; it looks again {{until}}. {_LEVELS}"),
        now="A recharge was just paid. The next one waits a minute: nothing is charged now.",
        calm=True,
    )
    TOO_MANY = Code(
        "too_many",
        _uncharged(f"three charges in ten minutes; it tries again {{until}}. {_LEVELS}"),
        now="Auto-Recharge charged three times in ten minutes, so the next charge waits. "
        f"{_NOTHING}",
        tone=WARNING,
    )
    TOO_MANY_TRIES = Code(
        "too_many_tries",
        _uncharged(f"six attempts in ten minutes; it looks again {{until}}. {_LEVELS}"),
        now="Auto-Recharge tried six times in ten minutes, so it waits an hour, and support looks "
        f"into it. {_NOTHING}",
        tone=WARNING,
    )
    MONTHLY_LIMIT = Code(
        "monthly_limit",
        _uncharged(
            "{spent} of the {limit} monthly limit is used and another {amount} does not fit; the "
            "month starts anew {until}. Balance {credit}."
        ),
        now=f"Another recharge does not fit this month's limit. {_NOTHING}",
        tone=WARNING,
    )
    DAILY_CEILING = Code(
        "daily_ceiling",
        _uncharged(
            "{spent} of the daily ceiling of {limit} is used and another {amount} does not fit; it "
            "goes on {until}, or when the ceiling is raised. Balance {credit}."
        ),
        now="Another recharge does not fit today's ceiling. Raise it under More options to go on "
        f"today. {_NOTHING}",
        tone=WARNING,
    )
    CHARGE = Code(
        "charge",
        "Auto-Recharge charges {charge}: the balance of {credit} is below {threshold}.",
        expected=True,
    )
    PAID = Code(
        "paid",
        "{card} was charged {charge}. The balance is {credit}.",
        tone=SUCCESS,
        expected=True,
    )
    FAILED = Code(
        "failed",
        "The charge of {charge} failed: {error} It tries again {until}.",
        tone=WARNING,
    )
    FAILED_FOR_GOOD = Code(
        "failed_for_good", "The charge of {charge} failed: {error}", tone=WARNING
    )
    BACKUP = Code(
        "backup",
        "The charge of {charge} failed: {error} The backup card {card} is tried once.",
        tone=WARNING,
        expected=True,
    )
    NEEDS_BANK = Code(
        "needs_bank",
        "The bank wants the charge of {charge} to be confirmed. Auto-Recharge waits until that is "
        "done.",
        tone=WARNING,
    )
    CANCELED = Code(
        "canceled",
        "The charge of {charge} was given up before any money moved: it was no longer wanted, or "
        "the payment service gave no answer.",
    )
    NOW_SUSPENDED = Code(
        "now_suspended", "Auto-Recharge is suspended from now on: {reason}.", tone=WARNING
    )
    SWITCHED_OFF = Code("switched_off", "Auto-Recharge was switched off: {reason}.", tone=WARNING)
    LIFTED = Code(
        "lifted",
        "Auto-Recharge is no longer suspended and looks at the balance again.",
        tone=SUCCESS,
        expected=True,
    )


# Why the rule waits is kept by these names, and told by their codes.
for _hold in AutoRecharge.Hold.values:
    Recharge.of(_hold)


def _run(what: str) -> str:
    return f"The {{charge}} for {{name}}, due {{period}}, {what}"


class Allocation(Codes, subject=Subject.ALLOCATION):
    PLANNED = Code("planned", "{charge} for {minutes} a month became due for {name}.")
    CHARGE = Code("charge", _run("is charged."))
    CHARGED = Code(
        "charged", "{card} was charged {charge}, and {name} got {minutes}.", tone=SUCCESS
    )
    GIVEN = Code(
        "given",
        "{card} was charged {charge}, and {name} got {minutes} once, given by {by}.",
        tone=SUCCESS,
    )
    RECEIVED = Code("received", "{minutes} arrived from {name}.", tone=SUCCESS)
    FAILED = Code("failed", _run("was not paid: {error} It is tried again {until}."), tone=WARNING)
    BACKUP = Code(
        "backup",
        _run("was not paid: {error} The backup card {card} is tried once."),
        tone=WARNING,
    )
    FAILED_FOR_GOOD = Code(
        "failed_for_good",
        _run("was not paid: {error} Nothing more is tried by itself."),
        tone=WARNING,
    )
    NO_CARD = Code("no_card", _run("was not charged: its card cannot be charged."), tone=WARNING)
    CARD_CHANGED = Code("card_changed", _run("was not charged: another card was chosen."))
    NEEDS_BANK = Code(
        "needs_bank", _run("waits until you confirm it with your bank."), tone=WARNING
    )
    TOO_SMALL = Code("too_small", _run("was not charged: {error}"), tone=WARNING)
    WAITING = Code("waiting", _run("was not charged yet: it is tried again {until}."))
    GATEWAY_WAIT = Code(
        "gateway_wait", _run("was not charged yet: the payment service is not answering.")
    )
    PURCHASE_PENDING = Code(
        "purchase_pending", _run("was not charged again: a payment is being confirmed.")
    )
    INACTIVE = Code("inactive", _run("was not charged: the monthly allocation was stopped."))
    MOVED = Code("moved", _run("was not charged: it is not your sub-account any more."))
    CLOSED = Code("closed", _run("was not charged: an account is closed."))
    BLOCKED = Code(
        "blocked",
        _run("was not charged: automatic charges are blocked until support lifts it."),
        tone=WARNING,
    )
    ON_HOLD = Code("on_hold", _run("was not charged yet: automatic charges are paused by support."))
    CANCELED = Code(
        "canceled", _run("was given up before any money moved; it is tried again {until}.")
    )
    TOO_MANY_TRIES = Code(
        "too_many_tries",
        _run("was not charged again: six attempts in ten minutes. It is tried again {until}."),
        tone=WARNING,
    )
    # Seen at every repeated look, and said by the run's own row already.
    NOT_DUE = Code("not_due", _run("was not charged: it is settled."), logged=False)
    AHEAD = Code("ahead", _run("was not charged yet: its day has not come."), logged=False)
    PASSED = Code("passed", _run("was not charged: its month has passed."), logged=False)
    MISSED = Code(
        "missed",
        "The month of {name} that was due {period} was missed: nothing was charged, and it is not "
        "made up for.",
        tone=WARNING,
    )
    SKIPPED = Code(
        "skipped", "The month of {name} that was due {period} was skipped, as you chose."
    )
    STOPPED = Code("stopped", "The monthly allocation of {name} was stopped by {by}.")


_POOR = "{payable} can be paid, a campaign needs 1 min. Credit {credit}, {rate} a minute."


class Autopause(Codes, subject=Subject.AUTOPAUSE):
    PAUSED = Code("paused", f"{{name}} was paused: {_POOR}", tone=WARNING)
    WAITING = Code("waiting", f"{{name}} was not paused, because a recharge is on its way: {_POOR}")
    RESUMED = Code("resumed", "{name} was resumed by {by}.", tone=SUCCESS)
    RESUMED_BY_ITSELF = Code(
        "resumed_by_itself",
        "{name} resumed by itself, because Auto-Recharge brought money.",
        tone=SUCCESS,
    )
    REFUSED = Code("refused", "{name} was not started: {error}", tone=WARNING)
    BY_HAND = Code("by_hand", "{name} was paused by {by}.")
    ACCOUNT_CLOSED = Code("account_closed", "{name} was paused: the account is closed.")


_BY_SUBJECT = {group.subject: group.by_name for group in (Recharge, Allocation, Autopause)}


def find(subject: str, name: str) -> Code | None:
    """The code of a row; None when this version does not know it any more."""
    return _BY_SUBJECT.get(subject, {}).get(name)
