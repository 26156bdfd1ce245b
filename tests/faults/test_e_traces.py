"""One trace from the request through broker and worker to Stripe, as a collector gets it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from accounts.models import Scope
from accounts.tests.builders import make_key, owner_of
from tests.faults.harness import come_to_rest
from tests.faults.people import low_balance, taken
from tests.faults.test_b_killed_workers import post_calls
from tests.secrets import found_in
from tests.servers import Quiet, serving
from thinkrr_billing.tests.processes import wait_until
from wallets.models import Purchase

pytestmark = [pytest.mark.faults, pytest.mark.redis]


@contextmanager
def collector() -> Iterator[HTTPServer]:
    """`told` has every span that was sent."""

    class Collector(Quiet):
        def do_POST(self) -> None:
            sent = ExportTraceServiceRequest()
            sent.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            for resource in sent.resource_spans:
                for scope in resource.scope_spans:
                    self.server.told += scope.spans
            self.send_response(200)
            self.end_headers()

    with serving(Collector) as server:
        yield server


def attributes(span) -> dict[str, str]:
    return {one.key: one.value.string_value for one in span.attributes}


def test_one_trace_leads_from_the_request_to_stripe(plant, stripe):
    wallet = low_balance(stripe, credit="10")
    _, token = make_key(None, Scope.CALLS)
    with collector() as found:
        web, worker = plant.web(), plant.worker()
        for app in (web, worker):
            app.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{found.server_port}"
            app.env["OTEL_BSP_SCHEDULE_DELAY"] = "200"
        web.start()
        worker.start(solo=False)

        post_calls(web.url, token, wallet.account_id, seconds=600)

        wait_until(
            lambda: (
                {"POST /api/v1/calls", "wallets.recharge_wallet"}
                <= {span.name for span in found.told}
            ),
            seconds=60,
            what="both sent their spans",
        )
        told = list(found.told)

    [request] = [span for span in told if span.name == "POST /api/v1/calls"]
    trace = [span for span in told if span.trace_id == request.trace_id]
    [task] = [span for span in trace if span.name == "wallets.recharge_wallet"]
    # The task also sends others, which tell people.
    asked = [span for span in trace if span.kind == span.SPAN_KIND_CLIENT]
    to_stripe = [span for span in asked if span.parent_span_id == task.span_id]
    assert request.parent_span_id == b""
    assert task.parent_span_id == request.span_id
    assert attributes(task)["billing.request"] == attributes(request)["billing.request"]
    purchase = str(Purchase.objects.get(wallet=wallet).pk)
    assert {attributes(span)["billing.purchase"] for span in to_stripe} == {purchase}
    assert any("/v1/payment_intents" in str(span) for span in to_stripe)

    whole = "\n".join(map(str, told))
    assert list(found_in(whole)) == []
    assert token not in whole
    assert owner_of(wallet.account).email not in whole
    come_to_rest(stripe)
    assert taken(stripe) == [5000]
