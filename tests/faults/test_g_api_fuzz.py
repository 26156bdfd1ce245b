"""Schemathesis asks every operation of the OpenAPI what nobody would: the API keeps its word."""

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from accounts.models import Scope
from accounts.tests.builders import make_agency, make_key, make_sub_account
from campaigns.tests.builders import make_campaign
from thinkrr_billing.wsgi import application
from wallets.models import Purchase
from wallets.opening import open_wallet

pytestmark = [pytest.mark.faults, pytest.mark.django_db]

# Examples an operation; the seeds are fixed, so that a run tells the same every time.
EXAMPLES = 12

WANTED = (
    "not_a_server_error",
    "content_type_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
EVERY_CHECK = [check for check in CHECKS.get_all() if check.__name__ in WANTED]


@pytest.fixture
def fuzzed(nudges, monkeypatch):
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
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", application)
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
                failed.append(f"{operation.label} {mode.value}: {error.exceptions[0]}")
    assert failed == []
    assert asked >= 15
    assert Purchase.objects.count() == before


def _fuzz(operation, mode, headers) -> None:
    from hypothesis import given

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
        case.call_and_validate(headers=headers, checks=EVERY_CHECK)

    ask()
