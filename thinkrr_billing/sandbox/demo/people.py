"""Opens the demo's accounts: people, places, cards, settings."""

from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.hashers import make_password

from accounts.cells import directory
from accounts.models import Account, Membership, Role, User
from accounts.people import members, opening
from thinkrr_billing.sandbox.demo import cast
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.balances.opening import open_wallet
from wallets.cards import customers, keeping
from wallets.models import Wallet
from wallets.recharges import by_hand, configure
from wallets.recharges.configure import Settings
from wallets.support import selling


@dataclass(frozen=True)
class Player:
    """An actor with the rows that play it."""

    actor: cast.Actor
    account: Account
    wallet: Wallet
    owner: User


def open_accounts() -> list[Player]:
    """Everybody, with an open wallet: the agency first, then its sub-accounts, the individual."""
    users = _users()
    selling.set_seller(actor=None, **cast.SELLER)
    agency_owner = users[cast.AGENCY.owner.email]
    agency = opening.open_agency(
        name=cast.AGENCY.name,
        owner=agency_owner,
        timezone=cast.TIMEZONE,
        included_minutes=cast.INCLUDED_MINUTES,
    )
    for person, role in ((cast.AGENCY_ADMIN, Role.ADMIN), (cast.AGENCY_MEMBER, Role.MEMBER)):
        Membership.objects.create(user=users[person.email], account=agency, role=role)
        directory.note_person(users[person.email].pk)
    accounts = [agency]
    for actor in cast.SUB_ACCOUNTS:
        accounts.append(_sub_account(agency, actor, users))
    individual = opening.open_individual(
        name=cast.INDIVIDUAL.name,
        owner=users[cast.INDIVIDUAL.owner.email],
        timezone=cast.TIMEZONE,
        included_minutes=cast.INDIVIDUAL_INCLUDED_MINUTES,
    )
    return [
        Player(actor, account, open_wallet(account=account), users[actor.owner.email])
        for actor, account in zip(cast.ACTORS, [*accounts, individual], strict=True)
    ]


def _users() -> dict[str, User]:
    """Every person, by e-mail. Hashed once: one hash takes as long as all the rest."""
    password = make_password(cast.PASSWORD)
    people = [actor.owner for actor in cast.ACTORS] + [cast.AGENCY_ADMIN, cast.AGENCY_MEMBER]
    users = {person.email: User(email=person.email, name=person.name) for person in people}
    users[cast.SUPPORT.email] = User(
        email=cast.SUPPORT.email, name=cast.SUPPORT.name, is_staff=True, is_superuser=True
    )
    for user in users.values():
        user.password = password
        user.save()
    return users


def _sub_account(agency: Account, actor: cast.Actor, users: dict[str, User]) -> Account:
    owner = users[actor.owner.email]
    account = opening.add_sub_account(agency=agency, name=actor.name, owner_email=owner.email)
    path = account.invitations.get().path
    members.accept(token=path.rstrip("/").rpartition("/")[2], user=owner)
    return account


def add_card(sandbox: StripeSandbox, account: Account, number: str) -> str:
    """Save a card at the sandbox, as the hosted page would, and take it over here."""
    customer = customers.ensure(account=account)
    card_id = sandbox.add_card(customer, number)["id"]
    return keeping.adopt(account=account, card_id=card_id).id


def fund(player: Player) -> None:
    """The first recharge by hand, then Auto-Recharge as this account wants it."""
    dollars, buys = player.actor.first
    recharge(player, amount=Decimal(dollars), buys=buys)
    if wanted := player.actor.automatic:
        configure.save(
            wallet_id=player.wallet.pk,
            actor=player.owner,
            settings=Settings(
                enabled=True,
                threshold=wanted.threshold,
                amount=wanted.amount,
                monthly_limit=wanted.monthly_limit,
                resume_campaigns=wanted.resume_campaigns,
            ),
        )


def recharge(player: Player, *, amount: Decimal, buys: str) -> None:
    purchase = by_hand.recharge(
        wallet_id=player.wallet.pk,
        actor=player.owner,
        amount=amount,
        buys=buys,
        form_key=f"demo:{player.account.pk}:{player.wallet.purchases.count()}",
    )
    if purchase.state != "succeeded":
        raise RuntimeError(f"The recharge of {player.actor.name} ended as {purchase.state}.")
