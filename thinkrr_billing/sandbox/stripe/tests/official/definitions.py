"""Stripe's type definitions, as the installed SDK declares them in its annotations."""

import ast
import importlib
import inspect
import re
import sys
import typing
from collections.abc import Iterator
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


@cache
def routes() -> dict[tuple[str, str], str]:
    """Every route the SDK calls, `("GET", "/v1/refunds/{}")`, with the type of its answer."""
    found: dict[tuple[str, str], str] = {}
    for file in sorted(Path(stripe.__file__).parent.rglob("*_service.py")):
        for method in ast.walk(ast.parse(file.read_text())):
            if isinstance(method, ast.FunctionDef) and isinstance(method.returns, ast.Constant):
                found |= _route(method, answer=str(method.returns.value))
    return found


def _route(method: ast.FunctionDef, *, answer: str) -> dict[tuple[str, str], str]:
    for call in ast.walk(method):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "self._request":
            verb, path = call.args[:2]
            if isinstance(path, ast.Call):  # "/v1/refunds/{refund}".format(...)
                path = path.func.value
            return {(verb.value.upper(), re.sub(r"\{\w+\}", "{}", path.value)): answer}
    return {}
