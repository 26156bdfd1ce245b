"""docs/api-coverage.md: each page stands in it once, with routes that are there or a reason."""

import re
from pathlib import Path

from tests.faults.test_h_authorization import API_PUBLIC, STAFF_PREFIXES, routes
from tests.matrix import table

DOCUMENT = Path(__file__).parents[2] / "docs" / "api-coverage.md"
_LINE = re.compile(r"\| `([^`]*)` \| (.+) \|")
_ROUTE = re.compile(r"`(GET|POST|PUT|DELETE) ([^`]+)`")
# Asked by machines, and none of them with a key of ours.
MACHINES = {"stripe/webhook/", "healthz", "readyz", "metrics"}


def lines() -> list[tuple[str, str]]:
    return [
        found.groups() for found in map(_LINE.fullmatch, DOCUMENT.read_text().splitlines()) if found
    ]


def test_every_page_stands_in_the_table_once():
    named = [page for page, _ in lines()]
    pages = {
        one
        for one in routes()
        if not one.startswith(("api/v1/", *STAFF_PREFIXES)) and one not in MACHINES
    }

    assert sorted(pages - set(named)) == []
    assert sorted(set(named) - pages) == []
    assert len(named) == len(set(named))


def test_each_page_has_routes_that_are_there_or_a_reason():
    wrong = []
    for page, said in lines():
        named = _ROUTE.findall(said)
        wrong += [
            f"{page}: {method} {route} is no route"
            for method, route in named
            if not table.needs(table.API.get(route, {}), method)
        ]
        if not named and not said.startswith(("Only people: ", "Any route ")):
            wrong.append(f"{page}: neither a route nor a reason")

    assert wrong == []


def test_every_route_that_is_read_or_written_belongs_to_a_page_or_to_machines_alone():
    named = {f"{method} {route}" for _, said in lines() for method, route in _ROUTE.findall(said)}
    there = {
        f"{method} {route}"
        for route, methods in table.API.items()
        for method in ("GET", "POST", "PUT", "DELETE")
        if table.needs(methods, method)
    }

    assert there - named == {
        # The voice platform reports, asks and registers; whoever follows reads what changed.
        "POST calls",
        "POST calls/authorize",
        "POST calls/holds",
        "DELETE calls/holds/<path:call>",
        "PUT campaigns/<str:external_id>",
        "GET changes",
        "GET rates",
    }
    assert {"schema/", "docs/"} < API_PUBLIC
