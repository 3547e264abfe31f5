"""A device as docs/link.md describes it, in Python, apart from the gateware: the golden model behind frames."""

from __future__ import annotations

import numpy as np

from ffhw.boards.identity import Identity, Stream
from ffhw.boards.link.protocol import (
    ANSWER,
    COUNT,
    COUNTERS,
    DATA,
    ECHO,
    IDENTIFY,
    IDENTITY,
    LAST,
    MOST_PAYLOAD,
    NUMBERS,
    OPEN,
    OPENED,
    PAGE,
    POLL,
    STATUS,
    Reply,
    Request,
    Splitter,
)
from ffhw.model import golden
from ffhw.model.network import Network
from ffhw.numbers.beats import Packing


def identity_of(network: Network, window: int = 511, **changes: object) -> Identity:
    """What a device that computes a network says; a beat is one element."""
    given = Stream(Packing(network.input, network.input_size, 1), network.input_exponents)
    answered = Stream(Packing(network.output, network.output_size, 1), network.output_exponents)
    fields = {"ffhw": "1", "bundle": "b" * 64, "board": "fake", "clock_hz": 24_000_000, "baud": 1_000_000}
    fields |= {"window": window, "input": given, "output": answered, "head": network.head, "states": ()}
    fields |= {"rhythm": network.rhythm, "max_steps": network.max_steps, "cycles_per_step": 100}
    return Identity(**{**fields, **changes})


class FakeBoard:
    """Call :meth:`feed` with bytes from the host; it gives what is sent back.

    Attributes
    ----------
    checks, counts, paces: whether it looks at checksums, at numbers, at its window; to see that tests notice.
    lies: applied to each answer's payload. requests: all that came.
    """

    def __init__(self, network: Network, identity: Identity) -> None:
        self.network, self.identity = network, identity
        self.pages = identity.pages()
        self.requests: list[Request] = []
        self.dumb = False
        self.lies = lambda payload: payload
        self.power_off()

    def power_off(self) -> None:
        """All is forgotten."""
        self.splitter, self.open = Splitter(), False
        self.accepted = self.taken = self.number = 0
        self.held = b""
        self.frames = self.damaged = self.refused = 0

    def feed(self, data: bytes) -> bytes:
        """What the device sends when these bytes come."""
        out = b""
        for part in self.splitter.feed(data):
            request = Request.parse(part)
            if self.dumb:
                continue
            if request is None:
                self.damaged += 1
                out += self._reply(STATUS)
                continue
            self.frames += 1
            self.requests.append(request)
            out += self._answer(request)
        return out

    def _answer(self, request: Request) -> bytes:
        if request.kind == OPEN:
            self.open, self.held = True, b""
            self.accepted = self.taken = self.number = (request.number + 1) % NUMBERS
            return self._reply(OPENED, 1)
        if request.kind == IDENTIFY:
            page = request.flags % (len(self.pages) // PAGE)
            return self._reply(IDENTITY, page, self.pages[page * PAGE : (page + 1) * PAGE])
        if request.kind == COUNT:
            counts = b"".join(n.to_bytes(2, "little") for n in (self.frames, self.damaged, 0, self.refused))
            return self._reply(COUNTERS, 0, counts + bytes(3))
        if request.kind == DATA and self.open and request.number == self.accepted:
            self.accepted = self.taken = (self.accepted + 1) % NUMBERS
            return self._data(request) or self._reply(STATUS)
        self.refused += request.kind != POLL
        return self._reply(STATUS)

    def _data(self, request: Request) -> bytes:
        if request.flags & 15 == ECHO:
            return self._say(ECHO, request.payload, bool(request.flags & LAST))
        self.held += request.payload
        if not request.flags & LAST:
            return b""
        packing, out = self.identity.input.packing, self.identity.output.packing
        codes = packing.unpack(np.frombuffer(self.held, np.uint8).reshape(-1, packing.beat_bytes))
        self.held = b""
        answers = golden.run(self.network, codes[None]).outputs
        answers = answers[0] if self.network.return_sequences else answers
        return self._say(0, out.pack(answers).tobytes(), True)

    def _say(self, port: int, payload: bytes, last: bool) -> bytes:
        frames = b""
        for start in range(0, len(payload), MOST_PAYLOAD):
            part = payload[start : start + MOST_PAYLOAD]
            flags = port | (LAST if last and start + MOST_PAYLOAD >= len(payload) else 0)
            frames += self._reply(ANSWER, flags, self.lies(part))
            self.number = (self.number + 1) % NUMBERS
        return frames

    def _reply(self, kind: int, flags: int | None = None, payload: bytes = b"") -> bytes:
        flags = int(self.open) if flags is None else flags
        return Reply(kind, flags, self.number, self.accepted, self.taken, payload).pack()
