"""Telling one person what was done about their second factor. By mail, whatever they switched off:
whoever did it may not be them."""

from datetime import timedelta

from django.db import transaction

from accounts import clock, limits
from accounts.models import SecurityMail, User
from accounts.runtime import brakes
from accounts.runtime.askers import Asker
from accounts.runtime.nudges import nudge

Kind = SecurityMail.Kind

KEPT_FOR = timedelta(days=30)
SENTENCES = {
    Kind.TURNED_ON: (
        "From now on logging in with {email} asks for a code of your authenticator app."
    ),
    Kind.TURNED_OFF: "Logging in with {email} asks for the password only.",
    Kind.REMOVED: (
        "Support removed the second factor of {email}, as it was asked to. Logging in asks for the "
        "password only, until you turn it on again."
    ),
    Kind.CODES_MADE: "The recovery codes of {email} were made anew. The ones of before are void.",
    Kind.CODE_USED: (
        "A recovery code of {email} was used in place of a code of your authenticator app. It "
        "does not work again."
    ),
    Kind.GUESSED: (
        "The right password of {email} was entered, and then too many wrong codes. Nobody got in."
    ),
}


def tell(*, user: User, kind: str, asker: Asker | None) -> None:
    """Inside the transaction that makes it true. Without an asker it was support."""
    mail = SecurityMail.objects.create(
        user=user,
        kind=kind,
        ip=asker.ip if asker else None,
        browser=asker.browser if asker else "",
        mail_due_at=clock.now(),
    )
    nudge("accounts.mail_security", mail.pk)


@transaction.atomic
def warn_of_guesses(*, user: User, asker: Asker) -> None:
    """Somebody knows the password and guesses codes. Told once a day, however long they go on."""
    brakes.one_at_a_time(f"guesses:{user.pk}")
    today = clock.now() - limits.DAY
    if not SecurityMail.objects.filter(user=user, kind=Kind.GUESSED, created_at__gt=today).exists():
        tell(user=user, kind=Kind.GUESSED, asker=asker)


def sentence(mail: SecurityMail) -> str:
    return SENTENCES[Kind(mail.kind)].format(email=mail.user.email)


def forget_old() -> None:
    SecurityMail.objects.filter(created_at__lte=clock.now() - KEPT_FOR).delete()
