"""A TCP proxy that delays, loses, cuts and freezes what passes through it.

    with Proxy(server.port) as proxy:
        uri = f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"
        proxy.delay = 0.3  # seconds, for each request
        proxy.lose_reply(b"insert\\0", times=1)
        ...

Before MongoDB, `directConnection=true` is needed: else the driver learns the server's
own address and goes around the proxy. A web server can stand behind it as well as a
document server. What can be done at any time:

`delay`: each request is passed on so many seconds later.
`lose_request(marker, times)`: the next requests that contain `marker` do not reach the
    server; their connections are reset instead.
`lose_reply(marker, times)`: they do reach it, and have their effect; but their
    connections are reset in place of the reply. MongoDB's commands begin with their
    name and a NUL, as b"insert\\0"; the collection follows, as b"microposts\\0". HTTP:
    b"POST /api".
`lost`: how many were.
`freeze()`, `thaw()`: nothing passes, either way; connections stay and can be made.
`cut()`: all connections are reset.
`refusing`: new connections are reset at once, while it is True.
"""

import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

PIECE = 1 << 16


@dataclass
class _Loss:
    """Requests that contain the marker are to be lost, or the replies to them."""

    marker: bytes
    times: int
    of_reply: bool


class Proxy:
    """Stands before a port of this machine, on a port of its own."""

    def __init__(self, server_port: int):
        self.server_port = server_port
        self.delay = 0.0
        self.refusing = False
        self.lost = 0
        self._passing = threading.Event()
        self._passing.set()
        self._lock = threading.Lock()
        self._losses: list[_Loss] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def lose_request(self, marker: bytes, times: int = 1) -> None:
        """Reset the connections of the next requests that contain the marker."""
        self._losses.append(_Loss(marker, times, of_reply=False))

    def lose_reply(self, marker: bytes, times: int = 1) -> None:
        """The same, once the server has answered."""
        self._losses.append(_Loss(marker, times, of_reply=True))

    def freeze(self) -> None:
        """Let nothing pass."""
        self._passing.clear()

    def thaw(self) -> None:
        """Let everything pass that waits."""
        self._passing.set()

    def cut(self) -> None:
        """Reset all connections."""
        with self._lock:
            opened, self._open = self._open, set()
        for one in opened:
            _reset(one)

    def close(self) -> None:
        """End, and let nobody wait."""
        self.refusing = True
        # Closed alone, it would still wait in `accept`.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self.thaw()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            if self.refusing:
                _reset(client)
            else:
                threading.Thread(
                    target=self._connect, args=(client,), daemon=True
                ).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.server_port))
        except OSError:
            _reset(client)
            return
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open |= {client, server}
        pair = _Pair(self, client, server)
        threading.Thread(target=pair.replies, daemon=True).start()
        pair.requests()

    def _loss(self, request: bytes) -> _Loss | None:
        """What this request is to suffer."""
        with self._lock:
            for loss in self._losses:
                if loss.times and loss.marker in request:
                    loss.times -= 1
                    self.lost += 1
                    return loss
        return None

    def _end(self, *ends: socket.socket) -> None:
        with self._lock:
            self._open -= set(ends)
        for one in ends:
            _reset(one)


class _Pair:
    """The two connections that are one."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket):
        self.proxy = proxy
        self.client = client
        self.server = server
        self.loses_reply = False

    def requests(self) -> None:
        """Pass on what the client sends."""
        with suppress(OSError):
            while piece := self.client.recv(PIECE):
                # Two requests that come at once are delayed once.
                time.sleep(self.proxy.delay)
                self.proxy._passing.wait()
                if loss := self.proxy._loss(piece):
                    if not loss.of_reply:
                        break
                    self.loses_reply = True
                self.server.sendall(piece)
        self.proxy._end(self.client, self.server)

    def replies(self) -> None:
        """Pass on what the server sends."""
        with suppress(OSError):
            while piece := self.server.recv(PIECE):
                self.proxy._passing.wait()
                if self.loses_reply:
                    break
                self.client.sendall(piece)
        self.proxy._end(self.client, self.server)


def _reset(one: socket.socket) -> None:
    """Close without the courtesies of TCP; whoever reads from it wakes up."""
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
