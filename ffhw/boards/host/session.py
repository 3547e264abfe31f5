"""A session: frames that are taken in their order, answers of which none is missing."""

from __future__ import annotations

import collections
import dataclasses
import os
import struct
import time
from collections.abc import Callable

from ffhw.boards.host.wire import LinkError, Wire
from ffhw.boards.link.protocol import (
    ANSWER,
    COUNT,
    COUNTERS,
    DATA,
    IDENTIFY,
    IDENTITY,
    IS_OPEN,
    LAST,
    MARKED,
    NUMBERS,
    OPEN,
    OPENED,
    OVERHEAD,
    PAGE,
    POLL,
    PORT,
    STATUS,
    Reply,
    Request,
)

# Seconds without any news after which the device is asked for its status. While it does not say, it is asked again
# after twice as long each time, up to this share of the patience: questions would pile up in front of a slow device.
_ASK_S, _ASK_SHARE = 0.1, 1 / 8
# Times that a request is sent before nobody seems to be there, within the session's patience; and the shortest wait.
_TRIES, _REPLY_S = 5, 0.5


@dataclasses.dataclass(frozen=True)
class Answer:
    """What an answer frame brings: bytes of a port, whether a sequence or vector ends, whether it was marked."""

    port: int
    payload: bytes
    last: bool
    marked: bool


@dataclasses.dataclass(frozen=True)
class Counters:
    """What the device has counted since power on, modulo 2^16.

    frames: sound ones. damaged: with a wrong length or checksum. overruns: without room. refused: out of their order,
    or of no known type. span: cycles in which the core took the last frame's beats, modulo 2^24.
    """

    frames: int
    damaged: int
    overruns: int
    refused: int
    span: int

    @classmethod
    def parse(cls, payload: bytes) -> Counters:
        """Of the payload of a COUNTERS frame."""
        frames, damaged, overruns, refused = struct.unpack_from("<4H", payload)
        return cls(frames, damaged, overruns, refused, int.from_bytes(payload[8:11], "little"))


class Session:
    """What is under way between a host and a device since the host opened the session.

    Frames that the device lost are sent again. An answer that was lost is gone: then the session is over.

    Parameters
    ----------
    wire: to the device. patience: seconds without progress after which the device has failed.

    Raises
    ------
    LinkError: nobody answers.
    """

    def __init__(self, wire: Wire, patience: float) -> None:
        self.wire = wire
        self.patience = patience
        self.window = 0
        # frames that may still wait in the device, or never came there; what they take of its memory; answers to give
        self._sent: collections.deque[Request] = collections.deque()
        self._under_way = 0
        self._answers: collections.deque[Answer] = collections.deque()
        number = int.from_bytes(os.urandom(2), "little")
        # numbers of the next frame and of the next answer
        self._next = self._due = (number + 1) % NUMBERS
        # how long the device is given to say its status before it is asked again
        self._wait = _ASK_S
        # how long frames that were sent again are given to come: a slow device has them in front of it still
        self._pause = _ASK_S
        # when there was progress, when anything came, when the status was asked for, when frames were sent again
        self._news = self._heard = self._asked = self._again = 0.0
        self._request(Request(OPEN, number), lambda reply: reply.kind == OPENED and reply.accepted == self._next)

    def _request(self, request: Request, fits: Callable[[Reply], bool]) -> Reply:
        """The reply that fits; the request is sent again where none comes. Only while nothing is under way."""
        for _ in range(_TRIES):
            self.wire.send(request)
            end = time.monotonic() + max(_REPLY_S, self.patience / (4 * _TRIES))
            while (left := end - time.monotonic()) > 0:
                for reply in self.wire.receive(left):
                    if fits(reply):
                        return reply
        raise LinkError(f"no ffhw device answers at {self.wire.port}: is the bitstream loaded, and with this --baud?")

    def page(self, number: int) -> bytes:
        """A page of the identity."""

        def fits(reply: Reply) -> bool:
            return reply.kind == IDENTITY and reply.flags == number and len(reply.payload) == PAGE

        return self._request(Request(IDENTIFY, flags=number), fits).payload

    def counters(self) -> Counters:
        """What the device has counted."""
        reply = self._request(Request(COUNT), lambda reply: reply.kind == COUNTERS and len(reply.payload) == 11)
        return Counters.parse(reply.payload)

    def put(self, port: int, payload: bytes, last: bool) -> None:
        """Send a frame as soon as the device has room for it.

        Raises
        ------
        LinkError: it makes no room, or an answer was lost.
        """
        if not self._sent:
            self._news = time.monotonic()
        size = len(payload) + OVERHEAD
        while self._under_way + size > self.window:
            self._turn(_ASK_S)
        request = Request(DATA, self._next, port | (LAST if last else 0), payload)
        self._next = (self._next + 1) % NUMBERS
        self._sent.append(request)
        self._under_way += size
        self.wire.send(request)
        for reply in self.wire.receive(0.0):
            self._take(reply)

    def get(self, seconds: float | None = None) -> Answer | None:
        """The next answer; None if none came in so many seconds. Without a number there must come one.

        Raises
        ------
        LinkError: it did not, or one before it was lost.
        """
        if not self._answers:
            self._news = time.monotonic()
        end = None if seconds is None else time.monotonic() + seconds
        while not self._answers:
            left = _ASK_S if end is None else min(_ASK_S, end - time.monotonic())
            if left <= 0:
                return None
            self._turn(left)
        return self._answers.popleft()

    def _turn(self, seconds: float) -> None:
        """Take what comes; ask for the status where nothing does."""
        for reply in self.wire.receive(seconds):
            self._take(reply)
        now = time.monotonic()
        if now - self._news > self.patience:
            what = "is silent" if now - self._heard > self.patience else "makes no progress"
            raise LinkError(f"{self.wire.port}: the device {what} for {self.patience:g} s")
        if now - max(self._heard, self._asked) >= self._wait:
            self._asked = now
            self._wait = self._longer(self._wait)
            self.wire.send(Request(POLL))

    def _longer(self, seconds: float) -> float:
        """Twice as long, within the patience."""
        return max(_ASK_S, min(2 * seconds, self.patience * _ASK_SHARE))

    def _take(self, reply: Reply) -> None:
        """What one frame says."""
        self._heard = time.monotonic()
        if reply.kind == STATUS and not reply.flags & IS_OPEN:
            raise LinkError(f"{self.wire.port}: the device was reset; its session is over")
        if reply.kind not in (STATUS, ANSWER):
            return
        if reply.kind == STATUS:
            self._wait = _ASK_S
        if reply.number != self._due:
            raise LinkError(f"{self.wire.port}: an answer was lost on the wire")
        if reply.kind == ANSWER:
            self._due = (self._due + 1) % NUMBERS
            flags = reply.flags
            self._answers.append(Answer(flags & PORT, reply.payload, bool(flags & LAST), bool(flags & MARKED)))
            self._news = self._heard
        oldest = self._sent[0].number if self._sent else self._next
        # numbers count modulo 2^16
        taken, accepted = ((number - oldest) % NUMBERS for number in (reply.taken, reply.accepted))
        if not taken <= accepted <= len(self._sent):
            raise LinkError(f"{self.wire.port}: the device counts frames that were not sent: is there another host?")
        for _ in range(taken):
            self._under_way -= len(self._sent.popleft().payload) + OVERHEAD
            self._news = self._heard
        due = self._asked > self._again and self._heard - self._again >= self._pause
        if reply.kind == STATUS and accepted < len(self._sent) + taken and due:
            # asked for behind all frames, the status tells which ones did not come; what did come is refused
            self._again, self._pause = self._heard, self._longer(self._pause)
            for request in list(self._sent)[accepted - taken :]:
                self.wire.send(request)
