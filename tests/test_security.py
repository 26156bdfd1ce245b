"""docs/security.md: each line of OWASP ASVS 5.0, levels 1 and 2, with a test that is there or why
there is none; and the rules it writes down, as the code has them."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts import limits as mail_limits
from accounts.api.client import KeyThrottle
from accounts.models import Role
from accounts.people import access, api_keys, fresh, logins, members, second_factor
from campaigns import limits as call_limits
from thinkrr_billing import database, env, stripe_env
from wallets import limits
from wallets.stripe import gateway

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
FLAT = " ".join(PAGE.split())

# How many requirements of level 1 and 2 each section has; they are numbered from 1.
SECTIONS = {
    **{"1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2},
    **{"2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1},
    **{"3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2},
    **{"4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4},
    **{"5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3},
    **{"6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4},
    **{"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2},
    **{"8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1},
    **{"9.1": 3, "9.2": 4},
    **{"10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3},
    **{"11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1},
    **{"12.1": 3, "12.2": 2, "12.3": 4},
    **{"13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5},
    **{"14.1": 2, "14.2": 4, "14.3": 3},
    **{"15.1": 3, "15.2": 3, "15.3": 7},
    **{"16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3},
    **{"17.1": 1, "17.2": 4, "17.3": 2},
}
IDS = [f"V{section}.{one + 1}" for section, most in SECTIONS.items() for one in range(most)]

_ROW = re.compile(r"^\| (V[\d., V]+) \| (.+?) \| (.*?) ?\| (.+) \|$", re.MULTILINE)
_COUNTS = re.compile(r"^\| (?:\[V(\d+) .*\)|\*\*(All)\*\*) " + r"\| \**(\d+)\** " * 4, re.MULTILINE)
_TESTS = re.compile(r"`([\w/]+\.py(?:::\w+)+)`(?:, |$)")
TESTED, NONE, OPEN = "tested", "does not apply", "open"
REASON = re.compile(r"(does not apply|\*\*open\*\*): \S+")

ROWS = [
    (name, *columns) for ids, *columns in _ROW.findall(PAGE) for name in re.findall(r"V[\d.]+", ids)
]


def state(proof: str) -> str:
    if _TESTS.match(proof) and _TESTS.sub("", proof) == "":
        return TESTED
    reason = REASON.match(proof)
    assert reason, proof
    return reason[1].strip("*")


@cache
def found_in(path: str) -> frozenset[str]:
    """The tests of a file, those of a class behind its name."""
    tree = ast.parse((ROOT / path).read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    methods = {
        f"{node.name}::{each.name}"
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for each in node.body
        if isinstance(each, ast.FunctionDef)
    }
    return frozenset(functions | methods)


def test_each_line_of_the_standard_is_there_once_in_its_order():
    assert len(IDS) == 253
    assert [name for name, *_ in ROWS] == IDS


def test_each_line_says_what_it_asks_and_has_tests_or_a_reason():
    assert [name for name, asks, *_ in ROWS if len(asks) < 3] == []
    assert {state(proof) for *_, proof in ROWS} == {TESTED, NONE, OPEN}
    # What a test proves is held by something that can be named.
    assert [name for name, _, held, proof in ROWS if state(proof) == TESTED and not held] == []


def test_each_test_that_is_named_exists():
    named = {test for *_, proof in ROWS for test in _TESTS.findall(proof)}

    assert len(named) > 150
    missing = [
        test
        for test in sorted(named)
        for path, _, name in [test.partition("::")]
        if not (ROOT / path).is_file() or name not in found_in(path)
    ]
    assert missing == []


def test_the_summary_counts_what_is_there():
    found = Counter((name[1:].partition(".")[0], state(proof)) for name, *_, proof in ROWS)
    chapters = dict.fromkeys(section.partition(".")[0] for section in SECTIONS)
    counted = {
        chapter: tuple(found[chapter, each] for each in (TESTED, NONE, OPEN))
        for chapter in chapters
    }
    counted["All"] = tuple(map(sum, zip(*counted.values(), strict=True)))

    said = {
        chapter or last: tuple(map(int, figures))
        for chapter, last, *figures in _COUNTS.findall(PAGE)
    }
    assert said == {name: (sum(each), *each) for name, each in counted.items()}


def hours(seconds: float) -> int:
    return int(seconds // 3600)


FIGURES = [
    # Input
    f"by hand ${limits.RECHARGE_LEAST} to ${limits.RECHARGE_MOST:,}",
    f"automatic ${limits.AUTO_AMOUNT_LEAST} to ${limits.AUTO_AMOUNT_MOST:,} an amount",
    f"${limits.AUTO_CHARGE_MOST:,} a charge, {limits.CHARGES_PER_WINDOW} charges within 10 minutes",
    f"{limits.INTENTS_PER_WINDOW} tries within 10 minutes",
    f"{limits.CARD_ATTEMPTS} declined or new cards within an hour",
    f"{limits.PERSON_RETRIES} tries again within an hour",
    f"${limits.GIVEN_ALONE} a day given away by a person and ${limits.GIVEN_IN_WALLET} in a wallet",
    f"${limits.REFUNDED_ALONE} and ${limits.REFUNDED_IN_WALLET:,} of refunds",
    f"ended within {call_limits.CALL_PAST.days} days and not more than "
    f"{call_limits.CALL_FUTURE.seconds // 60} minutes ahead",
    f"an allocation today or within {limits.ALLOCATION_START_WITHIN.days} days",
    # Ways in
    f"{logins.MAX_FAILURES} wrong ones within {logins.WINDOW.seconds // 60} minutes for an address "
    f"from a machine, {logins.MAX_FAILURES_OF_ONE_MACHINE} from a machine for all addresses",
    f"{mail_limits.RESETS_TO_ADDRESS_AN_HOUR} an hour and {mail_limits.RESETS_TO_ADDRESS_A_DAY} a "
    f"day to an address, {mail_limits.RESETS_OF_MACHINE_AN_HOUR} an hour and "
    f"{mail_limits.RESETS_OF_MACHINE_A_DAY} a day from a machine",
    f"{mail_limits.INVITATIONS_TO_ADDRESS_OF_ACCOUNT_A_DAY} a day to an address by one account, "
    f"{mail_limits.INVITATIONS_TO_ADDRESS_A_DAY} by all, "
    f"{mail_limits.INVITATIONS_OF_PERSON_A_DAY} a day by a person",
    f"{members.INVITATION_LASTS.days} days, once",
    f"{KeyThrottle.requests_per_minute:,} requests a minute",
    f"a key of {api_keys.SECRET_BYTES * 8} random bits",
    f"a token of {env.METRICS_TOKEN_MIN_LENGTH} characters at least",
    # Sessions
    f"after {hours(settings.SESSION_IDLE_SECONDS)} hours without a page and "
    f"{settings.SESSION_COOKIE_AGE // 86_400} days after the log-in",
    f"the password again after {fresh.SECONDS // 60} minutes",
    # Keys
    f"{env.SECRET_KEY_MIN_LENGTH} random characters at least",
    f"PBKDF2-SHA256, {PBKDF2PasswordHasher.iterations:,} rounds",
    f"both work for {hours(api_keys.OVERLAP.total_seconds())} hours",
    f"{second_factor.RECOVERY_CODES} of {second_factor.RECOVERY_DIGITS} digits",
    # Data, heavy work
    f"decisions {limits.DECISIONS_KEPT.days} days",
    f"{database.LIMITS['statement_timeout'] // 1000} seconds in PostgreSQL and "
    f"{database.LIMITS['lock_timeout'] // 1000} to get a lock",
    f"a message {settings.CELERY_TASK_SOFT_TIME_LIMIT} seconds in a worker",
    f"{gateway.PERSON_TOTAL_SECONDS} seconds in all",
    f"a person takes {mail_limits.FILES_OF_PERSON_AN_HOUR} files an hour at most",
    f"A batch is {call_limits.CALLS_PER_BATCH:,} calls",
]


@pytest.mark.parametrize("figure", FIGURES)
def test_the_figures_are_those_of_the_code(figure):
    assert figure in FLAT


def section(name: str) -> str:
    return PAGE.partition(f"\n### {name}\n")[2].partition("\n### ")[0]


def test_the_connections_that_are_named_are_those_that_settings_read():
    written = (ROOT / "thinkrr_billing" / "settings.py").read_text()
    said = section("Connections")

    # Whoever reads another address from the environment writes it down there.
    assert set(re.findall(r"\benv\.(\w+)\(", written)) == {
        *("database", "redis", "email", "sentry_dsn"),
        *("text", "boolean", "port", "secret_key", "hosts", "web_address", "address"),
        *("metrics_token", "metrics_networks", "log_format", "traces"),
    }
    assert urlsplit(stripe_env.STRIPE_API).hostname in said
    for name in (
        *("PostgreSQL", "Redis", "mail server", "Sentry", "collector"),
        *("/healthz", "/readyz", "/metrics"),
    ):
        assert name in said


def test_what_the_log_of_lines_is_said_to_hold_is_written_by_somebody():
    """Each word of the page, and where the line comes from."""
    said = section("Logs")
    for words, path, line in (
        ("log-ins and log-outs", "accounts/audit/log_ins.py", '"logged in user='),
        ("codes", "accounts/people/second_factor.py", '"second factor refused'),
        ("passwords refused", "accounts/people/logins.py", '"password refused'),
        ("keys refused", "accounts/api/client.py", '"API key refused'),
        ("pages and requests refused", "accounts/middleware.py", '"refused %s %s'),
        ("brakes that hold", "accounts/runtime/brakes.py", '"brake holds'),
        ("files taken away", "accounts/runtime/exports.py", '"exported %s'),
        ("what support does", "accounts/audit/staff_actions.py", '"staff action='),
    ):
        assert words in said
        assert line in (ROOT / path).read_text()
    assert "time in UTC, request, person or key, account, machine" in said


def test_each_rule_that_is_to_be_written_down_has_its_place():
    asked = set(re.findall(r"\]\(#([\w-]+)\)", PAGE))
    there = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^##+ (.+)$", PAGE, re.MULTILINE)
    }

    assert asked - there == set()


def test_passwords_are_hashed_as_django_does_by_default():
    written = (ROOT / "thinkrr_billing" / "settings.py").read_text()

    assert "PASSWORD_HASHERS" not in written
    assert '"min_length": 12}' in written
    assert "password of 12 characters at least" in FLAT


def test_the_table_of_who_may_what_is_what_access_grants():
    agency, account = SimpleNamespace(pk=1), SimpleNamespace(pk=2, agency_id=1, is_closed=False)
    columns = [access.Permission(name) for name in ("see", "money", "withdraw")]
    columns += [access.Permission.ALLOCATE, access.Permission.CAMPAIGNS]
    whose = {role.value: {account.pk: role} for role in Role}
    whose |= {f"agency's {role.value}": {agency.pk: role} for role in Role}
    whose["anybody else"] = {}

    said = {
        who: [cell.strip() == "yes" for cell in cells.split("|")]
        for who, cells in re.findall(r"^\| ([a-z' ]+) \|((?: (?:yes )?\|){5})$", PAGE, re.MULTILINE)
        if who in whose
    }
    said = {who: cells[: len(columns)] for who, cells in said.items()}
    assert said == {
        who: [each in access._granted(roles=roles, account=account) for each in columns]
        for who, roles in whose.items()
    }
