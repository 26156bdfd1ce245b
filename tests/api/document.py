"""The OpenAPI document as it is served, and ways through it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

JSON = "application/json"


@cache
def document() -> dict:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return json.loads(OpenApiJsonRenderer().render(schema, renderer_context={}))


@dataclass(frozen=True)
class Operation:
    path: str
    method: str
    said: dict

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def parameters(self) -> list[dict]:
        return self.said.get("parameters", [])

    @property
    def answers(self) -> dict[str, dict]:
        return self.said["responses"]

    def good(self) -> dict[str, dict]:
        """The answers that are no refusals, and have a body of JSON."""
        return {
            status: answer["content"][JSON]
            for status, answer in self.answers.items()
            if status.startswith("2") and JSON in answer.get("content", {})
        }

    def sent(self) -> dict | None:
        """What is said of the body of JSON that it takes, if it takes one."""
        return self.said.get("requestBody", {}).get("content", {}).get(JSON)


def operations() -> list[Operation]:
    return [
        Operation(path, method, said)
        for path, methods in document()["paths"].items()
        for method, said in methods.items()
    ]


def resolved(schema: dict) -> dict:
    """A schema with what it refers to: its own words win."""
    inside = [schema] if "$ref" in schema else schema.get("allOf", [])
    found: dict = {}
    for one in inside:
        found |= resolved(_component(one["$ref"])) if "$ref" in one else one
    return found | {word: value for word, value in schema.items() if word not in ("$ref", "allOf")}


def _component(ref: str) -> dict:
    return document()["components"]["schemas"][ref.rpartition("/")[2]]


def objects() -> dict[str, dict]:
    """The components that have fields."""
    schemas = document()["components"]["schemas"]
    return {name: one for name, one in schemas.items() if "properties" in one}


def words(part: object) -> Iterator[str]:
    """Every key anywhere in a part of the document, but inside its examples."""
    if isinstance(part, dict):
        for word, value in part.items():
            yield word
            if word not in ("example", "examples", "properties"):
                yield from words(value)
            elif word == "properties":
                for one in value.values():
                    yield from words(one)
    elif isinstance(part, list):
        for one in part:
            yield from words(one)
