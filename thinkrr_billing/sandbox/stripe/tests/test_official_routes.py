"""Every route, error and event of the sandbox, in every state, is of Stripe's official types."""

import ast
import json
import re
import typing
from pathlib import Path

import pytest
from stripe._list_object import ListObject
from stripe._stripe_object import StripeObject

import thinkrr_billing.sandbox.stripe
from thinkrr_billing.sandbox.stripe.control.faults import KINDS
from thinkrr_billing.sandbox.stripe.objects.expanding import EXPANDABLE, MAX_EXPAND_DEPTH
from thinkrr_billing.sandbox.stripe.routes import router
from thinkrr_billing.sandbox.stripe.tests.official import presence, words
from thinkrr_billing.sandbox.stripe.tests.official.definitions import HELD, fields, routes
from thinkrr_billing.sandbox.stripe.tests.official.world import World, fill

pytestmark = pytest.mark.journey

ROUTES = router.every()
NOBODYS = "0" * 24
READING = [one for one in ROUTES if one.method == "GET"]
# Routes of which nothing is stored: their objects belong to others, or there are none here.
_KIND_OF = {
    "/v1/account": "account",
    "/v1/accounts": "account",
    "/v1/accounts/{id}": "account",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(str(tmp_path_factory.mktemp("official") / "state.sqlite3"))
    fill(world)
    yield world
    world.sandbox.store.close()


@pytest.fixture(autouse=True)
def _looked_at(world):
    """Each test answers for its own requests; the first ones for filling the world."""
    yield
    found, world.differences = world.differences, []
    assert found == []


def named(route):
    return f"{route.method} {route.path}"


def official(route):
    return (route.method, re.sub(r"\{\w+\}", "{}", route.path))


def kind_of(route):
    """What a route answers, or lists, as the SDK says."""
    name = routes()[official(route)].answer.removeprefix("ListObject[").removesuffix("]")
    return next((kind for kind, one in HELD.items() if one.__name__ == name), "")


def paths_of(world, route):
    """The route with every object it can be asked about."""
    if "{" not in route.path:
        return [route.path]
    if route.path == "/v1/accounts/{id}":
        return [f"/v1/accounts/{world.get('account')['id']}"]
    if "{method_id}" in route.path:
        methods = world.sandbox.store.list(kind="payment_method")
        owned = [one for one in methods if one["customer"]]
        return [f"/v1/customers/{one['customer']}/payment_methods/{one['id']}" for one in owned]
    holder = "customer" if route.path.startswith("/v1/customers/") else kind_of(route)
    return [route.path.replace("{id}", one) for one in world.stored(holder)]


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_route_is_one_of_stripes(route):
    assert official(route) in routes()


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_route_takes_no_parameter_and_no_word_that_stripe_does_not(route):
    given = routes()[official(route)].parameters

    assert route.spec.keys() <= given.keys()
    for name, spec in route.spec.items():
        if isinstance(spec, tuple) and "Literal" in given[name]:
            assert set(spec) <= set(re.findall(r"'([^']*)'", given[name])), name


def required(route):
    """The parameters without which Stripe does nothing; options of the SDK are no parameters."""
    given = routes()[official(route)].parameters.items()
    return [name for name, kind in given if "NotRequired" not in kind]


@pytest.mark.parametrize("route", [one for one in ROUTES if required(one)], ids=named)
def test_parameter_that_stripe_requires_is_required_here(world, route):
    answer = world.send(route.method, paths_of(world, route)[0])

    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"]) == (400, "parameter_missing")
    assert error["param"] in required(route)


@pytest.mark.parametrize("route", [one for one in ROUTES if one.method != "GET"], ids=named)
def test_writing_route_was_used_when_the_world_was_filled(world, route):
    """A new route has to be used in `official.world.fill`, in each state it leads to."""
    assert official(route) in world.answered


@pytest.mark.parametrize("route", READING, ids=named)
def test_reading_route_answers_in_every_state(world, route):
    paths = paths_of(world, route)

    answers = [world.send("GET", path) for path in paths]

    assert paths != []
    assert {answer.status for answer in answers} == {200}


@pytest.mark.parametrize("route", READING, ids=named)
def test_reading_route_expands_all_that_the_types_say_can_be(world, route):
    kind = kind_of(route)
    listing = routes()[official(route)].answer.startswith("ListObject")
    for path in paths_of(world, route):
        for field in EXPANDABLE.get(kind, ()):
            wanted = f"data.{field}" if listing else field
            if wanted.count(".") < MAX_EXPAND_DEPTH:
                answer = world.send("GET", path, {"expand[]": wanted})
                assert answer.status == 200, answer.body


def test_what_can_be_expanded_is_what_the_types_say():
    for kind, held in HELD.items():
        found = [
            f"{name}.{path}".rstrip(".")
            for name, field in fields(held).items()
            for path in _expandable(field)
        ]
        assert tuple(found) == EXPANDABLE[kind]
    assert EXPANDABLE.keys() == HELD.keys()


def _expandable(kind):
    """The ways from a field to what can be expanded; "" when it is the field itself."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    objects = [one for one in inner if isinstance(one, type) and issubclass(one, StripeObject)]
    if (str in inner and objects) or origin is ListObject:
        yield ""
    elif origin in (typing.Union, list):
        for one in inner:
            yield from _expandable(one)
    elif _is_hash(kind):
        for name, field in fields(kind).items():
            yield from (f"{name}.{path}".rstrip(".") for path in _expandable(field))


def _is_hash(kind):
    is_class = isinstance(kind, type) and issubclass(kind, StripeObject)
    return is_class and not hasattr(kind, "OBJECT_NAME")


@pytest.mark.parametrize("route", ROUTES, ids=named)
@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        ({}, {"authorization": ""}, 401),
        ({}, {"authorization": f"Bearer sk_live_{NOBODYS}"}, 401),
        ({}, {"authorization": f"Bearer pk_test_{NOBODYS}"}, 401),
        ({}, {"stripe-version": "2099-01-01"}, 400),
        ({"colour": "red"}, {}, 400),
        ({"expand[]": "a.b.c.d.e"}, {}, 400),
    ],
    ids=["no key", "live key", "publishable key", "version", "parameter", "expand"],
)
def test_refusal_of_any_route_is_an_official_error(world, route, form, headers, status):
    path = paths_of(world, route)[0]

    answer = world.send(route.method, path, form, headers)

    told = (400, 402, 404) if form.get("expand[]") else (status,)
    assert answer.status in told, answer.body


@pytest.mark.parametrize("route", [one for one in ROUTES if "{" in one.path], ids=named)
def test_missing_object_is_an_official_error(world, route):
    path = re.sub(r"\{\w+\}", "nobody", route.path)

    answer = world.send(route.method, path, {"customer": "x"} if "attach" in path else {})

    assert answer.status in (400, 404)
    assert json.loads(answer.body)["error"]["code"] == "resource_missing"


def test_unknown_route_is_an_official_error(world):
    assert world.send("GET", "/v1/unicorns").status == 404


@pytest.mark.parametrize("kind", [one for one in KINDS if not one.startswith(("hang", "slow"))])
def test_scripted_fault_answers_an_official_error(world, kind):
    customer = world.customer()
    intent = world.intent(customer, world.card(customer))
    key = {"idempotency-key": f"fault {kind}"}
    world.control("faults", kind=kind, path=f"/v1/payment_intents/{intent}")

    for _ in range(2):  # Again: what is kept under a key is answered again.
        world.send("POST", f"/v1/payment_intents/{intent}/confirm", {"off_session": "true"}, key)

    assert world.send("POST", "/v1/customers", {"name": "other"}, key).status in (200, 400)


def test_every_event_is_of_its_official_type(world):
    events = world.sandbox.store.list(kind="event")

    assert {event["type"]: list(words.event(event)) for event in events} == {
        event["type"]: [] for event in events
    }


def test_every_event_the_sandbox_can_send_was_sent(world):
    """A new `emit` has to happen in `official.world.fill`."""
    sent = {event["type"] for event in world.sandbox.store.list(kind="event")}

    assert sent == _words_of("emit", position=1)
    assert sent <= presence.event_objects().keys()


def test_every_error_code_in_the_code_is_official():
    assert _words_of("code") - words.CODES == set()
    assert _words_of("decline_code") - words.DECLINE_CODES == set()
    assert _words_of("kind", of="ApiError") - words.ERROR_TYPES == set()


def test_every_test_card_declines_with_an_official_code():
    from thinkrr_billing.sandbox.stripe.objects import cards

    codes = {code for card in cards.BY_NUMBER.values() for code in (card.saving, card.charging)}
    assert codes - {""} <= words.DECLINE_CODES
    assert cards._OWN_CODES <= words.CODES


def _words_of(name, *, position=None, of=None):
    """The text given for a keyword, or to a function at a position, anywhere in the sandbox."""
    found = set()
    for file in Path(thinkrr_billing.sandbox.stripe.__file__).parent.rglob("*.py"):
        if "tests" in file.parts:
            continue
        for call in ast.walk(ast.parse(file.read_text())):
            if not isinstance(call, ast.Call):
                continue
            function = ast.unparse(call.func).rpartition(".")[2]
            if position is not None and function == name:
                found.add(call.args[position])
            elif position is None and of in (None, function):
                found |= {one.value for one in call.keywords if one.arg == name}
    return {one.value for one in found if isinstance(one, ast.Constant) and one.value}
