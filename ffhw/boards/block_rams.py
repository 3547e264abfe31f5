"""Memories of what was trained, made of a family's block RAMs, so that it is known where each bit of them lies.

Whatever such a memory holds, it is the same cells under the same names: synthesis sees neither constants in it nor a
better place for it. What it holds are parameters of these cells, which can be replaced in a netlist and in a bitstream.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ffhw.boards.catalogue import Board
from ffhw.hdl.plan.devices import Device

# Of a memory, [word, bit], the lowest bit first.
Bits = NDArray[np.uint8]

_MODULE = """\
// {depth} words of {width} bits in {banks} x {slices} block RAMs
module {name}(clk, en, addr, data);
  input clk;
  input en;
  input [{high_address}:0] addr;
  output [{high}:0] data;
  wire [{high_place}:0] place = addr{low};  // within a bank
  wire [{all}:0] read;
{cells}{choice}endmodule
"""
_CHOICE = """\
  reg [{high_bank}:0] bank;
  always @(posedge clk)
    if (en) bank <= addr[{high_address}:{place_bits}];
  assign data = read[bank * {padded} +: {width}];
"""


def bits_of(text: str) -> Bits:
    """The bits in a memory file as ``$readmemb`` takes it, ``[word, bit]``."""
    return np.array([[digit == "1" for digit in reversed(line)] for line in text.split()], dtype=np.uint8)


class BlockRam(abc.ABC):
    """A family's block RAM as a memory that is only read: ``rows`` words of ``columns`` bits in one of its shapes."""

    shapes: ClassVar[tuple[tuple[int, int], ...]]  # rows and columns of each mode

    @abc.abstractmethod
    def stored(self, bits: Bits) -> dict[str, str]:
        """Parameters, as binary digits, of a cell that holds ``bits [rows, columns]``."""

    @abc.abstractmethod
    def instance(self, name: str, columns: int, read: str, stored: dict[str, str]) -> str:
        """Verilog of a cell, addressed by ``place``; ``read`` are the bits that it gives a cycle later."""

    def shape(self, depth: int, width: int) -> tuple[int, int]:
        """The mode in which a memory takes the fewest cells; of equals the one of fewest banks."""

        def cost(shape: tuple[int, int]) -> tuple[int, int]:
            banks, slices = -(-depth // shape[0]), -(-width // shape[1])
            return banks * slices, banks

        return min(self.shapes, key=cost)

    def contents(self, name: str, bits: Bits) -> dict[str, dict[str, str]]:
        """Parameters of each cell of the memory ``name``, by cell: ``<name>.<bank>.<slice>``."""
        depth, width = bits.shape
        rows, columns = self.shape(depth, width)
        padded = np.pad(bits, [(0, -depth % rows), (0, -width % columns)])
        return {
            f"{name}.{row // rows}.{column // columns}": self.stored(
                padded[row : row + rows, column : column + columns]
            )
            for row in range(0, depth, rows)
            for column in range(0, width, columns)
        }

    def verilog(self, name: str, bits: Bits) -> str:
        """A module that behaves as a :class:`ffhw.hdl.datapath.rom.Rom` does, by the same ports."""
        depth, width = bits.shape
        rows, columns = self.shape(depth, width)
        banks, slices = -(-depth // rows), -(-width // columns)
        address_bits, place_bits = max((depth - 1).bit_length(), 1), (rows - 1).bit_length()
        cells = ""
        for cell, stored in self.contents(name, bits).items():
            bank, part = (int(n) for n in cell.split(".")[-2:])
            read = f"read[{(bank * slices + part) * columns} +: {columns}]"
            cells += self.instance(cell, columns, read, stored)
        sizes = {"width": width, "padded": slices * columns, "place_bits": place_bits}
        sizes |= {"high_address": address_bits - 1, "high_bank": max(address_bits - place_bits, 1) - 1}
        return _MODULE.format(
            name=name,
            depth=depth,
            banks=banks,
            slices=slices,
            high=width - 1,
            high_place=place_bits - 1,
            low=f"[{place_bits - 1}:0]" if address_bits > place_bits else "",
            all=banks * slices * columns - 1,
            cells=cells,
            choice=_CHOICE.format(**sizes) if banks > 1 else f"  assign data = read[{width - 1}:0];\n",
            **sizes,
        )


class Ice40BlockRam(BlockRam):
    """``SB_RAM40_4K``: 256 rows of 16 bits; in mode m, bits of 2^m words share a row, chosen by the upper address."""

    shapes = ((256, 16), (512, 8), (1024, 4), (2048, 2))
    _PINS: ClassVar[tuple[tuple[int, ...], ...]] = (tuple(range(16)), tuple(range(0, 16, 2)), (1, 5, 9, 13), (3, 11))

    def stored(self, bits: Bits) -> dict[str, str]:  # noqa: D102
        rows, columns = bits.shape
        # address = share * 256 + row; a row holds column by column the bits of all shares
        shared = bits.reshape(rows // 256, 256, columns).transpose(1, 2, 0).reshape(16, 256)
        return {f"INIT_{n:X}": _digits(line) for n, line in enumerate(shared)}

    def instance(self, name: str, columns: int, read: str, stored: dict[str, str]) -> str:  # noqa: D102
        mode = [shape[1] for shape in self.shapes].index(columns)
        parameters = "".join(f".{key}(256'b{value}), " for key, value in stored.items())
        pins = f"pins_{_identifier(name)}"
        given = ", ".join(f"{pins}[{pin}]" for pin in reversed(self._PINS[mode]))
        return (
            f"  wire [15:0] {pins};\n"
            f"  SB_RAM40_4K #({parameters}.READ_MODE({mode}), .WRITE_MODE({mode})) \\{name} (\n"
            f"    .RDATA({pins}), .RCLK(clk), .RCLKE(en), .RE(1'b1), .RADDR(11'b0 | place),\n"
            "    .WCLK(1'b0), .WCLKE(1'b0), .WE(1'b0), .WADDR(11'b0), .MASK(16'b0), .WDATA(16'b0));\n"
            f"  assign {read} = {{{given}}};\n"
        )


class Ecp5BlockRam(BlockRam):
    """``DP16KD``: 2,048 bytes of 9 bits, of which narrow words leave the ninth unused; port A reads."""

    shapes = ((1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
    _DATA: ClassVar[dict[int, int]] = {18: 9, 9: 9, 4: 8, 2: 8, 1: 8}  # bits of a byte that are used
    _ADDRESS: ClassVar[dict[int, int]] = {18: 4, 9: 3, 4: 2, 2: 1, 1: 0}  # bits of an address below a word's

    def stored(self, bits: Bits) -> dict[str, str]:  # noqa: D102
        used = self._DATA[bits.shape[1]]
        held = np.zeros((1024, 20), np.uint8)
        held[:, :18].reshape(1024, 2, 9)[:, :, :used] = bits.reshape(1024, 2, used)
        return {f"INITVAL_{n:02X}": _digits(line) for n, line in enumerate(held.reshape(64, 320))}

    def instance(self, name: str, columns: int, read: str, stored: dict[str, str]) -> str:  # noqa: D102
        parameters = "".join(f".{key}(320'b{value}), " for key, value in stored.items())
        parameters += "".join(f'.DATA_WIDTH_{p}({columns}), .REGMODE_{p}("NOREG"), ' for p in "AB")
        low = self._ADDRESS[columns]
        pins = f"pins_{_identifier(name)}"
        ports = {f"ADA{n}": f"place[{n - low}]" if n >= low else "1'b0" for n in range(14)}
        ports |= {f"DOA{n}": f"{pins}[{n}]" for n in range(18)}
        ports |= {"CLKA": "clk", "CEA": "en", "OCEA": "1'b1"}
        ports |= dict.fromkeys(("WEA", "RSTA", "CSA0", "CSA1", "CSA2", "CLKB", "CEB", "OCEB", "WEB", "RSTB"), "1'b0")
        ports |= dict.fromkeys(("CSB0", "CSB1", "CSB2"), "1'b0")
        connections = ", ".join(f".{port}({net})" for port, net in ports.items())
        return (
            f"  wire [17:0] {pins};\n"
            f'  DP16KD #({parameters}.GSR("AUTO")) \\{name} ({connections});\n'
            f"  assign {read} = {pins}[{columns - 1}:0];\n"
        )


BLOCK_RAMS: dict[str, BlockRam] = {"ice40": Ice40BlockRam(), "ecp5": Ecp5BlockRam()}


def device_for(board: Board, generic: bool, loadable: bool) -> Device:
    """A board's device as a design sees it: one of generic weights has what was trained in block RAMs, whatever it is.

    Parameters
    ----------
    loadable: these memories can be written, and are what synthesis makes of them; else they are cells of this module.
    """
    if not generic:
        return board.device
    family = board.family
    own = None if loadable else BLOCK_RAMS.get(family.name)
    shapes = tuple((width, depth) for depth, width in own.shapes) if own else family.block_shapes
    return dataclasses.replace(board.device, kept=shapes)


def _digits(line: Any) -> str:
    """Bits, the lowest first, as a binary number."""
    return "".join(map(str, line[::-1].tolist()))


def _identifier(cell: str) -> str:
    return cell.replace(".", "_")
