"""Boards that amaranth-boards does not define, or without the serial link or the lights that a top level needs.

Where the pins are from:

- OrangeCrab r0.2: it has no serial bridge; pins 0 and 1 of its Feather header, as in the board's schematic.
- ECPIX-5: its lights are those of amaranth-boards, one colour of each.
- UPduino v3: pins 14 and 15 of the board's constraints file (``serial_txd``, ``serial_rxd``), which the flash shares:
  it is kept deselected. Jumper OSC must be closed, which brings 12 MHz to pin 20; the chip's own oscillator is too
  inexact for a serial link.
- Tang Nano 20K: Sipeed's schematic and examples: 27 MHz at pin 4, bridge at 69 and 70, lights at 15 to 20.
"""

from __future__ import annotations

from typing import Any, ClassVar

from amaranth.build import Attrs, Clock, Pins, PinsN, Resource
from amaranth.vendor import GowinPlatform
from amaranth_boards.ecpix5 import ECPIX585Platform
from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform, OrangeCrabR0_2_85FPlatform
from amaranth_boards.resources import LEDResources, UARTResource
from amaranth_boards.upduino_v3 import UpduinoV3Platform

_LVCMOS33 = Attrs(IO_TYPE="LVCMOS33")
_ORANGECRAB = [
    UARTResource(0, rx="N17", tx="M18", attrs=Attrs(IO_TYPE="LVCMOS33", PULLMODE="UP")),
    *LEDResources(pins="K4 M3 J3", invert=True, attrs=_LVCMOS33),
]


class OrangeCrab25F(OrangeCrabR0_2_25FPlatform):
    """OrangeCrab r0.2 with a LFE5U-25F."""

    resources = OrangeCrabR0_2_25FPlatform.resources + _ORANGECRAB


class OrangeCrab85F(OrangeCrabR0_2_85FPlatform):
    """OrangeCrab r0.2 with a LFE5U-85F."""

    resources = OrangeCrabR0_2_85FPlatform.resources + _ORANGECRAB


class ECPIX5(ECPIX585Platform):
    """ECPIX-5 with a LFE5UM5G-85F."""

    resources = ECPIX585Platform.resources + LEDResources(pins="U21 T23 K21", invert=True, attrs=_LVCMOS33)


class UPduino3(UpduinoV3Platform):
    """UPduino v3 with its OSC jumper closed."""

    default_clk = "clk12"
    resources: ClassVar[list[Any]] = [
        *UpduinoV3Platform.resources,
        UARTResource(0, rx="15", tx="14", attrs=Attrs(IO_STANDARD="SB_LVCMOS")),
        *LEDResources(pins="41 39 40", invert=True, attrs=Attrs(IO_STANDARD="SB_LVCMOS")),
        Resource("flash_select", 0, PinsN("16", dir="o"), Attrs(IO_STANDARD="SB_LVCMOS")),
    ]
    # outputs that stay inactive
    idle = ("flash_select",)


class TangNano20K(GowinPlatform):
    """Tang Nano 20K."""

    part = "GW2AR-LV18QN88C8/I7"
    family = "GW2AR-18C"
    default_clk = "clk27"
    resources: ClassVar[list[Any]] = [
        Resource("clk27", 0, Pins("4", dir="i"), Clock(27e6), _LVCMOS33),
        UARTResource(0, rx="70", tx="69", attrs=Attrs(PULL_MODE="UP", IO_TYPE="LVCMOS33")),
        *LEDResources(pins="15 16 17 18 19 20", invert=True, attrs=_LVCMOS33),
    ]
    connectors: ClassVar[list[Any]] = []
