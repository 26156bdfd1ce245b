"""Tells the story line by line, and checks its figures."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LABEL_WIDTH = 46
ASKED_EVERY_SECONDS = 0.2
# A worker takes a second or two; a loaded machine may need longer.
PATIENCE_SECONDS = 45.0


class WentWrong(Exception):
    """A figure of the story is not what it must be. The text names the step and both figures."""


class Teller:
    def __init__(self) -> None:
        self._began = time.monotonic()
        self._step = ""
        self._steps = self._facts = 0

    def chapter(self, title: str) -> None:
        self._print(f"\n{title}")

    def step(self, what: str) -> None:
        """Say what is done next; figures that follow belong to it."""
        self._steps += 1
        self._step = what
        self._print(f"  {self._steps:2}. {what}")

    def figure(self, label: str, found: object, expected: object) -> None:
        """Show a figure. Raises WentWrong unless it is exactly the expected one."""
        if found != expected:
            raise WentWrong(
                f"Step {self._steps}, “{self._step}”: {label} is {found!r}, expected {expected!r}."
            )
        self._facts += 1
        self._print(f"        {label:<{LABEL_WIDTH}} {_shown(found)}")

    def says(self, label: str, text: str, sentence: str) -> None:
        """Show a sentence that a page must contain."""
        if sentence not in text:
            raise WentWrong(
                f"Step {self._steps}, “{self._step}”: {label} does not say {sentence!r}, but: "
                f"{text[:1500]}"
            )
        self._facts += 1
        self._print(f"        {label}: “{sentence}”")

    def wait(self, label: str, look: Callable[[], object], expected: object) -> None:
        """Look until the figure is the expected one: a worker is at it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := look()) != expected and time.monotonic() < deadline:
            time.sleep(ASKED_EVERY_SECONDS)
        self.figure(label, found, expected)

    def end(self) -> None:
        took = time.monotonic() - self._began
        self._print(
            f"\nAll {self._steps} steps and {self._facts} figures are right ({took:.0f} s)."
        )

    def say(self, line: str) -> None:
        self._print(line)

    def _print(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _shown(found: object) -> str:
    """Write a figure for people: no brackets, no quotes."""
    if isinstance(found, dict):
        return ", ".join(f"{name} {_shown(value)}" for name, value in sorted(found.items()))
    if isinstance(found, (list, tuple)):
        return ", ".join(_shown(one) for one in found) or "nothing"
    if isinstance(found, bool):
        return "on" if found else "off"
    return str(found) if found != "" else "none"
