"""Eight tenants, each with one of everything that has an address, and words that only it knows."""

from datetime import timedelta
from uuid import UUID, uuid4

from accounts import clock
from accounts.models import Account, ApiKey, Invitation, Role, User, WebhookDelivery
from accounts.telling import changes
from accounts.telling.notifications import notify
from accounts.tests.builders import (
    add_member,
    close,
    make_agency,
    make_individual,
    make_key,
    make_staff,
    make_sub_account,
    make_user,
)
from accounts.webhooks import endpoints, outbox
from accounts.webhooks.endpoints import Terms
from campaigns.tests.builders import make_campaign
from tests.matrix import table
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from thinkrr_billing.staff.groups import BILLING, READ_ONLY, SUPPORT
from wallets.allocations import asks
from wallets.models import Alert, BillingAddress, MinuteAsk, Reversal
from wallets.tests.worlds.builders import add_card, make_wallet
from wallets.tests.worlds.histories import allocate, buy, post

CLOSED = ("closed_sub", "closed")


class Tenant:
    """An account with everything in it. `marks` are what no stranger may ever read."""

    def __init__(self, word: str, account: Account, owner: User, stripe: StripeSandbox) -> None:
        number = table.TENANTS.index(word) + 1
        self.word, self.account, self.owner = word, account, owner
        self.ask: MinuteAsk | None = None
        self.gift_id = uuid4()
        self.wallet = make_wallet(account=account, credit=f"{number}{number}317.{number}9")
        self.card = add_card(stripe, self.wallet).id
        self.paid = buy(self.wallet, receipt_number=number, form_key=str(uuid4()))
        post(self.wallet, "credit", "-0.01", kind="calls", key=f"calls:{uuid4()}")
        self.debit = self.wallet.entries.get(kind="calls")
        self.refund = Reversal.objects.create(
            purchase=self.paid,
            kind="refund",
            amount_cents=100,
            state="succeeded",
            closed_at=clock.now(),
            reason="Asked for",
        )
        self.campaign = make_campaign(
            account, name=f"{self.mark} calls", external_id=f"{self.mark}-1", status="manual"
        )
        self.key, self.token = make_key(account)
        ApiKey.objects.filter(pk=self.key.pk).update(name=f"{self.mark} key")
        self.invitation = Invitation.objects.create(
            account=account,
            email=f"invited@{self.mark}.example",
            role=Role.MEMBER,
            invited_by=owner,
            expires_at=clock.now() + timedelta(days=1),
        )
        self.address = BillingAddress.objects.create(
            account=account, email=f"books@{self.mark}.example"
        )
        self.alert = Alert.objects.create(
            wallet=self.wallet, kind="balance", level=number, addresses=[f"a@{self.mark}.example"]
        )
        self.webhook = endpoints.add(
            account=account,
            terms=Terms(url=f"https://{self.mark}.example/hooks", description=self.mark),
            actor=None,
        )
        self.delivery = outbox.write_test(endpoint=self.webhook)
        WebhookDelivery.objects.filter(pk=self.delivery.pk).update(state="failed")
        notify(account=account, kind="calls", text=f"{self.mark} was told", mail=False)
        self.colleague = add_member(account, Role.ADMIN, user=make_user(f"c@{self.mark}.example"))
        self.wallet.refresh_from_db()
        amounts = (f"{self.wallet.credit.amount:.2f}", f"{self.wallet.credit.amount:,.2f}")
        self.marks = (self.mark, account.name, *amounts, self.card)

    @property
    def mark(self) -> str:
        return f"zq{self.word.replace('_', '')}qz"

    def asks(self) -> None:
        """For minutes of its agency."""
        self.ask = asks.ask(
            account=self.account,
            actor=self.owner,
            basic_minutes=10,
            premium_minutes=0,
            words=f"{self.mark} asks",
        )

    def ids(self) -> dict[str, object]:
        return {
            "ask_id": self.ask.pk if self.ask else 999_999,
            "gift_id": self.gift_id,
            "key_id": self.key.pk,
            "alert_id": self.alert.pk,
            "endpoint_id": self.webhook.pk,
            "delivery_id": self.delivery.pk,
            "user_id": self.colleague.pk,
            "invitation_id": self.invitation.pk,
            "address_id": self.address.pk,
            "form_key": self.paid.form_key,
            "purchase_id": self.paid.pk,
            "reversal_id": self.refund.pk,
            "entry_id": self.debit.pk,
            "card_id": self.card,
            "account_id": self.account.pk,
            "campaign_id": self.campaign.pk,
            "external_id": self.campaign.external_id,
            **NOBODYS,
        }


# What the addresses of no tenant hold.
NOBODYS = {
    "session_id": 999_999,
    "step": "pause",
    "call": "call-2",
    "month": "2026-11",
    "uidb64": "MQ",
    "token": "made-up",
    "route": "nowhere",
}
MADE_UP = {
    "ask_id": 999_999,
    "gift_id": uuid4(),
    "key_id": 999_999,
    "alert_id": 999_999,
    "endpoint_id": uuid4(),
    "delivery_id": 999_999,
    "user_id": 999_999,
    "invitation_id": 999_999,
    "address_id": 999_999,
    "form_key": uuid4(),
    "purchase_id": uuid4(),
    "reversal_id": uuid4(),
    "entry_id": 999_999_999,
    "card_id": "pm_nobodys",
    "account_id": uuid4(),
    "campaign_id": 999_999,
    "external_id": "nobodys",
    **NOBODYS,
}


class World:
    def __init__(self, stripe: StripeSandbox) -> None:
        self.tenants: dict[str, Tenant] = {}
        agency, rival = self._agency(stripe, "agency"), self._agency(stripe, "rival")
        for word in ("sub", "sister", "closed_sub"):
            self._sub_account(stripe, word, agency)
        self._sub_account(stripe, "rival_sub", rival)
        for word in ("single", "closed"):
            owner = make_user(f"owner@zq{word}qz.example")
            self._add(stripe, word, make_individual(f"The {word} works", owner=owner), owner)
        for word in CLOSED:
            close(self.tenants[word].account)
        self.now = clock.now()
        self.people = self._people()
        self.tokens = self._tokens()
        # Used just now: the next use is not noted once more.
        ApiKey.objects.update(last_used_at=clock.now() + timedelta(hours=1))
        # The first who reads them numbers them.
        changes.number()

    def _agency(self, stripe: StripeSandbox, word: str) -> Account:
        owner = make_user(f"owner@zq{word}qz.example")
        account = make_agency(f"The {word} house", owner=owner)
        self._add(stripe, word, account, owner)
        return account

    def _sub_account(self, stripe: StripeSandbox, word: str, agency: Account) -> None:
        owner = make_user(f"owner@zq{word.replace('_', '')}qz.example")
        account = make_sub_account(f"The {word} clinic", agency=agency, owner=owner)
        self._add(stripe, word, account, owner)
        self.tenants[word].asks()
        allocate(self.tenants[word].wallet)
        gift = buy(
            self.tenants[word].wallet,
            payer=agency,
            purpose="allocation",
            buys="allocation",
            form_key=str(uuid4()),
            basic_minutes=10,
            basic_rate="0.09",
            premium_rate="0.16",
        )
        next(one for one in self.tenants.values() if one.account == agency).gift_id = gift.pk

    def _add(self, stripe: StripeSandbox, word: str, account: Account, owner: User) -> None:
        self.tenants[word] = Tenant(word, account, owner, stripe)

    def _people(self) -> dict[str, User | None]:
        of = {word: one.account for word, one in self.tenants.items()}
        two = add_member(of["single"], Role.ADMIN)
        add_member(of["sub"], Role.MEMBER, user=two)
        return {
            "sub owner": self.tenants["sub"].owner,
            "sub admin": add_member(of["sub"], Role.ADMIN),
            "sub member": add_member(of["sub"], Role.MEMBER),
            "agency owner": self.tenants["agency"].owner,
            "agency admin": add_member(of["agency"], Role.ADMIN),
            "agency member": add_member(of["agency"], Role.MEMBER),
            "single owner": self.tenants["single"].owner,
            "closed owner": self.tenants["closed"].owner,
            "closed sub owner": self.tenants["closed_sub"].owner,
            "two accounts": two,
            "looking": self.tenants["sub"].owner,
            "no account": make_user(),
            "inactive": add_member(of["sub"], Role.OWNER, user=make_user(is_active=False)),
            "nobody": None,
            "staff, no role": make_staff("No such group"),
            READ_ONLY: make_staff(READ_ONLY),
            SUPPORT: make_staff(SUPPORT),
            BILLING: make_staff(BILLING),
            "superuser": make_staff(),
        }

    def _tokens(self) -> dict[str, str]:
        of = {word: one.account for word, one in self.tenants.items()}
        sub, past = of["sub"], clock.now() - timedelta(minutes=1)
        made = {
            "sub, read only": make_key(sub, "read"),
            "sub, calls only": make_key(sub, "calls"),
            "agency, read only": make_key(of["agency"], "read"),
            "platform": make_key(None),
            "platform, read only": make_key(None, "read"),
            "revoked": make_key(sub),
            "expired": make_key(sub),
            "other address": make_key(sub),
        }
        facts = {"revoked": {"revoked_at": past}, "expired": {"expires_at": past}}
        facts["other address"] = {"addresses": ["203.0.113.9/32"]}
        for name, values in facts.items():
            ApiKey.objects.filter(pk=made[name][0].pk).update(**values)
        tokens = {name: token for name, (_, token) in made.items()}
        own = {word: self.tenants[word].token for word in ("sub", "agency", "single", "closed")}
        return own | tokens | {"rival": self.tenants["rival"].token, "made up": f"tb_{'0' * 56}"}

    def ids(self, word: str) -> dict[str, object]:
        return self.tenants[word].ids() if word in self.tenants else MADE_UP

    def account_id(self, word: str) -> UUID:
        return self.ids(word)["account_id"]

    def values_of(self, word: str) -> dict[str, str]:
        """What the forms of tests/faults/test_g_input.py leave open."""
        return {
            "{card}": self.tenants[word].card,
            "{key}": str(uuid4()),
            "{tomorrow}": str(clock.now().date() + timedelta(days=2)),
        }

    def read_of_others(self, text: str, *, seen: set[str], sent: str) -> list[str]:
        """What of the tenants that are not `seen` stands in the text, and was not sent there."""
        return [
            mark
            for word, tenant in self.tenants.items()
            if word not in seen
            for mark in tenant.marks
            # Whoever may see a sub-account is told by whom it is.
            if mark in text
            and mark not in sent
            and not (mark == "The agency house" and seen & {"sub", "closed_sub"})
        ]
