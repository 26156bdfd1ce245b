"""deploy/grafana: each panel asks for what is served or recorded, in words of Prometheus."""

import json
from itertools import combinations

import pytest
import yaml

from thinkrr_billing.tests.environments import FOLDER
from thinkrr_billing.tests.promql import ITS_OWN, SERVED, names, promtool
from thinkrr_billing.tests.test_alert_rules import RECORDED

DASHBOARD = json.loads((FOLDER / "deploy/grafana/thinkrr-billing.json").read_text())
ROWS = [one for one in DASHBOARD["panels"] if one["type"] == "row"]
PANELS = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
WIDTH = 24


def test_every_expression_asks_for_what_is_served_or_recorded():
    for expression in EXPRESSIONS:
        assert names(expression)
        assert names(expression) <= SERVED | RECORDED | ITS_OWN, expression


def test_whatever_is_served_is_shown():
    shown = set().union(*map(names, EXPRESSIONS))

    assert SERVED - shown == set()


@pytest.mark.prometheus
def test_prometheus_understands_every_expression(tmp_path):
    rules = [
        # The only variable of Grafana's in them.
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    assert not any("$" in rule["expr"] for rule in rules)
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    promtool("check", "rules", file)


def test_whoever_imports_it_chooses_the_prometheus():
    [variable] = DASHBOARD["templating"]["list"]
    sources = [one["datasource"] for panel in PANELS for one in (panel, *panel["targets"])]

    assert DASHBOARD["uid"] == "thinkrr-billing"
    assert (variable["name"], variable["type"], variable["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    assert {json.dumps(source) for source in sources} == {
        '{"type": "prometheus", "uid": "${datasource}"}'
    }


def test_panels_have_a_unit_and_say_what_they_are_each_in_a_place_of_its_own():
    assert [row["title"] for row in ROWS] == [
        *("Objectives", "Money", "Calls and pages", "Jobs", "Queues", "Database")
    ]
    ids = [one["id"] for one in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= WIDTH
    for one, other in combinations((one["gridPos"] for one in DASHBOARD["panels"]), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


def test_names_are_found_and_labels_and_words_are_not():
    assert names('sum by (part) (rate(a_count{b="c_d"}[5m] offset 1h)) > bool 0.5 or x:y') == {
        "a_count",
        "x:y",
    }
