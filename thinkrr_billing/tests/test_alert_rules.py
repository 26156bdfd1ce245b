"""deploy/prometheus: each alert fires, is silent, names what is served, and leads to a place."""

import re

import pytest
import yaml

from thinkrr_billing.celery import canary
from thinkrr_billing.tests.environments import FOLDER
from thinkrr_billing.tests.promql import ITS_OWN, RULES, SERVED, names, promtool

FILES = ("alerts", "objectives")
WRITTEN = [
    rule
    for name in FILES
    for group in yaml.safe_load((RULES / f"{name}.yml").read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = [rule for rule in WRITTEN if "alert" in rule]
RECORDED = {rule["record"] for rule in WRITTEN if "record" in rule}
TESTS = [
    test
    for name in FILES
    for test in yaml.safe_load((RULES / f"{name}_test.yml").read_text())["tests"]
]
TIMES = ("5m", "30m", "1h", "6h", "28d")
# The alarm of support's that bears the same name.
SUPPORTS = {
    "BooksDiffer": "books",
    "EventsGivenUp": "event_given_up",
    "PurchasesUnknown": "purchase_unknown",
}
HEADING = re.compile(r"^### `(\w+)`$", re.MULTILINE)


@pytest.mark.prometheus
@pytest.mark.parametrize("name", FILES)
def test_promtool_agrees_with_each_case(name):
    promtool("test", "rules", f"{name}_test.yml")


@pytest.mark.prometheus
def test_prometheus_understands_its_settings_and_finds_the_rules():
    # The token is on the machine that reads.
    promtool("check", "config", "--syntax-only", "prometheus.yml")

    settings = yaml.safe_load((RULES / "prometheus.yml").read_text())
    assert settings["rule_files"] == [f"{name}.yml" for name in FILES]
    # The alert that a host is silent names this job.
    assert f'job="{settings["scrape_configs"][0]["job_name"]}"' in ALERTS[0]["expr"]


def test_each_alert_has_a_case_that_fires_and_one_that_is_silent():
    cases = [each for test in TESTS for each in test.get("alert_rule_test", [])]
    told = {(each["alertname"], bool(each["exp_alerts"])) for each in cases}

    assert told == {(alert["alert"], fires) for alert in ALERTS for fires in (True, False)}


def test_each_objective_is_recorded_over_all_times_and_has_its_case_of_each_alert():
    objectives = {"calls", "charges", "pages"}
    recorded = {}
    for rule in WRITTEN:
        if "objective" in rule.get("labels", {}):
            recorded.setdefault(rule["record"], set()).add(rule["labels"]["objective"])
    fired = {}
    for test in TESTS:
        for each in test.get("alert_rule_test", []):
            for alert in each["exp_alerts"]:
                label = alert.get("exp_labels", {}).get("objective")
                fired.setdefault(each["alertname"], set()).add(label)

    errors = [f"objective:thinkrr_errors:ratio_rate{time}" for time in TIMES]
    assert recorded == dict.fromkeys([*errors, "objective:thinkrr_budget:ratio"], objectives)
    assert fired["BudgetBurnsFast"] == fired["BudgetBurnsSlowly"] == objectives


def test_each_rule_asks_for_figures_that_are_served_or_recorded():
    for rule in WRITTEN:
        assert names(rule["expr"]) <= SERVED | RECORDED | ITS_OWN, rule


@pytest.mark.django_db
def test_whatever_has_something_to_tell_is_served_by_its_name(client):
    canary()
    client.get("/login/")

    told = client.get("/metrics").content.decode()

    served = set(re.findall(r"^thinkrr_\w+", told, re.MULTILINE))
    # Nothing was compared yet, nobody was alerted, no Redis, no standby and no pooler.
    silent = {
        "thinkrr_comparison_differences",
        "thinkrr_staff_alerts_open",
        "thinkrr_messages_waiting",
        "thinkrr_database_replication_lag_seconds",
        "thinkrr_database_replication_lag_bytes",
        "thinkrr_stale_reads_total",
        "thinkrr_pooler_connections",
        "thinkrr_pooler_waiting_oldest_seconds",
    }
    assert SERVED - silent <= served
    # When each series began is not asked for, and told by one process alone.
    assert served - SERVED <= {"thinkrr_http_request_duration_seconds_created"}


def test_each_alert_leads_to_its_line_of_the_runbook():
    lines = set(HEADING.findall((FOLDER / "docs/runbook.md").read_text()))

    for alert in ALERTS:
        line = SUPPORTS.get(alert["alert"], alert["alert"])
        assert line in lines
        assert alert["annotations"]["runbook"] == f"docs/runbook.md#{line.lower()}"
