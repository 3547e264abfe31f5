"""The boards: what each one's device offers, and how its bitstream is made."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ffhw.errors import InputError


@dataclasses.dataclass(frozen=True)
class Family:
    """A device family's building blocks.

    Parameters
    ----------
    multiplier_bits: widest signed factors of one multiplier block.
    block_shapes: (width, depth) that one memory block can take.
    timed: whether the tools' timing model covers the multipliers, so that Fmax can be relied on.
    """

    name: str
    multiplier_bits: int
    block_shapes: tuple[tuple[int, int], ...]
    timed: bool = True

    def blocks(self, width: int, depth: int) -> int:
        """Memory blocks that a memory of this shape takes."""
        return min(-(-width // w) * -(-depth // d) for w, d in self.block_shapes)

    def multipliers(self, a: int, b: int) -> int:
        """Multiplier blocks that a product of these signed widths takes; none for a factor of one or two bits."""
        if min(a, b) <= 2:
            return 0
        return -(-a // self.multiplier_bits) * -(-b // self.multiplier_bits)


ICE40 = Family("ice40", 16, ((16, 256), (8, 512), (4, 1024), (2, 2048)))
ECP5 = Family("ecp5", 18, ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)))
GOWIN = Family("gowin", 18, ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)), timed=False)


@dataclasses.dataclass(frozen=True)
class Board:
    """A board and what its device offers.

    Parameters
    ----------
    platform: module and class of its definition in ``amaranth_boards``.
    luts, multipliers, blocks: of the device.
    clock_mhz: what place and route aims for.
    """

    name: str
    title: str
    platform: tuple[str, str]
    family: Family
    luts: int
    multipliers: int
    blocks: int
    clock_mhz: float

    BY_NAME: ClassVar[dict[str, Board]] = {}


def _board(**fields: object) -> None:
    board = Board(**fields)  # type: ignore[arg-type]
    Board.BY_NAME[board.name] = board


_board(
    name="icebreaker",
    title="iCEBreaker (iCE40 UP5K)",
    platform=("amaranth_boards.icebreaker", "ICEBreakerPlatform"),
    family=ICE40,
    luts=5280,
    multipliers=8,
    blocks=30,
    clock_mhz=24.0,
)
_board(
    name="ulx3s-85f",
    title="ULX3S 85F (ECP5 LFE5U-85F)",
    platform=("amaranth_boards.ulx3s", "ULX3S_85F_Platform"),
    family=ECP5,
    luts=83640,
    multipliers=156,
    blocks=208,
    clock_mhz=100.0,
)
_board(
    name="tangnano9k",
    title="Tang Nano 9K (Gowin GW1NR-9)",
    platform=("amaranth_boards.tang_nano_9k", "TangNano9kPlatform"),
    family=GOWIN,
    luts=8640,
    multipliers=16,  # of 20: nextpnr finds no legal placement once nearly all are taken
    blocks=26,
    clock_mhz=54.0,
)


def board(name: str) -> Board:
    """Board of a name.

    Raises
    ------
    InputError: there is no such board; lists those that are.
    """
    if name not in Board.BY_NAME:
        raise InputError(f"--board must be one of {', '.join(Board.BY_NAME)}, not {name!r}")
    return Board.BY_NAME[name]
