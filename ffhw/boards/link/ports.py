"""The streams of a core, as what stands around it must know them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ffhw.boards.link.protocol import ECHO, MOST_PAYLOAD


@dataclasses.dataclass(frozen=True)
class Port:
    """An AXI4-Stream port of a core.

    Parameters
    ----------
    name: prefix of its signals. sink: whether the core takes beats there.
    bits: of ``tdata``. beats: that a vector takes.
    tokens: of a port of token numbers, how many there are; 0 where every code is allowed.
    marked: it has ``tuser``.
    """

    name: str
    sink: bool
    bits: int
    beats: int
    tokens: int = 0
    marked: bool = False

    @property
    def bytes(self) -> int:
        """Bytes of a beat."""
        return self.bits // 8


def check_ports(ports: Sequence[Port]) -> None:
    """Refuse ports whose beats no frame can carry, or more than frames can name.

    Raises
    ------
    ValueError: with the reason.
    """
    for port in ports:
        if port.bytes > MOST_PAYLOAD:
            raise ValueError(f"a beat must have at most {MOST_PAYLOAD} bytes, {port.name} has {port.bytes}")
    if max(sum(port.sink for port in ports), sum(not port.sink for port in ports)) > ECHO:
        raise ValueError(f"there must be at most {ECHO} ports each way, not {len(ports)} together")
