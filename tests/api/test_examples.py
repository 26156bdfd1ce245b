"""Every example of the document is sent to its route, and answered as its example says."""

import pytest
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from accounts import clock
from tests.api.document import JSON, Operation, document, operations, resolved
from tests.api.world import NOW, World, make_world
from wallets.tests.worlds.api_clients import client_of

pytestmark = [pytest.mark.journey, pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


def examples() -> list:
    """Each operation with each body that the document shows for it; once where it takes none."""
    return [
        pytest.param(operation, body, id=f"{operation} {name}")
        for operation in operations()
        for name, body in ((operation.sent() or {}).get("examples") or {"": None}).items()
    ]


@pytest.fixture
def world(stripe) -> World:
    with clock.at(NOW):
        yield make_world(stripe)


@pytest.mark.parametrize(("operation", "body"), examples())
def test_an_example_is_answered_as_its_answer_says(operation, body, world):
    response = _asked(operation, body and world.here(body["value"]), world)

    status = str(response.status_code)
    if status == "204":
        assert status in operation.answers
        return
    said = operation.good().get(status)
    assert said, response.content
    complaints = []
    for example in said["examples"].values():
        complaints.append(list(_unlike(said["schema"], example["value"], response.json(), "$")))
    assert [] in complaints, complaints
    assert _invalid(said["schema"], response.json()) == []


def _asked(operation: Operation, body: object, world: World):
    """What the first key that may is answered: the account's, its agency's, or its sister's."""
    address, headers = operation.path, {}
    for one in operation.parameters:
        shown = next(iter((one.get("examples") or {"": {"value": "example-1"}}).values()))["value"]
        if one["in"] == "path":
            address = address.replace(f"{{{one['name']}}}", str(world.here(shown)))
        if one["in"] == "header" and one.get("required"):
            headers[one["name"]] = shown
    for account in (world.account, world.agency, world.sister):
        client: APIClient = client_of(account)
        response = client.generic(
            operation.method.upper(),
            address,
            b"" if body is None else client._encode_data(body, "json")[0],
            content_type=JSON,
            headers=headers,
        )
        if response.status_code not in (403, 404):
            break
    return response


def _unlike(schema: dict, example: object, answer: object, at: str):
    """Where an answer is of another shape than the example: other fields, or of another type."""
    schema = resolved(schema)
    for option in schema.get("oneOf", []):
        schema = resolved(option) if option != {"type": "null"} else schema
    if example is None or answer is None:
        return
    if type(example) is not type(answer):
        yield f"{at}: {example!r}, {answer!r}"
    elif isinstance(example, dict) and "properties" in schema:
        differing = set(example) ^ set(answer)
        if differing - set(schema["properties"]) or differing & set(schema.get("required", [])):
            yield f"{at}: {sorted(example)}, {sorted(answer)}"
            return
        for name in set(example) & set(answer):
            value = example[name]
            yield from _unlike(schema["properties"][name], value, answer[name], f"{at}.{name}")
    elif isinstance(example, list) and example:
        if not answer and at == "$.results":
            yield f"{at}: nothing was answered"
        as_many = len(example) == len(answer)
        for place, one in enumerate(answer):
            like = example[place if as_many else 0]
            yield from _unlike(schema["items"], like, one, f"{at}.{place}")


def _invalid(schema: dict, value: object) -> list[str]:
    whole = schema | {"components": document()["components"]}
    return [one.message for one in Draft202012Validator(whole).iter_errors(value)]


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_every_example_is_what_its_schema_allows(operation):
    for said in [*operation.good().values(), *filter(None, [operation.sent()])]:
        for example in said["examples"].values():
            assert _invalid(said["schema"], example["value"]) == []
