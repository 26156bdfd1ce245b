"""Whether key, permissions, version, webhook and clock are right, line by line: check_stripe."""

from django.conf import settings

from wallets import limits
from wallets.stripe import permissions, probes, webhook_checking
from wallets.stripe.probes import NOT_CHECKED, OK, WRONG, Line, Told


def lines() -> list[Line]:
    """Ask Stripe, change nothing, and say what is right and what is not.

    A key that gets no answer is the only line. Call with no transaction open.
    """
    first = probes.ask(lambda v1: v1.customers.list({"limit": 1}))
    key = _key(first)
    if key.verdict != OK:
        return [key]
    return [
        key,
        *(_permission(one) for one in permissions.needed()),
        _version(first),
        *webhook_checking.lines(),
        _clock(first),
    ]


def _key(told: Told) -> Line:
    mode = "live" if settings.STRIPE_LIVE_MODE else "test"
    if told.status == 401:
        return Line(
            "key",
            WRONG,
            "Stripe does not know this key any more, or never did: put the right one into "
            "STRIPE_SECRET_KEY and restart web and workers.",
        )
    if not told.ok and told.status not in (400, 403):
        why = told.trouble or f"status {told.status}"
        return Line(
            "key",
            WRONG,
            f"{settings.STRIPE_API_BASE} gives no answer of Stripe's ({why}): look at Stripe's "
            "status page and at the way out of this machine, then run this again.",
        )
    if settings.STRIPE_SECRET_KEY.startswith("rk_"):
        return Line("key", OK, f"A restricted key of {mode} mode. Stripe knows it.")
    return Line(
        "key",
        OK,
        f"A key of {mode} mode that may do everything. Stripe knows it. A restricted key is safer: "
        "README.md lists what it needs.",
    )


def _permission(needed: permissions.Permission) -> Line:
    subject = f"permission {needed.shown}"
    told = probes.ask(probes.PERMISSIONS[needed])
    may = told.may_write if needed.access == "write" else told.may_read
    if may is None:
        answer = told.status or told.trouble
        return Line(
            subject, NOT_CHECKED, f"Stripe answered {answer} instead of what such a key is told."
        )
    if may and needed.access == "write":
        return Line(subject, OK, "The key has it: what does not exist was looked for.")
    if may:
        return Line(subject, OK, "The key has it.")
    return Line(
        subject,
        WRONG,
        f"The key lacks {needed.shown} ({needed.name}): give it to the key in Stripe's dashboard.",
    )


def _version(told: Told) -> Line:
    ours = settings.STRIPE_API_VERSION
    if told.status == 400:
        return Line(
            "API version",
            WRONG,
            f"Stripe refuses a plain question in {ours}: is that version still served? It is named "
            "in settings.py.",
        )
    if not told.version:
        return Line("API version", NOT_CHECKED, "The answer does not say its version.")
    if told.version != ours:
        return Line(
            "API version",
            WRONG,
            f"We ask in {ours}, and Stripe answers in {told.version}: tell the developers, who "
            "pin it in settings.py.",
        )
    return Line("API version", OK, f"We ask in {ours}, and Stripe answers in it.")


def _clock(told: Told) -> Line:
    if told.off_seconds is None:
        return Line("clock", NOT_CHECKED, "The answer does not say Stripe's time.")
    off = abs(told.off_seconds)
    if off <= limits.CLOCK_OFF_MOST.total_seconds():
        return Line("clock", OK, f"This machine's clock and Stripe's agree within {off:.0f} s.")
    side = "ahead of" if told.off_seconds > 0 else "behind"
    shown = f"{off / 60:.0f} minutes" if off >= 120 else f"{off:.0f} s"
    refused = limits.EVENT_TOLERANCE.total_seconds()
    return Line(
        "clock",
        WRONG,
        f"This machine's clock is {shown} {side} Stripe's: mend it (NTP). From {refused:.0f} s on, "
        "every event is refused.",
    )
