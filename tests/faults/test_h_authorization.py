"""Who may do what, on every route there is. A route that is not in the table fails the test.

The world is a sub-account of an agency. The actors ask for its pages and its objects.
"""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import URLPattern, get_resolver

from accounts.models import Role
from accounts.tests.builders import (
    add_member,
    make_agency,
    make_individual,
    make_key,
    make_sub_account,
    make_user,
    owner_of,
)
from accounts.webhooks import endpoints, outbox
from accounts.webhooks.endpoints import Terms
from campaigns.tests.builders import make_campaign
from wallets.balances.opening import open_wallet
from wallets.models import Alert, BillingAddress, Purchase, Reversal
from wallets.tests.worlds.api_clients import client_of
from wallets.tests.worlds.histories import post

pytestmark = [pytest.mark.django_db, pytest.mark.journey, pytest.mark.usefixtures("nudges")]

# What a POST needs in the sub-account. "see": nothing there is written by a POST.
NEEDS = {
    "settings/": "money",
    "settings/api-keys/": "money",
    "settings/api-keys/<int:key_id>/revoke/": "money",
    "settings/api-keys/<int:key_id>/rotate/": "money",
    "settings/members/": "see",
    "settings/members/invite/": "money",
    "settings/members/<int:user_id>/role/": "money",
    "settings/members/<int:user_id>/remove/": "money",
    "settings/members/invitations/<int:invitation_id>/withdraw/": "money",
    "settings/billing/": "see",
    "settings/billing/add/": "money",
    "settings/billing/<int:address_id>/choose/": "money",
    "settings/billing/<int:address_id>/link/": "money",
    "settings/billing/<int:address_id>/remove/": "withdraw",
    "payments/": "see",
    "payments/auto-recharge/": "money",
    "payments/auto-recharge/preview/": "money",
    "payments/auto-recharge/retry/": "money",
    "payments/auto-recharge/off/": "withdraw",
    "payments/low-minutes/": "money",
    "payments/bill-to/": "money",
    "payments/recharge/": "money",
    "payments/recharge/quote/": "money",
    "payments/recharge/outcome/<uuid:form_key>/": "see",
    "payments/outcome/": "money",
    "payments/transactions.csv": "see",
    "payments/export/": "see",
    "payments/transactions/": "see",
    "payments/purchases/<uuid:purchase_id>/": "see",
    "payments/purchases/<uuid:purchase_id>/confirm/": "money",
    "payments/purchases/<uuid:purchase_id>/cancel/": "money",
    "payments/receipts/<uuid:purchase_id>/": "see",
    "payments/receipts/<uuid:purchase_id>.pdf": "see",
    "payments/credit-notes/<uuid:reversal_id>/": "see",
    "payments/credit-notes/<uuid:reversal_id>.pdf": "see",
    "payments/transactions/<int:entry_id>/calls/": "see",
    "payments/receipts/": "see",
    "payments/receipts.pdf": "see",
    "payments/statements/": "see",
    "payments/statements/<str:month>/": "see",
    "payments/statements/<str:month>.pdf": "see",
    "payments/statements/<str:month>.csv": "see",
    "payments/why/": "see",
    "payments/ask/": "see",
    "help/": "see",
    "settings/webhooks/": "money",
    "settings/webhooks/<uuid:endpoint_id>/": "money",
    "settings/webhooks/<uuid:endpoint_id>/rotate/": "money",
    "settings/webhooks/<uuid:endpoint_id>/pause/": "money",
    "settings/webhooks/<uuid:endpoint_id>/resume/": "money",
    "settings/webhooks/<uuid:endpoint_id>/test/": "money",
    "settings/webhooks/<uuid:endpoint_id>/delete/": "money",
    "settings/webhooks/<uuid:endpoint_id>/deliveries/<int:delivery_id>/": "see",
    "settings/webhooks/<uuid:endpoint_id>/deliveries/<int:delivery_id>/resend/": "money",
    "settings/alerts/": "see",
    "settings/alerts/add/": "money",
    "settings/alerts/slack/": "money",
    "settings/alerts/<int:alert_id>/": "money",
    "settings/alerts/<int:alert_id>/remove/": "money",
    "settings/alerts/<int:alert_id>/test/": "money",
    "settings/alerts/<int:alert_id>/preview/": "see",
    "payments/methods/add/": "money",
    "payments/methods/added/": "money",
    "payments/methods/<str:card_id>/default/": "money",
    "payments/methods/<str:card_id>/backup/": "money",
    "payments/methods/<str:card_id>/remove/": "withdraw",
    "payments/ask-agency/": "money",
    "payments/ask-agency/<int:ask_id>/withdraw/": "money",
    "account-manager/": "see",
    "account-manager.csv": "see",
    "account-manager/several/allocation/": "money",
    "account-manager/several/notice/": "money",
    "account-manager/<uuid:account_id>/rename/": "allocate",
    "account-manager/<uuid:account_id>/archive/": "allocate",
    "account-manager/<uuid:account_id>/invite/": "allocate",
    "account-manager/<uuid:account_id>/invite/withdraw/": "allocate",
    "account-manager/<uuid:account_id>/give-minutes/": "allocate",
    "account-manager/<uuid:account_id>/give-minutes/estimate/": "allocate",
    "account-manager/<uuid:account_id>/asks/<int:ask_id>/decline/": "allocate",
    "account-manager/add/": "money",
    "account-manager/<uuid:account_id>/": "see",
    "account-manager/<uuid:account_id>/notices/": "allocate",
    "account-manager/<uuid:account_id>/auto-allocation/": "allocate",
    "account-manager/<uuid:account_id>/auto-allocation/estimate/": "allocate",
    "account-manager/<uuid:account_id>/auto-allocation/retry/": "allocate",
    "account-manager/<uuid:account_id>/auto-allocation/skip/": "allocate",
    "campaigns/": "see",
    "campaigns/resume/": "campaigns",
    "campaigns/resume/tiers/": "see",
    "campaigns/<int:campaign_id>/": "see",
    "campaigns/<int:campaign_id>/pause/": "campaigns",
    "campaigns/<int:campaign_id>/resume/": "campaigns",
    "usage/": "see",
    "usage.csv": "see",
    "banner/": "see",
}
# About the person, whichever account they are in.
OWN = {
    "",
    "logout/",
    "accounts/switch/",
    "notifications/",
    "notifications/read/",
    "settings/profile/",
    "settings/profile/password/",
    "settings/profile/mails/",
    "settings/security/",
    "settings/security/second-factor/",
    "settings/security/second-factor/off/",
    "settings/security/recovery-codes/",
    "settings/security/sessions/<int:session_id>/end/",
    "settings/security/sessions/end-others/",
}
PUBLIC = {
    "login/",
    "login/code/",
    "password-reset/",
    "password-reset/sent/",
    "password-reset/<uidb64>/<token>/",
    "password-reset/done/",
    "invitations/<str:token>/",
    "billing/confirm/<str:token>/",
    "billing/stop/<str:token>/",
    "invitations/<str:token>/opened/",
    "stripe/webhook/",
    "healthz",
    "readyz",
    "metrics",
}
# Keys open these; the documents are open to everybody.
API = {
    "wallet": ("get",),
    "wallet/entries": ("get",),
    "wallet/auto-recharge": ("get", "put"),
    "wallet/recharges": ("get", "post"),
    "wallet/auto-recharge/preview": ("post",),
    "wallet/auto-recharge/retry": ("post",),
    "wallet/low-minutes": ("get", "put"),
    "wallet/recharges/<uuid:purchase_id>": ("get",),
    "wallet/recharges/<uuid:purchase_id>/cancel": ("post",),
    "wallet/recharges/preview": ("post",),
    "wallet/purchases/<uuid:purchase_id>/why": ("get",),
    "wallet/decisions": ("get",),
    "wallet/cards": ("get",),
    "wallet/cards/default": ("put",),
    "wallet/cards/backup": ("put",),
    "wallet/alerts": ("get", "post"),
    "wallet/alerts/<int:alert_id>": ("get", "put", "delete"),
    "wallet/alerts/<int:alert_id>/test": ("post",),
    "sub-accounts": ("get", "post"),
    "sub-accounts/<uuid:account_id>/auto-allocation": ("get", "put"),
    "sub-accounts/<uuid:account_id>/auto-allocation/preview": ("post",),
    "sub-accounts/<uuid:account_id>/auto-allocation/runs": ("get",),
    "sub-accounts/<uuid:account_id>/auto-allocation/retry": ("post",),
    "sub-accounts/<uuid:account_id>/auto-allocation/skip": ("put",),
    "sub-accounts/<uuid:account_id>": ("get", "put"),
    "sub-accounts/<uuid:account_id>/archive": ("put",),
    "sub-accounts/<uuid:account_id>/owner": ("get", "put", "delete"),
    "sub-accounts/<uuid:account_id>/notices": ("put",),
    "sub-accounts/<uuid:account_id>/gifts": ("get", "post"),
    "sub-accounts/<uuid:account_id>/gifts/preview": ("post",),
    "sub-accounts/<uuid:account_id>/asks/<int:ask_id>/decline": ("post",),
    "auto-allocations": ("get",),
    "gifts/<uuid:gift_id>": ("get",),
    "asks": ("get", "post"),
    "asks/<int:ask_id>": ("get",),
    "asks/<int:ask_id>/withdraw": ("post",),
    "members": ("get",),
    "invitations": ("get",),
    "notices": ("get",),
    "rates": ("get",),
    "receipts": ("get",),
    "receipts/<uuid:purchase_id>": ("get",),
    "statements/<str:month>": ("get",),
    "calls": ("get", "post"),
    "calls/authorize": ("post",),
    "calls/holds": ("post",),
    "calls/holds/<path:call>": ("delete",),
    "usage": ("get",),
    "campaigns": ("get",),
    "changes": ("get",),
    "webhooks": ("get", "post"),
    "webhooks/<uuid:endpoint_id>": ("get", "put", "delete"),
    "webhooks/<uuid:endpoint_id>/rotate": ("post",),
    "webhooks/<uuid:endpoint_id>/test": ("post",),
    "webhooks/<uuid:endpoint_id>/deliveries": ("get",),
    "webhooks/<uuid:endpoint_id>/deliveries/<int:delivery_id>/resend": ("post",),
    "campaigns/<str:external_id>": ("get", "put"),
    "campaigns/<str:external_id>/<str:step>": ("post",),
}
API_PUBLIC = {"schema/", "docs/", "<anything:route>"}
# Support's pages: nobody else gets past their door, however they ask.
STAFF_PREFIXES = ("admin/", "looking/")

STORED = ("accounts", "wallets", "campaigns")
# Written by asking at all: when somebody was last seen, and what support must be able to trace.
NOT_STORED = {
    *("LoginFailure", "ApiKey", "AuditEntry", "User", "Notification", "OpenSession"),
    # The first who reads changes numbers them.
    *("Change", "Numbering"),
    # A stranger may open the page that saves a card of their own.
    "CardAttempt",
}


def routes(resolver=None, prefix: str = "") -> Iterator[str]:
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern, route)


def path(route: str, ids: dict[str, object]) -> str:
    """An address of the route, with these in it."""
    for name, value in ids.items():
        for kind in ("int:", "str:", "uuid:", "path:", "anything:", ""):
            route = route.replace(f"<{kind}{name}>", str(value))
    return f"/{route}"


def test_every_route_is_in_the_table():
    known = {*NEEDS, *OWN, *PUBLIC, *(f"api/v1/{route}" for route in {*API, *API_PUBLIC})}
    there = {route for route in routes() if not route.startswith(STAFF_PREFIXES)}
    assert sorted(there - known) == []
    assert sorted(known - there) == []


class World:
    """A sub-account with everything that has an id, its people, its agency's, and a stranger."""

    def __init__(self) -> None:
        self.agency = make_agency()
        self.sub = make_sub_account(agency=self.agency)
        wallet = open_wallet(account=self.sub)
        open_wallet(account=self.agency)
        stranger = make_individual()
        open_wallet(account=stranger)
        member = add_member(self.sub, Role.MEMBER)
        self.campaign = make_campaign(self.sub, external_id="camp", status="low_balance")
        self.purchase = Purchase.objects.create(
            payer=self.sub,
            wallet=wallet,
            purpose="recharge",
            amount_cents=500,
            buys="credit",
            payment_method="pm_1",
            card="Visa •••• 4242",
            form_key=str(uuid4()),
        )
        post(wallet, "credit", "-1", kind="calls", key=f"calls:{uuid4()}")
        reversal = Reversal.objects.create(
            purchase=self.purchase, kind="refund", amount_cents=100, reason="Asked for"
        )
        key, _ = make_key(self.sub)
        hook = endpoints.add(
            account=self.sub, terms=Terms(url="https://example.com/hooks"), actor=None
        )
        self.ids = {
            "key_id": key.pk,
            "alert_id": Alert.objects.create(wallet=wallet, kind="balance", level=25).pk,
            "endpoint_id": hook.pk,
            "delivery_id": outbox.write_test(endpoint=hook).pk,
            # Everybody may leave by themselves, so it is somebody else.
            "user_id": add_member(self.sub, Role.ADMIN).pk,
            "invitation_id": 999_999,
            "address_id": BillingAddress.objects.create(account=self.sub, email="a@example.com").pk,
            "session_id": 999_999,
            "form_key": self.purchase.form_key,
            "purchase_id": self.purchase.pk,
            "reversal_id": reversal.pk,
            "entry_id": wallet.entries.get().pk,
            "card_id": "pm_1",
            "ask_id": 999_999,
            "gift_id": uuid4(),
            "account_id": self.sub.pk,
            "campaign_id": self.campaign.pk,
            "external_id": "camp",
            "step": "pause",
            "call": "call-2",
            "uidb64": "MQ",
            "token": "set",
            "route": "nowhere",
            "month": "2026-11",
        }
        self.users = {
            "owner": owner_of(self.sub),
            "member": member,
            "agency owner": owner_of(self.agency),
            "agency member": add_member(self.agency, Role.MEMBER),
            "stranger": owner_of(stranger),
            "support without rights": make_user(is_staff=True),
        }
        self.stranger = stranger

    def path(self, route: str) -> str:
        return path(route, self.ids)

    def client(self, actor: str, **options: object) -> Client:
        client = Client(**options)
        if actor != "nobody":
            client.force_login(self.users[actor])
            session = client.session
            session["account"] = str(self.sub.pk)
            session.save()
        return client

    def stored(self) -> dict[str, list]:
        return {
            model.__name__: list(model.objects.order_by("pk").values())
            for app in STORED
            for model in apps.get_app_config(app).get_models()
            if model.__name__ not in NOT_STORED
        }


@pytest.fixture
def world() -> World:
    return World()


MAY = {
    "owner": {"see", "money", "withdraw", "campaigns"},
    "member": {"see"},
    "agency owner": {"see", "campaigns", "allocate"},
    "agency member": {"see"},
    "stranger": set(),
    "support without rights": set(),
    "nobody": set(),
}


@pytest.mark.faults
@pytest.mark.parametrize("actor", MAY)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_f94_f95_whoever_may_not_write_is_refused_and_nothing_is_stored(actor, method, world):
    client = world.client(actor)
    before = world.stored()
    wrong = []
    for route, needs in NEEDS.items():
        if needs in MAY[actor] and needs != "see":
            continue
        answer = getattr(client, method)(world.path(route), {})
        refused = answer.status_code in (403, 404, 405)
        to_login = answer.status_code == 302 and "/login/" in answer["Location"]
        # A page that only shows may be asked for in any way; a stranger is in their own account.
        if not (refused or to_login or needs == "see" or actor == "stranger"):
            wrong.append((route, answer.status_code))
    assert wrong == []
    after = world.stored()
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}


@pytest.mark.parametrize("actor", ["stranger", "support without rights", "nobody"])
def test_f94_objects_of_others_are_not_found(actor, world):
    client = world.client(actor)
    # The switch to an account that is not theirs left them in their own.
    wrong = []
    # A key, a member or a card is looked for among the own ones only.
    for route in (route for route in NEEDS if "<uuid" in route or "campaign_id" in route):
        for method in ("get", "post"):
            status = getattr(client, method)(world.path(route)).status_code
            allowed = {302} if actor == "nobody" else {403, 404, 405}
            if "outcome" in route and actor == "stranger":
                allowed = {200, 204, 404, 405}
            if status not in allowed:
                wrong.append((route, method, status))
    assert wrong == []


@pytest.mark.faults
@pytest.mark.parametrize("actor", ["owner", "agency owner", "member", "stranger"])
def test_f102_a_get_never_writes(actor, world):
    client = world.client(actor)
    client.get("/payments/")
    writes = []

    def watch(execute, sql, params, many, context):
        first = sql.lstrip().split(" ", 2)
        if first[0].upper() in ("INSERT", "UPDATE", "DELETE") and "django_session" not in sql:
            writes.append(sql[:90])
        return execute(sql, params, many, context)

    before = world.stored()
    with connection.execute_wrapper(watch):
        for route in (*NEEDS, *OWN - {"logout/"}):
            client.get(world.path(route))
    assert writes == []
    assert world.stored() == before


@pytest.mark.faults
def test_f102_a_post_without_its_token_is_403(world):
    """A fragment's request is answered with nothing but the wish to load the page again."""
    client = world.client("owner", enforce_csrf_checks=True)
    before = world.stored()
    wrong = []
    for route in (*NEEDS, *OWN - {""}, "login/", "password-reset/"):
        for headers, refused in (({}, 403), ({"HX-Request": "true"}, 204)):
            answer = client.post(world.path(route), {}, headers=headers)
            if answer.status_code != refused or answer.content and refused == 204:
                wrong.append((route, answer.status_code))
    assert wrong == []
    assert world.stored() == before


@pytest.mark.faults
@pytest.mark.parametrize("actor", MAY)
def test_f103_support_pages_are_shut_for_everybody_else(actor, world):
    client = world.client(actor)
    staff = [route for route in routes() if route.startswith(STAFF_PREFIXES)]
    open_doors = []
    for route in staff:
        path = world.path(route)
        if "<" in path or "(" in path or route.startswith("admin/log"):
            continue
        for method in ("get", "post"):
            answer = getattr(client, method)(path)
            if answer.status_code == 200:
                open_doors.append((route, method))
    if actor == "support without rights":
        # They get in, and find an empty house.
        open_doors = [door for door in open_doors if "wallets" in door[0]]
    assert open_doors == []


def test_without_a_key_the_api_answers_nothing(world):
    before = world.stored()
    client = Client()
    for route, methods in API.items():
        for method in methods:
            answer = getattr(client, method)(
                world.path(f"api/v1/{route}"), {}, content_type="application/json"
            )
            assert answer.status_code == 401, route
    assert world.stored() == before


@pytest.mark.parametrize("whose", ["stranger", "agency"])
def test_f94_f95_anothers_key_writes_nothing_in_the_sub_account(whose, world):
    client = client_of(getattr(world, whose))
    before = world.stored()
    allowed_to_agency = {
        "sub-accounts",
        "sub-accounts/<uuid:account_id>/auto-allocation",
        "sub-accounts/<uuid:account_id>/owner",
        "campaigns/<str:external_id>",
        "campaigns/<str:external_id>/<str:step>",
    }
    wrong = []
    for route, methods in API.items():
        for method in set(methods) - {"get"}:
            if whose == "agency" and route in allowed_to_agency:
                continue
            named = "" if "account_id" in route else f"?account={world.sub.pk}"
            url = world.path(f"api/v1/{route}") + named
            body = {"account": str(world.sub.pk)}
            answer = getattr(client, method)(
                url, body, format="json", headers={"Idempotency-Key": "k"}
            )
            if answer.status_code not in (400, 403, 404):
                wrong.append((route, answer.status_code))
        if whose == "stranger" and "get" in methods and route not in ("rates", "sub-accounts"):
            named = "" if "account_id" in route else f"?account={world.sub.pk}"
            status = client.get(world.path(f"api/v1/{route}") + named).status_code
            if status not in (403, 404):
                wrong.append((route, status))
    assert wrong == []
    assert world.stored() == before
