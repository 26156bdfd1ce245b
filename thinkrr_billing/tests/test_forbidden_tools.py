"""What production's code never reaches for: programs, parsers and networks somebody could turn
against us. Read from the source, so that a new use is seen the day it is written."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from thinkrr_billing.tests.environments import FOLDER

APART = {"tests", "migrations", "sandbox", "djstripe_migrations"}
FILES = sorted(
    path
    for app in ("accounts", "wallets", "campaigns", "thinkrr_billing")
    for path in (FOLDER / app).rglob("*.py")
    if not APART & set(path.relative_to(FOLDER).parts)
)
SCRIPT = FOLDER / "static" / "ui" / "app.js"

PROGRAMS = {"subprocess", "pty", "popen2", "commands", "ctypes", "cffi"}
PARSERS = {"pickle", "dill", "marshal", "shelve", "yaml", "xml", "lxml", "plistlib", "jsonpickle"}
ARCHIVES = {"zipfile", "tarfile", "gzip", "zlib", "bz2", "lzma"}
NETWORKS = {"socket", "http", "urllib3", "httpx", "requests", "aiohttp", "ftplib", "telnetlib"}
CIPHERS = {"cryptography", "Crypto", "nacl", "ssl", "rsa", "jwt", "jose"}
RUNS_TEXT = {"eval", "exec", "__import__", "import_string"}
OF_THE_SYSTEM = {"os.system", "os.popen", "os.execv", "os.execvp", "os.fork", "urlopen"}
WEAK = {"hashlib.md5", "hashlib.sha1", "hashlib.new"}
BUILT_TEMPLATES = {"Template", "from_string"}
SAFE_BY_WORD = {"mark_safe", "SafeString"}
# Each with its reason; nothing else may be here.
EXCUSED = {
    ("campaigns/pausing.py", "random"): "spreads waits: nobody gains by guessing one",
    ("wallets/alerts/slack.py", "http"): "hooks.slack.com alone, to a path that was checked",
    ("accounts/webhooks/addresses.py", "socket"): "asks names for addresses, and checks each",
    ("thinkrr_billing/postgresql/silence.py", "socket"): "shuts a connection to the database",
    ("accounts/webhooks/posting.py", "ssl"): "connects to what was checked; no cipher is chosen",
    ("accounts/forms.py", "mark_safe"): "the word selected",
    (
        "wallets/why/sentences.py",
        "SafeString",
    ): "sentences of ours; what stands in them is escaped there",
    ("accounts/admin/csv_rows.py", "SafeString"): "takes tags away from what was marked safe",
}
# Patterns of ours that are put together from others of ours.
BUILT_PATTERNS = {
    "accounts/api/idempotency.py",
    "accounts/api/shapes.py",
    "accounts/people/own_words.py",
    "thinkrr_billing/logs.py",
    "thinkrr_billing/plain_http.py",
    "wallets/statements/receipt_pdf.py",
}


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


class Source:
    """What a file imports and calls, read once for all tests."""

    def __init__(self, path: Path) -> None:
        self.name = str(path.relative_to(FOLDER))
        self.text = path.read_text()
        tree = ast.parse(self.text)
        self.packages = {name.partition(".")[0] for name in imported(tree)}
        self.calls = [
            (ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)
        ]


@pytest.fixture(scope="module")
def code() -> list[Source]:
    found = [Source(path) for path in FILES]
    assert len(found) > 200
    return found


def uses(code: list[Source], packages: set[str]) -> list[tuple[str, str]]:
    """Where one of these is imported, but for what is excused."""
    found = [(file.name, package) for file in code for package in file.packages & packages]
    return [one for one in found if one not in EXCUSED]


def calls(code: list[Source], functions: set[str]) -> list[tuple[str, str]]:
    """Where one of these is called, by its whole name or its last part."""
    found = [
        (file.name, last)
        for file in code
        for function, _ in file.calls
        if functions & {function, last := function.rpartition(".")[2]}
    ]
    return [one for one in found if one not in EXCUSED]


def test_no_other_program_is_started_and_no_text_is_run(code):
    assert uses(code, PROGRAMS) == []
    assert calls(code, RUNS_TEXT | OF_THE_SYSTEM) == []


def test_nothing_is_read_but_json_forms_and_csv_of_our_own(code):
    assert uses(code, PARSERS | ARCHIVES) == []


def test_nobody_is_asked_over_the_network_but_stripe_and_slack(code):
    assert uses(code, NETWORKS) == []
    assert {name.rpartition("/")[0] for name, _ in uses(code, {"stripe"})} == {"wallets/stripe"}


def test_no_cipher_or_hash_is_ours_and_none_is_weak(code):
    assert uses(code, CIPHERS) == []
    assert calls(code, WEAK) == []


def test_nothing_that_could_be_guessed_is_random(code):
    assert uses(code, {"random"}) == []


def test_no_template_is_built_and_nothing_is_called_safe_that_was_sent(code):
    assert calls(code, BUILT_TEMPLATES | SAFE_BY_WORD) == []


def test_no_pattern_is_built_of_what_was_sent(code):
    built = {
        file.name
        for file in code
        for function, call in file.calls
        if re.fullmatch(r"re\.\w+", function) and not isinstance(call.args[0], ast.Constant)
    }

    assert built == BUILT_PATTERNS
    # A constant: whatever follows in an address.
    assert [file.name for file in code if "regex" in file.text] == ["thinkrr_billing/urls.py"]


def test_no_form_and_no_table_takes_files(code):
    assert calls(code, {"FileField", "ImageField", "FilePathField", "FileInput"}) == []
    assert [file.name for file in code if "request.FILES" in file.text] == []


@pytest.mark.parametrize(
    "word",
    [
        *(".innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("),
        *("postMessage", "localStorage", "sessionStorage", "indexedDB", "__proto__", "JSON.parse"),
        *("Object.assign", "http:", "https://"),
    ],
)
def test_the_script_neither_makes_pages_of_text_nor_keeps_or_tells_anything(word):
    assert word not in SCRIPT.read_text()


def test_what_is_excused_is_still_there(code):
    text = {file.name: file.text for file in code}

    assert [(name, what) for name, what in EXCUSED if what not in text[name]] == []


def test_no_constant_of_a_module_is_given_twice():
    """A limit of one rule that took the name of another's would silently change that rule."""
    twice = [
        (str(path.relative_to(FOLDER)), name)
        for path in FILES
        for name, times in Counter(constants(ast.parse(path.read_text()))).items()
        if times > 1
    ]

    assert twice == []


def constants(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        yield from (one.id for one in targets if isinstance(one, ast.Name) and one.id.isupper())
