"""Traces by OpenTelemetry, when OTEL_EXPORTER_OTLP_ENDPOINT is set; else nobody imports this.

One trace for a request, the tasks that are sent for it, and what these ask of Stripe. A span holds
ids, routes and codes only: no address with a key in it, no argument, and no message of an error but
of the connection to Stripe.
"""

import os
from collections.abc import Callable
from typing import Any

from celery import Task
from celery.signals import before_task_publish, task_postrun, task_prerun
from django.http import HttpRequest, HttpResponse
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from structlog.contextvars import get_contextvars

from thinkrr_billing.probes import PATHS

_tracer = trace.get_tracer(__name__)


def set_up() -> None:
    """Once in each process, before it forks. OpenTelemetry's own variables say the rest."""
    os.environ.setdefault("OTEL_SERVICE_NAME", "thinkrr-billing")
    # A process that ends waits for no collector: it would for half a minute when that is away.
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(_Ids())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    # Only Stripe's SDK asks anything by it, and its addresses hold ids alone.
    RequestsInstrumentor().instrument(tracer_provider=provider)
    before_task_publish.connect(_send_along)
    task_prerun.connect(_begin)
    task_postrun.connect(_end)


class _Ids(SpanProcessor):
    def on_start(self, span: Span, parent_context: context.Context | None = None) -> None:  # noqa: ARG002
        """The same ids as the lines of the log have: each leads to the other."""
        span.set_attributes({f"billing.{name}": str(id) for name, id in get_contextvars().items()})


class TracingMiddleware:
    """A trace begins here: what somebody sends along is not ours to go on with."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in PATHS:
            return self.get_response(request)
        with _tracer.start_as_current_span(
            request.method, kind=SpanKind.SERVER, record_exception=False
        ) as span:
            response = self.get_response(request)
            route = f"/{request.resolver_match.route}" if request.resolver_match else "unknown"
            span.update_name(f"{request.method} {route}")
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.set_status(StatusCode.ERROR)
        return response


def _send_along(headers: dict[str, Any], **_signal: object) -> None:
    inject(headers)


def _begin(task: Task, **_signal: object) -> None:
    sent = {name: task.request.get(name) for name in ("traceparent", "tracestate")}
    parent = extract({name: value for name, value in sent.items() if value})
    span = _tracer.start_span(task.name, context=parent, kind=SpanKind.CONSUMER)
    task.request.span = span, context.attach(trace.set_span_in_context(span))


def _end(task: Task, state: str | None = None, **_signal: object) -> None:
    span, before = task.request.span
    if state == "FAILURE":
        span.set_status(StatusCode.ERROR)
    span.end()
    context.detach(before)
