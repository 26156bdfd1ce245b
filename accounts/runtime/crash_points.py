"""Named places where the fault suite makes a process die, wait or fail. No-ops otherwise.

before_claim, after_claim_commit, after_intent_create, after_intent_commit, before_confirm,
after_confirm, before_settle_commit, after_settle_commit, before_ack, after_commit_before_publish.

A test in the same process uses `hook`. A child process is armed by the environment variable
CRASH_POINTS="<point>:<action>[:<file>]", several separated by commas, honoured only with DEBUG.
"""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from django.conf import settings

POINTS = frozenset(
    {
        "before_claim",
        "after_claim_commit",
        "after_intent_create",
        "after_intent_commit",
        "before_confirm",
        "after_confirm",
        "before_settle_commit",
        "after_settle_commit",
        "before_ack",
        "after_commit_before_publish",
    }
)

# How often a waiting process looks whether it may go on.
LOOKS_EVERY_SECONDS = 0.02

_hooks: dict[str, Callable[[], None]] = {}


class Crash(BaseException):
    """The process dies here, as far as our code can tell: no handler of ours catches it."""


def reach(name: str) -> None:
    """Run what a test has hooked here, if anything."""
    if action := _hooks.get(name):
        action()


def hook(name: str, action: Callable[[], None] | None) -> None:
    """Run `action` whenever `name` is reached; None takes it away again."""
    if name not in POINTS:
        raise ValueError(f"There is no crash point {name!r}; there are {sorted(POINTS)}.")
    if action is None:
        _hooks.pop(name, None)
    else:
        _hooks[name] = action


def arm_from_environment() -> None:
    """Hook what CRASH_POINTS says. Production never listens to it."""
    text = os.environ.get("CRASH_POINTS", "")
    if not (settings.DEBUG and text):
        return
    for item in text.split(","):
        name, action, file = [*item.split(":", 2), "", ""][:3]
        hook(name, partial(ACTIONS[action], Path(file or os.devnull)))


def _kill(once: Path) -> None:
    """Die as by a power cut; with a file only the first time, whichever process comes first."""
    if _is_first(once):
        os.kill(os.getpid(), signal.SIGKILL)


def _raise(once: Path) -> None:
    if _is_first(once):
        raise Crash


def _wait(file: Path) -> None:
    """Say that the point was reached by <file>.reached, and go on once <file> exists."""
    file.with_name(f"{file.name}.reached").touch()
    while not file.exists():
        time.sleep(LOOKS_EVERY_SECONDS)


def _is_first(once: Path) -> bool:
    if once == Path(os.devnull):
        return True
    try:
        once.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


ACTIONS: dict[str, Callable[[Path], None]] = {"kill": _kill, "raise": _raise, "wait": _wait}
