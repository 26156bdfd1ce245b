"""How `make` installs: with uv, or else with pip, from the lock, with hashes."""

import subprocess
import sys
from pathlib import Path

import pytest

from thinkrr_billing.sandbox import install

CONFIGURED = """\
global.index-url='https://mirror.example.com/simple'
global.timeout='60'
"""


class Commands:
    """Stands in for subprocess: notes what is run, with the content of `-r`, and answers."""

    def __init__(self) -> None:
        self.run_ones: list[tuple[str, str]] = []
        self.failing: tuple[str, ...] = ()
        self.settings = ""
        self.env: dict[str, str] = {}

    def run(self, command, *, env=None, **options):
        words = [str(word) for word in command]
        text = " ".join(words)
        if words[1] != "-c":
            read = Path(words[words.index("-r") + 1]).read_text() if "-r" in words else ""
            self.run_ones.append((text, read))
        self.env = env or self.env
        code = int(any(part in text for part in self.failing))
        return subprocess.CompletedProcess(words, code, stdout=self.settings)

    def lists_of(self, part):
        return [read for text, read in self.run_ones if part in text and read]


@pytest.fixture
def commands(monkeypatch):
    fake = Commands()
    monkeypatch.setattr(subprocess, "run", fake.run)
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX"):
        monkeypatch.delenv(name, raising=False)
    return fake


def test_uv_comes_from_the_lock_and_installs_the_list_as_locked(commands, tmp_path, capsys):
    install.install(tmp_path / "new", "requirements-run.txt")

    assert commands.run_ones[0][0] == f"{sys.executable} -m venv --without-pip {tmp_path / 'new'}"
    assert commands.lists_of("-m pip") == [install.entries()["uv"]]
    wanted = install.ROOT / "requirements-run.txt"
    assert commands.run_ones[-1][0].endswith(f"--require-hashes -r {wanted} -c {install.LOCK}")
    assert all("--require-hashes" in text for text, read in commands.run_ones if read)
    assert "pip does it" not in capsys.readouterr().out


@pytest.mark.parametrize("failing", ["--only-binary", "uv pip install"])
def test_pip_installs_the_same_where_uv_cannot(failing, commands, tmp_path, capsys):
    commands.failing = (failing,)

    install.install(tmp_path / "new", "requirements-run.txt")

    packages = install.entries()
    del packages["uv"]
    assert commands.lists_of("-m pip")[-1] == "".join(packages.values())
    assert "--require-hashes" in commands.run_ones[-1][0]
    assert "uv could not (see above); pip does it now" in capsys.readouterr().out


def test_when_neither_can_it_stops_with_a_sentence(commands, tmp_path):
    commands.failing = ("install",)

    with pytest.raises(SystemExit, match="are not installed: pip says above why"):
        install.install(tmp_path / "new", "requirements-run.txt")


def test_uv_looks_where_pip_is_set_to_look(commands, tmp_path):
    commands.settings = CONFIGURED

    install.install(tmp_path / "new", "requirements-run.txt")

    assert commands.env["UV_DEFAULT_INDEX"] == "https://mirror.example.com/simple"


def test_what_uv_is_set_to_comes_first(commands, tmp_path, monkeypatch):
    monkeypatch.setenv("UV_INDEX_URL", "https://uv.example.com/simple")
    commands.settings = CONFIGURED

    install.install(tmp_path / "new", "requirements-run.txt")

    assert "UV_DEFAULT_INDEX" not in commands.env


def test_pips_variable_comes_before_its_files():
    variable = ":env:.index-url='https://variable.example.com/simple'\n"

    assert install.index_of(variable + CONFIGURED) == "https://variable.example.com/simple"
    assert install.index_of("global.timeout='60'\n") == ""
