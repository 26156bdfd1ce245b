"""What the OpenAPI document makes of Structs, and what answers make of them, through one view."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec
import pytest
from django.db.models import TextChoices
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from msgspec import UNSET, Meta, UnsetType
from rest_framework.views import APIView

from accounts.api.encoding import AnswerRenderer
from accounts.api.shapes import Moment, Sent, dollars

SCHEMAS = "#/components/schemas/"


class Colour(TextChoices):
    RED = "red", "Red like a rose"
    BLUE = "blue"


class Stem(msgspec.Struct):
    """How long it is.

    From the ground.
    """

    centimetres: int


class Rose(msgspec.Struct):
    id: UUID
    colour: Colour
    second_colour: Annotated[Colour | None, Meta(description="Of the edge.")]
    stem: Stem
    graft: Annotated[Stem | None, Meta(description="Where there is one.")]
    others: list[Stem]
    notes: dict[str, str]
    smell: Literal["sweet", "none"]
    planted: date | None
    seen: Moment
    price: Annotated[str, Meta(extra_json_schema={"example": "5.00"})] | UnsetType = UNSET


class NewRose(Sent):
    name: Annotated[str, Meta(min_length=1, max_length=9, description="In Latin.")]
    price: Annotated[Decimal | None, dollars(most=Decimal(9)), Meta(description="For one.")]
    thorns: Annotated[int, Meta(ge=0, le=99)] = 7
    planted: date | None = None
    colour: Colour = Colour.RED


class Roses(Sent):
    colours: Annotated[list[Colour] | UnsetType, Meta(description="Any of them.")] = UNSET
    since: Moment | UnsetType = msgspec.field(name="from", default=UNSET)
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class View(APIView):
    """For whoever writes views."""

    query_shape = Roses

    @extend_schema(request=NewRose, responses={201: Rose})
    def post(self, request):
        """Plant a rose."""

    @extend_schema(responses={200: Stem})
    def get(self, request):
        pass


@pytest.fixture(scope="module")
def document() -> dict:
    generator = SchemaGenerator(patterns=[path("api/v1/roses", View.as_view())])
    return generator.get_schema(request=None, public=True)


@pytest.fixture(scope="module")
def schemas(document) -> dict:
    return document["components"]["schemas"]


def test_structs_are_components_under_their_own_names(document, schemas):
    operation = document["paths"]["/api/v1/roses"]["post"]

    assert {"Rose", "Stem", "NewRose"} <= set(schemas)
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": f"{SCHEMAS}NewRose"
    }
    assert operation["responses"]["201"]["content"]["application/json"]["schema"] == {
        "$ref": f"{SCHEMAS}Rose"
    }


def test_what_has_no_default_is_required(schemas):
    assert "price" not in schemas["Rose"]["required"]
    assert len(schemas["Rose"]["required"]) == len(schemas["Rose"]["properties"]) - 1
    assert schemas["NewRose"]["required"] == ["name", "price"]


def test_only_what_is_sent_refuses_unknown_fields(schemas):
    assert schemas["NewRose"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["Rose"]


def test_bounds_formats_defaults_and_descriptions_are_told(schemas):
    new, rose = schemas["NewRose"]["properties"], schemas["Rose"]["properties"]

    assert new["name"] == {
        "type": "string",
        "minLength": 1,
        "maxLength": 9,
        "description": "In Latin.",
    }
    assert new["thorns"] == {"type": "integer", "minimum": 0, "maximum": 99, "default": 7}
    assert new["planted"] == {"type": ["string", "null"], "format": "date"}
    assert rose["id"] == {"type": "string", "format": "uuid"}
    assert rose["seen"] == {"type": "string", "format": "date-time"}
    assert rose["notes"] == {"type": "object", "additionalProperties": {"type": "string"}}
    assert rose["price"] == {"type": "string", "example": "5.00"}


def test_amounts_are_texts_of_a_pattern(schemas):
    assert schemas["NewRose"]["properties"]["price"] == {
        "type": ["string", "null"],
        "pattern": r"^(0|[1-9]\d{0,11})(\.\d{1,2})?$",
        "description": "For one.",
    }


def test_a_struct_inside_another_is_referred_to(schemas):
    rose = schemas["Rose"]["properties"]

    assert rose["stem"] == {"$ref": f"{SCHEMAS}Stem"}
    assert rose["others"] == {"type": "array", "items": {"$ref": f"{SCHEMAS}Stem"}}
    assert rose["graft"] == {
        "oneOf": [{"$ref": f"{SCHEMAS}Stem"}, {"type": "null"}],
        "description": "Where there is one.",
    }


def test_choices_are_components_with_their_labels(schemas):
    assert schemas["ColourEnum"] == {
        "type": "string",
        "enum": ["red", "blue"],
        "description": "* `red` - Red like a rose\n* `blue` - Blue",
    }
    assert schemas["Rose"]["properties"]["colour"] == {"$ref": f"{SCHEMAS}ColourEnum"}
    assert schemas["SmellEnum"] == {"type": "string", "enum": ["none", "sweet"]}


def test_choices_that_may_be_null_say_so_without_an_enumeration_of_null(schemas):
    colour = schemas["Rose"]["properties"]["second_colour"]

    assert colour["oneOf"] == [{"$ref": f"{SCHEMAS}SecondColourEnum"}, {"type": "null"}]
    assert "NullEnum" not in schemas
    assert colour["description"].startswith("Of the edge.\n\n* `red`")


def test_a_docstring_describes_its_struct_and_that_of_a_view_or_base_class_nothing(
    document, schemas
):
    operations = document["paths"]["/api/v1/roses"]

    assert schemas["Stem"]["description"] == "How long it is.\n\nFrom the ground."
    assert "description" not in schemas["NewRose"]
    assert "description" not in operations["post"]
    assert "description" not in operations["get"]


def test_the_query_that_a_view_reads_is_documented_without_more_words(document):
    parameters = document["paths"]["/api/v1/roses"]["get"]["parameters"]
    told = {one["name"]: one for one in parameters}

    assert set(told) == {"colours", "from", "limit"}
    assert told["colours"]["description"] == "Any of them."
    assert told["colours"]["schema"]["items"]["enum"] == ["red", "blue"]
    assert told["from"]["schema"] == {"type": "string", "format": "date-time"}
    assert told["limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 200,
        "default": 50,
    }
    assert {one["in"] for one in parameters} == {"query"}


def test_answers_are_written_as_the_rest_of_json():
    rose = Rose(
        id=UUID("3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11"),
        colour=Colour.RED,
        second_colour=None,
        stem=Stem(40),
        graft=None,
        others=[],
        notes={"é": "\u2028"},
        smell="sweet",
        planted=date(2026, 11, 22),
        seen=datetime(2026, 11, 22, 9, 14, 3, tzinfo=UTC),
    )

    alone = AnswerRenderer().render(rose)
    inside = AnswerRenderer().render({"roses": [rose]})

    assert json.loads(alone) == {
        "id": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
        "colour": "red",
        "second_colour": None,
        "stem": {"centimetres": 40},
        "graft": None,
        "others": [],
        "notes": {"é": "\u2028"},
        "smell": "sweet",
        "planted": "2026-11-22",
        "seen": "2026-11-22T09:14:03Z",
    }
    assert inside == b'{"roses":[' + alone + b"]}"
    assert '"é":"\\u2028"'.encode() in alone
