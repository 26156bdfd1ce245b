"""Installs one of our lists, as requirements.lock pins it, into an environment. `make` runs this.

With uv, in seconds; where uv cannot do it, pip does the same. Needs nothing but Python.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
_ENTRY = re.compile(r"^([a-z0-9-]+)==.*\n(?:[ \t].*\n)*", re.MULTILINE)
_INDEX = re.compile(r"^(global|install|:env:)\.index-url='(.+)'$", re.MULTILINE)


def install(venv: Path, wanted: str) -> None:
    """What the list `wanted` names and all it needs; where pip has to do it, the whole lock.

    Makes the environment where there is none, leaves alone what stands in it at the lock's version.
    Exits with a sentence when nothing could be installed.
    """
    python = venv / "bin" / "python"
    if not python.exists():
        print(f"making {venv} with {sys.executable}", flush=True)
        # A pip of its own would take longer than all the packages.
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    print(f"installing the packages of {wanted} from {LOCK.name}", flush=True)
    pip, packages = _pip(python), entries()
    uv = packages.pop("uv")
    # Both at once: each takes a second or more.
    with ThreadPoolExecutor() as pool:
        settings = pool.submit(_settings, pip)
        has_uv = _pip_install(pip, [uv], "--only-binary=:all:")
    index = index_of(settings.result())
    if has_uv and _uv_install(python, ROOT / wanted, index=index):
        return
    print("uv could not (see above); pip does it now, which takes a minute or two", flush=True)
    if not _pip_install(pip, packages.values()):
        sys.exit(f"The packages of {LOCK.name} are not installed: pip says above why.")


def entries() -> dict[str, str]:
    """The lock's lines on each package, by its name: version, where it applies, hashes. Of one that
    is another for another Python, those of each."""
    found: dict[str, str] = {}
    for match in _ENTRY.finditer(LOCK.read_text()):
        found[match[1]] = found.get(match[1], "") + match[0]
    return found


def index_of(settings: str) -> str:
    """Where pip is set to find packages, from what `pip config list` says; "" for the default."""
    found = dict(_INDEX.findall(settings))
    return found.get(":env:") or found.get("install") or found.get("global") or ""


def _pip(python: Path) -> list[str]:
    """A pip for the environment: our own, or else one made inside."""
    if _has_pip(sys.executable):
        return [sys.executable, "-m", "pip", "--python", str(python)]
    if not _has_pip(python):
        made = subprocess.run([python, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
        if made.returncode:
            sys.exit("pip is missing: install it (on Debian: apt-get install python3-venv).")
    return [str(python), "-m", "pip"]


def _has_pip(python: str | Path) -> bool:
    finds = "import sys, importlib.util; sys.exit(importlib.util.find_spec('pip') is None)"
    return subprocess.run([python, "-c", finds]).returncode == 0


def _pip_install(pip: list[str], packages: Iterable[str], *options: str) -> bool:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(packages)
        file.flush()
        quiet = ["--quiet", "--disable-pip-version-check", "--require-hashes"]
        return not subprocess.run([*pip, "install", *quiet, *options, "-r", file.name]).returncode


def _settings(pip: list[str]) -> str:
    return subprocess.run([*pip, "config", "list"], stdout=subprocess.PIPE, text=True).stdout


def _uv_install(python: Path, wanted: Path, *, index: str) -> bool:
    env = dict(os.environ)
    # uv reads its own settings, not pip's.
    if not any(name.startswith("UV_") and "INDEX" in name for name in env):
        env["UV_DEFAULT_INDEX"] = index
    command = [python.with_name("uv"), "pip", "install", "--quiet", "--python", python]
    command += ["--require-hashes", "-r", wanted, "-c", LOCK]
    return not subprocess.run(command, env=env).returncode


if __name__ == "__main__":
    install(Path(sys.argv[1]), sys.argv[2])
