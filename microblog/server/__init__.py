"""The web server: waitress, with deadlines, bounds, strictness and an orderly end."""

import gc
import logging
import os
import signal
import sys
from typing import Any, NoReturn

from microblog import metrics, request_log, tracing
from microblog.errors import ConfigurationError
from microblog.server.draining import is_draining
from microblog.server.listening import Server

__all__ = ["is_draining", "run", "serve"]

log = logging.getLogger(__name__)

# How long a thread may keep the interpreter from others that want it (seconds). Where
# several cores run them, by Python's own 0.005 the one that reads from all connections
# waits so long for each answer of the others: 30 requests a second of 400 connections,
# in place of 1,400. On one core (`http.pin`) it makes no difference.
SWITCH_SECONDS = 0.0001


def serve(global_config: dict[str, str], **options: str) -> Any:
    """What `[server:main]` of an ini file asks for. It has no options: whatever the
    server needs stands with the other settings in `[app:main]`."""
    if options:
        raise SystemExit(f"microblog: [server:main] has no setting {min(options)}")
    return run


def run(application: Any) -> None:
    """Serve the application until SIGTERM or Ctrl-C and what is in hand is finished,
    then close the database. A second signal ends the process at once."""
    settings = application.registry["settings"]
    connection = application.registry["connection"]
    sys.setswitchinterval(SWITCH_SECONDS)
    # Once for each request that waits: under load, of no use to anybody.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        trace_no_more = tracing.start(settings.tracing_endpoint)
        server = Server(request_log.around(application), settings)
    except OSError as error:
        connection.close()
        _fail(
            f"microblog: port {settings.http_port} (http_port, HTTP_PORT) cannot be "
            f"used: {error.strerror}"
        )
    except ConfigurationError as error:
        connection.close()
        _fail(f"microblog: {error}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.drain)
    for listener in server.listeners:
        address = f"{listener.effective_host}:{listener.effective_port}"
        print(f"listening on http://{address}", flush=True)
    print(f"{settings.site_name} is at {settings.url}", flush=True)
    if settings.is_secure and not settings.http_trusted_proxy:
        log.warning("http.trusted_proxy is not set: behind a proxy all look alike")
    # What is there now stays: to look through all of it for garbage, again and again,
    # takes the tenth of a second in which nothing is answered.
    gc.collect()
    gc.freeze()
    tell_no_more = metrics.serve(settings.metrics_listen, connection)
    try:
        server.run()
    finally:
        application.registry["sender"].close()
        connection.close()
        tell_no_more()
        trace_no_more()


def _fail(reason: str) -> NoReturn:
    """End with status 1; of a SystemExit, `pserve` makes status 0."""
    print(reason, file=sys.stderr, flush=True)
    os._exit(1)
