"""Named places where the fault suite makes a process die, wait or fail. No-ops otherwise.

before_claim, after_claim_commit, after_intent_create, after_intent_commit, before_confirm,
after_confirm, before_settle_commit, after_settle_commit.
"""

from collections.abc import Callable

_hooks: dict[str, Callable[[], None]] = {}


def reach(name: str) -> None:
    """Run what a test has hooked here, if anything."""
    if hook := _hooks.get(name):
        hook()


def hook(name: str, action: Callable[[], None] | None) -> None:
    """Run `action` whenever `name` is reached; None takes it away again."""
    if action is None:
        _hooks.pop(name, None)
    else:
        _hooks[name] = action
