"""Who plays in the story, and what they look at."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from thinkrr_billing.sandbox.http_api import Api
from thinkrr_billing.sandbox.story.person import Person
from thinkrr_billing.sandbox.story.stage import Stage
from thinkrr_billing.sandbox.story.teller import WentWrong

if TYPE_CHECKING:
    from accounts.models import Account

PASSWORD = "played-in-the-terminal"


@dataclass(frozen=True)
class Role:
    """An account: its owner at a browser, its program at the API, its customer at Stripe."""

    name: str
    id: str
    wallet_id: int
    person: Person
    program: Api
    stage: Stage

    def wallet(self) -> dict:
        return self.program.get("wallet").body

    def credit(self) -> str:
        """Dollars to the cent, as pages show them."""
        return f"${Decimal(self.wallet()['credit']):,.2f}"

    def minutes(self) -> str:
        wallet = self.wallet()
        basic, premium = wallet["basic_seconds"] // 60, wallet["premium_seconds"] // 60
        return f"{basic} Basic, {premium} Premium"

    def charged(self) -> list[str]:
        """What Stripe took from this account's cards, oldest first."""
        from accounts.models import Account

        customer = Account.objects.get(pk=self.id).stripe_customer
        if not customer:
            return []
        newest_first = self.stage.sandbox.truth(customer=customer)["payment_intents"]
        taken = [one["amount"] for one in reversed(newest_first) if one["status"] == "succeeded"]
        return [f"${Decimal(amount) / 100:,.2f}" for amount in taken]

    def campaigns(self) -> dict[str, str]:
        found = self.program.get("campaigns").body["results"]
        return {
            one["id"]: one["status"] + (f": {one['pause_reason']}" if one["pause_reason"] else "")
            for one in found
        }

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> dict:
        """Ask the API; a refusal ends the story."""
        answer = self.program.call(method, path, body=body, headers=headers)
        if answer.status not in (200, 201):
            raise WentWrong(f"{method} {path} of {self.name} was refused: {answer.message}")
        return answer.body


@dataclass(frozen=True)
class Cast:
    agency: Role
    northside: Role
    jordan: Role
    platform: Api


def enter(stage: Stage) -> Cast:
    """Open the accounts, as support does, with the credit of earlier days."""
    import django

    django.setup()
    from django.contrib.auth.hashers import make_password

    from accounts.models import User
    from accounts.people import api_keys, members, opening

    # Hashed once: a hash takes as long as three steps of the story.
    password = make_password(PASSWORD)
    owner, manager, user = [
        User.objects.create(
            email=f"{name}@brightline.test", name=name.capitalize(), password=password
        )
        for name in ("owner", "northside", "jordan")
    ]
    agency = opening.open_agency(name="Brightline Agency", owner=owner)
    northside = opening.add_sub_account(
        agency=agency, name="Northside Dental", owner_email=manager.email
    )
    path = northside.invitations.get().path
    members.accept(token=path.rstrip("/").rpartition("/")[2], user=manager)
    jordan = opening.open_individual(name="Jordan Blake", owner=user)
    _, token = api_keys.create(account=None, name="Voice platform", scopes=["calls", "read"])
    return Cast(
        agency=_role(stage, agency, owner.email, "15.00"),
        northside=_role(stage, northside, manager.email, "20.00"),
        jordan=_role(stage, jordan, user.email, "12.00"),
        platform=Api(base=stage.site, token=token),
    )


def _role(stage: Stage, account: "Account", email: str, credit: str) -> Role:
    from accounts.people import api_keys
    from wallets.balances.opening import open_wallet

    wallet = open_wallet(account=account)
    _give(wallet.pk, credit)
    person = Person(site=stage.site)
    person.log_in(email=email, password=PASSWORD)
    _, token = api_keys.create(account=account, name="Story", scopes=["read", "write"])
    return Role(
        name=account.name,
        id=str(account.pk),
        wallet_id=wallet.pk,
        person=person,
        program=Api(base=stage.site, token=token),
        stage=stage,
    )


def _give(wallet_id: int, credit: str) -> None:
    from wallets.balances import adjustments

    adjustments.post(
        wallet_id=wallet_id,
        pot="credit",
        amount=Decimal(credit),
        actor=None,
        note="Credit of earlier days",
        form_key=f"story:{wallet_id}",
    )
