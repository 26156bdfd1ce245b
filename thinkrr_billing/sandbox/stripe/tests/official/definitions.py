"""Stripe's type definitions, as the installed SDK declares them in its annotations."""

import ast
import importlib
import inspect
import re
import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import stripe
import stripe.checkout
from stripe._stripe_object import StripeObject

# The objects the sandbox holds, by the word each carries in its field `object`.
HELD: dict[str, type[StripeObject]] = {
    one.OBJECT_NAME: one
    for one in (
        stripe.Account,
        stripe.BalanceTransaction,
        stripe.Charge,
        stripe.checkout.Session,
        stripe.Customer,
        stripe.Dispute,
        stripe.Event,
        stripe.File,
        stripe.PaymentIntent,
        stripe.PaymentMethod,
        stripe.Refund,
        stripe.SetupIntent,
        stripe.WebhookEndpoint,
    )
}


@cache
def fields(owner: type) -> dict[str, object]:
    """The fields of one of the SDK's classes, with their types as Python says them."""
    own = {
        name: kind
        for name, kind in owner.__dict__.get("__annotations__", {}).items()
        if not name.startswith("_") and typing.get_origin(kind) is not typing.ClassVar
    }
    holder = type("Holder", (), {"__annotations__": own})
    module = sys.modules[owner.__module__]
    return typing.get_type_hints(holder, vars(module), _names_for_type_checkers(module))


@cache
def _names_for_type_checkers(module: ModuleType) -> dict[str, object]:
    """What the module imports only for type checkers, because it would be circular."""
    found: dict[str, object] = {}
    for statement in ast.parse(inspect.getsource(module)).body:
        if not (isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"):
            continue
        for line in statement.body:
            if isinstance(line, ast.ImportFrom) and ".params." not in (line.module or ""):
                source = importlib.import_module(line.module or "")
                names = {(one.asname or one.name): getattr(source, one.name) for one in line.names}
                found |= names
    return found


def optional(kind: object) -> bool:
    """Whether the SDK says Optional: the field may be null, or absent, or both."""
    return type(None) in typing.get_args(kind)


def path_of(owner: type) -> str:
    """`stripe._refund.Refund.DestinationDetails.Card` as `refund.DestinationDetails.Card`."""
    root, _, inner = owner.__qualname__.partition(".")
    top = getattr(sys.modules[owner.__module__], root)
    name = getattr(top, "OBJECT_NAME", root)
    return f"{name}.{inner}" if inner else name


def nested(owner: type) -> Iterator[type]:
    """The class and every class inside it."""
    yield owner
    for inner in vars(owner).values():
        if isinstance(inner, type) and inner.__qualname__.startswith(f"{owner.__qualname__}."):
            yield from nested(inner)


@dataclass(frozen=True)
class OfficialRoute:
    """What the SDK sends to a route, and what it reads from its answer."""

    answer: str
    parameters: dict[str, str]  # By name, their types as they are written.


@cache
def routes() -> dict[tuple[str, str], OfficialRoute]:
    """Every route the SDK calls, by its method and path: `("GET", "/v1/refunds/{}")`."""
    found: dict[tuple[str, str], OfficialRoute] = {}
    for file in sorted(Path(stripe.__file__).parent.rglob("*_service.py")):
        tree = ast.parse(file.read_text())
        sources = {
            name.name: line.module
            for line in ast.walk(tree)
            if isinstance(line, ast.ImportFrom) and ".params." in (line.module or "")
            for name in line.names
        }
        for method in ast.walk(tree):
            if isinstance(method, ast.FunctionDef) and isinstance(method.returns, ast.Constant):
                found |= _route(method, sources)
    return found


def _route(method: ast.FunctionDef, sources: dict) -> dict[tuple[str, str], OfficialRoute]:
    for call in ast.walk(method):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "self._request":
            verb, path = call.args[:2]
            if isinstance(path, ast.Call):  # "/v1/refunds/{refund}".format(...)
                path = path.func.value
            key = (verb.value.upper(), re.sub(r"\{\w+\}", "{}", path.value))
            return {key: OfficialRoute(method.returns.value, _parameters(method, sources))}
    return {}


def _parameters(method: ast.FunctionDef, sources: dict) -> dict[str, str]:
    for argument in method.args.args:
        named = re.search(r"\w+Params", ast.unparse(argument.annotation or argument))
        if argument.arg == "params" and named:
            module = importlib.import_module(sources[named.group()])
            given = getattr(module, named.group()).__annotations__
            return {name: str(kind) for name, kind in given.items()}
    return {}
