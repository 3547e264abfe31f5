"""Frames as bytes, and what a receiver makes of a wire that is not what it should be."""

from __future__ import annotations

import numpy as np
import pytest

from ffhw.boards.link.protocol import DATA, FLAG, LAST, MOST_PAYLOAD, OPEN, STATUS, Reply, Request, Splitter


def frames(kind, data):
    return [frame for part in Splitter().feed(data) if (frame := kind.parse(part)) is not None]


def test_a_frame_worked_by_hand():
    """OPEN with number 0x7E: the flag inside travels escaped; the checksum is that of zlib over the plain bytes."""
    assert Request(OPEN, 0x7E).pack().hex() == "7e0001007d5e00" + "00c422cf" + "7e"


@pytest.mark.parametrize("size", [0, 1, 7, MOST_PAYLOAD])
def test_frames_come_back(size, rng):
    payload = bytes(rng.choice([0x7D, 0x7E, 0x5D, 0x5E, 0x20, 0], size).astype(np.uint8))
    request = Request(DATA, 0x7D7E, LAST | 3, payload)
    assert frames(Request, request.pack()) == [request]
    reply = Reply(STATUS, 1, 0x7E7D, 0x7D7D, 0xFFFF, payload)
    assert frames(Reply, reply.pack()) == [reply]


def test_the_next_frame_is_right_whatever_came_before(rng):
    """Noise, a frame without its end, one without its begin, an escape before a flag: each costs itself."""
    good = Request(DATA, 5, 0, b"good")
    for trial in range(200):
        noise = bytes(rng.integers(0, 256, rng.integers(0, 300)).astype(np.uint8))
        other = Request(DATA, 4, 0, noise[:MOST_PAYLOAD]).pack()
        cut = [noise, other[: rng.integers(1, len(other))], other[rng.integers(1, len(other)) :], b"\x7d"][trial % 4]
        assert frames(Request, cut + good.pack())[-1] == good


def test_every_damaged_bit_is_noticed():
    content = Request(DATA, 5, LAST, b"abc").pack()
    for bit in range(8, 8 * (len(content) - 1)):
        broken = bytearray(content)
        broken[bit // 8] ^= 1 << bit % 8
        assert frames(Request, bytes(broken) + bytes([FLAG])) == []


def test_bytes_may_come_one_by_one():
    splitter, got = Splitter(), []
    for byte in Request(OPEN, 1).pack() * 2:
        got += splitter.feed(bytes([byte]))
    assert [Request.parse(part) for part in got] == [Request(OPEN, 1)] * 2
