"""Which optional fields are always there, and which are never null.

The Python SDK says Optional both of a field that is always there but may be null and of one that
may be absent. Its npm twin of the same version, generated from the same specification, tells them
apart: `a: T | null`, `b?: T`, `c?: T | null`. `presence.json` keeps that for the objects the
sandbox holds. After another version of the SDK was pinned, write it anew (no npm package runs):

    npm pack stripe@<the twin's version> && tar xf stripe-*.tgz
    python -m thinkrr_billing.sandbox.stripe.tests.official.presence package
"""

import json
import re
import sys
from functools import cache
from pathlib import Path

from thinkrr_billing.sandbox.stripe.tests.official.definitions import (
    HELD,
    fields,
    nested,
    optional,
    path_of,
)

TABLE = Path(__file__).with_name("presence.json")
# `a: T | null`, `b?: T`, `c?: T | null`, and `d: T` where Python says Optional all the same,
# because its class is also that of the deleted object.
ALWAYS, NEVER_NULL, NEITHER, REQUIRED = "always", "never null", "neither", "required"
_OPENS = re.compile(r"^\s*(?:export )?(?:declare )?(?:interface|namespace) (\w+).*\{$")
_FIELD = re.compile(r"^\s*(\w+)(\??): (.*)[;{]$")
_SHARED = "shared.d.ts"
# The name of a class in the Python SDK, where the twin has another for the same fields.
_OTHER_NAMES = {"Event": "EventBase"}
_EVENT = re.compile(r"interface (\w+) extends EventBase \{\n    type: '([^']+)';")
_EVENT_OBJECT = re.compile(
    r"namespace (\w+) \{\n    interface Data extends Event\.Data \{\n        object: ([\w.]+);"
)


@cache
def table() -> dict[str, dict[str, str]]:
    """Of each class, by `path_of`: its optional fields with one of the four words."""
    return {
        owner: {name: word for word, names in words.items() for name in names.split()}
        for owner, words in json.loads(TABLE.read_text())["fields"].items()
    }


@cache
def event_objects() -> dict[str, str]:
    """Of each type of event about an object we hold: that object's `object`."""
    return json.loads(TABLE.read_text())["events"]


def version() -> str:
    return json.loads(TABLE.read_text())["api_version"]


def read(package: Path) -> dict:
    """What an unpacked npm package says of the optional fields of the classes we hold."""
    types = package / "esm"
    shared = _interfaces(types / _SHARED)
    found = {}
    for name, root in HELD.items():
        told = _interfaces(types / "resources" / _file_of(name))
        for owner in nested(root):
            line = _line(owner, told=told, shared=shared)
            if line:
                found[path_of(owner)] = line
    stated = re.search(r"'([^']+)'", (types / "apiVersion.js").read_text())
    events = _events((types / "resources" / "Events.d.ts").read_text())
    return {"api_version": stated.group(1), "fields": found, "events": events}


def _events(text: str) -> dict[str, str]:
    objects = dict(_EVENT_OBJECT.findall(text))
    named = {
        type: ".".join(re.sub(r"(?<!^)(?=[A-Z])", "_", one) for one in objects[event].split("."))
        for event, type in _EVENT.findall(text)
        if event in objects
    }
    return {type: name.lower() for type, name in named.items() if name.lower() in HELD}


def _file_of(name: str) -> str:
    parts = ["".join(word.capitalize() for word in part.split("_")) for part in name.split(".")]
    return "/".join(parts) + "s.d.ts"


def _line(owner: type, *, told: dict, shared: dict) -> dict[str, str]:
    names = [name for name, kind in fields(owner).items() if optional(kind)]
    if not names:
        return {}
    source = told.get(_OTHER_NAMES.get(owner.__qualname__, owner.__qualname__))
    if source is None:  # `Customer.Address` is a class of its own here and a shared one there.
        source = next(one for one in shared.values() if one.keys() == fields(owner).keys())
    return {name: source[name] for name in names}


def _interfaces(file: Path) -> dict[str, dict[str, str]]:
    """Every interface of a file by its path, `Refund.DestinationDetails.Card`."""
    found: dict[str, dict[str, str]] = {}
    stack: list[str] = []
    for line in file.read_text().splitlines():
        opened, field = _OPENS.match(line), _FIELD.match(line)
        if opened:
            stack.append(opened.group(1))
            found.setdefault(".".join(stack), {})
        elif field and stack:
            name, absent, kind = field.groups()
            found.setdefault(".".join(stack), {})[name] = _word(bool(absent), kind)
            if line.endswith("{"):
                stack.append(name)
        elif line.endswith("{"):
            stack.append("")
        elif line.strip().startswith("}"):
            inner = stack.pop()
            if "| null" in line:  # `name?: { [key: string]: number } | null;` on three lines.
                before = found[".".join(stack)]
                before[inner] = _word(before[inner] == NEVER_NULL, line)
    return found


def _word(absent: bool, kind: str) -> str:
    if absent:
        return NEITHER if "| null" in kind else NEVER_NULL
    return ALWAYS if "| null" in kind else REQUIRED


def _written(told: dict) -> str:
    """A line for each class, so that another version of the SDK is a readable difference."""
    lines = []
    for owner, words in sorted(told["fields"].items()):
        grouped = {
            word: " ".join(sorted(name for name, one in words.items() if one == word))
            for word in sorted(set(words.values()))
        }
        lines.append(f"  {json.dumps(owner)}: {json.dumps(grouped)}")
    events = json.dumps(told["events"], indent=1, sort_keys=True)
    return (
        f'{{"api_version": {json.dumps(told["api_version"])},\n"events": {events},\n'
        '"fields": {\n' + ",\n".join(lines) + "\n}}\n"
    )


if __name__ == "__main__":
    TABLE.write_text(_written(read(Path(sys.argv[1]))))
