"""deploy/prometheus: each alert fires, is silent, names what is served, and leads to a place."""

import re
import subprocess

import pytest
import yaml

from thinkrr_billing.celery import canary
from thinkrr_billing.tests.environments import FOLDER

RULES = FOLDER / "deploy/prometheus"
ALERTS = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"][0]["rules"]
TESTS = yaml.safe_load((RULES / "alerts_test.yml").read_text())["tests"]
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def promtool(*arguments: str) -> None:
    told = subprocess.run(["promtool", *arguments], cwd=RULES, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.prometheus
def test_promtool_agrees_with_each_case():
    promtool("test", "rules", "alerts_test.yml")


@pytest.mark.prometheus
def test_prometheus_understands_its_settings_and_finds_the_rules():
    # The token is on the machine that reads.
    promtool("check", "config", "--syntax-only", "prometheus.yml")

    settings = yaml.safe_load((RULES / "prometheus.yml").read_text())
    assert [(RULES / name).exists() for name in settings["rule_files"]] == [True]
    # The alert that a host is silent names this job.
    assert f'job="{settings["scrape_configs"][0]["job_name"]}"' in ALERTS[0]["expr"]


def test_each_alert_has_a_case_that_fires_and_one_that_is_silent():
    cases = [each for test in TESTS for each in test["alert_rule_test"]]
    told = sorted((each["alertname"], bool(each["exp_alerts"])) for each in cases)

    assert told == sorted((alert["alert"], fires) for alert in ALERTS for fires in (True, False))


@pytest.mark.django_db
def test_each_alert_asks_for_figures_that_are_served(client):
    canary()

    served = set(re.findall(r"^thinkrr_\w+", client.get("/metrics").content.decode(), re.MULTILINE))

    for alert in ALERTS:
        assert set(re.findall(r"thinkrr_\w+", alert["expr"])) <= served


def test_each_alert_leads_to_a_heading_of_the_runbook():
    for alert in ALERTS:
        doc, _, anchor = alert["annotations"]["runbook"].partition("#")
        titles = HEADING.findall((FOLDER / doc).read_text())
        assert anchor in {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in titles}
