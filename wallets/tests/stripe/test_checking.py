"""`manage.py check_stripe`: what is right between Stripe and us, and it leaves no trace there."""

import re
import time
from datetime import timedelta
from fnmatch import fnmatch
from io import StringIO
from pathlib import Path

import pytest
import stripe as stripe_sdk
from django.conf import settings as django_settings
from django.core.management import call_command

from accounts import clock
from thinkrr_billing.sandbox.stripe_check.tests.different import different
from wallets import inbox, limits
from wallets.models import StripeEvent
from wallets.stripe import checking, gateway, permissions, probes
from wallets.stripe.probes import NOT_CHECKED, OK, WRONG
from wallets.stripe.webhook_checking import NEEDED_EVENTS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stripe")]

KEY = "rk_test_" + "0" * 20 + "some"
ADDRESS = "https://testserver/stripe/webhook/"
NEEDED = {one.resource: one.access for one in permissions.needed()}


@pytest.fixture
def sdk(stripe):
    return stripe_sdk.StripeClient(
        django_settings.STRIPE_SECRET_KEY, base_addresses={"api": stripe.base_url}
    ).v1


@pytest.fixture
def endpoint(sdk, settings):
    """Register an endpoint at Stripe, by default one that is right."""
    settings.SITE_URL, settings.ALLOWED_HOSTS = "https://testserver", ["testserver"]

    def register(**facts):
        usual = {
            "url": ADDRESS,
            "enabled_events": list(NEEDED_EVENTS),
            "api_version": settings.STRIPE_API_VERSION,
        }
        return sdk.webhook_endpoints.create(usual | facts)

    return register


def _lines() -> dict[str, tuple[str, str]]:
    return {line.subject: (line.verdict, line.sentence) for line in checking.lines()}


def _verdicts() -> dict[str, str]:
    return {subject: verdict for subject, (verdict, _) in _lines().items()}


def _event(**facts):
    return StripeEvent.objects.create(
        event_id="evt_1", type="payment_intent.succeeded", payload={}, **facts
    )


def test_all_is_right(endpoint):
    endpoint()
    _event()

    told = _lines()

    assert {verdict for verdict, _ in told.values()} == {OK}
    assert list(told) == [
        "key",
        *(f"permission {one.shown}" for one in permissions.needed()),
        "API version",
        "webhook address",
        "webhook version",
        "webhook events",
        "webhook secret",
        "clock",
    ]
    assert told["webhook address"][1] == f"Events are sent to {ADDRESS}."


def test_all_is_right_with_the_sandbox_of_make_run(stripe, settings):
    settings.SITE_URL = "http://127.0.0.1:8000"
    stripe.webhooks(
        url="http://127.0.0.1:8000/stripe/webhook/", secret="whsec_of_this_test", mode="drop"
    )
    _event()

    told = _lines()

    stripe.webhooks(url="", mode="normal")
    assert {verdict for verdict, _ in told.values()} == {OK}
    assert told["webhook events"] == (OK, f"All {len(NEEDED_EVENTS)} that we act on are sent.")


def test_a_key_that_stripe_does_not_know_is_the_only_line(stripe, settings):
    settings.STRIPE_SECRET_KEY = stripe.describe_key(KEY, expired=True)

    (line,) = checking.lines()

    assert (line.subject, line.verdict) == ("key", WRONG)
    assert line.sentence == (
        "Stripe does not know this key any more, or never did: put the right one into "
        "STRIPE_SECRET_KEY and restart web and workers."
    )


def test_a_stripe_that_is_not_there_is_the_only_line(settings):
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"

    (line,) = checking.lines()

    assert (line.subject, line.verdict) == ("key", WRONG)
    assert line.sentence == (
        "http://127.0.0.1:9 gives no answer of Stripe's (ConnectionError): look at Stripe's status "
        "page and at the way out of this machine, then run this again."
    )


@pytest.mark.parametrize("kind", ["429", "500_before"])
def test_a_stripe_in_trouble_says_nothing_of_the_key(stripe, kind):
    stripe.fault(kind=kind, path="/v1/customers", times=None)

    (line,) = checking.lines()

    assert (line.subject, line.verdict) == ("key", WRONG)
    assert f"(status {kind[:3]})" in line.sentence


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (KEY, "A restricted key of test mode. Stripe knows it."),
        (
            "sk_test_" + "0" * 24,
            "A key of test mode that may do everything. Stripe knows it. A restricted key is "
            "safer: README.md lists what it needs.",
        ),
    ],
)
def test_the_key_is_told_by_its_mode_and_kind(settings, key, said):
    settings.STRIPE_SECRET_KEY = key

    assert _lines()["key"] == (OK, said)


def test_it_says_how_a_permission_to_write_was_seen(stripe, settings):
    settings.STRIPE_SECRET_KEY = stripe.describe_key(KEY, permissions=NEEDED)

    told = _lines()

    seen = (OK, "The key has it: what does not exist was looked for.")
    assert told["permission Customers: Write"] == seen
    assert told["permission Disputes: Read"] == (OK, "The key has it.")


@pytest.mark.parametrize("lacking", permissions.needed(), ids=lambda one: one.resource)
def test_each_permission_that_is_lacking_is_named(stripe, settings, lacking):
    less = "read" if lacking.access == "write" else "none"
    settings.STRIPE_SECRET_KEY = stripe.describe_key(
        KEY, permissions=NEEDED | {lacking.resource: less}
    )

    told = _lines()

    wrong = [subject for subject, (verdict, _) in told.items() if verdict == WRONG]
    assert wrong[0] == f"permission {lacking.shown}"
    assert told[wrong[0]][1] == (
        f"The key lacks {lacking.shown} ({lacking.name}): give it to the key in Stripe's dashboard."
    )
    assert [one for one in wrong if one.startswith("permission")] == wrong[:1]


def test_a_permission_is_not_guessed_when_stripe_has_trouble(stripe):
    stripe.fault(kind="500_before", path="/v1/payment_intents", times=None)

    told = _lines()

    assert told["permission PaymentIntents: Write"] == (
        NOT_CHECKED,
        "Stripe answered 500 instead of what such a key is told.",
    )


def test_every_permission_has_its_probe_and_no_other():
    assert set(probes.PERMISSIONS) == set(permissions.needed())


@pytest.mark.parametrize("restricted", [False, True])
def test_nothing_is_made_or_changed_at_stripe(stripe, sdk, settings, endpoint, restricted):
    registered = endpoint()
    customer = sdk.customers.create({"name": "A"}).id
    stripe.add_card(customer)
    before = _all_at_stripe(sdk)
    if restricted:
        settings.STRIPE_SECRET_KEY = stripe.describe_key(KEY, permissions=NEEDED)
    stripe.clear_requests()

    checking.lines()

    asked = stripe.requests()
    written = [one for one in asked if one["method"] != "GET"]
    assert [one["status"] for one in written] == [404] * 5
    assert {one["method"] for one in written} == {"POST"}
    settings.STRIPE_SECRET_KEY = django_settings.STRIPE_SECRET_KEY
    assert _all_at_stripe(sdk) == before
    assert sdk.webhook_endpoints.retrieve(registered.id).status == "enabled"
    assert StripeEvent.objects.count() == 0


def _all_at_stripe(sdk) -> list[str]:
    lists = (
        sdk.events,
        sdk.customers,
        sdk.payment_intents,
        sdk.setup_intents,
        sdk.refunds,
        sdk.checkout.sessions,
        sdk.webhook_endpoints,
    )
    return [str(one) for found in lists for one in found.list({"limit": 100}).data]


def test_a_write_that_unexpectedly_finds_something_is_not_taken_for_a_permission():
    assert probes.Told(ok=True, status=200).may_write is None
    assert probes.Told(status=404).may_write is True
    assert probes.Told(status=400, code="resource_missing").may_write is True
    assert probes.Told(status=400, code="parameter_missing").may_write is None
    assert probes.Told(status=403).may_write is False
    assert probes.Told(status=0).may_write is None


def _changed(stripe, settings, change) -> dict[str, tuple[str, str]]:
    """The lines, where Stripe's answers are changed on their way."""
    with different(stripe.base_url, change) as base:
        settings.STRIPE_API_BASE = base
        return _lines()


def test_another_version_than_ours_in_the_answer_is_wrong(stripe, settings):
    def speaks_another(answer):
        answer.headers["Stripe-Version"] = "2026-09-30.endive"

    assert _changed(stripe, settings, speaks_another)["API version"] == (
        WRONG,
        f"We ask in {django_settings.STRIPE_API_VERSION}, and Stripe answers in "
        "2026-09-30.endive: tell the developers, who pin it in settings.py.",
    )


def test_a_version_that_stripe_refuses_is_wrong(stripe, settings):
    def refuses(answer):
        answer.status = 400
        answer.body = {"error": {"type": "invalid_request_error", "message": "Invalid version"}}

    verdict, sentence = _changed(stripe, settings, refuses)["API version"]

    assert verdict == WRONG
    assert sentence.startswith("Stripe refuses a plain question in 2026-08-26.dahlia")


def test_an_answer_without_a_version_is_not_judged(stripe, settings):
    def says_less(answer):
        answer.headers.pop("Stripe-Version", None)

    assert _changed(stripe, settings, says_less)["API version"][0] == NOT_CHECKED


@pytest.mark.usefixtures("endpoint")
def test_without_an_endpoint_it_says_what_to_create():
    told = _lines()

    assert told["webhook address"] == (
        WRONG,
        f"No webhook endpoint at Stripe has the address {ADDRESS}: create it there, with API "
        f"version {django_settings.STRIPE_API_VERSION}, and put its secret into "
        "STRIPE_WEBHOOK_SECRET.",
    )
    assert "webhook version" not in told


@pytest.mark.parametrize(
    "near",
    [
        "https://testserver/stripe/webhook",
        "http://testserver/stripe/webhook/",
        "https://other.example/stripe/webhook/",
        "https://testserver/stripe/webhook/?a=b",
    ],
)
def test_an_address_that_is_nearly_ours_is_not_ours(endpoint, near):
    endpoint(url=near)

    verdict, sentence = _lines()["webhook address"]

    assert verdict == WRONG
    assert f"(There is {near}.)" in sentence


def test_another_name_of_this_host_is_ours(endpoint, settings):
    settings.ALLOWED_HOSTS = ["testserver", "pay.example.com"]
    endpoint(url="https://pay.example.com/stripe/webhook/")

    assert _lines()["webhook address"][0] == OK


def test_an_endpoint_that_is_switched_off_is_wrong(sdk, endpoint):
    sdk.webhook_endpoints.update(endpoint().id, {"disabled": True})

    assert _lines()["webhook address"] == (
        WRONG,
        f"The webhook endpoint {ADDRESS} is disabled: enable it in Stripe's dashboard.",
    )


def test_two_endpoints_of_ours_are_wrong(endpoint):
    endpoint()
    endpoint(api_version="2026-05-27.dahlia")

    assert _lines()["webhook address"] == (
        WRONG,
        f"2 webhook endpoints have the address {ADDRESS}: each event comes from every one, and "
        "only one signs with our secret. Keep the one whose secret is STRIPE_WEBHOOK_SECRET, "
        "delete the others.",
    )


def test_an_endpoint_that_was_switched_off_does_no_harm_beside_the_right_one(sdk, endpoint):
    sdk.webhook_endpoints.update(endpoint(api_version="old").id, {"disabled": True})
    endpoint()

    assert _verdicts()["webhook address"] == OK
    assert _verdicts()["webhook version"] == OK


def test_an_endpoint_of_another_version_is_wrong(endpoint):
    endpoint(api_version="2020-08-27")

    assert _lines()["webhook version"] == (
        WRONG,
        "Events come in API version 2020-08-27, and we read "
        f"{django_settings.STRIPE_API_VERSION}: a version cannot be changed, so create a new "
        "endpoint with ours, put its secret into STRIPE_WEBHOOK_SECRET, and delete the old one.",
    )


def test_events_that_are_not_sent_are_named(endpoint):
    missing = {"refund.failed", "charge.dispute.closed"}
    endpoint(enabled_events=[one for one in NEEDED_EVENTS if one not in missing])

    assert _lines()["webhook events"] == (
        WRONG,
        "These are not sent: charge.dispute.closed, refund.failed. Add them to the endpoint.",
    )


def test_an_endpoint_for_all_events_lacks_none(endpoint):
    endpoint(enabled_events=["*"])

    assert _verdicts()["webhook events"] == OK


def test_the_needed_events_are_those_that_the_inbox_acts_on():
    acted_on = tuple(prefix for prefix, _ in inbox._ACTIONS)
    # Refunds of cards are told by refund.updated as well: this one is for older endpoints.
    older = {"charge.refund.updated"}

    assert [one for one in NEEDED_EVENTS if not one.startswith(acted_on)] == []
    sent = " ".join(f" {one}" for one in NEEDED_EVENTS)
    assert {prefix for prefix in acted_on if f" {prefix}" not in sent} == older


@pytest.mark.parametrize("page", ["README.md", "docs/going-live.md"])
def test_the_docs_name_the_same_events_and_version(page):
    text = Path(django_settings.BASE_DIR, page).read_text()
    kinds = "charge|checkout|customer|payment_intent|payment_method|refund|setup_intent"
    named = set(re.findall(rf"`((?:{kinds})\.[a-z_.]*\*?)`", text))

    covered = {one for one in NEEDED_EVENTS if any(fnmatch(one, name) for name in named)}

    assert covered == set(NEEDED_EVENTS)
    assert [name for name in named if not any(fnmatch(one, name) for one in NEEDED_EVENTS)] == []
    assert f"`{django_settings.STRIPE_API_VERSION}`" in text


def test_a_key_that_may_not_read_endpoints_is_told_where_to_look(stripe, settings, endpoint):
    endpoint()
    settings.STRIPE_SECRET_KEY = stripe.describe_key(KEY, permissions=NEEDED)

    told = _lines()

    assert told["webhook address"] == (
        NOT_CHECKED,
        "This key may not read webhook endpoints (rak_webhook_read). Look in Stripe's dashboard: "
        f"one enabled endpoint at {ADDRESS}, API version {django_settings.STRIPE_API_VERSION}, the "
        "events of docs/going-live.md.",
    )
    assert WRONG not in {verdict for verdict, _ in told.values()}


def test_the_secret_is_known_by_the_last_event_it_let_in(endpoint):
    endpoint()
    with clock.at(clock.now() - timedelta(hours=3)):
        _event()

    assert _lines()["webhook secret"] == (
        OK,
        "It cannot be read back. The last event that it let in came 3 hours ago.",
    )


def test_without_any_event_it_says_how_to_know(endpoint):
    endpoint()

    assert _lines()["webhook secret"] == (
        NOT_CHECKED,
        "It cannot be read back, and no event has come yet: make a customer in Stripe's dashboard, "
        "delete it, and run this again.",
    )


def test_an_event_of_stripes_that_never_came_is_wrong(stripe, sdk, endpoint):
    stripe.set_clock(time.time() - 3700)
    endpoint()
    stripe.set_clock(time.time() - 3600)
    customer = sdk.customers.create({"name": "A"}).id
    sdk.customers.delete(customer)
    stripe.set_clock(None)
    newest = sdk.events.list({"type": "customer.deleted"}).data[0]

    verdict, sentence = _lines()["webhook secret"]

    assert verdict == WRONG
    assert sentence == (
        f"Stripe's event {newest.id} is 60 minutes old and has not come: look at its deliveries in "
        "Stripe's dashboard. If we answered 400, STRIPE_WEBHOOK_SECRET is not this endpoint's."
    )


def test_an_event_that_has_come_or_may_still_come_is_fine(stripe, sdk, endpoint):
    endpoint()
    sdk.customers.delete(sdk.customers.create({"name": "A"}).id)

    assert _verdicts()["webhook secret"] == NOT_CHECKED

    stripe.set_clock(time.time() - 3600)
    sdk.customers.delete(sdk.customers.create({"name": "A"}).id)
    stripe.set_clock(None)
    newest = sdk.events.list({"type": "customer.deleted"}).data[0]
    StripeEvent.objects.create(event_id=newest.id, type=newest.type, payload={})
    assert _verdicts()["webhook secret"] == OK


@pytest.mark.parametrize(("seconds", "verdict"), [(290, NOT_CHECKED), (310, WRONG)])
def test_an_event_may_take_five_minutes(stripe, sdk, endpoint, seconds, verdict):
    stripe.set_clock(time.time() - 3600)
    endpoint()
    stripe.set_clock(time.time() - seconds)
    sdk.customers.delete(sdk.customers.create({"name": "A"}).id)
    stripe.set_clock(None)

    assert _verdicts()["webhook secret"] == verdict


def test_an_answer_that_takes_longer_than_five_seconds_is_none(stripe, monkeypatch):
    asked = []
    real = gateway.client

    def noted(key, base, seconds, retries):
        asked.append((seconds, retries))
        return real(key, base, 1, retries)

    monkeypatch.setattr(gateway, "client", noted)
    stripe.fault(kind="hang_before", path="/v1/customers", method="GET", seconds=3)

    (line,) = checking.lines()

    assert asked == [(5, 0)]
    assert (line.verdict, "(ReadTimeout)" in line.sentence) == (WRONG, True)


def test_an_event_from_before_the_endpoint_was_made_is_not_missed(stripe, sdk, endpoint):
    stripe.set_clock(time.time() - 3600)
    sdk.customers.delete(sdk.customers.create({"name": "A"}).id)
    stripe.set_clock(None)
    endpoint()

    assert _verdicts()["webhook secret"] == NOT_CHECKED


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0, OK), (28, OK), (-28, OK), (40, WRONG), (-40, WRONG)],
)
def test_the_clock_may_be_half_a_minute_off(monkeypatch, seconds, verdict):
    assert limits.CLOCK_OFF_MOST.total_seconds() == 30
    real = time.time
    monkeypatch.setattr(probes, "time", type("Clock", (), {"time": lambda: real() + seconds}))

    assert _verdicts()["clock"] == verdict


def test_a_clock_that_is_wrong_is_told_by_how_much(monkeypatch):
    real = time.time
    monkeypatch.setattr(probes, "time", type("Clock", (), {"time": lambda: real() - 7200}))

    verdict, sentence = _lines()["clock"]

    assert verdict == WRONG
    assert sentence.startswith("This machine's clock is 120 minutes behind Stripe's: mend it (NTP)")


def test_the_command_prints_a_table_and_ends_with_0(stripe, endpoint):
    endpoint()
    _event()
    out = StringIO()

    call_command("check_stripe", stdout=out)

    rows = out.getvalue().splitlines()
    assert rows[0] == f"{stripe.base_url}, test mode"
    assert rows[1].split(maxsplit=2)[:2] == ["OK", "key"]
    assert rows[-1].startswith("OK           clock")
    assert django_settings.STRIPE_SECRET_KEY not in out.getvalue()
    assert django_settings.STRIPE_WEBHOOK_SECRET not in out.getvalue()


@pytest.mark.usefixtures("endpoint")
def test_the_command_ends_with_1_when_something_is_wrong():
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("check_stripe", stdout=out)

    assert ended.value.code == 1
    assert "WRONG        webhook address" in out.getvalue()


@pytest.mark.parametrize("raw", [b"<html>Sorry</html>", b"", b"{}", b"[]", b"null", b'{"data": 5}'])
@pytest.mark.parametrize("path", ["/v1/webhook_endpoints", "/v1/events", "/v1/disputes"])
def test_what_is_no_answer_of_stripes_is_no_reason_to_break(stripe, settings, endpoint, path, raw):
    endpoint()

    def answers_nonsense(answer):
        if answer.path == path:
            answer.raw = raw

    with different(stripe.base_url, answers_nonsense) as base:
        settings.STRIPE_API_BASE = base
        told = _lines()

    assert told["key"][0] == OK
    if path == "/v1/disputes":
        assert told["permission Disputes: Read"][0] == NOT_CHECKED
    if path == "/v1/webhook_endpoints":
        assert told["webhook address"][0] == NOT_CHECKED


@pytest.mark.parametrize("raw", [b"<html>Sorry</html>", b"{}", b"[]"])
def test_what_is_no_answer_of_stripes_says_nothing_of_the_key(stripe, settings, raw):
    def answers_nonsense(answer):
        answer.raw = raw

    with different(stripe.base_url, answers_nonsense) as base:
        settings.STRIPE_API_BASE = base
        (line,) = checking.lines()

    assert (line.subject, line.verdict) == ("key", WRONG)
