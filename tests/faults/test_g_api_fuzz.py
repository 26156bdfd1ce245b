"""Schemathesis asks every operation of the OpenAPI what nobody would, and follows its links: the
API keeps its word. No route is left out, and no check."""

from collections import defaultdict
from urllib.parse import parse_qs, urlsplit

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from accounts.api.client import KeyThrottle
from accounts.models import Scope
from accounts.tests.builders import make_agency, make_key, make_sub_account
from campaigns.tests.builders import make_campaign
from tests.api.document import operations
from wallets.balances.opening import open_wallet
from wallets.models import Purchase
from wallets.tests.worlds.histories import buy

pytestmark = [pytest.mark.faults, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

# Examples an operation and mode, and ways along links; the seeds are fixed, so that a run tells the
# same every time. All of it takes about two minutes.
EXAMPLES = 25
WAYS = 400
STEPS = 6

# What the API may refuse of what its description allows: by the field that is complained about,
# with the reason why the description cannot say it.
UNSAYABLE = {
    "cursor": "only we can write one",
    "month": "it may be to come",
    "from": "it may be to come, before there was anything, or after `to`",
    "to": "it may be to come, before there was anything, or before `from`",
    "amount": "the range of a number that is a text",
    "threshold": "the range of a number that is a text",
    "monthly_limit": "the range of a number that is a text, and not below another",
    "daily_ceiling": "the range of a number that is a text, and not below another",
    "payment_method": "a card of the account",
    "start_date": "today to a year from now",
    "external_id": "printable characters",
    "name": "printable characters, and more than blanks",
    "owner_email": "what is an address, nobody agrees about",
    "campaign": "blanks around it are taken away, and it may be nothing but these",
    "addresses": "what is an address, nobody agrees about",
    "slack": "it is connected on the page Alerts first",
    "Idempotency-Key": "printable characters",
    "call": "printable characters",
    "url": "an address in the public internet, or one of Slack's",
    "events": "types of events that there are",
    "level": "the range of a number that is a text",
    "people": "somebody has to hear of it, of whom three fields tell",
    "kind": "there may be such an alert already",
}
UNSAYABLE_SENTENCES = {
    # To a schema 5.0 is an integer; to programs it is a float, of which some lose digits.
    "Send a whole number, without quotes.",
    # A page of `output=csv`, which is one file: no schema lets one parameter forbid another.
    "The file has every call that fits. Leave this out.",
}
# These never refused a parameter they do not know, and what was taken once is not refused later
# (docs/api.md).
LENIENT = "/api/v1/campaigns/{external_id}"
# Refusals that are about the state of the account, not about what was sent.
OF_THE_STATE = {"no_payment_method", "quote_changed", "idempotency_key_reused"}


def valid_is_accepted(ctx, response, case) -> bool | None:
    if response.status_code in (400, 422):
        error = response.json()["error"]
        sayable = {
            name
            for name, said in error["fields"].items()
            if name not in UNSAYABLE and said not in UNSAYABLE_SENTENCES
        }
        if error["code"] in OF_THE_STATE or (error["fields"] and not sayable):
            return None
    return positive_data_acceptance(ctx, response, case)


def invalid_is_rejected(ctx, response, case) -> bool | None:
    """Of a batch each call is rejected by itself, in an answer of 200; an unknown parameter is
    not everywhere looked at."""
    if case.operation.label == "POST /api/v1/calls" and response.status_code == 200:
        results = response.json()["results"]
        if any(one["status"] == "rejected" for one in results):
            return None
    # An empty list has no place in an address: what was sent is without the unknown parameter.
    sent = parse_qs(urlsplit(response.request.url).query, keep_blank_values=True)
    if set(case.query or {}) - set(sent):
        return None
    if case.path.startswith(LENIENT) and set(case.query or {}) - {"account"}:
        return None
    return negative_data_rejection(ctx, response, case)


def checks() -> list:
    load_all_checks()
    ours = {
        "positive_data_acceptance": valid_is_accepted,
        "negative_data_rejection": invalid_is_rejected,
    }
    assert set(ours) < {check.__name__ for check in CHECKS.get_all()}
    return [ours.get(check.__name__, check) for check in CHECKS.get_all()]


def bounded(**more) -> settings:
    return settings(
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        **more,
    )


@pytest.fixture
def fuzzed(monkeypatch):
    """An account with rows to find, and the key of its agency."""
    agency = make_agency()
    account = make_sub_account(agency=agency)
    for one in (agency, account):
        open_wallet(account=one)
        make_campaign(one, external_id="camp")
    buy(agency.wallet, receipt_number=1)
    _, token = make_key(agency, Scope.READ, Scope.WRITE, Scope.CALLS)
    # Whether a minute is full would depend on how fast the machine is.
    monkeypatch.setattr(KeyThrottle, "requests_per_minute", 1_000_000)
    # The test's transaction lives on its connection: the end of a request must not close it.
    for signal in (request_started, request_finished):
        monkeypatch.setattr(signal, "receivers", [])
        signal.sender_receivers_cache.clear()
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", WSGIHandler())
    # Hypothesis takes values from our code, so that any change of it asked other things.
    monkeypatch.setattr(providers, "_get_local_constants", Constants)
    # A NUL in a text is refused everywhere (test_g_api_input.py); no description says so.
    schema.config.generation.update(allow_x00=False)
    return schema, {"Authorization": f"Bearer {token}"}


def test_the_api_keeps_its_own_description(fuzzed):
    schema, headers = fuzzed
    before = Purchase.objects.count()
    failed, asked = [], set()
    for result in schema.get_all_operations():
        operation = result.ok()
        asked.add(operation.label)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                _fuzz(operation, mode, headers)
            # Schemathesis raises a group of all that is wrong with one operation.
            except BaseExceptionGroup as error:
                failed += [f"{operation.label} {mode.value}: {one}" for one in error.exceptions]
    assert not failed, "\n\n".join(failed)
    assert asked == {str(one) for one in operations()}
    assert Purchase.objects.count() == before


def _fuzz(operation, mode, headers) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @bounded(max_examples=EXAMPLES)
    def ask(case) -> None:
        case.call_and_validate(headers=headers, checks=checks())

    ask()


def test_the_links_of_answers_lead_on_and_what_is_there_is_as_described(fuzzed):
    schema, headers = fuzzed
    answered = defaultdict(set)

    class Ways(schema.as_state_machine()):
        # Each way begins in the same world: hypothesis goes some of them twice.
        def setup(self):
            self.world = transaction.savepoint()
            super().setup()

        def teardown(self):
            super().teardown()
            transaction.savepoint_rollback(self.world)

        def get_call_kwargs(self, case):  # noqa: ARG002
            return {"headers": headers}

        def after_call(self, response, case):
            answered[case.operation.label].add(response.status_code)
            super().after_call(response, case)

        def validate_response(self, response, case, **more):
            case.validate_response(
                response, checks=checks(), headers=headers, recorder=self.recorder
            )

    Ways.run(settings=bounded(max_examples=WAYS, stateful_step_count=STEPS))

    found = {label for label, statuses in answered.items() if statuses & {200, 201, 204}}
    # No generated id is anybody's: what has one in its address was found by a link.
    by_link = {label for label in found if "_id}" in label}
    assert len(by_link) >= 5, by_link
