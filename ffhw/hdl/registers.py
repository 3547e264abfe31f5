"""The registers of a design with ``--csr``: 32 bits each, at byte addresses of an AXI4-Lite port. Pure data."""

from __future__ import annotations

import dataclasses
from typing import Any

# "FFHW", the first letter in the lowest byte; and the version of this map.
ID, MAP = 0x5748_4646, 1
ADDRESS_BITS = 7
# Bits of CONTROL and of STATUS.
ENABLE, RESET = 0, 1
BUSY, WAITING, STALLED = 0, 1, 2


@dataclasses.dataclass(frozen=True)
class Register:
    """A register: its byte address, whether it can be written, and what it is for."""

    name: str
    address: int
    writable: bool
    what: str


_NAMES = (
    ("id", False, "0x57484646, the letters FFHW"),
    ("map", False, "1, the version of this map"),
    ("network_0", False, "SHA-256 of the quantized network, bytes 0 to 3, the first one lowest"),
    ("network_1", False, "bytes 4 to 7"),
    ("network_2", False, "bytes 8 to 11"),
    ("network_3", False, "bytes 12 to 15"),
    ("input_size", False, "elements of an input vector"),
    ("output_size", False, "elements of an output vector"),
    ("cycles_per_step", False, "predicted cycles a step"),
    ("control", True, "bit 0 enable: sequences may begin; bit 1 reset: holds the core in reset. 0 after reset"),
    (
        "status",
        False,
        "bit 0: a sequence is under way; bit 1: a beat waits for the core; bit 2: an answer is not taken",
    ),
    ("clear", True, "any write sets all counters below to 0"),
    ("sequences_in", False, "sequences whose last beat the core took"),
    ("sequences_out", False, "sequences whose last answer was taken"),
    ("beats_in", False, "beats that the core took"),
    ("beats_out", False, "beats of answers that were taken"),
    ("cycles_busy", False, "cycles in which a sequence was under way"),
    ("cycles_waiting", False, "cycles in which a beat waited for the core"),
    ("cycles_stalled", False, "cycles in which an answer was not taken"),
)
REGISTERS = tuple(Register(name, 4 * n, writable, what) for n, (name, writable, what) in enumerate(_NAMES))
COUNTERS = tuple(r.name for r in REGISTERS if r.address > next(c.address for c in REGISTERS if c.name == "clear"))


def register_map() -> dict[str, Any]:
    """As JSON data, for drivers."""
    registers = [
        {"name": r.name, "address": r.address, "access": "rw" if r.writable else "ro", "what": r.what}
        for r in REGISTERS
    ]
    return {"bits": 32, "address_bits": ADDRESS_BITS, "registers": registers}
