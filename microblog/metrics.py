"""What a process counts, and tells Prometheus at an address of its own
(`metrics.listen`), which nobody reaches from outside.

Labels are words of ours, of which there are few: no username, no path. Nothing is
shared between processes: each is a target of its own, and Prometheus adds them up.
"""

import logging
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import prometheus_client
from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pyramid.viewderivers import INGRESS

log = logging.getLogger(__name__)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LONG = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
VIEW = "microblog.view"  # where a request keeps the name of its view

REQUESTS = Counter(
    "microblog_requests", "Requests that were answered", ["view", "method", "status"]
)
SECONDS = Histogram(
    "microblog_request_seconds", "Until the answer begins", ["view"], buckets=SHORT
)
EVENTS = Counter("microblog_events", "Requests by what the log calls event", ["event"])
THROTTLED = Counter("microblog_throttled", "Refused by a limit", ["limit"])
COMMANDS = Histogram(
    "microblog_database_seconds",
    "Commands to the document server",
    ["command", "outcome"],
    buckets=SHORT,
)
TASKS = Histogram(
    "microblog_task_seconds", "Tasks of the worker", ["task", "outcome"], buckets=LONG
)
GIVEN_UP = Counter("microblog_tasks_given_up", "For an operator to look at", ["task"])
# What else is kept, by name: how often it was found, and how often not.
CACHES: dict[str, Callable[[], Any]] = {}
# Only workers know: each of them the same.
WAITING = Gauge("microblog_tasks_waiting", "Tasks in the queue", registry=None)


def answered(
    environ: dict[str, Any], status: int, seconds: float, event: str = ""
) -> None:
    """Count a request."""
    view = environ.get(VIEW, "none")
    _number(view, _method(environ), status).inc()
    _duration(view).observe(seconds)
    if event:
        EVENTS.labels(event).inc()


# Looking one up takes the library longer than counting does.
_number = cache(REQUESTS.labels)
_duration = cache(SECONDS.labels)
command = cache(COMMANDS.labels)


def name(environ: dict[str, Any]) -> str:
    """What a request has asked for, in our own words."""
    return f"{_method(environ)} {environ.get(VIEW, 'none')}"


def _method(environ: dict[str, Any]) -> str:
    method: str = environ["REQUEST_METHOD"]
    return method if method in METHODS else "other"


class Process(Collector):
    """What stands in a process anyway, and is read when Prometheus asks."""

    def __init__(self, connection: Any):
        self.connection = connection

    def collect(self) -> Iterable[Metric]:
        """The state of the connection and of what is remembered."""
        away = float(self.connection.is_away)
        yield GaugeMetricFamily(
            "microblog_database_away", "1: the document server does not answer", away
        )
        full = float(not self.connection.has_room)
        yield GaugeMetricFamily(
            "microblog_disk_full", "1: the embedded server's disk has no room", full
        )
        asked = CounterMetricFamily(
            "microblog_remembered", "Asked of memory", labels=["what", "found"]
        )
        for name, kept in self.connection.kept.items():
            asked.add_metric([name, "yes"], kept.hits)
            asked.add_metric([name, "no"], kept.misses)
        for name, counts in CACHES.items():
            for found, count in zip(("yes", "no"), counts(), strict=False):
                asked.add_metric([name, found], count)
        yield asked


def serve(
    address: tuple[str, int] | None, connection: Any, *more: Collector
) -> Callable[[], None]:
    """Tell what is counted, and `more`, if there is an address to tell it at, until
    what this returns is called. A site does not fail for that it cannot be
    measured."""
    if address is None:
        return lambda: None
    host, port = address
    try:
        server, thread = prometheus_client.start_http_server(port, host)
    except OSError as error:
        log.warning("metrics: %s:%s cannot be used: %s", host, port, error.strerror)
        return lambda: None
    collectors = [Process(connection), *more]
    for collector in collectors:
        REGISTRY.register(collector)
    log.info("metrics are at http://%s:%s/metrics", host, server.server_port)

    def close() -> None:
        for collector in collectors:
            REGISTRY.unregister(collector)
        server.shutdown()
        server.server_close()
        thread.join()

    return close


def _named(view: Any, info: Any) -> Any:
    """A view deriver: the view, which tells its name. Views of failures do not: a
    request that fails counts for the view that has failed."""
    label = name_of(info.options)
    if info.exception_only:
        return view

    def named(context: Any, request: Any) -> Any:
        request.environ.setdefault(VIEW, label)
        return view(context, request)

    return named


def name_of(options: dict[str, Any]) -> str:
    """The name of a view: `User.edit` of a page, `api.user` of a service."""
    if route := options.get("route_name"):
        return "static" if route.startswith("__static") else f"api.{route}"
    context = getattr(options.get("context"), "__name__", "none")
    return f"{context}.{options['name']}" if options.get("name") else context


def includeme(config: Any) -> None:
    """Every view tells its name, before it is asked whether its reader may see it."""
    config.add_view_deriver(_named, "named", under=INGRESS, over="secured_view")
