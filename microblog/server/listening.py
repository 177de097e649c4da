"""Who may connect, and the loop that serves them until the process is to end."""

import errno
import logging
import resource
import signal
import socket
import time
from types import FrameType
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from microblog.server import draining
from microblog.server.channel import Channel
from microblog.server.parsing import LARGEST_HEADER, Parser
from microblog.settings import Settings

log = logging.getLogger(__name__)

LARGEST_BODY = 65536  # bytes: as much as any form or JSON of ours may have
LOOK_SECONDS = 1
ACCEPTED_AT_ONCE = 16
# What is answered without waiting for the database, by threads of its own: it must be
# while all others wait. A heartbeat waits in one of them at most.
ASIDE = {"/__lbheartbeat__", "/__heartbeat__", "/__version__"}
ASIDE_FILES = "/static/"
ASIDE_THREADS = 2
READING = {"GET", "HEAD", "OPTIONS"}
# File descriptors for everything but connections, and one a thread for the database:
# logs, sockets, what watches the database.
RESERVED_DESCRIPTORS = 30

FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 21\r\n\r\nToo many connections\n"
)


class Listener(TcpWSGIServer):
    """A socket that clients connect to."""

    channel_class = Channel
    paused_until = 0.0

    def __init__(self, server: "Server", application: Any, adj: Any, sockinfo: Any):
        self.server = server
        self.settings = server.settings
        super().__init__(
            application,
            server.map,
            dispatcher=server.reading,
            adj=adj,
            sockinfo=sockinfo,
        )

    def add_task(self, channel: Channel) -> None:
        """Have the first request of a connection answered."""
        self.server.threads_for(channel.requests[0]).add_task(channel)

    def readable(self) -> bool:
        """Whether to look for new connections."""
        return bool(self.accepting) and time.monotonic() >= self.paused_until

    def handle_accept(self) -> None:
        """Take those who wait, but leave time for those who are there."""
        for _ in range(ACCEPTED_AT_ONCE):
            if not self._accept_one():
                return

    def stop(self) -> None:
        """Take those who have connected, and refuse everybody else."""
        while self._accept_one():
            pass
        # The trigger stays open, for the channels that are.
        wasyncore.dispatcher.close(self)

    def _accept_one(self) -> bool:
        """Whether there was somebody."""
        try:
            accepted = self.accept()
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                # They would be asked for again at once, and again.
                self.paused_until = time.monotonic() + LOOK_SECONDS
                log.warning("no file descriptor is left for a connection")
            return False
        if accepted is None:
            return False
        connection, address = accepted
        try:
            if self.server.make_room(address[0]):
                self.set_socket_options(connection)
                Channel(self, connection, address, self.adj, self._map)
            else:
                connection.send(FULL)
                connection.close()
        except OSError:  # The client is gone already.
            connection.close()
        return True


class Server:
    """The listeners, their connections and the threads that answer."""

    def __init__(self, application: Any, settings: Settings):
        """OSError: the port cannot be used."""
        self.settings = settings
        self.most = _descriptors_for(settings)
        self.map: dict[int, Any] = {}
        self.turned_away = 0
        self.next_look = 0.0
        adj = _adjustments(settings)
        # Who writes waits for the database, and must not keep the threads of those who
        # read; those who wait together write together (`store/together.py`).
        self.reading, self.writing, self.aside = self.dispatchers = [
            ThreadedTaskDispatcher() for _ in range(3)
        ]
        self.listeners = [
            Listener(self, application, adj, sockinfo) for sockinfo in adj.listen
        ]
        self.reading.set_thread_count(settings.http_threads)
        self.writing.set_thread_count(settings.http_writing_threads)
        self.aside.set_thread_count(ASIDE_THREADS)

    def run(self) -> None:
        """Serve until the process is to end and all is finished, or time is up."""
        while not draining.is_draining():
            self._turn()
        for listener in self.listeners:
            listener.stop()
        until = time.monotonic() + self.settings.http_drain_seconds
        while self.channels() and time.monotonic() < until:
            self._turn()
        if left := len(self.channels()):
            log.warning("%d connections are cut off", left)
        wasyncore.close_all(self.map)
        # A client that has gone may have left a request in hand.
        for dispatcher in self.dispatchers:
            dispatcher.shutdown(timeout=max(0.0, until - time.monotonic()))

    def drain(self, number: int, frame: FrameType | None) -> None:
        """End, when a signal says so; the second is for the operating system."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        draining.begin()
        self.listeners[0].pull_trigger()

    def threads_for(self, request: Parser) -> ThreadedTaskDispatcher:
        """Those that answer a request."""
        if request.path in ASIDE or request.path.startswith(ASIDE_FILES):
            return self.aside
        # What is refused, perhaps before its method is read, nobody writes.
        reads = request.error is not None or request.command in READING
        return self.reading if reads else self.writing

    def channels(self) -> list[Channel]:
        """All open connections."""
        return [one for one in list(self.map.values()) if isinstance(one, Channel)]

    def make_room(self, address: str) -> bool:
        """Whether a client at this address may have one more connection. Of too many,
        the one that has kept us waiting longest makes room for it."""
        channels = [one for one in self.channels() if not one.will_close]
        most = self.most
        if address != self.settings.http_trusted_proxy:
            near = _network(address)
            theirs = [one for one in channels if _network(one.addr[0]) == near]
            if len(theirs) >= self.settings.http_connections:
                channels, most = theirs, 0
        if len(channels) < most:
            return True
        self.turned_away += 1
        waiting = [one for one in channels if one.is_waiting]
        if waiting:
            min(waiting, key=lambda one: one.since).give_up()
        return bool(waiting)

    def _turn(self) -> None:
        wasyncore.loop(timeout=LOOK_SECONDS, use_poll=True, map=self.map, count=1)
        now = time.monotonic()
        if now < self.next_look:
            return
        self.next_look = now + LOOK_SECONDS
        for channel in self.channels():
            channel.look(now)
        if self.turned_away:
            log.warning("there were %d connections too many", self.turned_away)
            self.turned_away = 0


def _network(address: str) -> str:
    """The address, or of IPv6 the half that is given to one client."""
    if ":" not in address:
        return address
    return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])[:8].hex()


def _descriptors_for(settings: Settings) -> int:
    """How many connections there are file descriptors for, after getting more."""
    connections = settings.http_connections_total
    reserved = RESERVED_DESCRIPTORS
    reserved += settings.http_threads + settings.http_writing_threads
    wanted = connections + reserved
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < wanted:
        soft = wanted if hard < 0 else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    free = soft - reserved if soft >= 0 else connections
    return max(1, min(connections, free))


def _adjustments(settings: Settings) -> Adjustments:
    proxy = {}
    if settings.http_trusted_proxy:
        proxy = {
            "trusted_proxy": settings.http_trusted_proxy,
            "trusted_proxy_count": settings.http_trusted_proxy_count,
            "trusted_proxy_headers": {"x-forwarded-for"},
        }
    return Adjustments(
        host=settings.http_host,
        port=settings.http_port,
        threads=settings.http_threads,
        ident="",
        asyncore_use_poll=True,
        channel_request_lookahead=0,
        clear_untrusted_proxy_headers=True,
        log_socket_errors=False,
        # waitress refuses what is as long as these.
        max_request_body_size=LARGEST_BODY + 1,
        max_request_header_size=LARGEST_HEADER + 1,
        **proxy,
    )
