"""What every test shares: fast passwords, no real broker, and the Stripe sandbox over HTTP."""

import logging
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import stripe as stripe_sdk
from django.conf import settings as django_settings

from tests.clients import share_middleware
from tests.databases import as_owner, copy_tables, flush_by_deleting, has_test_database
from tests.secrets import Watch
from tests.two_cells import play_in_the_second
from thinkrr_billing.celery import app as celery_app
from thinkrr_billing.memory import look_for_garbage_rarely
from thinkrr_billing.sandbox.stripe.process import StripeSandbox, start
from thinkrr_billing.sandbox.stripe.tests.official import witness

# Nobody listens here: a test that did not ask for the sandbox cannot reach the developer's.
NOWHERE = "http://127.0.0.1:9"

# The first is the same engine without a desktop's windows, for two thirds of the work.
CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# What a mark needs, how we know it is there, and how to get it.
NEEDS = {
    "browser": ("Chromium", lambda: chromium_path(), "apt-get install chromium fonts-dejavu-core"),
    "firefox": (
        "Firefox",
        lambda: any(map(shutil.which, ("firefox-esr", "firefox"))),
        "apt-get install firefox-esr",
    ),
    "redis": ("Redis", lambda: shutil.which("redis-server"), "apt-get install redis-server"),
    "pooler": (
        "PgBouncer",
        lambda: shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer"),
        "apt-get install pgbouncer",
    ),
    "proxy": ("nginx", lambda: shutil.which("/usr/sbin/nginx"), "apt-get install nginx-light"),
    "prometheus": (
        "promtool",
        lambda: shutil.which("promtool"),
        "apt-get install --no-install-recommends prometheus",
    ),
    "compose": (
        "docker-compose",
        lambda: shutil.which("docker-compose"),
        "apt-get install --no-install-recommends docker-compose",
    ),
    "node": (
        "Node.js",
        lambda: all(map(shutil.which, ("node", "npm"))),
        "apt-get install nodejs npm",
    ),
    "accounting": (
        "hledger, ledger and ofxdump",
        lambda: all(map(shutil.which, ("hledger", "ledger", "ofxdump"))),
        "apt-get install hledger ledger ofx",
    ),
}
OUTSIDE_OF_CELLS = "outside_of_cells"
_left_out: dict[str, int] = {}

# Tests of pages are journeys: a third of all processor time (CONTRIBUTING.md, Running things).
OF_PAGES = ("/tests/views/", "/staff/tests/")


def chromium_path() -> str | None:
    """The browser of the `browser` tests; the variable CHROMIUM names another."""
    names = (os.environ.get("CHROMIUM", ""), *CHROMIUM_NAMES)
    return next((path for path in map(shutil.which, filter(None, names)) if path), None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cells",
        action="store_true",
        help="play every test in the second of two cells, while none may change the first",
    )


def pytest_configure() -> None:
    _call_nobody(NOWHERE)
    # It is set up. Once more, as by Celery's loader, would take the watch over the log away.
    django_settings.LOGGING_CONFIG = None
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Stripe's library sleeps half a second before it asks again: a hundredth is enough here.
    stripe_sdk.HTTPClient.INITIAL_DELAY = stripe_sdk.HTTPClient.MAX_DELAY = 0.01
    share_middleware()
    copy_tables()
    flush_by_deleting()
    _use_own_redis_database()
    celery_app.conf.broker_url = "memory://"
    celery_app.conf.broker_transport_options = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Pages are a long way. Leave out what this machine cannot run; in CI nothing may be."""
    for item in items:
        if any(folder in item.path.as_posix() for folder in OF_PAGES):
            item.add_marker(pytest.mark.journey)
    if config.getoption("--cells"):
        _leave_out(config, items, OUTSIDE_OF_CELLS)
    if os.environ.get("CI") == "true":
        return
    for mark, (_, found, _) in NEEDS.items():
        if not found():
            _leave_out(config, items, mark)


def _leave_out(config: pytest.Config, items: list[pytest.Item], mark: str) -> None:
    if left_out := [item for item in items if item.get_closest_marker(mark)]:
        _left_out[mark] = len(left_out)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Looking for garbage among all that was loaded took a quarter of the tests' time."""
    look_for_garbage_rarely()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = _left_out


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Every xdist worker collects everything, so they all left out the same."""
    _left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last lines of a run say what it did not prove."""
    if hasattr(config, "workeroutput"):
        return
    for mark, count in _left_out.items():
        if mark == OUTSIDE_OF_CELLS:
            print(f"LEFT OUT: {count} tests cannot hold in the second of two cells.")
        else:
            name, _, install = NEEDS[mark]
            print(f"LEFT OUT: {count} tests need {name}. To include them: {install}")


def _use_own_redis_database() -> None:
    """Emptying the cache between tests must not empty another test process's, or a broker."""
    cache = django_settings.CACHES["default"]
    if "LOCATION" in cache:
        server = urlsplit(cache["LOCATION"][0])
        number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) + 1
        cache["LOCATION"] = [server._replace(path=f"/{number}").geturl()]


def _call_nobody(base: str) -> None:
    django_settings.STRIPE_API_BASE = base
    # dj-stripe's own commands call through the SDK's global address.
    stripe_sdk.api_base = base


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None,  # noqa: ARG001
    django_db_blocker: object,
    request: pytest.FixtureRequest,
) -> None:
    if request.config.getoption("--cells") and has_test_database():
        with django_db_blocker.unblock():
            play_in_the_second()


@pytest.fixture(scope="session")
def stripe_process(
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,  # noqa: ARG001
) -> Iterator[StripeSandbox]:
    """One sandbox a test process: every xdist worker has its own.

    The worlds that whole files share are made with it, and want the tables to be there.
    """
    state = Path(tmp_path_factory.mktemp("stripe")) / "state.sqlite3"
    sandbox = start(state=state, module=witness.__name__)
    yield sandbox
    sandbox.stop()
    assert_official(sandbox)


def assert_official(sandbox: StripeSandbox) -> None:
    """All that the sandbox answered and sent since the last look was of Stripe's own types."""
    assert witness.told(sandbox.state) == []


@pytest.fixture(autouse=True)
def one_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """An authenticator shows one code for all of a test, however long it takes, and the server
    knows it as that half minute's."""
    from accounts.people import second_factor
    from accounts.tests import authenticator

    now = time.time()
    clock = SimpleNamespace(time=lambda: now)
    monkeypatch.setattr(second_factor, "time", clock)
    monkeypatch.setattr(authenticator, "time", clock)


@pytest.fixture
def owner(db: None) -> Iterator[None]:  # noqa: ARG001
    """The test does what only the owner of the tables may: breaks the past, or migrates."""
    with as_owner():
        yield


@pytest.fixture
def stripe(stripe_process: StripeSandbox) -> Iterator[StripeSandbox]:
    """The Stripe sandbox, empty, and the only Stripe our code can reach."""
    yield from _reached(stripe_process)


@pytest.fixture(scope="module")
def stripe_of_file(stripe_process: StripeSandbox) -> Iterator[StripeSandbox]:
    """The same, for a world that all tests of a file share."""
    yield from _reached(stripe_process)


def _reached(sandbox: StripeSandbox) -> Iterator[StripeSandbox]:
    sandbox.reset()
    _call_nobody(sandbox.base_url)
    yield sandbox
    _call_nobody(NOWHERE)
    assert_official(sandbox)


@pytest.fixture
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple]]:
    """The tasks that were nudged, as (name, arguments), in order."""
    sent: list[tuple[str, tuple]] = []

    def note(name: str, args: tuple = (), **options: object) -> None:
        sent.append((name, tuple(args)))

    monkeypatch.setattr(celery_app, "send_task", note)
    return sent


@pytest.fixture(scope="session")
def _watch() -> Watch:
    watch = Watch()
    logging.getLogger().addHandler(watch)
    return watch


@pytest.fixture(autouse=True)
def log_watch(_watch: Watch) -> Iterator[Watch]:
    """No test may log a secret. One that plants some takes them out of `leaks` again."""
    _watch.leaks.clear()
    yield _watch
    assert _watch in logging.getLogger().handlers, "Logging was set up anew: nobody watches it now."
    assert _watch.leaks == []


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Throttles and counters of one test are not another's."""
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> object:
    """The cache's server is down. Returns the log."""
    from accounts.runtime import soft_cache

    class Down:
        def __getattr__(self, name: str) -> object:
            raise ConnectionError

    monkeypatch.setattr(soft_cache, "cache", Down())
    return caplog


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """One browser for all `browser` tests of a process."""
    from playwright.sync_api import sync_playwright

    # The synchronous Playwright runs an event loop in this thread.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()
