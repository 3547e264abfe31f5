"""Serial wires as TCP sockets: a server for a device in Python, and a wire that damages what it carries."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator

import numpy as np

Feed = Callable[[bytes], bytes]


@contextlib.contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Calls ``serve`` for one client after the other; yields the URL."""
    server = socket.create_server(("localhost", 0))
    server.settimeout(0.05)
    ends = threading.Event()

    def loop() -> None:
        while not ends.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                client, _ = server.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.settimeout(0.05)
                with client:
                    while not ends.is_set():
                        with contextlib.suppress(TimeoutError):
                            serve(client)
                            break

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield f"socket://localhost:{server.getsockname()[1]}"
    finally:
        ends.set()
        thread.join()
        server.close()


@contextlib.contextmanager
def device(feed: Feed) -> Iterator[str]:
    """A device in Python: a function from bytes received to bytes sent."""

    def serve(client: socket.socket) -> None:
        while data := client.recv(4096):
            client.sendall(feed(data))

    with listening(serve) as url:
        yield url


class Noisy:
    """A wire to another socket that damages bytes, drops and inserts some, and can be cut.

    Attributes
    ----------
    rate: share of the bytes, each way, to which something happens. url: of this end.
    """

    def __init__(self, target: str, seed: int, rate: float) -> None:
        self.target, self.rate = int(target.rpartition(":")[2]), rate
        self.rng = np.random.default_rng(seed)
        self.happened = 0
        self._cut = threading.Event()
        self.url = ""

    @contextlib.contextmanager
    def strung(self) -> Iterator[Noisy]:
        """The wire while it is there."""
        with listening(self._serve) as self.url:
            yield self

    def cut(self) -> None:
        """The connection is gone; another one can be made."""
        self._cut.set()

    def _serve(self, client: socket.socket) -> None:
        with socket.create_connection(("localhost", self.target)) as far:
            ends = {client: far, far: client}
            while not self._cut.is_set():
                for end in select.select(list(ends), [], [], 0.02)[0]:
                    data = end.recv(4096)
                    if not data:
                        return
                    ends[end].sendall(self._damaged(data))
        self._cut.clear()

    def _damaged(self, data: bytes) -> bytes:
        if not self.rate:
            return data
        out = bytearray()
        for byte in data:
            what = self.rng.random() / self.rate
            self.happened += what < 1
            if what < 0.4:
                out.append(byte ^ int(self.rng.integers(1, 256)))
            elif what < 0.7:
                continue
            elif what < 1.0:
                out += bytes([byte, int(self.rng.integers(0, 256))])
            else:
                out.append(byte)
        return bytes(out)
