"""The codes of refusals that are documented are those that are answered."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from rest_framework import exceptions

from accounts.api import codes
from accounts.errors import AccountError
from campaigns import payable, resuming
from campaigns.reports import REJECTION_CHOICES, REJECTIONS
from thinkrr_billing import plain_http, urls
from wallets.errors import PaymentMethodInUse
from wallets.inbox import EventRefused

ROOT = Path(__file__).parents[2]
# Errors that no route of the API can raise, and why.
ELSEWHERE = {
    AccountError: "the base class, which nobody raises",
    EventRefused: "answered to Stripe",
    PaymentMethodInUse: "people remove cards on a page",
    exceptions.APIException: "the base class, whose code is never answered",
    exceptions.PermissionDenied: "whoever has a key is let in, and refused by us",
    # Each has a class of ours below it, with its own code.
    exceptions.ValidationError: "answered as invalid",
}
# A code that a Verdict about a campaign ends in, other than a refusal.
NO_REFUSAL = {"payable"}


def below(kind: type) -> Iterator[type]:
    yield kind
    for one in kind.__subclasses__():
        yield from below(one)


def of_classes() -> dict[str, set[int]]:
    """The codes and statuses of our errors, those of every app: the routes have loaded them."""
    assert urls.api
    found: dict[str, set[int]] = {}
    for kind in set(below(AccountError)) - set(ELSEWHERE):
        # Those of the apps have the code of the base class.
        if "code" in vars(kind):
            found.setdefault(kind.code, set()).add(kind.status)
    return found


def of_the_framework() -> dict[str, set[int]]:
    kinds = set(below(exceptions.APIException)) - set(ELSEWHERE)
    return {kind.default_code: {kind.status_code} for kind in kinds}


def of_envelopes() -> set[str]:
    """The codes that answers.py and the gate before HTTPS write themselves."""
    tree = ast.parse((ROOT / "accounts/api/answers.py").read_text())
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call)]
    written = {
        one.args[0].value
        for one in calls
        if getattr(one.func, "id", "") == "_envelope" and isinstance(one.args[0], ast.Constant)
    }
    return written | {plain_http.REFUSAL["error"]["code"]}


def of_verdicts() -> set[str]:
    """The codes with which starting and resuming a campaign are refused."""
    found = set()
    for module in (payable, resuming):
        for one in ast.walk(ast.parse(Path(module.__file__).read_text())):
            if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "Verdict":
                found.add(one.args[1].value)
    return found - NO_REFUSAL


def answered() -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for name, statuses in [*of_classes().items(), *of_the_framework().items()]:
        found.setdefault(name, set()).update(statuses)
    for name in of_envelopes() | of_verdicts():
        found.setdefault(name, set())
    return found


def test_every_code_that_is_answered_is_documented_and_every_documented_one_is_answered():
    assert set(answered()) == {one.name for one in codes.CODES}


@pytest.mark.parametrize("code", codes.CODES, ids=lambda one: one.name)
def test_a_code_comes_with_the_documented_statuses(code):
    assert answered()[code.name] <= set(code.statuses)


@pytest.mark.parametrize("code", codes.CODES, ids=lambda one: one.name)
def test_a_code_says_what_it_means_and_what_helps_in_sentences(code):
    assert code.meaning.endswith(".")
    assert code.remedy.endswith(".")
    assert all(400 <= status < 600 for status in code.statuses)


def test_every_code_of_a_rejected_call_is_documented():
    names = [name for name, _ in REJECTION_CHOICES]

    assert names == ["invalid", *REJECTIONS]
    assert all(sentence.endswith(".") for _, sentence in REJECTION_CHOICES)
