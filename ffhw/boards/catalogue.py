"""The boards: the device on each, and where its pins are described."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ffhw.errors import InputError
from ffhw.hdl.plan import devices
from ffhw.hdl.plan.devices import Device, Family


@dataclasses.dataclass(frozen=True)
class Board:
    """A board.

    Parameters
    ----------
    platform: module and class of its definition in ``amaranth_boards``.
    device: the FPGA on it.
    clock_mhz: what place and route aims for with the test wrapper.
    oscillator_mhz: the clock that the board gives. pll_device: name of the device to the PLL's calculator, if it asks.
    baud: fastest that its serial bridge is known to allow. lights: that can be used, at most three.
    loader: its name to openFPGALoader. volatile: whether that can load it without writing its flash.
    """

    name: str
    title: str
    platform: tuple[str, str]
    device: Device
    clock_mhz: float
    oscillator_mhz: float
    lights: int
    loader: str
    volatile: bool = True
    baud: int = 3_000_000
    pll_device: str = ""

    BY_NAME: ClassVar[dict[str, Board]] = {}

    @property
    def family(self) -> Family:
        """Family of the device."""
        return self.device.family


def _board(**fields: object) -> None:
    board = Board(**fields)  # type: ignore[arg-type]
    Board.BY_NAME[board.name] = board


_board(
    name="icebreaker",
    title="iCEBreaker (iCE40 UP5K)",
    platform=("amaranth_boards.icebreaker", "ICEBreakerPlatform"),
    device=devices.UP5K,
    clock_mhz=24.0,
    oscillator_mhz=12.0,
    lights=2,
    loader="ice40_generic",  # of all boards whose programmer writes the flash that the iCE40 reads
    volatile=False,
)
_board(
    name="ulx3s-85f",
    title="ULX3S 85F (ECP5 LFE5U-85F)",
    platform=("amaranth_boards.ulx3s", "ULX3S_85F_Platform"),
    device=devices.LFE5U_85F,
    clock_mhz=100.0,
    oscillator_mhz=25.0,
    lights=3,
    loader="ulx3s",
)
_board(
    name="tangnano9k",
    title="Tang Nano 9K (Gowin GW1NR-9)",
    platform=("amaranth_boards.tang_nano_9k", "TangNano9kPlatform"),
    device=devices.GW1NR_9,
    clock_mhz=54.0,
    oscillator_mhz=27.0,
    lights=3,
    loader="tangnano9k",
    pll_device="GW1NR-9 C6/I5",
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
