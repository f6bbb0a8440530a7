"""
Traces told to a collector of OpenTelemetry's; loaded where OTEL_EXPORTER_OTLP_ENDPOINT is set and nowhere else.

The other variables of OpenTelemetry's are its own: OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS and so on. What goes
out is picked, not crossed out: addresses, queries and the words of errors stay here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.propagate import set_global_textmap
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from botaniqal import logs

REQUEST_ID = "botaniqal.request_id"
KEPT = {
    REQUEST_ID,
    "http.method",
    "http.request.method",
    "http.route",
    "http.status_code",
    "http.response.status_code",
    "net.peer.name",
    "server.address",
    "db.system",
    "db.name",
    "db.statement",
    "error.type",
    "exception.type",
    "celery.action",
    "celery.state",
    "celery.task_name",
    "messaging.message.id",
}
"""What may be told: our own words, numbers, a vendor's name, SQL before its values are put in."""


class Named(BatchSpanProcessor):
    """Puts the request's id to each span, by which it is found in the logs."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        span.set_attribute(REQUEST_ID, logs.request_id())
        super().on_start(span, parent_context)


class WithoutWords(SpanExporter):
    """Sends what may leave of each span."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([only_what_may_leave(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def start() -> None:
    """Tell the collector of what goes on from now on."""
    named = {"service.name": "botaniqal", "service.version": settings.RELEASE or "unnamed"}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(Named(WithoutWords(OTLPSpanExporter())))
    trace.set_tracer_provider(provider)
    # Not the baggage: what a visitor's browser sends along is no vendor's business.
    set_global_textmap(TraceContextTextMapPropagator())
    # Within the log's middleware, which knows the request's id.
    DjangoInstrumentor().instrument(middleware_position=1)
    CeleryInstrumentor().instrument()
    RequestsInstrumentor().instrument()
    PsycopgInstrumentor().instrument()


def only_what_may_leave(span: ReadableSpan) -> ReadableSpan:
    """Copy of a span what holds no word of anybody's."""
    return ReadableSpan(
        name=logs.without_secrets(span.name),
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=_kept(span.attributes),
        events=[Event(event.name, _kept(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _kept(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (attributes or {}).items() if name in KEPT}
