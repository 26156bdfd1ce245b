"""What every answer tells browsers, whoever made it, and what no answer is given to."""

import re

import pytest
from django.test import Client

from accounts.models import Account
from accounts.tests.builders import make_individual, make_key, owner_of
from thinkrr_billing import programs
from thinkrr_billing.staff.tests.phone import staff_client
from wallets.balances.opening import open_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
}
# By what answers: each is made, or refused, at another depth of the middleware.
ANSWERS = {
    "a page of an account": ("owner", "/payments/", 200),
    "a page about a person": ("owner", "/settings/profile/", 200),
    "a file with figures": ("owner", "/payments/transactions.csv", 200),
    "a page for strangers": ("stranger", "/login/", 200),
    "a form for strangers": ("stranger", "/password-reset/", 200),
    "the way to the log-in": ("stranger", "/payments/", 302),
    "a slash that was missing": ("stranger", "/login", 301),
    "a page that is not there": ("stranger", "/nowhere/", 404),
    "an invitation that is not there": ("stranger", "/invitations/made-up/", 404),
    "a method that is not there": ("stranger", "/stripe/webhook/", 405),
    "support's site": ("support", "/admin/", 200),
    "support's site, for others": ("owner", "/admin/", 302),
    "the API": ("key", "/api/v1/wallet", 200),
    "the API without a key": ("stranger", "/api/v1/wallet", 401),
    "the API's own 404": ("key", "/api/v1/nothing", 404),
    "the API's document": ("stranger", "/api/v1/schema/", 200),
    "a static file": ("stranger", "/static/ui/app.css", 200),
    "a probe": ("stranger", "/healthz", 200),
}
STATIC = "a static file"


@pytest.fixture
def clients() -> dict[str, Client]:
    account = make_individual()
    open_wallet(account=account)
    owner = Client()
    owner.force_login(owner_of(account))
    _, token = make_key(account)
    key = Client(headers={"Authorization": f"Bearer {token}"})
    return {"owner": owner, "stranger": Client(), "support": staff_client(), "key": key}


@pytest.mark.parametrize("what", ANSWERS)
def test_every_answer_tells_browsers_what_it_is_not_for(what, clients):
    who, path, status = ANSWERS[what]

    answer = clients[who].get(path)

    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    policy = answer["Content-Security-Policy"].split("; ")
    assert {"object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("what", [what for what in ANSWERS if what != STATIC])
def test_nothing_but_static_files_is_kept_by_browsers_or_caches(what, clients):
    who, path, _ = ANSWERS[what]

    kept = clients[who].get(path)["Cache-Control"]

    assert "no-store" in kept
    assert "private" in kept


def test_static_files_say_themselves_how_long_they_are_kept(client):
    assert "no-store" not in client.get("/static/ui/app.css")["Cache-Control"]


@pytest.mark.parametrize("what", ANSWERS)
def test_every_answer_with_a_body_says_what_it_is_and_in_which_letters(what, clients):
    who, path, _ = ANSWERS[what]

    answer = clients[who].get(path)

    kind = answer.headers.get("Content-Type", "")
    if not answer.streaming and answer.content == b"":
        return
    assert kind.startswith(("text/", "application/json", "application/vnd.oai.openapi"))
    if kind.startswith("text/"):
        assert re.search(r'; charset="?utf-8"?$', kind)


@pytest.mark.parametrize(
    "path", ["/static/", "/static/ui/", "/.git/config", "/.env", "/settings.py"]
)
def test_no_folder_is_listed_and_no_file_of_the_checkout_is_served(path, client):
    assert client.get(path).status_code == 404


def test_a_file_is_named_in_plain_letters_whatever_the_account_is_called(clients):
    Account.objects.update(name='../Ünï"; filename="a.exe')

    answer = clients["owner"].get("/payments/transactions.csv")

    said = answer["Content-Disposition"]
    assert re.fullmatch(
        r'attachment; filename="transactions-uni-filenameaexe-until-[\d-]+\.csv"', said
    )


def test_whoever_logs_out_leaves_nothing_in_the_browser(clients):
    for who, path in (("owner", "/logout/"), ("support", "/admin/logout/")):
        answer = clients[who].post(path)

        assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert "Clear-Site-Data" not in clients["owner"].get("/login/").headers


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT"])
@pytest.mark.parametrize("path", ["/payments/", "/login/", "/api/v1/wallet", "/static/ui/app.css"])
def test_what_would_repeat_a_request_is_not_answered(method, path, clients):
    answer = clients["owner"].generic(method, path)

    assert answer.status_code == 405
    assert answer.content == b""


@pytest.fixture
def behind_a_proxy(settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = [programs.PATHS]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_HSTS_SECONDS = 365 * 24 * 3600
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True


@pytest.mark.usefixtures("behind_a_proxy")
class TestInProduction:
    @pytest.mark.parametrize("what", ANSWERS)
    def test_every_answer_over_https_says_that_we_are_never_asked_otherwise(self, what, clients):
        who, path, _ = ANSWERS[what]

        answer = clients[who].get(path, headers={"X-Forwarded-Proto": "https"})

        assert answer["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"

    def test_people_are_led_to_https(self, client):
        for path in ("/login/", "/api/v1/docs/"):
            answer = client.get(path)

            assert answer.status_code == 301
            assert answer["Location"] == f"https://testserver{path}"
            assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]

    @pytest.mark.parametrize("path", ["/api/v1/wallet", "/api/v1/schema/", "/stripe/webhook/"])
    def test_programs_are_refused_without_it_and_told_to_rotate_their_key(self, path, clients):
        answer = clients["key"].post(path)

        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "https_required"
        assert "rotate it" in answer.json()["error"]["message"]

    def test_a_forged_host_is_refused_with_all_of_it(self, client):
        answer = client.get("/login/", headers={"Host": "evil.example"})

        assert answer.status_code == 400
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
