"""Somebody with a role in an account of their own: what a task begins with."""

from dataclasses import dataclass

from accounts.models import Account, Role, User
from accounts.tests.builders import add_member, make_agency, make_individual, make_sub_account
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.models import AutoRecharge, Purchase, Wallet
from wallets.tests.worlds.builders import GOOD_CARD, add_card, make_wallet

# Whose page it is, and the role there. The last works for the agency above, and switched to it.
ROLES = {
    "agency owner": ("agency", Role.OWNER),
    "agency admin": ("agency", Role.ADMIN),
    "agency member": ("agency", Role.MEMBER),
    "sub-account owner": ("sub_account", Role.OWNER),
    "sub-account admin": ("sub_account", Role.ADMIN),
    "sub-account member": ("sub_account", Role.MEMBER),
    "regular owner": ("individual", Role.OWNER),
    "regular admin": ("individual", Role.ADMIN),
    "regular member": ("individual", Role.MEMBER),
    "agency owner in its sub-account": ("sub_account", ""),
}
MANAGERS = tuple(role for role in ROLES if role.endswith(("owner", "admin")))
AGENCY_MANAGERS = ("agency owner", "agency admin")
AGENCY = (*AGENCY_MANAGERS, "agency member")


@dataclass
class Scene:
    """One account with $8.20 and somebody in it; an agency has a sub-account besides."""

    stripe: StripeSandbox
    role: str
    account: Account
    user: User
    wallet: Wallet
    dental: Account | None = None

    @classmethod
    def of(cls, stripe: StripeSandbox, role: str) -> "Scene":
        kind, place = ROLES[role]
        makers = {"agency": make_agency, "sub_account": make_sub_account}
        account = makers.get(kind, make_individual)()
        user = add_member(account if place else account.agency, place or Role.OWNER)
        wallet = make_wallet(account=account, credit="8.20")
        scene = cls(stripe, role, account, user, wallet)
        if kind == "agency":
            scene.dental = make_sub_account("Northside Dental", agency=account)
            make_wallet(account=scene.dental, credit="3")
        return scene

    def card(self, number: str = GOOD_CARD) -> object:
        return add_card(self.stripe, self.wallet, number)

    def paid(self) -> list[int]:
        """The cents of every charge of the account's cards that went through."""
        rows = Purchase.objects.filter(payer=self.account, state="succeeded")
        return list(rows.values_list("amount_cents", flat=True))

    def settings(self) -> AutoRecharge:
        return AutoRecharge.objects.get(wallet=self.wallet)
