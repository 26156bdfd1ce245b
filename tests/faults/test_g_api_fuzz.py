"""Schemathesis asks every operation of the OpenAPI what nobody would: the API keeps its word."""

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from accounts.models import Scope
from accounts.tests.builders import make_agency, make_key, make_sub_account
from campaigns.tests.builders import make_campaign
from wallets.balances.opening import open_wallet
from wallets.models import Purchase

pytestmark = [pytest.mark.faults, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

# Examples an operation; the seeds are fixed, so that a run tells the same every time.
EXAMPLES = 25

# What holds for every answer, and what else for bodies the description allows or forbids.
ALWAYS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
    "missing_required_header",
)
WANTED = {
    GenerationMode.POSITIVE: (*ALWAYS, "positive_data_acceptance", "ensure_resource_availability"),
    GenerationMode.NEGATIVE: (*ALWAYS, "negative_data_rejection"),
}
# A description cannot say everything: an unknown cursor or account, one of two fields, a card of
# ours, the range of an amount that is a text, printable characters, days to come or the wrong way
# round. There, what it allows may be
# refused all the same; of a batch of calls each is rejected by itself, in an answer of 200.
EXCEPT = {
    "positive_data_acceptance": {
        "GET /api/v1/calls",
        "POST /api/v1/calls",
        "POST /api/v1/calls/authorize",
        "PUT /api/v1/campaigns/{external_id}",
        "GET /api/v1/campaigns",
        "GET /api/v1/receipts",
        "GET /api/v1/statements/{month}",
        "GET /api/v1/sub-accounts",
        "POST /api/v1/sub-accounts",
        "PUT /api/v1/wallet/auto-recharge",
        "GET /api/v1/usage",
        "GET /api/v1/wallet/entries",
        "GET /api/v1/wallet/recharges",
        "POST /api/v1/wallet/recharges",
    },
    "negative_data_rejection": {"POST /api/v1/calls"},
}
# Not used: `use_after_free` needs a DELETE, of which we have none, and
# `object_level_authorization` is the matrix of test_h_authorization.py.


@pytest.fixture
def fuzzed(monkeypatch):
    """An account with rows to find, and the key of its agency."""
    agency = make_agency()
    account = make_sub_account(agency=agency)
    for one in (agency, account):
        open_wallet(account=one)
        make_campaign(one, external_id="camp")
    _, token = make_key(agency, Scope.READ, Scope.WRITE, Scope.CALLS)
    # The test's transaction lives on its connection: the end of a request must not close it.
    for signal in (request_started, request_finished):
        monkeypatch.setattr(signal, "receivers", [])
        signal.sender_receivers_cache.clear()
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", WSGIHandler())
    return schema, {"Authorization": f"Bearer {token}"}


def test_the_api_keeps_its_own_description(fuzzed):
    schema, headers = fuzzed
    before = Purchase.objects.count()
    failed, asked = [], 0
    for result in schema.get_all_operations():
        operation = result.ok()
        asked += 1
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                _fuzz(operation, mode, headers)
            # Schemathesis raises a group of all that is wrong with one operation.
            except BaseExceptionGroup as error:
                failed += [f"{operation.label} {mode.value}: {one}" for one in error.exceptions]
    assert not failed, "\n\n".join(failed)
    assert asked >= 15
    assert Purchase.objects.count() == before


def _fuzz(operation, mode, headers) -> None:
    from hypothesis import given

    load_all_checks()
    checks = [check for check in CHECKS.get_all() if check.__name__ in WANTED[mode]]
    assert len(checks) == len(WANTED[mode])
    checks = [one for one in checks if operation.label not in EXCEPT.get(one.__name__, ())]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case) -> None:
        case.call_and_validate(headers=headers, checks=checks)

    ask()
