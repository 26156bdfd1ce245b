"""The demo data: what it promises is there, the books agree, loading it twice changes nothing."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Account, Membership, User
from accounts.tests.builders import make_individual
from campaigns.models import Call, Campaign
from thinkrr_billing.sandbox.demo import LOGINS
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.models import AllocationRun, AutoRecharge, LedgerEntry, Purchase, Wallet

PAGES = (
    "/payments/",
    "/payments/transactions/",
    "/campaigns/",
    "/campaigns/resume/",
    "/notifications/",
    "/settings/",
)

pytestmark = [
    pytest.mark.journey,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("stripe", "nudges"),
]


@pytest.fixture
def developer(settings: object) -> None:
    """The demo data is for developers' machines; tests run with DEBUG off."""
    settings.DEBUG = True


def _run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return out.getvalue()


def _totals() -> dict[str, int]:
    models = (User, Account, Wallet, Purchase, LedgerEntry, Call, Campaign, AllocationRun)
    return {model.__name__: model.objects.count() for model in models}


@pytest.mark.usefixtures("developer")
def test_demo_data_is_complete_agrees_with_stripe_and_is_loaded_once(stripe: StripeSandbox) -> None:
    _run("seed_demo")

    _check_people()
    _check_campaigns()
    _check_troubles()
    _check_pages()
    assert _run("verify_books", "--stripe") == ""
    before, taken = _totals(), stripe.truth()
    assert "nothing was changed" in _run("seed_demo")
    assert (_totals(), stripe.truth()) == (before, taken)


def _check_people() -> None:
    kinds = list(Account.objects.order_by("kind").values_list("kind", flat=True))
    assert kinds == ["agency", "individual"] + ["sub_account"] * 6
    agency = Membership.objects.filter(account__kind="agency")
    assert sorted(agency.values_list("role", flat=True)) == ["admin", "member", "owner"]
    for login in LOGINS:
        assert Client().login(username=login.email, password=login.password), login
    days = Call.objects.dates("ended_at", "day")
    assert (days.reverse()[0] - days[0]).days >= 87


def _check_campaigns() -> None:
    found = set(Campaign.objects.values_list("minute_type", "status"))
    types = ("premium", "basic", "premium_then_basic")
    statuses = ("not_started", "started", "paused", "complete", "ended")
    assert found == {(one, status) for one in types for status in statuses}


def _check_troubles() -> None:
    low = Campaign.objects.filter(pause_reason="low_balance")
    assert list(low.values_list("account__name", flat=True)) == ["Northside Dental"] * 2
    waiting = AutoRecharge.objects.get(hold_reason="declined")
    assert waiting.wallet.account.name == "Harbor Yoga Studio"
    failed = AllocationRun.objects.get(state="failed")
    assert failed.allocation.account.name == "Cedar Auto Repair"
    assert not Purchase.objects.open().exists()


def _check_pages() -> None:
    """Everybody with an account sees its pages, whatever state the account is in."""
    for login in LOGINS[:-1]:
        client = Client()
        client.login(username=login.email, password=login.password)
        for page in PAGES:
            assert client.get(page).status_code == 200, (login.who, page)


def test_production_gets_no_demo_data() -> None:
    with pytest.raises(CommandError, match="DEBUG is False"):
        _run("seed_demo")

    assert not Account.objects.exists()


@pytest.mark.usefixtures("developer")
def test_demo_data_never_meets_another_stripe(settings: object) -> None:
    settings.STRIPE_API_BASE = "https://stripe.example"

    with pytest.raises(CommandError, match="needs the Stripe sandbox"):
        _run("seed_demo")

    assert not Account.objects.exists()


@pytest.mark.usefixtures("developer")
def test_demo_data_is_not_mixed_with_accounts_that_are_there() -> None:
    make_individual()

    with pytest.raises(CommandError, match="has accounts already"):
        _run("seed_demo")

    assert Account.objects.count() == 1


@pytest.mark.usefixtures("developer")
def test_another_stripe_gets_the_people_and_campaigns_without_money() -> None:
    said = _run("seed_demo", "--people-only")

    assert "8 accounts, without money" in said
    assert User.objects.filter(email=LOGINS[0].email).exists()
    assert not Campaign.objects.exclude(status="not_started").exists()
    assert _totals() | {"User": 0, "Campaign": 0} == {
        "User": 0,
        "Account": 8,
        "Wallet": 8,
        "Purchase": 0,
        "LedgerEntry": 0,
        "Call": 0,
        "Campaign": 0,
        "AllocationRun": 0,
    }
    assert "nothing was changed" in _run("seed_demo")
