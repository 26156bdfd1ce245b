"""Asking for a link to a new password. A known address and an unknown one take the same way: a
row is written, and what becomes of it is found out when its mail is due (accounts.telling)."""

from collections.abc import Iterator

from django.db import transaction

from accounts import clock, limits
from accounts.models import PasswordReset
from accounts.runtime import brakes
from accounts.runtime.addresses import machine
from accounts.runtime.brakes import Brake
from accounts.runtime.nudges import nudge

OF_ADDRESS = (
    "Links for this address were asked for as often as we send them. Look among unwanted mail, or "
    "try again {when}. Nothing was changed."
)
OF_MACHINE = "Too many links were asked for from your network. Try again {when}."


@transaction.atomic
def ask(*, email: str, ip: str) -> None:
    """Have a link mailed to whoever has this address, or raise `TooMany`."""
    email, ip = email.strip().lower(), machine(ip)
    brakes.one_at_a_time(f"reset:{email}", f"reset:{ip}")
    brakes.check(_brakes(email=email, ip=ip))
    reset = PasswordReset.objects.create(email=email, ip=ip, mail_due_at=clock.now())
    nudge("accounts.mail_password_reset", reset.pk)


def forget_old() -> None:
    """After a day nothing is counted any more, and a link nobody could send helps nobody."""
    PasswordReset.objects.filter(created_at__lte=clock.now() - limits.DAY).delete()


def _brakes(*, email: str, ip: str) -> Iterator[Brake]:
    soon, later = "in an hour", "tomorrow"
    to_address = PasswordReset.objects.filter(email=email)
    of_machine = PasswordReset.objects.filter(ip=ip)
    for rows, most, within, refusal, when in (
        (of_machine, limits.RESETS_OF_MACHINE_AN_HOUR, limits.HOUR, OF_MACHINE, soon),
        (of_machine, limits.RESETS_OF_MACHINE_A_DAY, limits.DAY, OF_MACHINE, later),
        (to_address, limits.RESETS_TO_ADDRESS_AN_HOUR, limits.HOUR, OF_ADDRESS, soon),
        (to_address, limits.RESETS_TO_ADDRESS_A_DAY, limits.DAY, OF_ADDRESS, later),
    ):
        yield Brake(rows=rows, most=most, within=within, refusal=refusal.format(when=when))
