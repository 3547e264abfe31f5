"""Frames of the link: the numbers that gateware and host share, and frames as bytes. See ``docs/link.md``."""

from __future__ import annotations

import dataclasses
import struct
import zlib

VERSION = 1
# A flag stands before and behind each frame; inside, these two bytes travel as an escape and the byte ^ FLIP.
FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
# Bytes of a payload at most, both ways.
MOST_PAYLOAD = 240
# Numbers of frames count modulo this.
NUMBERS = 1 << 16

# Host to device: begin a session; codes for a port; ask for status, a page of the identity, the counters.
OPEN, DATA, POLL, IDENTIFY, COUNT = 1, 2, 3, 4, 5
# Device to host: each answers the type below 0x80, an answer the data of one sequence or a part of it.
REPLY = 0x80
OPENED, ANSWER, STATUS, IDENTITY, COUNTERS = (REPLY | kind for kind in (OPEN, DATA, POLL, IDENTIFY, COUNT))

# Flags of DATA and ANSWER: the port, whether the sequence (or the state vector) ends here, whether it was marked.
PORT, MARKED, LAST = 0x0F, 0x40, 0x80
# What is sent to this port comes back from it.
ECHO = 15
# Flags of STATUS: whether a session is open.
IS_OPEN = 1
# Bytes of a page of the identity.
PAGE = 128
# Bytes that a frame takes of the receive memory besides its payload.
OVERHEAD = 2

_CRC_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Request:
    """A frame to the device."""

    kind: int
    number: int = 0
    flags: int = 0
    payload: bytes = b""

    def pack(self) -> bytes:
        """Bytes on the wire, with a flag at either end."""
        return _wire(struct.pack("<BBBH", len(self.payload), self.kind, self.flags, self.number) + self.payload)

    @classmethod
    def parse(cls, content: bytes) -> Request | None:
        """What stands between two flags, unescaped; None if it is no sound frame."""
        fields = _checked(content, "<BBBH")
        return None if fields is None else cls(kind=fields[1], flags=fields[2], number=fields[3], payload=fields[-1])


@dataclasses.dataclass(frozen=True)
class Reply:
    """A frame from the device.

    number: of an answer its own, else the next answer's. accepted: number of the next DATA frame that would be taken
    in. taken: number of the first one that is still in the receive memory.
    """

    kind: int
    flags: int
    number: int
    accepted: int
    taken: int
    payload: bytes = b""

    def pack(self) -> bytes:
        """Bytes on the wire, with a flag at either end."""
        header = struct.pack(
            "<BBBHHH", len(self.payload), self.kind, self.flags, self.number, self.accepted, self.taken
        )
        return _wire(header + self.payload)

    @classmethod
    def parse(cls, content: bytes) -> Reply | None:
        """What stands between two flags, unescaped; None if it is no sound frame."""
        fields = _checked(content, "<BBBHHH")
        return None if fields is None else cls(*fields[1:])


def _wire(content: bytes) -> bytes:
    content += zlib.crc32(content).to_bytes(_CRC_BYTES, "little")
    escaped = content.replace(bytes([ESCAPE]), bytes([ESCAPE, ESCAPE ^ FLIP]))
    escaped = escaped.replace(bytes([FLAG]), bytes([ESCAPE, FLAG ^ FLIP]))
    return bytes([FLAG]) + escaped + bytes([FLAG])


def _checked(content: bytes, header: str) -> tuple | None:
    """Fields of a header and the payload, if length and checksum are right."""
    size = struct.calcsize(header)
    if len(content) < size + _CRC_BYTES or len(content) != size + content[0] + _CRC_BYTES:
        return None
    body, checksum = content[:-_CRC_BYTES], content[-_CRC_BYTES:]
    if zlib.crc32(body) != int.from_bytes(checksum, "little"):
        return None
    return (*struct.unpack_from(header, body), body[size:])


class Splitter:
    """Cuts a stream of bytes at its flags: garbage ends at the next one."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """What stood between flags, unescaped, as far as it is complete now; never empty."""
        *done, rest = (bytes(self._held) + data).split(bytes([FLAG]))
        # no frame is longer than this, escaped throughout
        self._held = bytearray(rest[-4 * (MOST_PAYLOAD + 16) :])
        return [unescape(part) for part in done if part]


def unescape(part: bytes) -> bytes:
    """The bytes that were escaped; an escape at the very end says that the frame was given up."""
    out, escaped = bytearray(), False
    for byte in part:
        if byte == ESCAPE:
            escaped = True
        else:
            out.append(byte ^ FLIP if escaped else byte)
            escaped = False
    return bytes(out)
