"""Traces, by OpenTelemetry, where `tracing.endpoint` names a collector.

Spans are named by our own words: a view, a task, a command and its collection. No
path, address, text, name of a person or message of a failure stands in them. What there
is for Pyramid and for pymongo ready made puts paths and addresses, and what the server
says of a failure (which repeats values), into spans: so it is not used.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from microblog.errors import ConfigurationError

EXPORT_SECONDS = 5.0  # that a collector may take
_OFF = nullcontext()
_tracer: Any = None


def start(endpoint: str) -> Callable[[], None]:
    """Send spans to a collector, until what this returns is called.

    ConfigurationError: OpenTelemetry is not installed.
    """
    global _tracer
    if not endpoint:
        return lambda: None
    try:
        # Half a second and 20 MB, for those who want it.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigurationError("tracing.endpoint needs microblog[tracing]") from None
    provider = TracerProvider(resource=Resource.create({"service.name": "microblog"}))
    exporter = OTLPSpanExporter(endpoint, timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer("microblog")

    def stop() -> None:
        global _tracer
        _tracer = None
        provider.shutdown()

    return stop


def is_on() -> bool:
    """Whether there is a collector."""
    return _tracer is not None


def span(name: str) -> AbstractContextManager[Any]:
    """A span around what is done; None where there is no collector."""
    return _OFF if _tracer is None else _span(name)


@contextmanager
def _span(name: str) -> Iterator[Any]:
    with _tracer.start_as_current_span(
        name, record_exception=False, set_status_on_exception=False
    ) as span:
        yield span


def done(name: str, seconds: float, outcome: str) -> None:
    """A span within that of this thread, of a command that has just ended."""
    if _tracer is None:
        return
    from opentelemetry import trace

    if not trace.get_current_span().is_recording():
        return  # Of a thread of our own: nobody has asked for it.
    ended = time.time_ns()
    span = _tracer.start_span(
        name,
        kind=trace.SpanKind.CLIENT,
        start_time=ended - int(seconds * 1e9),
        attributes={"db.system.name": "mongodb", "microblog.outcome": outcome},
    )
    span.end(ended)
