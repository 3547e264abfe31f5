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
    platform: module and class of its definition, in ``amaranth_boards`` or :mod:`ffhw.boards.definitions`.
    device: the FPGA on it. part: the same to nextpnr, with its package and speed; pack: to the packer.
    clock_mhz: what place and route aims for with the test wrapper.
    oscillator_mhz: the clock that the board gives. pll_device: name of the device to the PLL's calculator, if it asks;
        pll_cell: to the PLL itself. pll_pad: of an iCE40, whether the oscillator's pin can go nowhere but into the PLL.
    lights: that can be used, at most three.
    baud: fastest that its serial bridge is known to allow. bridge: whether it has one; else pins for one.
    loader: its name to openFPGALoader, empty if that cannot load it. volatile: whether it can without the flash.
    """

    name: str
    title: str
    platform: tuple[str, str]
    device: Device
    part: str
    clock_mhz: float
    oscillator_mhz: float
    lights: int
    loader: str
    pack: str = ""
    volatile: bool = True
    baud: int = 3_000_000
    bridge: bool = True
    pll_device: str = ""
    pll_cell: str = ""
    pll_pad: bool = False

    BY_NAME: ClassVar[dict[str, Board]] = {}

    @property
    def family(self) -> Family:
        """Family of the device."""
        return self.device.family


def _board(name: str, **fields: object) -> None:
    Board.BY_NAME[name] = Board(name, **fields)  # type: ignore[arg-type]


# Lookup tables of what stands around the core on a board, the link above all; about.
LINK_LUTS = 1000

_OURS = "ffhw.boards.definitions"
# iCE40 boards whose programmer writes the flash that the device reads, which is the only way to load them.
_FLASHED = {"loader": "ice40_generic", "volatile": False, "oscillator_mhz": 12.0}
_TANG = {"clock_mhz": 54.0, "oscillator_mhz": 27.0, "lights": 3}
_UP5K = {"device": devices.UP5K, "part": "--up5k --package sg48", "clock_mhz": 24.0, **_FLASHED}

_board(
    "icebreaker",
    title="iCEBreaker (iCE40 UP5K)",
    platform=("amaranth_boards.icebreaker", "ICEBreakerPlatform"),
    lights=2,
    pll_pad=True,
    **_UP5K,
)
_board(
    "icesugar",
    title="iCESugar (iCE40 UP5K)",
    platform=("amaranth_boards.icesugar", "ICESugarPlatform"),
    lights=3,
    pll_pad=True,
    baud=1_000_000,
    **{**_UP5K, "loader": ""},  # its programmer is a drive: copy the bitstream onto it
)
_board(
    "upduino3",
    title="UPduino v3 (iCE40 UP5K), jumper OSC closed",
    platform=(_OURS, "UPduino3"),
    lights=3,
    **_UP5K,
)
_board(
    "icestick",
    title="iCEstick (iCE40 HX1K)",
    platform=("amaranth_boards.icestick", "ICEStickPlatform"),
    device=devices.HX1K,
    part="--hx1k --package tq144",
    clock_mhz=48.0,
    lights=3,
    **_FLASHED,
)
_board(
    "hx8k-b-evn",
    title="iCE40-HX8K-B-EVN (iCE40 HX8K)",
    platform=("amaranth_boards.ice40_hx8k_b_evn", "ICE40HX8KBEVNPlatform"),
    device=devices.HX8K,
    part="--hx8k --package ct256",
    clock_mhz=48.0,
    lights=3,
    **_FLASHED,
)
for _size, _device in (
    ("12F", devices.LFE5U_12F),
    ("25F", devices.LFE5U_25F),
    ("45F", devices.LFE5U_45F),
    ("85F", devices.LFE5U_85F),
):
    _board(
        f"ulx3s-{_size.lower()}",
        title=f"ULX3S {_size} (ECP5 LFE5U-{_size})",
        platform=("amaranth_boards.ulx3s", f"ULX3S_{_size}_Platform"),
        device=_device,
        part=f"--{_size[:2]}k --package CABGA381 --speed 6",
        clock_mhz=100.0,
        oscillator_mhz=25.0,
        lights=3,
        loader="ulx3s",
    )
for _size, _device in (("25F", devices.LFE5U_25F), ("85F", devices.LFE5U_85F)):
    _board(
        f"orangecrab-{_size.lower()}",
        title=f"OrangeCrab r0.2 {_size} (ECP5 LFE5U-{_size})",
        platform=(_OURS, f"OrangeCrab{_size}"),
        device=_device,
        part=f"--{_size[:2]}k --package CSFBGA285 --speed 8",
        clock_mhz=100.0,
        oscillator_mhz=48.0,
        lights=3,
        loader="orangeCrab",
        volatile=False,
        bridge=False,
    )
_board(
    "ecpix5",
    title="ECPIX-5 (ECP5 LFE5UM5G-85F)",
    platform=(_OURS, "ECPIX5"),
    device=devices.LFE5UM5G_85F,
    part="--um5g-85k --package CABGA554 --speed 8",
    clock_mhz=100.0,
    oscillator_mhz=100.0,
    lights=3,
    loader="ecpix5",
)
_board(
    "tangnano9k",
    title="Tang Nano 9K (Gowin GW1NR-9)",
    platform=("amaranth_boards.tang_nano_9k", "TangNano9kPlatform"),
    device=devices.GW1NR_9,
    part="--device GW1NR-LV9QN88PC6/I5 --vopt family=GW1N-9C",
    pack="-d GW1N-9C",
    loader="tangnano9k",
    pll_device="GW1NR-9 C6/I5",
    pll_cell="GW1NR-9C",
    **_TANG,
)
_board(
    "tangnano20k",
    title="Tang Nano 20K (Gowin GW2AR-18)",
    platform=(_OURS, "TangNano20K"),
    device=devices.GW2AR_18,
    part="--device GW2AR-LV18QN88C8/I7 --vopt family=GW2A-18C",
    pack="-d GW2A-18C",
    loader="tangnano20k",
    pll_device="GW2AR-18 C8/I7",
    pll_cell="GW2AR-18C",
    **_TANG,
)
_board(
    "tangprimer20k",
    title="Tang Primer 20K Dock (Gowin GW2A-18)",
    platform=("amaranth_boards.tang_primer_20k", "TangPrimer20kDockPlatform"),
    device=devices.GW2A_18,
    part="--device GW2A-LV18PG256C8/I7 --vopt family=GW2A-18C",
    pack="-d GW2A-18C",
    loader="tangprimer20k",
    pll_device="GW2A-18 C8/I7",
    pll_cell="GW2A-18C",
    **_TANG,
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
