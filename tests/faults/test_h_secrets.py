"""F109: no secret and no card number in logs, error pages, support's pages, reports, or our files.

Every other test is watched as well: `conftest.py` fails one whose log holds a secret.
"""

import gzip
import logging
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import ApiKey, Scope
from accounts.people import access, api_keys
from accounts.tests.builders import PASSWORD, make_individual, make_key, owner_of
from campaigns.tests.builders import make_campaign
from tests.faults.harness import ROOT, come_to_rest
from tests.faults.people import automatic, low_balance, taken
from tests.faults.test_b_killed_workers import post_calls
from tests.secrets import PUBLISHED, VISAS, found_in
from tests.servers import Quiet, serving
from thinkrr_billing.staff.tests.phone import staff_client, url
from thinkrr_billing.tests.processes import wait_until

pytestmark = pytest.mark.faults

KEY = "sk_live_" + "51Hq8ZyK2eZvKYlo2C" * 2
CARD = "4111 1111 1111 1111"
PLANTED = [
    KEY,
    KEY.replace("sk_", "rk_"),
    "whsec_" + "9f3kd02mXz" * 3,
    "tb_0123456789ab_" + "aZ3-_" * 8 + "xyz",
    "AKIA" + "Q3EXAMPLEQ3EXAMP",
    "ghp_" + "a1B2c3D4e5" * 4,
    "github_pat_" + "a1B2c3D4e5" * 4,
    "AIza" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R",
    "xoxb-" + "123456789012-a1B2c3D4e5",
    "Authorization: Bearer abcdefghij0123456789",
    "{'authorization': 'Basic YWRhOnR1bGlwcw=='}",
    "-----BEGIN RSA " + "PRIVATE KEY-----",
    CARD.replace(" ", ""),
    CARD,
    CARD.replace(" ", "-"),
]
OUTSIDE = {
    ".hypothesis",
    ".git",
    ".venv",
    ".data",
    ".ruff_cache",
    ".pytest_cache",
    "__pycache__",
    "staticfiles",
}
BINARY = {".png", ".ico", ".woff2", ".pyc", ".pdf"}


@pytest.mark.parametrize("planted", PLANTED)
def test_f109_the_patterns_find_what_is_planted(planted):
    assert list(found_in(f"2027-01-01 ERROR something happened: {planted}, and more"))


@pytest.mark.parametrize(
    "harmless",
    [
        "0190c3f2-7b1e-7cc3-9f0a-4111111111111111",
        "pi_3QK2eZvKYlo2C0001",
        "$4,111,111.11",
        "Visa •••• 4242",
        "sk_test_" + "0" * 24,
        "Authorization: Bearer <key>",
        "1700000000.123456",
    ],
)
def test_f109_the_patterns_leave_what_is_harmless(harmless):
    assert list(found_in(harmless)) == []


def test_f109_a_secret_in_the_log_of_any_test_is_noticed(log_watch):
    try:
        raise RuntimeError(KEY)
    except RuntimeError:
        logging.getLogger("wallets").exception("it failed")

    assert log_watch.leaks == ["wallets: a Stripe key: 51Hq8Z…"]
    log_watch.leaks.clear()


def test_f109_no_file_of_ours_holds_a_secret():
    published = {VISAS, *found_in((ROOT / PUBLISHED).read_text())}
    leaks = {
        str(path.relative_to(ROOT)): leaks
        for path in ROOT.rglob("*")
        if path.is_file() and not OUTSIDE & set(path.parts) and path.suffix not in BINARY
        if (leaks := set(found_in(path.read_text(errors="replace"))) - published)
    }

    # The control: those that are planted here.
    assert leaks.pop("tests/faults/test_h_secrets.py")
    assert leaks == {}


@pytest.mark.django_db
@pytest.mark.parametrize("ask", ["page", "api"])
def test_f109_an_error_page_does_not_say_what_went_wrong(ask, monkeypatch, settings, log_watch):
    def fail(**kwargs: object) -> None:
        raise RuntimeError(f"{KEY} {PASSWORD}")

    settings.DEBUG = False
    account = make_individual()
    if ask == "page":
        client = Client(raise_request_exception=False)
        client.force_login(owner_of(account))
        monkeypatch.setattr(access, "standing", fail)
        answer = client.get("/payments/")
    else:
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(account)[1]}")
        monkeypatch.setattr(api_keys, "verify", fail)
        answer = client.get("/api/v1/wallet")

    text = answer.content.decode()
    assert answer.status_code == 500
    assert list(found_in(text)) == []
    assert PASSWORD not in text
    assert "Traceback" not in text
    # The planted one reached the log, of course.
    assert log_watch.leaks
    log_watch.leaks.clear()


@pytest.mark.django_db
def test_f109_supports_pages_show_no_secret(stripe):
    situation = automatic(stripe)
    situation.trigger()
    make_campaign(situation.wallet.account)
    key, token = make_key(situation.wallet.account)
    hidden = [
        token,
        key.secret_hash,
        settings.STRIPE_SECRET_KEY,
        settings.STRIPE_WEBHOOK_SECRET,
        settings.SECRET_KEY,
        owner_of(situation.wallet.account).password,
    ]
    client = staff_client()
    pages = {"/admin/"}
    for model in admin.site._registry:
        name = model._meta.label_lower
        pages.add(url(name, "changelist"))
        if row := model._default_manager.first():
            pages |= {url(name, "change", row.pk), url(name, "history", row.pk)}

    shown = {page: client.get(page) for page in sorted(pages)}

    # The control: pages were really shown, one of the key among them.
    assert shown[url("accounts.apikey", "changelist")].status_code == 200
    assert sum(answer.status_code == 200 for answer in shown.values()) >= 20
    for page, answer in shown.items():
        text = answer.content.decode()
        assert [secret[:6] for secret in hidden if secret and secret in text] == [], page
        assert list(found_in(text)) == [], page


@pytest.mark.redis
def test_f109_real_processes_neither_log_nor_report_a_secret(plant, stripe):
    """Through a wrong key, declines, gateway trouble and a database that is gone."""
    wallet = low_balance(stripe, credit="10")
    _, token = make_key(None, Scope.CALLS)
    owner = owner_of(wallet.account)
    with error_tracker() as tracker:
        web, worker = plant.web(), plant.worker()
        for app in (web, worker):
            app.env["SENTRY_DSN"] = f"http://public@127.0.0.1:{tracker.server_port}/1"
            app.start()
        stripe.fault(kind="429", path="/v1/", times=1)
        post_calls(web.url, token, wallet.account_id, seconds=600)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            post_calls(web.url, token[:-1] + "?", wallet.account_id, seconds=600)
        worker.wait_for(lambda: "stripe answered" in worker.log, "Stripe's trouble was logged")
        connection.close()
        plant.postgres.stop_now()
        with pytest.raises(urllib.error.HTTPError, match="50"):
            post_calls(web.url, token, wallet.account_id, seconds=600)
        plant.send("wallets.recharge_wallet", wallet.pk)
        wait_until(
            lambda: any("OperationalError" in one for one in tracker.told),
            seconds=60,
            what="the error was reported",
        )
        logs = web.log + worker.log
        plant.postgres.start()

    assert "Traceback" in logs
    hidden = [token, settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET, PASSWORD]
    for text in (logs, *tracker.told):
        assert [secret[:6] for secret in hidden if secret and secret in text] == []
        assert list(found_in(text)) == []
        assert owner.email not in text
    assert ApiKey.objects.filter(secret_hash__in=[token]).count() == 0
    come_to_rest(stripe)
    assert taken(stripe) == [5000]


@contextmanager
def error_tracker() -> Iterator[HTTPServer]:
    """Stands in for Sentry: `told` has the text of every report."""

    class Tracker(Quiet):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            self.server.told.append(body.decode(errors="replace"))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

    with serving(Tracker) as server:
        yield server
