"""Requests are counted by route and how they ended, over all processes of a host."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.urls import get_resolver

from thinkrr_billing.figures import requests
from thinkrr_billing.sandbox.addresses import free_port
from thinkrr_billing.tests.environments import DEVELOPMENT, FOLDER, TEST_KEY, clean
from thinkrr_billing.tests.processes import wait_until

NAME = "thinkrr_http_request_duration_seconds"


def counts(text: str) -> dict[tuple[str, ...], float]:
    """How many requests, by part, route, method and status."""
    found = {}
    for labels, value in re.findall(rf"^{NAME}_count{{(.*)}} (\S+)$", text, re.MULTILINE):
        named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        key = tuple(named[label] for label in ("part", "route", "method", "status"))
        found[key] = found.get(key, 0) + float(value)
    return found


class Counted:
    """What was counted within the block."""

    def __enter__(self) -> "Counted":
        self._before = counts(requests.text().decode())
        return self

    def __exit__(self, *error: object) -> None:
        after = counts(requests.text().decode())
        self.found = {
            key: count - self._before.get(key, 0)
            for key, count in after.items()
            if count != self._before.get(key, 0)
        }


@pytest.mark.django_db
def test_each_answer_is_counted_once_by_where_it_was_asked_and_how_it_ended(client):
    with Counted() as told:
        client.get("/login/")
        client.get("/login/")
        client.post("/api/v1/calls", content_type="application/json")
        client.get("/admin/wallets/purchase/17/change/")
        client.post("/stripe/webhook/")

    assert told.found == {
        ("pages", "login/", "GET", "2xx"): 2,
        ("api", "api/v1/calls", "POST", "4xx"): 1,
        ("support", "admin/wallets/purchase/<path:object_id>/change/", "GET", "3xx"): 1,
        ("stripe", "stripe/webhook/", "POST", "4xx"): 1,
    }


def test_probes_are_not_counted(client):
    with Counted() as told:
        client.get("/healthz")

    assert told.found == {}


@pytest.mark.django_db
def test_nothing_a_sender_makes_up_becomes_a_label(client):
    with Counted() as told:
        for number in range(3):
            client.get(f"/nowhere-{number}")
            client.generic(f"MAKE{number}", "/login/")

    assert set(told.found) == {
        ("unrouted", "unrouted", "GET", "4xx"),
        ("pages", "login/", "other", "4xx"),
    }


def test_a_request_that_a_middleware_failed_is_counted_where_it_led(rf):
    def fail(request: object) -> requests.HttpResponse:  # noqa: ARG001
        return requests.HttpResponse(status=503)

    with Counted() as told:
        requests.RequestFiguresMiddleware(fail)(rf.post("/api/v1/calls"))

    assert told.found == {("api", "api/v1/calls", "POST", "5xx"): 1}


def test_a_folder_that_is_full_costs_no_answer(rf, monkeypatch):
    class Full:
        def labels(self, **labels: str) -> None:
            raise OSError("No space left on device")

    monkeypatch.setattr(requests, "DURATION", Full())
    answer = requests.HttpResponse()

    assert requests.RequestFiguresMiddleware(lambda _: answer)(rf.get("/login/")) is answer


@pytest.mark.django_db
def test_a_folder_that_is_gone_is_told_and_the_rest_stays(client, monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "gone"))

    answer = client.get("/metrics")

    lines = answer.content.decode().splitlines()
    assert answer.status_code == 200
    assert 'thinkrr_figures_unread{source="requests"} 1.0' in lines
    assert "thinkrr_purchases_open 0.0" in lines


def test_every_route_belongs_to_a_part():
    routes = [str(one.pattern) for one in get_resolver().url_patterns]
    parts = {requests.part_of(route) for route in routes}

    assert parts <= {"api", "support", "stripe", "pages"}
    assert requests.part_of("api/v1/calls") == "api"
    # What begins with another letter is a page.
    assert requests.part_of("campaigns/") == "pages"


@contextmanager
def web_host(folder: Path) -> Iterator[int]:
    """Two of gunicorn's workers that write to this folder, without a database; gives their port."""
    port = free_port()
    environment = clean(
        DEVELOPMENT
        | {
            "DATABASE_URL": f"postgres://nobody@127.0.0.1:{free_port()}/nothing",
            "STRIPE_SECRET_KEY": TEST_KEY,
            "STRIPE_API_BASE": "http://127.0.0.1:9",
            "WEB_CONCURRENCY": "2",
            "TMPDIR": str(folder),
        }
    )
    command = [sys.executable, "-m", "gunicorn", "thinkrr_billing.wsgi"]
    with (folder / "web.log").open("w") as told:
        web = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{port}", "--threads", "1"],
            cwd=FOLDER,
            env=environment,
            stdout=told,
            stderr=told,
        )
        try:
            yield port
        finally:
            web.terminate()
            web.wait(timeout=30)


def ask(port: int, path: str) -> tuple[int, str]:
    """On a connection of its own, so that whichever worker is free answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


@pytest.mark.journey
def test_whichever_worker_is_asked_tells_the_requests_of_all_of_them(tmp_path):
    with web_host(tmp_path) as port:
        wait_until(lambda: ask(port, "/healthz")[0] == 200, seconds=60, what="a web host")
        answers = []

        def both_were_asked() -> bool:
            answers.append(ask(port, "/api/v1/nowhere")[0])
            # Each worker that counts keeps a file.
            return len(list(tmp_path.glob("thinkrr-billing-*/*.db"))) == 2

        wait_until(both_were_asked, seconds=60, what="each of two workers")
        told = [counts(ask(port, "/metrics")[1]) for _ in range(6)]

    asked = ("api", "api/v1/<anything:route>", "GET", "4xx")
    assert set(answers) == {404}
    assert [found[asked] for found in told] == [len(answers)] * 6
    # Nothing is left behind.
    assert list(tmp_path.glob("thinkrr-billing-*")) == []
