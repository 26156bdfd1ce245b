"""The OpenAPI document says everything to whoever reads it, of routes that are not written yet."""

import inspect
import re

import pytest
from drf_spectacular.generators import SchemaGenerator
from openapi_spec_validator import OpenAPIV31SpecValidator

from accounts.api import codes
from tests.api import document as doc
from tests.api.document import Operation, document, operations

pytestmark = pytest.mark.journey

ALWAYS = {"400", "401", "403", "404", "429", "503"}


@pytest.fixture(params=operations(), ids=str)
def operation(request) -> Operation:
    return request.param


def test_it_is_openapi_3_1_without_a_mistake():
    assert document()["openapi"] == "3.1.1"
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []


def test_nothing_in_it_is_of_openapi_3_0():
    assert {"nullable", "example"} & set(doc.words(document())) == set()


def test_it_names_its_server(settings):
    assert [one["url"] for one in document()["servers"]] == [settings.SITE_URL]


def test_every_tag_is_described_and_used_in_one_spelling():
    described = {one["name"]: one["description"] for one in document()["tags"]}
    used = {tag for operation in operations() for tag in operation.said["tags"]}

    assert all(described.values())
    assert used == set(described)
    assert len({name.lower() for name in used}) == len(used)


def test_every_operation_is_told_to_callers_and_not_by_a_docstring(operation):
    internal = {inspect.getdoc(one) for one in _code_of(operation)}

    assert len(operation.said["tags"]) == 1
    assert operation.said.get("summary")
    assert operation.said.get("description"), "Say in extend_schema what a caller should know."
    assert operation.said["description"] not in internal
    assert operation.said["summary"] not in internal


def _code_of(operation: Operation) -> list[object]:
    """The class and the method that answer it."""
    generator = SchemaGenerator()
    generator._initialise_endpoints()
    for path, _, method, view in generator._get_paths_and_endpoints():
        if (path, method) == (operation.path, operation.method.upper()):
            return [type(view), getattr(view, operation.method)]
    raise AssertionError(f"Nothing answers {operation}.")


def test_names_of_operations_are_verbs_with_a_noun_and_each_is_there_once():
    names = [one.said["operationId"] for one in operations()]
    read = [one.said["operationId"] for one in operations() if one.method == "get"]

    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == []
    assert [name for name in read if not name.startswith(("get_", "list_"))] == []
    assert [one for one in names if one.startswith(("get_", "list_")) and one not in read] == []


def test_every_operation_needs_a_key(operation):
    scheme = document()["components"]["securitySchemes"]["ApiKey"]

    assert operation.said["security"] == [{"ApiKey": []}]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert scheme["description"]


def test_every_parameter_is_described_and_each_in_the_address_has_an_example(operation):
    silent = [one["name"] for one in operation.parameters if not one.get("description")]
    unshown = [
        one["name"]
        for one in operation.parameters
        if one["in"] == "path" and not one.get("examples")
    ]

    assert (silent, unshown) == ([], [])


@pytest.mark.parametrize("name", sorted(doc.objects()))
def test_every_field_of_every_shape_is_described(name):
    shape = doc.objects()[name]

    silent = [
        field
        for field, said in shape["properties"].items()
        if "description" not in doc.resolved(said)
    ]
    assert shape.get("description")
    assert silent == []


def test_every_answer_is_described_and_has_an_example(operation):
    assert operation.good() or "204" in operation.answers
    assert all("examples" in one for one in operation.good().values())
    assert all(one["description"] for one in operation.answers.values())
    if body := operation.sent():
        assert body["examples"]


def test_every_operation_documents_its_refusals_in_one_shape(operation):
    refused = {
        status: answer for status, answer in operation.answers.items() if not status.startswith("2")
    }
    shapes = {one["content"][doc.JSON]["schema"]["$ref"] for one in refused.values()}

    assert set(refused) >= ALWAYS
    assert shapes == {"#/components/schemas/Error"}
    if operation.sent():
        assert set(refused) >= {"413", "415"}


def test_every_operation_with_an_idempotency_key_documents_how_a_key_is_refused(operation):
    if "Idempotency-Key" in {one["name"] for one in operation.parameters}:
        assert set(operation.answers) >= {"409", "422"}


def test_every_refusal_names_its_codes_and_shows_one(operation):
    for status, answer in operation.answers.items():
        if status.startswith("2"):
            continue
        possible = {one.name for one in codes.of_status(int(status))}
        (example,) = answer["content"][doc.JSON]["examples"].values()
        assert set(re.findall("`(.+?)`", answer["description"])) == possible
        assert example["value"]["error"]["code"] in possible


def test_every_code_of_a_refusal_is_in_the_document_with_its_meaning_and_remedy():
    said = document()["components"]["schemas"]["ErrorCodeEnum"]

    assert said["enum"] == [one.name for one in codes.CODES]
    for one in codes.CODES:
        assert f"* `{one.name}` - {one.meaning} {one.remedy}" in said["description"]


def test_every_link_of_an_answer_leads_to_an_operation_by_a_parameter_of_it(operation):
    named = {one.said["operationId"]: one for one in operations()}

    for answer in operation.answers.values():
        for link in answer.get("links", {}).values():
            there = {one["name"] for one in named[link["operationId"]].parameters}
            assert set(link["parameters"]) <= there


def test_every_list_has_its_cursors_as_values(operation):
    for answer in operation.good().values():
        fields = doc.resolved(answer["schema"])["properties"]
        if "results" not in fields or "next" not in fields:
            continue
        assert "next_cursor" in fields
        assert "cursor" in {one["name"] for one in operation.parameters}
