"""deploy/prometheus in the real Prometheus, which reads a real web host: rules work out, and the
dashboard's questions are answered."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from accounts.models import Scope
from accounts.tests.builders import make_key
from tests.faults.harness import Part, free_port
from tests.faults.people import low_balance
from tests.faults.test_b_killed_workers import post_calls
from thinkrr_billing.tests.processes import wait_until
from thinkrr_billing.tests.promql import RULES
from thinkrr_billing.tests.test_dashboard import EXPRESSIONS

pytestmark = [pytest.mark.faults, pytest.mark.redis, pytest.mark.prometheus]

TOKEN = "metrics-" + "0123456789" * 4
# What asks twice within its time has something to tell.
EVERY = 1
RATE_OVER = f"{20 * EVERY}s"
# Nobody was alerted, nothing was compared, nothing failed or waits, no standby and no pooler.
SILENT = (
    "thinkrr_comparison_differences",
    "thinkrr_staff_alerts_open",
    "thinkrr_database_replication_lag",
    "thinkrr_stale_reads_total",
    "thinkrr_pooler_",
    'status="5xx"',
    "/ max by (kind) (thinkrr_waiting_bound_seconds) > 0",
)


class Prometheus(Part):
    """With the files of deploy/, but for hosts, times, and where the token is."""

    def __init__(self, folder: Path, host: str) -> None:
        super().__init__("prometheus", folder)
        self.port = free_port()
        token = folder / "token"
        token.write_text(TOKEN)
        settings = yaml.safe_load((RULES / "prometheus.yml").read_text())
        settings["global"] = dict.fromkeys(("scrape_interval", "evaluation_interval"), f"{EVERY}s")
        [job] = settings["scrape_configs"]
        job["authorization"]["credentials_file"] = str(token)
        job["static_configs"] = [{"targets": [host]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
        for name in settings["rule_files"]:
            rules = yaml.safe_load((RULES / name).read_text())
            for group in rules["groups"]:
                group.pop("interval", None)
            (folder / name).write_text(yaml.safe_dump(rules))

    def start(self) -> None:
        given = {
            "config.file": self.folder / "prometheus.yml",
            "storage.tsdb.path": self.folder / "data",
            "web.listen-address": f"127.0.0.1:{self.port}",
        }
        self.launch("prometheus", *(f"--{name}={value}" for name, value in given.items()))
        self.wait_for(lambda: "ready to receive" in self.log, "is ready")

    def ask(self, what: str, **query: str) -> dict:
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]

    def found(self, expression: str) -> list:
        return self.ask("query", query=expression.replace("$__rate_interval", RATE_OVER))["result"]


@pytest.fixture
def watched(plant, stripe, tmp_path_factory) -> Iterator[Prometheus]:
    """Reads a web host that calls are reported to; a worker has answered beat."""
    web, worker = plant.web(), plant.worker()
    web.env["METRICS_TOKEN"] = TOKEN
    web.start()
    worker.start()
    reader = Prometheus(tmp_path_factory.mktemp("prometheus"), f"127.0.0.1:{web.port}")
    reader.start()
    wallet = low_balance(stripe, credit="500")
    _, token = make_key(None, Scope.CALLS)
    plant.send_all([("thinkrr_billing.canary", ()), ("wallets.tick", ())])
    for number in range(12):
        post_calls(web.url, token, wallet.account_id, seconds=60, id=f"c{number}")
        urllib.request.urlopen(f"{web.url}/login/", timeout=20).close()
        wait_until(
            lambda least=number: scrapes(reader) > least, seconds=20, what="it was read once more"
        )
    yield reader
    reader.kill()


def scrapes(reader: Prometheus) -> int:
    [*found] = reader.found('count_over_time(up{job="billing"}[10m])')
    return int(found[0]["value"][1]) if found else 0


def test_every_rule_works_out_and_every_question_of_the_dashboard_is_answered(watched):
    [target] = watched.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")

    wait_until(
        lambda: watched.found("objective:thinkrr_budget_left:ratio"),
        seconds=30,
        what="rules were worked out",
    )
    rules = [rule for group in watched.ask("rules")["groups"] for rule in group["rules"]]
    assert [rule for rule in rules if rule["health"] != "ok"] == []

    unanswered = [one for one in EXPRESSIONS if not watched.found(one)]
    assert [one for one in unanswered if not any(part in one for part in SILENT)] == []
