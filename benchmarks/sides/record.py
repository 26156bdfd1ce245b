"""`campaigns.calls.record`, and the same through the API's door without a network."""

import json
from collections.abc import Callable

from django.test import Client

from accounts.people import api_keys
from benchmarks.sides.workload import Side, insist
from campaigns import calls
from campaigns.reports import Report


class Record(Side):
    def batch(self, size: int) -> Callable[[], None]:
        reports = [Report(**facts) for facts in self.facts(size)]
        return lambda: _record(reports)

    def hot(self) -> Callable[[], None]:
        report = Report(**self.hot_report())
        return lambda: _record([report])


def _record(reports: list[Report]) -> None:
    results = calls.record(reports=reports, reporter=None)
    bad = sum(one.campaign != "bench" for one in reports)
    insist(sum(one.status == "rejected" for one in results) == bad)


class AtOnce(Record):
    """As the API records what comes at once; builds before that did each alone."""

    def hot(self) -> Callable[[], None]:
        from campaigns import recording

        report = Report(**self.hot_report())
        return lambda: _charged(recording.record(reports=[report], reporter=None, client="bench"))


def _charged(results: list[calls.Result]) -> None:
    insist(all(one.status == "charged" for one in results))


class Api(Side):
    def __init__(self) -> None:
        super().__init__()
        _, token = api_keys.create(account=None, name="Bench", scopes=["calls"])
        self._client = Client(headers={"Authorization": f"Bearer {token}"})

    def batch(self, size: int) -> Callable[[], None]:
        facts = [{**one, "ended_at": one["ended_at"].isoformat()} for one in self.facts(size)]
        body = json.dumps({"calls": facts})
        return lambda: self._post(body)

    def _post(self, body: str) -> None:
        answer = self._client.post("/api/v1/calls", body, content_type="application/json")
        insist(answer.status_code == 200)
