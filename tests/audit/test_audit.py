"""Each part of `make audit` can fail, and what it cannot look at it does not call right."""

import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from tests import audit
from tests.audit import __main__ as command
from tests.audit import advisories, code
from tests.secrets import in_repository

ROOT = Path(audit.__file__).resolve().parents[2]
TODAY = date(2027, 1, 15)
LOCK = """# made by hand
celery==5.7.0 \\
    --hash=sha256:bb
    # via -r requirements.txt
django==5.2.19 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
    # via -r requirements.txt
"""
RIGHT = [
    {"name": "celery", "version": "5.7.0", "vulns": []},
    {"name": "django", "version": "5.2.19", "vulns": []},
]


def advisory(id_: str = "PYSEC-2027-1", *aliases: str, mended: str = "5.7.1") -> dict:
    return {"id": id_, "aliases": list(aliases), "fix_versions": [mended], "description": ""}


@pytest.fixture
def look(tmp_path):
    """Judge what a service answers: first about Django alone, then about all."""

    def _look(*answers: list[dict] | Exception, exceptions: str = "") -> advisories.Found:
        (tmp_path / "pyproject.toml").write_text(f"[tool.audit]\nexceptions = [{exceptions}]\n")
        (tmp_path / "requirements.lock").write_text(LOCK)
        waiting = list(answers)

        def ask(requirements: str) -> dict:
            asked.append(requirements)
            answer = waiting.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return {"dependencies": answer, "fixes": []}

        asked: list[str] = []
        found = advisories.look(root=tmp_path, today=TODAY, ask=ask)
        found.asked = asked
        return found

    return _look


def test_packages_without_an_advisory_are_right(look):
    found = look(RIGHT[1:], RIGHT)

    assert (found.problems, found.unknown) == ([], "")
    assert found.asked == [
        "django==5.2.19 \\\n    --hash=sha256:aa \\\n    --hash=sha256:ab",
        LOCK,
    ]


def test_a_known_vulnerability_fails_and_says_what_mends_it(look):
    found = look(RIGHT[1:], [{**RIGHT[0], "vulns": [advisory()]}, RIGHT[1]])

    assert found.problems == ["celery 5.7.0: PYSEC-2027-1, mended in 5.7.1."]


EXCEPTION = '{ id = "CVE-2027-9", package = "celery", until = 2027-01-15, reason = "No fix." }'


@pytest.mark.parametrize("names", [("PYSEC-2027-1", "CVE-2027-9"), ("CVE-2027-9",)])
def test_an_exception_holds_until_its_day_under_each_name_of_the_advisory(look, names):
    found = look(
        RIGHT[1:], [{**RIGHT[0], "vulns": [advisory(*names)]}, RIGHT[1]], exceptions=EXCEPTION
    )

    assert found.problems == []


def test_an_exception_that_is_over_fails(look):
    found = look(
        RIGHT[1:],
        [{**RIGHT[0], "vulns": [advisory("CVE-2027-9")]}, RIGHT[1]],
        exceptions=EXCEPTION.replace("01-15", "01-14"),
    )

    assert found.problems == [
        "pyproject.toml: the exception CVE-2027-9 of celery ended 2027-01-14: take the mended "
        "version, or say again why not."
    ]


def test_an_exception_that_nothing_has_any_more_fails(look):
    found = look(RIGHT[1:], RIGHT, exceptions=EXCEPTION)

    assert found.problems == [
        "pyproject.toml: the exception CVE-2027-9 of celery is needed no more."
    ]


def test_an_exception_is_of_one_package(look):
    found = look(
        RIGHT[1:],
        [RIGHT[0], {**RIGHT[1], "vulns": [advisory("CVE-2027-9", mended="5.2.20")]}],
        exceptions=EXCEPTION,
    )

    assert found.problems == [
        "django 5.2.19: CVE-2027-9, mended in 5.2.20.",
        "pyproject.toml: the exception CVE-2027-9 of celery is needed no more.",
    ]


def test_a_service_that_does_not_answer_is_no_failure_and_said_plainly(look):
    found = look(advisories.Away("ConnectionError"), exceptions=EXCEPTION)

    assert found.problems == []
    assert found.unknown == "the service of advisories was not reached (ConnectionError)."


def test_a_service_that_does_not_know_django_is_not_asked_about_the_others(look):
    found = look([{"name": "django", "skip_reason": "not found"}], exceptions=EXCEPTION)

    assert found.problems == []
    assert found.unknown == "the service of advisories does not know django."
    assert len(found.asked) == 1


def test_a_package_the_service_does_not_know_is_named(look):
    found = look(RIGHT[1:], [{"name": "celery", "skip_reason": "x"}, RIGHT[1]])

    assert (found.problems, found.unknown) == (
        [],
        "the service of advisories does not know celery.",
    )


def test_an_audit_that_breaks_is_not_taken_for_a_service_that_is_away():
    with pytest.raises(advisories.Away, match="ConnectionError"):
        advisories._report("", "requests.exceptions.ConnectionError: Max retries exceeded\n")
    with pytest.raises(RuntimeError, match="pip-audit failed: invalid requirement"):
        advisories._report("", "Traceback\ninvalid requirement")
    assert advisories._report('{"dependencies": []}', "") == {"dependencies": []}


@pytest.mark.parametrize(
    ("found", "code_found", "status", "said"),
    [
        (advisories.Found(), [], 0, ""),
        (advisories.Found([], "nobody answered."), [], 0, "NOT AUDITED: nobody answered.\n"),
        (advisories.Found(["a: CVE"]), [], 1, "a: CVE\n"),
        (advisories.Found(), ["x.py:1: B602"], 1, "x.py:1: B602\n"),
    ],
)
def test_the_command_fails_with_a_problem_only(
    monkeypatch, capsys, found, code_found, status, said
):
    monkeypatch.setattr(advisories, "look", lambda **_: found)
    monkeypatch.setattr(code, "problems", lambda **_: code_found)
    monkeypatch.setattr(command, "in_repository", lambda _: [])

    assert command.main() == status
    assert capsys.readouterr().out == said


def test_bandit_finds_what_is_planted_and_heeds_what_pyproject_leaves_out(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "planted.py").write_text(
        'import subprocess\nassert True\nsubprocess.run("ls " + input(), shell=True)\n'
    )

    found = code.problems(root=tmp_path, looked_at=("app",))

    assert [line.split(" ")[:2] for line in found] == [
        ["app/planted.py:1:", "B404"],
        ["app/planted.py:3:", "B602"],
    ]


def test_bandit_that_breaks_is_a_problem(tmp_path):
    [problem] = code.problems(root=tmp_path, looked_at=("app",))

    assert problem.startswith("bandit failed: ")


def test_a_secret_in_a_file_of_the_repository_is_found(tmp_path):
    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    key = "sk_live_" + "51Hq8ZyK2eZvKYlo2C" * 2
    write(".gitignore", "ignored/\n")
    write("ignored/notes.txt", key)
    write("docs/how to.md", f"STRIPE_SECRET_KEY={key}\n")
    write("settings.py", 'TOKEN = "ghp_' + "a1B2c3D4e5" * 4 + '"\n')
    write("fine.py", 'KEY = "sk_test_' + "0" * 24 + '"\n')
    subprocess.run(["git", "add", "settings.py"], cwd=tmp_path, check=True)

    assert in_repository(tmp_path) == [
        "docs/how to.md: a Stripe key: 51Hq8Z…",
        "settings.py: a token of GitHub: a1B2c3…",
    ]
