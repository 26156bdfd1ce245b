"""A form that stood open while somebody else saved: it overwrites nothing without a word."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts import clock
from accounts.models import Account, Invitation, Membership, Role, User, WebhookEndpoint
from accounts.people import archiving, opening
from accounts.tests.builders import add_member, make_user, owner_of
from accounts.webhooks import endpoints
from thinkrr_billing.sandbox.story.person import Page
from wallets.alerts import keeping
from wallets.allocations import runs
from wallets.balances.opening import open_wallet
from wallets.models import (
    Alert,
    AutoAllocation,
    AutoRecharge,
    BillingAddress,
    Purchase,
    SlackHook,
    Wallet,
)
from wallets.statements import addresses
from wallets.tests.worlds.allocation_world import World, make_world
from wallets.tests.worlds.builders import BANK_ASKS_CARD, OTHER_GOOD_CARD, add_card, fill

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

Values = dict[str, str | list[str]]
BY_BO = "These settings were changed by Bo Admin at "
AGAIN = " Save again to keep yours."


@dataclass
class Office:
    """An agency with an owner, Ada, and an admin, Bo: each with a tab of their own."""

    world: World
    ada: User
    bo: User
    # What the cases are about, by its name.
    rows: dict[str, Model] = field(default_factory=dict)

    def tab(self, person: str) -> Client:
        client = Client()
        client.force_login(getattr(self, person))
        return client


@pytest.fixture
def office(stripe, db) -> Office:  # noqa: ARG001
    world = make_world(stripe)
    agency, ada = world.agency, owner_of(world.agency)
    bo = add_member(agency, Role.ADMIN, user=make_user(name="Bo Admin"))
    wallet = open_wallet(account=agency)
    fill(wallet, credit="500")
    world.save()
    runs.charge_due(now=clock.now())
    lone = add_sub_account(agency, "Lone Pine")
    terms = keeping.Terms(kind="balance", level=Decimal(25))
    hook = endpoints.Terms(url="https://example.com/hooks")
    at_slack = endpoints.Terms(url=in_slack("FIRST"), format="slack")
    address = addresses.add(
        account=agency, email="books@example.com", receipts=True, statements=True, actor=ada
    )
    rows = {
        "agency": agency,
        "wallet": wallet,
        "automatic": wallet.auto_recharge,
        "sub": world.sub,
        "allocation": world.allocation,
        "alert": keeping.add(wallet_id=wallet.pk, terms=terms, actor=ada),
        "hook": endpoints.add(account=agency, terms=hook, actor=ada),
        "slack": endpoints.add(account=agency, terms=at_slack, actor=ada),
        "lone": lone,
        "address": address,
        "seat": Membership.objects.get(account=agency, user=add_member(agency)),
        "second": add_card(stripe, wallet, OTHER_GOOD_CARD),
        "third": add_card(stripe, wallet, BANK_ASKS_CARD),
    }
    return Office(world, ada, bo, rows)


def add_sub_account(agency: Account, name: str) -> Account:
    email = f"{name.split()[0].lower()}@example.com"
    return opening.add_sub_account(
        agency=agency, name=name, owner_email=email, invited_by=owner_of(agency)
    )


@dataclass(frozen=True)
class Case:
    """A form: where it stands, where it posts to, what each of the two types, and what is kept."""

    page: str
    theirs: Values
    mine: Values
    kept: Callable[[Office], object]
    # What the database has of theirs, and of mine.
    has_theirs: object
    has_mine: object
    says: str = ""
    action: str = ""


def now(model: type[Model], name: str, column: str) -> Callable[[Office], object]:
    def read(office: Office) -> object:
        row = office.rows[name]
        found = model.objects.values_list(column, flat=True).get(pk=row.pk)
        return f"{found:.0f}" if isinstance(found, Decimal) else str(found)

    return read


def path(text: str, office: Office) -> str:
    return text.format(**{name: getattr(row, "pk", row.id) for name, row in office.rows.items()})


def opened(client: Client, at: str) -> Page:
    answer = client.get(at)
    assert answer.status_code == 200, at
    return Page(url=at, status=200, source=answer.content.decode())


def fields_of(page: Page, action: str) -> Values:
    """What the form sends as it is; its boxes without a tick send nothing."""
    found = [one for one in page.forms if one.action.split("?")[0].endswith(action)]
    form = next((one for one in found if "seen" in one.fields), found[0])
    return {name: values for name, values in form.fields.items() if values}


def saved_by(client: Client, case: Case, office: Office, values: Values) -> object:
    at = path(case.page, office)
    action = path(case.action, office) or at
    sent = fields_of(opened(client, at), action) | values
    return client.post(action, sent)


def in_slack(whose: str) -> str:
    return f"https://hooks.slack.com/services/{whose}00/{whose}00/" + f"{whose}of10orMore"


OPEN = {
    "account": Case(
        "/settings/",
        {"name": "Bright Two", "tax_id": "DE1"},
        {"name": "Bright Three"},
        now(Account, "agency", "name"),
        "Bright Two",
        "Bright Three",
        "Name is Bright Two now. Tax ID is DE1 now.",
    ),
    "alert": Case(
        "/settings/alerts/{alert}/",
        {"level": "40", "slack": []},
        {"level": "30"},
        now(Alert, "alert", "level"),
        "40",
        "30",
        "Dollars, minutes or days is 40.00 now.",
    ),
    "webhook": Case(
        "/settings/webhooks/{hook}/",
        {"description": "Theirs", "events": ["wallet.low_balance"]},
        {"description": "Mine"},
        now(WebhookEndpoint, "hook", "description"),
        "Theirs",
        "Mine",
        "is Theirs now.",
    ),
    "webhook to Slack": Case(
        "/settings/webhooks/{hook}/",
        {"url": in_slack("THEIRS"), "format": "slack"},
        {"url": in_slack("MINE"), "format": "slack"},
        now(WebhookEndpoint, "hook", "url"),
        in_slack("THEIRS"),
        in_slack("MINE"),
        "Address is https://hooks.slack.com/services/THEIRS00/THEIRS00/… now.",
    ),
    "webhook of Slack": Case(
        "/settings/webhooks/{slack}/",
        {"url": "https://example.com/theirs", "format": "standard"},
        {"url": in_slack("MINE")},
        now(WebhookEndpoint, "slack", "url"),
        "https://example.com/theirs",
        in_slack("MINE"),
        "Sends is Signed JSON, by Standard Webhooks now.",
    ),
    "rename": Case(
        "/account-manager/{sub}/rename/",
        {"name": "Theirs"},
        {"name": "Mine"},
        now(Account, "sub", "name"),
        "Theirs",
        "Mine",
        "Name is Theirs now.",
    ),
    "invite": Case(
        "/account-manager/{lone}/invite/",
        {"email": "theirs@example.com"},
        {"email": "mine@example.com"},
        lambda office: Invitation.objects.get(account=office.rows["lone"]).email,
        "theirs@example.com",
        "mine@example.com",
        "Owner's e-mail is theirs@example.com now.",
    ),
    "configure": Case(
        "/payments/auto-recharge/",
        {"threshold": "20", "enabled": "on", "monthly_limit": "900"},
        {"threshold": "30"},
        now(AutoRecharge, "automatic", "threshold"),
        "20",
        "30",
        "Recharge automatically is on now. Minimum Threshold is $20.00 now. "
        "Monthly limit is $900.00 now.",
    ),
    "allocation": Case(
        "/account-manager/{sub}/auto-allocation/",
        {"basic_minutes": "700"},
        {"basic_minutes": "600"},
        now(AutoAllocation, "allocation", "basic_minutes"),
        "700",
        "600",
        "Basic minutes per month is 700 now.",
    ),
}
PRESSED = {
    "slack": Case(
        "/settings/alerts/",
        {"address": in_slack("THEIRS")},
        {"address": in_slack("MINE")},
        lambda office: (
            "https://hooks.slack.com"
            + SlackHook.objects.get(wallet=office.rows["wallet"]).secret_path
        ),
        in_slack("THEIRS"),
        in_slack("MINE"),
        action="/settings/alerts/slack/",
    ),
    "low minutes": Case(
        "/payments/",
        {"minutes": "90"},
        {"minutes": "30"},
        now(AutoRecharge, "automatic", "minutes_level"),
        "90",
        "30",
        action="/payments/low-minutes/",
    ),
    "default card": Case(
        "/payments/",
        {},
        {},
        now(Wallet, "wallet", "default_payment_method"),
        "{second}",
        "{third}",
        action="/payments/methods/{third}/default/",
    ),
    "backup card": Case(
        "/payments/",
        {},
        {},
        now(Wallet, "wallet", "backup_payment_method"),
        "{second}",
        "{third}",
        action="/payments/methods/{third}/backup/",
    ),
    "role": Case(
        "/settings/members/",
        {"role": "admin"},
        {"role": "owner"},
        now(Membership, "seat", "role"),
        "admin",
        "owner",
        action="/settings/members/{person}/role/",
    ),
    "billing address": Case(
        "/settings/billing/",
        {"receipts": []},
        {"statements": []},
        now(BillingAddress, "address", "wants_receipts"),
        "False",
        "True",
        action="/settings/billing/{address}/choose/",
    ),
}


@pytest.fixture
def charges() -> Callable[[], int]:
    before = Purchase.objects.count()
    return lambda: Purchase.objects.count() - before


@pytest.mark.parametrize("case", OPEN.values(), ids=list(OPEN))
def test_an_old_form_comes_back_with_what_was_typed_and_saves_only_when_sent_again(
    office, case, charges
):
    mine, at = office.tab("ada"), path(case.page, office)
    old = fields_of(opened(mine, at), at)
    saved_by(office.tab("bo"), case, office, case.theirs)
    assert case.kept(office) == case.has_theirs

    refused = mine.post(at, old | case.mine)

    page = Page(url=at, status=422, source=refused.content.decode())
    assert refused.status_code == 422
    assert BY_BO in page.text
    assert case.says in page.text
    assert AGAIN in page.text
    assert case.kept(office) == case.has_theirs
    assert charges() == 0
    kept = fields_of(page, at)
    assert {name: kept[name] for name in case.mine if kept.get(name)} == {
        name: [value] for name, value in case.mine.items() if kept.get(name)
    }

    again = mine.post(at, kept | case.mine)

    assert again.status_code == 302, again.content.decode()
    assert case.kept(office) == case.has_mine


@pytest.mark.parametrize("case", OPEN.values(), ids=list(OPEN))
@pytest.mark.parametrize("seen", ["none", "same values"])
def test_a_form_that_names_nothing_or_changes_nothing_is_saved_as_ever(office, case, seen):
    mine, at = office.tab("ada"), path(case.page, office)
    old = fields_of(opened(mine, at), at)
    saved_by(office.tab("bo"), case, office, case.theirs)

    if seen == "none":
        del old["seen"]
        saved = mine.post(at, old | case.mine)
    else:
        saved = mine.post(at, fields_of(opened(mine, at), at) | {"seen": old["seen"]})

    assert saved.status_code == 302, saved.content.decode()
    assert case.kept(office) == (case.has_mine if seen == "none" else case.has_theirs)


@pytest.mark.parametrize("name", PRESSED)
def test_an_old_button_is_refused_and_works_once_the_page_was_read_again(office, name):
    case, mine = PRESSED[name], office.tab("ada")
    cards = {name: office.rows[name].id for name in ("second", "third")}
    action = case.action.format(
        **cards, person=office.rows["seat"].user_id, address=office.rows["address"].pk
    )
    theirs = action.replace(cards["third"], cards["second"])
    old = fields_of(opened(mine, case.page), action)
    bo = office.tab("bo")
    bo.post(theirs, fields_of(opened(bo, case.page), theirs) | case.theirs)
    assert case.kept(office) == case.has_theirs.format(**cards)

    refused = mine.post(action, old | case.mine, follow=True)

    said = " ".join(refused.content.decode().split())
    assert BY_BO in said
    assert "Nothing was changed. Look at it again first." in said
    assert case.kept(office) == case.has_theirs.format(**cards)

    fresh = fields_of(opened(mine, case.page), action)
    mine.post(action, fresh | {"receipts": "on"} | case.mine)
    assert case.kept(office) == case.has_mine.format(**cards)


def test_several_at_once_are_set_only_when_none_was_changed_meanwhile(office, charges):
    ids = [str(office.rows[name].pk) for name in ("sub", "lone")]
    action, mine = reverse("wallets:several_allocation"), office.tab("ada")
    typed = {"chosen": ids, "basic_minutes": "800", "premium_minutes": "0"}
    typed["payment_method"] = office.world.card.id
    form = mine.post(action, {"chosen": ids})
    old = fields_of(Page(url=action, status=200, source=form.content.decode()), action)
    saved_by(office.tab("bo"), OPEN["allocation"], office, {"basic_minutes": "700"})

    reviewed = mine.post(action, typed | {"seen": old["seen"], "step": "review"})
    plan = fields_of(Page(url=action, status=200, source=reviewed.content.decode()), action)
    refused = mine.post(action, typed | plan | typed | {"step": "save"})

    page = Page(url=action, status=422, source=refused.content.decode())
    assert BY_BO in page.text
    assert OPEN["allocation"].kept(office) == "700"
    assert not AutoAllocation.objects.filter(account=office.rows["lone"]).exists()
    assert charges() == 0
    saved = mine.post(action, typed | fields_of(page, action) | typed | {"step": "save"})
    assert "Set for 2 sub-accounts." in " ".join(saved.content.decode().split())
    assert OPEN["allocation"].kept(office) == "800"


def test_several_of_which_one_was_archived_meanwhile_are_looked_at_again(office):
    lone, other = (add_sub_account(office.world.agency, name) for name in ("One", "Two"))
    action, mine = reverse("wallets:several_allocation"), office.tab("ada")
    typed = {"chosen": [str(one.pk) for one in (lone, other)], "basic_minutes": "800"}
    typed |= {"premium_minutes": "0", "payment_method": office.world.card.id, "step": "save"}
    form = mine.post(action, {"chosen": typed["chosen"]})
    old = fields_of(Page(url=action, status=200, source=form.content.decode()), action)
    archiving.archive(account=other, actor=None)

    refused = mine.post(action, typed | {"seen": old["seen"], "quoted_charge": "72"})

    said = " ".join(refused.content.decode().split())
    assert "These settings were changed, after you opened this page." in said
    assert not AutoAllocation.objects.filter(account=lone).exists()


def test_ones_own_other_tab_is_named_as_such(office):
    mine = office.tab("ada")
    old = fields_of(opened(mine, "/settings/profile/"), "/settings/profile/")
    mine.post("/settings/profile/", old | {"name": "Ada Two", "theme": "dark"})

    refused = mine.post("/settings/profile/", old | {"name": "Ada Three", "theme": "light"})

    said = " ".join(refused.content.decode().split())
    assert refused.status_code == 422
    assert "These settings were changed by you at " in said
    assert "Name is Ada Two now." in said
    assert User.objects.get(pk=office.ada.pk).name == "Ada Two"


def test_stopping_an_allocation_from_an_old_form_is_never_refused(office):
    mine, at = office.tab("ada"), path("/account-manager/{sub}/auto-allocation/", office)
    old = fields_of(opened(mine, at), at)
    saved_by(office.tab("bo"), OPEN["allocation"], office, {"basic_minutes": "700"})

    mine.post(at, old | {"basic_minutes": "0", "premium_minutes": "0"})

    assert not AutoAllocation.objects.get(account=office.rows["sub"]).active


def test_an_old_form_stays_old_while_its_sender_adds_a_card(office):
    mine, at = office.tab("ada"), "/payments/auto-recharge/"
    old = fields_of(opened(mine, at), at)
    saved_by(office.tab("bo"), OPEN["configure"], office, {"threshold": "20"})

    left = mine.post(at, old | {"threshold": "30", "add_card": "1"})
    back = fields_of(opened(mine, left["Location"]), "/payments/methods/add/")["next"][0]
    refused = mine.post(at, fields_of(opened(mine, back), at))

    assert BY_BO in " ".join(refused.content.decode().split())
    assert AutoRecharge.objects.get(wallet=office.rows["wallet"]).threshold.amount == 20


def test_an_allocation_that_was_changed_meanwhile_is_not_ended_with_an_archive(office):
    at, mine = path("/account-manager/{sub}/archive/", office), office.tab("ada")
    old = fields_of(opened(mine, at), at)
    saved_by(office.tab("bo"), OPEN["allocation"], office, {"basic_minutes": "700"})

    refused = mine.post(at, old, follow=True)
    archived = Account.objects.get(pk=office.rows["sub"].pk).archived_at
    goes_on = AutoAllocation.objects.get(account=office.rows["sub"]).active
    mine.post(at, fields_of(opened(mine, at), at))

    assert BY_BO in " ".join(refused.content.decode().split())
    assert (archived, goes_on) == (None, True)
    assert Account.objects.get(pk=office.rows["sub"].pk).archived_at
    assert not AutoAllocation.objects.get(account=office.rows["sub"]).active


@pytest.mark.parametrize("wants", [{"hear": "1"}, {}])
def test_a_switch_that_others_have_moved_already_stays_as_they_set_it(office, wants):
    switch = path("/account-manager/{sub}/notices/", office)
    office.tab("bo").post(switch, wants)

    office.tab("ada").post(switch, wants)

    sub = AutoRecharge.objects.get(wallet__account=office.rows["sub"])
    assert sub.agency_hears == bool(wants)


def test_slack_is_not_disconnected_from_a_page_that_shows_another_address(office):
    at, action = "/settings/alerts/", "/settings/alerts/slack/"
    mine, bo = office.tab("ada"), office.tab("bo")
    bo.post(action, {"address": in_slack("FIRST")})
    old = fields_of(opened(mine, at), action)
    bo.post(action, fields_of(opened(bo, at), action) | {"address": in_slack("THEIRS")})

    refused = mine.post(action, {"seen": old["seen"], "off": "1"}, follow=True)
    still = SlackHook.objects.filter(wallet=office.rows["wallet"]).count()
    mine.post(action, {"seen": fields_of(opened(mine, at), action)["seen"], "off": "1"})

    assert BY_BO in " ".join(refused.content.decode().split())
    assert still == 1
    assert not SlackHook.objects.filter(wallet=office.rows["wallet"]).exists()


def test_support_is_named_without_a_name(office):
    mine, at = office.tab("ada"), "/settings/"
    old = fields_of(opened(mine, at), at)
    saved_by(office.tab("bo"), OPEN["account"], office, {"name": "Theirs"})
    User.objects.filter(pk=office.bo.pk).update(is_staff=True)

    refused = mine.post(at, old | {"name": "Mine"})

    assert "These settings were changed by support at " in " ".join(
        refused.content.decode().split()
    )


def test_a_change_that_nobody_is_known_to_have_made_names_nobody(office):
    mine, at = office.tab("ada"), "/settings/"
    old = fields_of(opened(mine, at), at)
    Account.objects.filter(pk=office.rows["agency"].pk).update(tax_id="1")

    refused = mine.post(at, old | {"name": "Mine"})

    assert "These settings were changed at " in " ".join(refused.content.decode().split())
