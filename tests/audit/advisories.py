"""Known vulnerabilities of the packages in requirements.lock, as pip-audit hears of them."""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

# Asked for alone, and first: a service that does not know it knows none of the others.
KNOWN_TO_ALL = "django"
# A hundred packages at a few seconds each.
SECONDS_MOST = 300
# How pip-audit's complaint reads when nobody answered. Any other is a failure of the audit.
AWAY = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "Could not connect", "HTTPError")


class Away(Exception):
    """The service of advisories could not be asked. Why, in a few words."""


@dataclass
class Found:
    problems: list[str] = field(default_factory=list)
    # What could not be looked at, and why; empty when everything was.
    unknown: str = ""


def look(*, root: Path, today: date, ask: Callable[[str], dict] | None = None) -> Found:
    """What is wrong with the locked packages, less the exceptions of pyproject.toml.

    `ask` answers pip-audit's report about requirements (a stand-in's, in tests).
    """
    exceptions = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["audit"]["exceptions"]
    problems = _overdue(exceptions, today)
    lock = (root / "requirements.lock").read_text()
    try:
        for requirements in (_alone(lock), lock):
            packages = (ask or _ask)(requirements)["dependencies"]
            skipped = [each["name"] for each in packages if "skip_reason" in each]
            if len(skipped) == len(packages):
                break
    except Away as away:
        return Found(problems, f"the service of advisories was not reached ({away}).")
    told = [each for each in packages if each["name"] not in skipped]
    if told:
        problems += _vulnerable(
            told, [each for each in exceptions if each["package"] not in skipped]
        )
    unknown = f"the service of advisories does not know {_names(skipped)}." if skipped else ""
    return Found(problems, unknown)


def _overdue(exceptions: list[dict], today: date) -> list[str]:
    return [
        f"pyproject.toml: the exception {each['id']} of {each['package']} ended {each['until']}: "
        "take the mended version, or say again why not."
        for each in exceptions
        if each["until"] < today
    ]


def _vulnerable(packages: list[dict], exceptions: list[dict]) -> list[str]:
    excepted = {(each["package"], each["id"]) for each in exceptions}
    problems, met = [], set()
    for package in packages:
        for advisory in package.get("vulns", []):
            names = {(package["name"], id_) for id_ in (advisory["id"], *advisory["aliases"])}
            if names & excepted:
                met |= names & excepted
                continue
            mended = ", ".join(advisory["fix_versions"]) or "no version yet"
            problems.append(
                f"{package['name']} {package['version']}: {advisory['id']}, mended in {mended}."
            )
    for name, id_ in sorted(excepted - met):
        problems.append(f"pyproject.toml: the exception {id_} of {name} is needed no more.")
    return problems


def _alone(lock: str) -> str:
    """The entry of the one package, its hashes with it."""
    lines = lock.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"{KNOWN_TO_ALL}=="))
    end = next(at for at in range(start, len(lines)) if not lines[at].endswith("\\"))
    return "\n".join(lines[start : end + 1])


def _ask(requirements: str) -> dict:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
        try:
            done = subprocess.run(
                [*command, "-r", file.name, "-f", "json", "--progress-spinner", "off"],
                capture_output=True,
                text=True,
                timeout=SECONDS_MOST,
            )
        except subprocess.TimeoutExpired:
            raise Away(f"no answer within {SECONDS_MOST} seconds") from None
    return _report(done.stdout, done.stderr)


def _report(said: str, complained: str) -> dict:
    """pip-audit's report. `Away` when nobody answered it, and RuntimeError when it broke."""
    if said.strip().startswith("{"):
        return json.loads(said)
    last = (complained.strip().splitlines() or ["it said nothing"])[-1][:200]
    for name in AWAY:
        if name in complained:
            raise Away(name)
    raise RuntimeError(f"pip-audit failed: {last}")


def _names(names: list[str]) -> str:
    first = ", ".join(names[:5])
    return first if len(names) <= 5 else f"{first} and {len(names) - 5} more"
