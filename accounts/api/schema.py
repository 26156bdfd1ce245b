"""What the OpenAPI document says: how to log in, what is sent and answered, how refusals look."""

import inspect
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec
from django.db.models import Choices
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import (
    build_choice_description_list,
    list_hash,
    safe_ref,
)
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from accounts.api import codes
from accounts.api.answers import Error
from accounts.api.idempotency import PARAMETER as KEY_PARAMETER


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.api.client.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:  # noqa: ARG002
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key of an account, or of the platform: `tb_…`.",
        }


class Shape(OpenApiSerializerExtension):
    """A Struct is documented under its own name, by what msgspec knows of it."""

    target_class = "msgspec.Struct"
    match_subclasses = True

    def get_name(self) -> str:
        return self.target.__name__

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict:
        for hint in get_type_hints(self.target).values():
            for inside in _structs_in(hint):
                auto_schema.resolve_serializer(inside, direction)
        _, schemas = msgspec.json.schema_components(
            [self.target], schema_hook=_choices, ref_template="#/components/schemas/{name}"
        )
        return _struct(schemas[self.target.__name__]) | getattr(self.target, "more_rules", {})


_NULL = {"type": "null"}


def _structs_in(hint: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for part in get_args(hint):
        yield from _structs_in(part)


def _choices(kind: type) -> dict:
    if not issubclass(kind, Choices):
        raise NotImplementedError
    return {"choices": kind.choices}


def _struct(schema: dict) -> dict:
    """A component: a Struct's fields, and what its docstring says."""
    said = {
        "type": "object",
        "properties": {name: _field(one) for name, one in schema["properties"].items()},
        "required": schema["required"],
        "description": inspect.cleandoc(schema.get("description", "")),
        "additionalProperties": schema.get("additionalProperties"),
    }
    return {word: value for word, value in said.items() if value not in ("", [], None)}


def _field(schema: dict) -> dict:
    """JSON Schema as generators of clients like it: null beside a type, nothing beside a $ref.

    Our own words are `as`, another description of the same, and `choices`, values and labels.
    """
    schema = dict(schema)
    options = schema.pop("anyOf", [])
    for option in options:
        schema = (schema | option | schema) if option != _NULL else schema
    if "as" in schema:
        kept = {word: schema[word] for word in ("description",) if word in schema}
        schema = schema["as"] | kept
    if "choices" in schema:
        schema |= _enum(schema.pop("choices"), schema.get("description", ""))
    if "enum" in schema:
        schema["type"] = "string"
    if _NULL in options:
        schema = _or_null(schema)
    if schema.get("default", ...) is None:
        del schema["default"]
    for word in ("items", "additionalProperties"):
        if word in schema:
            schema[word] = _field(schema[word])
    return safe_ref(schema)


def _or_null(schema: dict) -> dict:
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    if "$ref" in schema:
        ref = schema.pop("$ref")
        return schema | {"oneOf": [{"$ref": ref}, _NULL]}
    return schema | {"type": [schema["type"], "null"]}


def _enum(choices: list[list[str]], description: str) -> dict:
    """As DRF's fields of choices are documented: the enum becomes a component of its own."""
    labels = build_choice_description_list(choices)
    return {
        "enum": [value for value, _ in choices],
        "description": f"{description}\n\n{labels}" if description else labels,
        "x-spec-enum-id": list_hash(choices),
    }


class RouteSchema(AutoSchema):
    """Documents the query that a view reads, and of its words those written for callers only:
    docstrings are for whoever changes the code."""

    def get_override_parameters(self) -> list[type[msgspec.Struct] | OpenApiParameter]:
        shape = getattr(self.view, "query_shape", None)
        handler = getattr(self.view, self.method.lower(), None)
        key = [KEY_PARAMETER] if getattr(handler, "takes_idempotency_key", False) else []
        return [shape, *key] if shape else key

    def _get_parameters(self) -> list[dict]:
        parameters = super()._get_parameters()
        for one in parameters:
            if one["schema"].pop("deprecated", False):
                one["deprecated"] = True
        return parameters

    def get_description(self) -> str:
        return ""


# What a part of an address means wherever it stands, unless the route says more, and an example.
PARTS = {
    "account_id": ("The sub-account's id.", "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11"),
    "purchase_id": ("The purchase's id.", "0b0f6a53-6c2f-4f0b-9f57-0a4a1c6f2c11"),
    "external_id": ("The campaign's own id.", "spring-1"),
}


def in_path(name: str, description: str, example: str | int, kind: Any = str) -> OpenApiParameter:
    """A part of the address, with an example that the suite asks for."""
    return OpenApiParameter(
        name,
        kind,
        OpenApiParameter.PATH,
        description=description,
        examples=[OpenApiExample(str(example), value=example)],
    )


def leads_to(**parameters: dict[str, str]) -> dict[str, Any]:
    """For `extensions`: which operations an answer can be followed to, and what of it they take:
    `get_rose={"rose_id": "id"}`."""
    return {
        "x-leads-to": {
            name: {"operationId": name, "parameters": _taken(fields)}
            for name, fields in parameters.items()
        }
    }


def _taken(fields: dict[str, str]) -> dict[str, str]:
    return {name: f"$response.body#/{field}" for name, field in fields.items()}


def finished(result: dict, **kwargs: object) -> dict:
    """The last touch on the document: null is a type, not an enumeration of its own; an answer
    without words of its own has those of its shape, and a part of an address those of PARTS."""
    schemas = result["components"]["schemas"]
    schemas.pop("NullEnum", None)
    for methods in result["paths"].values():
        for operation in methods.values():
            links = operation.pop("x-leads-to", {})
            for part in operation.get("parameters", []):
                if part["in"] == "path" and part["name"] in PARTS:
                    _describe(part)
            for status, answer in operation["responses"].items():
                answer["description"] = answer["description"] or _words_of(answer, schemas)
                if status.startswith("2") and (
                    more := links | _next_page(operation, answer, schemas)
                ):
                    answer["links"] = more
    return _without_null_enum(result)


def _describe(part: dict) -> None:
    description, example = PARTS[part["name"]]
    part.setdefault("description", description)
    part.setdefault("examples", {"Example": {"value": example}})


def _next_page(operation: dict, answer: dict, schemas: dict) -> dict:
    if "next_cursor" not in _shape_of(answer, schemas).get("properties", {}):
        return {}
    name = operation["operationId"]
    return {"next_page": {"operationId": name, "parameters": _taken({"cursor": "next_cursor"})}}


def _words_of(answer: dict, schemas: dict) -> str:
    if "content" not in answer:
        return "Done."
    return _shape_of(answer, schemas).get("description", "")


def _shape_of(answer: dict, schemas: dict) -> dict:
    shape = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return schemas.get(shape.get("$ref", "").rpartition("/")[2], {})


def _without_null_enum(part: Any) -> Any:
    if part == {"$ref": "#/components/schemas/NullEnum"}:
        return _NULL
    if isinstance(part, dict):
        return {word: _without_null_enum(value) for word, value in part.items()}
    return [_without_null_enum(one) for one in part] if isinstance(part, list) else part


_MEANINGS = {
    400: ("Something sent cannot be used.", "invalid", "amount: Send at least 5."),
    401: (
        "The key is missing, unknown, revoked or expired.",
        "authentication_failed",
        "This API key is unknown, revoked or expired.",
    ),
    403: (
        "The key may see it, but not do this.",
        "forbidden",
        "This needs an API key of Northside Dental itself.",
    ),
    404: ("There is nothing for this key.", "not_found", "There is no such account."),
    409: (
        "The state of things does not allow it.",
        "purchase_in_progress",
        "A $50.00 recharge is being confirmed. Wait for its result before you pay again.",
    ),
    413: ("Too much at once.", "too_large", "The body is larger than 256 KB."),
    415: (
        "Only JSON is taken.",
        "unsupported_media_type",
        'Unsupported media type "text/plain" in request.',
    ),
    422: (
        "Understood, but it cannot be done with these facts.",
        "no_payment_method",
        "Add a payment method first.",
    ),
    429: ("Too many requests.", "throttled", "Request was throttled."),
    503: (
        "The database or the payment service could not be asked.",
        "unavailable",
        "The service is not answering. Send the same request again in 5 seconds.",
    ),
}
_ALWAYS = (400, 401, 403, 404, 429, 503)


def refusals(*more: int) -> dict[int, OpenApiResponse]:
    """The documented refusals of a route: those of every route, and `more` statuses.

    Where a body can be too large (413), it can also be no JSON (415).
    """
    wanted = {*_ALWAYS, *more, *([415] if 413 in more else [])}
    return {status: _refusal(status) for status in sorted(wanted)}


def _refusal(status: int) -> OpenApiResponse:
    meaning, code, message = _MEANINGS[status]
    names = ", ".join(f"`{one.name}`" for one in codes.of_status(status))
    description = f"{meaning} Codes: {names}."
    example = OpenApiExample(
        meaning,
        value={"error": {"code": code, "message": message, "fields": {}}},
        response_only=True,
        status_codes=[str(status)],
    )
    return OpenApiResponse(Error, description=description, examples=[example])
