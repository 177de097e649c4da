"""The web server: waitress, set up from the application's own settings."""

import os
import signal
import sys
from typing import Any, NoReturn

import waitress


def serve(global_config: dict[str, str], **options: str) -> Any:
    """What `[server:main]` of an ini file asks for. It has no options: whatever the
    server needs stands with the other settings in `[app:main]`."""
    if options:
        raise SystemExit(f"microblog: [server:main] has no setting {min(options)}")
    return run


def run(application: Any) -> None:
    """Serve the application until SIGTERM or Ctrl-C, then close the database."""
    settings = application.registry["settings"]
    # waitress ends cleanly on SystemExit; a bare SIGTERM would end the process.
    signal.signal(signal.SIGTERM, _exit)
    try:
        server = waitress.create_server(
            application,
            host=settings.http_host,
            port=settings.http_port,
            threads=settings.http_threads,
            ident="",
            channel_request_lookahead=0,
            clear_untrusted_proxy_headers=True,
            max_request_body_size=1 << 20,
            max_request_header_size=16384,
        )
    except OSError as error:
        application.registry["connection"].close()
        _fail(
            f"microblog: port {settings.http_port} (http_port, HTTP_PORT) cannot be "
            f"used: {error.strerror}"
        )
    # Of several sockets (IPv4 and IPv6) waitress makes a server of servers.
    listening = getattr(server, "effective_listen", None) or [
        (server.effective_host, server.effective_port)
    ]
    for host, port in listening:
        print(f"listening on http://{host}:{port}", flush=True)
    print(f"{settings.site_name} is at {settings.url}", flush=True)
    try:
        server.run()
    finally:
        application.registry["sender"].close()
        application.registry["connection"].close()


def _exit(number: int, frame: Any) -> None:
    raise SystemExit(0)


def _fail(reason: str) -> NoReturn:
    """End with status 1; of a SystemExit, `pserve` makes status 0."""
    print(reason, file=sys.stderr, flush=True)
    os._exit(1)
