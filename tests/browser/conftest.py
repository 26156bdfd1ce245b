"""One Chromium, one server and one Stripe sandbox for all of them; accounts of its own for each.

All share one committed database, emptied after the last: emptying takes longer than most tests.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stripe as stripe_sdk
from django.conf import settings
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer

from accounts.tests.builders import make_agency, owner_of
from tests.browser.people import Person, Watched, Windows
from tests.browser.world import Rich, rich_world
from tests.databases import as_owner
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.models import CardAttempt, Wallet
from wallets.tests.worlds.builders import make_wallet

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.journey)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture
def _django_db_helper() -> None:
    """In place of pytest-django's, which empties the database after each test."""


@pytest.fixture(scope="package", autouse=True)
def site(
    django_db_setup: None,  # noqa: ARG001
    django_db_blocker: object,
    stripe_process: StripeSandbox,
) -> Iterator[LiveServer]:
    """The server, with the database open to the tests beside it."""
    before = settings.STRIPE_API_BASE
    stripe_process.reset()
    settings.STRIPE_API_BASE = stripe_sdk.api_base = stripe_process.base_url
    # The policy was written when settings were read, before this sandbox had its port.
    form_action = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"]
    form_action.append(stripe_process.base_url)
    with django_db_blocker.unblock():
        server = LiveServer("localhost")
        server._live_server_modified_settings.enable()
        yield server
        server.stop()
        server._live_server_modified_settings.disable()
        call_command("flush", interactive=False, verbosity=0)
    form_action.remove(stripe_process.base_url)
    settings.STRIPE_API_BASE = stripe_sdk.api_base = before


@pytest.fixture
def stripe(stripe_process: StripeSandbox) -> Iterator[StripeSandbox]:
    """The sandbox all journeys share; faults end with the test."""
    yield stripe_process
    stripe_process.clear_faults()


@pytest.fixture(autouse=True)
def nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    from thinkrr_billing.celery import app

    monkeypatch.setattr(app, "send_task", lambda name, args=(), **options: None)


@pytest.fixture(autouse=True)
def cards_tried_before_are_forgotten(site: LiveServer) -> None:  # noqa: ARG001
    """All browsers have one address, from which only so many may be declined in an hour."""
    with as_owner():
        CardAttempt.objects.all().delete()


@pytest.fixture(scope="package")
def rich(site, stripe_process: StripeSandbox) -> Rich:  # noqa: ARG001
    """An agency with something in every list and every state of a payment. Only looked at."""
    return rich_world(stripe_process)


@pytest.fixture
def wallet() -> Wallet:
    """The wallet of a new agency, $8.20 in it."""
    return make_wallet(account=make_agency(), credit="8.20")


@pytest.fixture(scope="package")
def windows(chromium, site: LiveServer) -> Windows:
    return Windows(chromium, site.url)


@pytest.fixture
def enter(windows: Windows) -> Iterator[Callable[..., Person]]:
    """Opens a browser for somebody: `enter(user, width=390)`. What it complains of fails."""
    watched = Watched(windows)

    def open_browser(user=None, **options) -> Person:
        return Person.enter(watched, user, **options)

    yield open_browser
    watched.close()
    assert watched.complaints == []


@pytest.fixture
def owner(enter, wallet: Wallet) -> Person:
    """The agency's owner at a desk."""
    return enter(owner_of(wallet.account))
