"""Asking an owner for what only owners and admins may do: they hear of it by mail and the bell."""

from dataclasses import dataclass

from django.db import transaction

from accounts import clock
from accounts.errors import Forbidden
from accounts.models import Account, Membership, Notification, Role, User
from accounts.runtime import brakes
from accounts.runtime.brakes import Brake
from accounts.telling.notifications import notify
from wallets import limits, links
from wallets.balances.opening import open_wallet
from wallets.errors import Refused
from wallets.texts import holds

KIND = "asked_owner"


@dataclass(frozen=True)
class About:
    """What is asked for, after "asks you to", and the page where it is done."""

    wish: str
    link: str


def subjects() -> dict[str, About]:
    """What may be asked for, by the names that forms send."""
    return {
        "recharge": About("add credit", links.recharge()),
        "card": About("add a payment method", links.add_card()),
        "resume": About("resume the paused campaigns", links.resume()),
        "auto_recharge": About("turn on Auto-Recharge", links.auto_recharge()),
    }


def require_seat(*, account: Account, user: User) -> None:
    """Pass, or raise Forbidden for who has no seat here."""
    if not Membership.objects.filter(account=account, user=user).exists():
        raise Forbidden(f"Only people of {account} may ask its owners.")


@transaction.atomic
def ask_owner(*, account: Account, user: User, about: str) -> None:
    """Tell the account's owners and admins what this person asks them for.

    Raises Refused when nobody could do it, Forbidden for who has no seat here, and TooMany within
    an hour of the same person's last ask for the same.
    """
    require_seat(account=account, user=user)
    if account.is_closed:
        raise Refused("This account is closed. Contact support to open it again.")
    who_may = Membership.objects.filter(account=account, role__in=(Role.OWNER, Role.ADMIN))
    if not who_may.filter(user__is_active=True).exists():
        raise Refused("Nobody in this account may do it yet: its owner has not joined.")
    wish, key = subjects()[about], f"ask:{about}:{user.pk}:"
    brakes.one_at_a_time(f"{key}{account.pk}")
    asked = Notification.objects.filter(account=account, kind=KIND, dedupe_key__startswith=key)
    refusal = "You have asked within the last hour. The owners have your message."
    brakes.check([Brake(asked, most=1, within=limits.ASK_AGAIN_AFTER, refusal=refusal)])
    balance = holds(open_wallet(account=account))
    notify(
        account=account,
        kind=KIND,
        title=f"You are asked to {wish.wish}",
        text=f"{user.email} asks you to {wish.wish}. The balance is {balance}.",
        dedupe_key=f"{key}{clock.now().isoformat()}",
        link=wish.link,
    )
