"""How many invitations are mailed: to one address, by one person, and by one agency or account."""

from collections.abc import Iterator

from django.db.models import QuerySet

from accounts import clock, limits
from accounts.models import Account, InvitationSent, User
from accounts.runtime import brakes
from accounts.runtime.brakes import Brake


def count(*, account: Account, email: str, user: User | None) -> None:
    """Count one more, or raise `TooMany`. Inside a transaction; without a user it is a key.

    A sub-account counts as its agency: whoever may add accounts has no more mails by adding some.
    """
    sender = account.agency or account
    brakes.one_at_a_time(f"invited:{email}", f"invites:{sender.pk}", f"invites:{user and user.pk}")
    brakes.check(_brakes(sender=sender, email=email, user=user))
    InvitationSent.objects.create(email=email, person=user, account=sender)


def forget_old() -> None:
    """After a day nothing is counted any more."""
    InvitationSent.objects.filter(created_at__lte=clock.now() - limits.DAY).delete()


def _brakes(*, sender: Account, email: str, user: User | None) -> Iterator[Brake]:
    to_address = InvitationSent.objects.filter(email=email)
    lost = (
        f"{email} was sent as many invitations as we send in a day. Ask them to look among "
        "unwanted mail, or send another tomorrow."
    )
    of_sender = to_address.filter(account=sender)
    yield _a_day(of_sender, limits.INVITATIONS_TO_ADDRESS_OF_ACCOUNT_A_DAY, lost)
    yield _a_day(to_address, limits.INVITATIONS_TO_ADDRESS_A_DAY, lost)
    if user:
        most = limits.INVITATIONS_OF_PERSON_A_DAY
        of_person = InvitationSent.objects.filter(person=user)
        yield _a_day(of_person, most, f"You sent {most} invitations in a day. Go on tomorrow.")
    most = limits.INVITATIONS_OF_ACCOUNT_A_DAY
    of_account = InvitationSent.objects.filter(account=sender)
    said = f"{sender} sent {most} invitations in a day, with its sub-accounts. Go on tomorrow."
    yield _a_day(of_account, most, said)


def _a_day(rows: QuerySet, most: int, refusal: str) -> Brake:
    return Brake(rows=rows, most=most, within=limits.DAY, refusal=refusal)
