"""What browser tests look at: steps taken before, and pages with something in every list."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db import transaction

from accounts import clock
from accounts.models import Account, Role, Scope, User, WebhookDelivery, WebhookEndpoint
from accounts.people import api_keys, archiving, members, opening
from accounts.tests.authenticator import turn_on
from accounts.tests.builders import (
    add_member,
    close,
    make_agency,
    make_sub_account,
    owner_of,
)
from accounts.webhooks import endpoints
from accounts.webhooks.endpoints import Terms as Hook
from campaigns import calls
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign, make_report
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.alerts import keeping, sending
from wallets.alerts.keeping import Terms
from wallets.allocations import asks, configure, runs
from wallets.cards import backup
from wallets.models import Alert, AutoRecharge, Purchase, Reversal, Wallet
from wallets.recharges import by_hand, suspensions
from wallets.reversals import refunds
from wallets.statements import addresses
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    fill,
    make_wallet,
    set_auto_recharge,
)

CONFIRM = r"^/v1/payment_intents/[^/]+/confirm$"
# As long as a name may be.
LONG_NAME = (
    "Wolfeschlegelsteinhausenbergerdorff & Daughters Veterinary Practice for Small and Large "
    "Animals, Emergencies in Portland"
)
LONGEST_NAME = f"{'Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch' * 2}ab."


@dataclass(frozen=True)
class Rich:
    """The people, and the addresses of the pages they open, by what the page shows."""

    owner: User
    member: User
    dental_owner: User
    harbor_owner: User
    newcomer: User
    # Nobody asked them yet whom to bill.
    beginner: User
    pages: dict[str, str]
    dialogs: dict[str, tuple[str, str]]
    harbor_pages: dict[str, str]
    dental_pages: dict[str, str]
    signed_out_pages: dict[str, str]
    # Owners of accounts in trouble, by the trouble.
    troubled: dict[str, User]


def rich_world(stripe: StripeSandbox) -> Rich:
    agency = make_agency("Brightline Agency")
    owner = owner_of(agency)
    wallet = make_wallet(account=agency, credit="5", included=3000)
    card = add_card(stripe, wallet)
    agency.refresh_from_db()
    expiring = add_card(stripe, wallet, OTHER_GOOD_CARD, exp_month=12, exp_year=2024)
    bought = [
        pay(wallet, owner, amount=amount, buys=buys)
        for amount, buys in (("50", "premium"), ("75", "basic"), ("25", "credit"))
    ]
    declined = pay(
        wallet, owner, amount="60", buys="credit", card=add_card(stripe, wallet, DECLINED_CARD).id
    )
    refund = _refund(bought[2])
    set_auto_recharge(wallet, threshold=20, amount=50, monthly_limit=500)
    campaigns = _campaigns(agency)
    calls.record(
        reports=[
            make_report(agency, seconds=seconds, campaign=campaigns["started"])
            for seconds in (61, 240, 600)
        ],
        reporter=None,
    )
    dental, harbor, others = _sub_accounts(agency, stripe, owner, card.id)
    api_keys.create(account=agency, name="Reports", scopes=[Scope.READ], created_by=owner)
    invitation = members.invite(
        account=agency, email="ada@example.com", role=Role.ADMIN, invited_by=owner
    )
    address = addresses.add(
        account=agency, email="books@example.com", receipts=True, statements=True, actor=owner
    )
    alert = _alerts(wallet, owner)
    delivery = _webhooks(agency, owner)
    backup.choose(account=agency, card_id=add_card(stripe, wallet, OTHER_GOOD_CARD).id)
    harbor_pages = _harbor(stripe, harbor)
    dental_pages = _dental(stripe, dental)
    newcomer = owner_of(opening.open_individual(name=LONG_NAME, owner=_person("newcomer")))
    beginner = owner_of(opening.open_individual(name="First Day", owner=_person("beginner")))
    return Rich(
        owner=owner,
        member=add_member(agency, user=_person("looker")),
        dental_owner=owner_of(dental),
        harbor_owner=owner_of(harbor),
        newcomer=newcomer,
        beginner=beginner,
        pages={
            "payments": "/payments/",
            "payments, 90 days": "/payments/?days=90",
            "recharge": "/payments/recharge/",
            "configure": "/payments/auto-recharge/",
            "transactions": "/payments/transactions/",
            "receipts": "/payments/receipts/",
            "no receipts": "/payments/receipts/?period=2020",
            "statements": "/payments/statements/",
            "statement": f"/payments/statements/{clock.now():%Y-%m}/",
            "why": "/payments/why/",
            "help": "/help/",
            "help, searched": "/help/?q=declined",
            "help, nothing found": "/help/?q=unicorn",
            "export": "/payments/export/",
            "export refused": "/payments/export/?format=csv&since=2026-13-01&pot=gold&type=x",
            "nothing found": "/payments/transactions/?type=refunds",
            "add a card": "/payments/methods/add/",
            "remove a card": f"/payments/methods/{expiring.id}/remove/",
            "card in use": f"/payments/methods/{card.id}/remove/",
            "paid": f"/payments/purchases/{bought[0].pk}/",
            "declined": f"/payments/purchases/{declined.pk}/",
            "receipt": f"/payments/receipts/{bought[0].pk}/",
            "calls of a row": f"/payments/transactions/{_debit(wallet)}/calls/",
            "receipt given back in part": f"/payments/receipts/{refund.purchase_id}/",
            "credit note": f"/payments/credit-notes/{refund.pk}/",
            "account manager": "/account-manager/",
            "no sub-account found": "/account-manager/?search=zzz",
            "need the agency": "/account-manager/?status=at_risk",
            "archived ones": "/account-manager/?status=archived",
            "give minutes": f"/account-manager/{harbor.pk}/give-minutes/",
            "give what was asked": f"/account-manager/{dental.pk}/give-minutes/?ask={_ask(dental)}",
            "rename": f"/account-manager/{others['awaits its owner']}/rename/",
            "archive": f"/account-manager/{dental.pk}/archive/",
            "invite an owner": f"/account-manager/{others['awaits its owner']}/invite/",
            "add a sub-account": "/account-manager/add/",
            "sub-account": f"/account-manager/{dental.pk}/",
            "failed allocation": f"/account-manager/{harbor.pk}/",
            **{name: f"/account-manager/{pk}/" for name, pk in others.items()},
            "allocation": f"/account-manager/{dental.pk}/auto-allocation/",
            "failed allocation's panel": f"/account-manager/{harbor.pk}/auto-allocation/",
            "stopping": f"/account-manager/{dental.pk}/auto-allocation/?stop=1",
            "failed payments": "/account-manager/?status=payment_failed",
            "campaigns": "/campaigns/",
            "usage": "/usage/",
            "usage of a year": "/usage/?by=campaign&show=dollars&since=2026-01-01",
            "no usage": "/usage/?since=2026-01-01&until=2026-01-02",
            "campaign": f"/campaigns/{campaigns['started'].pk}/",
            "paused campaign": f"/campaigns/{campaigns['low_balance'].pk}/",
            "resume": "/campaigns/resume/",
            "notifications": "/notifications/",
            "settings": "/settings/",
            "members": "/settings/members/",
            "billing": "/settings/billing/",
            "api keys": "/settings/api-keys/",
            "alerts": "/settings/alerts/",
            "change an alert": f"/settings/alerts/{alert.pk}/",
            "preview of an alert": f"/settings/alerts/{alert.pk}/preview/",
            "webhooks": "/settings/webhooks/",
            "webhook": f"/settings/webhooks/{delivery.endpoint_id}/",
            "delivery": f"/settings/webhooks/{delivery.endpoint_id}/deliveries/{delivery.pk}/",
            "profile": "/settings/profile/",
            "security": "/settings/security/",
            "turn on two-factor log-in": "/settings/security/second-factor/",
            "accounts": "/accounts/switch/",
            "not found": f"/payments/purchases/{uuid.uuid4()}/",
        },
        dialogs={
            "recharge": ("/payments/", "#add-credit"),
            "configure": ("/payments/", "#configure"),
            "export": ("/payments/transactions/?type=calls", "#export"),
            "add a sub-account": ("/account-manager/", "#add-sub-account"),
            "allocation": (f"/account-manager/{dental.pk}/", "#manage-allocation"),
            "give minutes": (f"/account-manager/{dental.pk}/", "#give-minutes"),
            "resume": ("/campaigns/", "#resume-campaigns"),
        },
        harbor_pages=harbor_pages,
        dental_pages=dental_pages,
        signed_out_pages={
            "log in": "/login/",
            "password reset": "/password-reset/",
            "password reset sent": "/password-reset/sent/",
            "old reset link": "/password-reset/MQ/abc-def/",
            "password saved": "/password-reset/done/",
            "invitation": invitation.path,
            "billing address to confirm": address.confirm_path,
            "papers to stop": address.stop_path,
        },
        troubled=_troubled(stripe),
    )


def _ask(account: Account) -> int:
    return account.minute_asks.values_list("pk", flat=True).get()


def _refund(purchase: Purchase) -> Reversal:
    """A part of it, given back."""
    reversal = refunds.refund(
        purchase_id=purchase.pk,
        amount_cents=500,
        actor=None,
        reason="Asked for",
        form_key=str(uuid.uuid4()),
    )
    return refunds.drive_refund(reversal_id=reversal.pk)


def _debit(wallet: Wallet) -> int:
    """The number of an entry of calls."""
    return wallet.entries.filter(kind="calls").values_list("pk", flat=True).first()


def pay(
    wallet: Wallet, actor: User, *, amount: str = "50", buys: str = "credit", card: str = ""
) -> Purchase:
    """A recharge by hand, whatever becomes of it."""
    return by_hand.recharge(
        wallet_id=wallet.pk,
        actor=actor,
        amount=Decimal(amount),
        buys=buys,
        payment_method=card,
        form_key=str(uuid.uuid4()),
    )


def allocate(
    stripe: StripeSandbox, agency_wallet: Wallet, sub_account: Account, *, declines: str = ""
) -> str:
    """500 Basic minutes a month, today's charge made. Answers with the card's id."""
    card = add_card(stripe, agency_wallet)
    if declines:
        stripe.set_card(card.id, behaviour={"decline_code": declines})
    agency_wallet.account.refresh_from_db()
    configure.save(
        account=sub_account,
        agency=agency_wallet.account,
        actor=None,
        basic_minutes=500,
        premium_minutes=0,
        payment_method=card.id,
    )
    runs.charge_due(now=clock.now())
    return card.id


def _person(name: str) -> User:
    return User.objects.create_user(f"{name}-{uuid.uuid4().hex[:6]}@example.com", "x", name=name)


def _alerts(wallet: Wallet, owner: User) -> Alert:
    """One of each level, one that goes to everybody it may, and Slack that was switched off."""
    address = "https://hooks.slack.com/services/TEAMX/BOTXX/abcdefghijklmnop"
    hook = keeping.connect_slack(wallet_id=wallet.pk, address=address, actor=owner)
    to_all = {"addresses": ("bookkeeping@a-very-long-name-of-a-firm.example",), "slack": True}
    terms = [
        Terms(kind="balance", level=Decimal(25), people="everyone", **to_all),
        Terms(kind="minutes", level=Decimal(120)),
        Terms(kind="runway", level=Decimal(3)),
        Terms(kind="decline", level=None),
    ]
    made = [keeping.add(wallet_id=wallet.pk, terms=one, actor=owner) for one in terms]
    sending.disable(hook, because="Slack answered: no_service")
    return made[0]


def _webhooks(agency: Account, owner: User) -> WebhookDelivery:
    """One that works, one of Slack that is paused, and one that was switched off, with its log."""
    add = partial(endpoints.add, account=agency, actor=owner)
    slack = "https://hooks.slack.com/services/TEAMX/BOTXX/abcdefghijklmnop"
    endpoints.pause(endpoint=add(terms=Hook(url=slack, format="slack", events=("rate.announced",))))
    works = add(terms=Hook(url="https://crm.example.com/hooks", description=LONG_NAME))
    long = "https://a-very-long-name-of-a-server.example.com/" + "with/a/long/path/" * 12
    one = add(terms=Hook(url=long))
    at, error = clock.now(), "No answer within 15 seconds."
    WebhookEndpoint.objects.filter(pk=works.pk).update(worked_at=at)
    made = [endpoints.test(endpoint=one) for _ in range(3)]
    for number, delivery in enumerate(made):
        state = ("failed", "sent", "waiting")[number]
        rows = WebhookDelivery.objects.filter(pk=delivery.pk)
        rows.update(state=state, attempts=2, sent_at=at if state == "sent" else None)
        delivery.tries.create(at=at, took_ms=15_000, error=error)
        delivery.tries.create(at=at, took_ms=84, status=500, answer="<html>" + "x" * 300)
    with transaction.atomic():
        endpoints.disable(endpoint_id=one.pk, url=one.url, because="it answered 410 Gone")
    return made[0]


def _campaigns(agency: Account) -> dict[str, Campaign]:
    named = {
        "started": ("Spring recall", "premium"),
        "manual": ("Holiday follow-up", "basic"),
        "low_balance": (LONG_NAME, "premium_then_basic"),
        "not_started": ("Summer", "premium"),
        "complete": ("Winter", "basic"),
        "ended": ("Autumn", "premium"),
    }
    return {
        status: make_campaign(agency, name=name, minute_type=minute_type, status=status)
        for status, (name, minute_type) in named.items()
    }


def _sub_accounts(
    agency: Account, stripe: StripeSandbox, owner: User, card: str
) -> tuple[Account, Account, dict[str, uuid.UUID]]:
    """One paid, one given up, and one in each other state a monthly payment can be in."""
    refusals = {
        "Northside Dental": "",
        "Harbor Yoga Studio": "lost_card",
        "Lakeview, tried again": "insufficient_funds",
        "Cedar, waiting for the bank": "authentication_required",
        "Closed Clinic": "",
    }
    accounts = {}
    for name, refusal in refusals.items():
        paid_by = card
        if refusal:
            paid_by = add_card(stripe, agency.wallet).id
            stripe.set_card(paid_by, behaviour=_behaviour(refusal))
        accounts[name] = make_sub_account(name, agency=agency)
        make_wallet(account=accounts[name], credit="3.10")
        configure.save(
            account=accounts[name],
            agency=agency,
            actor=owner,
            basic_minutes=500,
            premium_minutes=100,
            payment_method=paid_by,
        )
    accounts["without an allocation"] = make_sub_account(LONG_NAME, agency=agency)
    accounts["awaits its owner"] = opening.add_sub_account(
        agency=agency, name=LONGEST_NAME, owner_email=f"{'o' * 50}@example.com", invited_by=owner
    )
    accounts["archived"] = make_sub_account("Old Mill", agency=agency)
    archiving.archive(account=accounts["archived"], actor=owner)
    asks.ask(
        account=accounts["Northside Dental"],
        actor=owner_of(accounts["Northside Dental"]),
        basic_minutes=0,
        premium_minutes=500,
        words="Recall calls for every patient of the last three years start on Monday",
    )
    runs.charge_due(now=clock.now())
    close(accounts["Closed Clinic"])
    dental, harbor, *others = accounts.values()
    return dental, harbor, dict(zip(list(accounts)[2:], (one.pk for one in others), strict=True))


def _behaviour(refusal: str) -> object:
    return refusal if refusal == "authentication_required" else {"decline_code": refusal}


def _troubled(stripe: StripeSandbox) -> dict[str, User]:
    """Accounts whose money does not simply work; each with a card and a call or two."""
    owners = {}
    for trouble in ("disputed", "limit", "waiting", "unknown", "refunded", "closed"):
        account = opening.open_individual(name=f"In trouble: {trouble}", owner=_person(trouble))
        wallet = make_wallet(account=account, credit="8.20")
        card = add_card(stripe, wallet)
        account.refresh_from_db()
        owners[trouble] = owner_of(account)
        automatic = set_auto_recharge(wallet, threshold=5, amount=50, monthly_limit=100)
        soon = clock.now() + timedelta(days=3)
        match trouble:
            case "disputed":
                fill(wallet, credit="-10.12")
                Wallet.objects.filter(pk=wallet.pk).update(
                    blocked_at=clock.now(), blocked_reason=Wallet.Blocked.DISPUTED
                )
            case "limit":
                hold(automatic, "monthly_limit", soon)
            case "waiting":
                hold(automatic, "too_many", soon)
            case "unknown":
                stripe.fault(kind="processing", path=CONFIRM)
                pay(wallet, owners[trouble], card=card.id)
                stripe.clear_faults()
            case "refunded":
                paid = pay(wallet, owners[trouble], card=card.id)
                refunds.refund(
                    purchase_id=paid.pk,
                    amount_cents=2000,
                    actor=None,
                    reason="wrong",
                    form_key=str(uuid.uuid4()),
                )
            case "closed":
                close(account)
    return owners


def hold(automatic: AutoRecharge, reason: str, until: datetime) -> None:
    automatic.hold_reason, automatic.not_before = reason, until
    automatic.save()


def _harbor(stripe: StripeSandbox, harbor: Account) -> dict[str, str]:
    """A sub-account whose automatic charge waits for the bank."""
    wallet, owner = harbor.wallet, owner_of(harbor)
    card = add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet, threshold=20, amount=50)
    waiting = pay(wallet, owner, card=card.id)
    return {"payments, bank": "/payments/", "bank": f"/payments/purchases/{waiting.pk}/"}


def _dental(stripe: StripeSandbox, dental: Account) -> dict[str, str]:
    """A sub-account whose Auto-Recharge is suspended, with campaigns that cannot be paid, and whose
    owner logs in with a second factor."""
    wallet = dental.wallet
    add_card(stripe, wallet, DECLINED_CARD)
    set_auto_recharge(wallet, threshold=20, amount=50)
    with transaction.atomic():
        suspensions.suspend(wallet=wallet, reason="payment_failed")
    for minute_type in ("premium", "basic"):
        make_campaign(dental, minute_type=minute_type, status="low_balance")
    turn_on(owner_of(dental))
    return {
        "payments, suspended": "/payments/",
        "ask the agency": "/payments/ask-agency/",
        "configure, suspended": "/payments/auto-recharge/",
        "security, on": "/settings/security/",
        "turn off two-factor log-in": "/settings/security/second-factor/off/",
        "new recovery codes": "/settings/security/recovery-codes/",
    }
