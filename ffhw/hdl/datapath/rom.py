"""Memories of constants: weights, biases, embedding rows, tables.

In Amaranth's own simulator a ROM is a memory with initial content. Written as Verilog it is a small module of its own
that reads its content from a file: millions of weights then never pass through Amaranth or yosys, which take
microseconds for each bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import ClockSignal, Const, Instance, Module, Signal, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from ffhw.layers.base import Ints

_MODULE = """
// {depth} words of {width} bits
module {name}(clk, en, {ports});
  input clk;
  input en;
  {style}reg [{high}:0] words [{last}:0];
  initial $readmemb("{name}.mem", words);
{reads}{writes}endmodule
"""
_READ = """\
  input [{high_address}:0] {addr};
  output reg [{high}:0] {data};
  always @(posedge clk)
    if (en) {data} <= words[{addr}];
"""
_WRITE = """\
  input we;
  input [{high_address}:0] write_addr;
  input [{high}:0] write_data;
  always @(posedge clk)
    if (we) words[write_addr] <= write_data;
"""


_WRITTEN = ("we", "write_addr", "write_data")


def byte_count(width: int) -> int:
    """Bytes that a word of so many bits takes in an image of the memories."""
    return -(-width // 8)


class MemoryFiles:
    """The platform for a design that is written as Verilog: takes its ROMs.

    Parameters
    ----------
    prefix: what the names of their modules and files begin with.
    generic: memories of what was trained stay memories, whatever they hold, and are known by their names.
    loadable: they can be written.

    Attributes
    ----------
    files: their contents by name. verilog: their modules. loaded: those that can be written, in their order.
    """

    def __init__(self, prefix: str, generic: bool = False, loadable: bool = False) -> None:
        self.prefix = prefix
        self.generic = generic
        self.loadable = loadable
        self.loaded: list[Rom] = []
        self.files: dict[str, str] = {}
        self.verilog = ""

    def add(self, rom: Rom) -> str:
        """Name of the module that is the ROM."""
        kept = self.generic and rom.trained
        name = f"{self.prefix}_{'weights' if kept else 'rom'}_{len(self.files) + 1}"
        self.files[f"{name}.mem"] = rom.text()
        if written := kept and self.loadable:
            self.loaded.append(rom)
        sizes = {"high": rom.width - 1, "high_address": max(len(rom.addr), 1) - 1}
        self.verilog += _MODULE.format(
            name=name,
            style='(* ram_style = "block" *) ' if kept else "",
            depth=rom.depth,
            width=rom.width,
            last=rom.depth - 1,
            ports=", ".join([*(name for read in rom.reads for name in read), *(_WRITTEN if written else ())]),
            reads="".join(_READ.format(addr=addr, data=data, **sizes) for addr, data in rom.reads),
            writes=_WRITE.format(**sizes) if written else "",
            **sizes,
        )
        return name


class Rom(wiring.Component):
    """A memory of constants with registered read ports. Latency: 1 cycle. Throughput: a word a port each cycle.

    Parameters
    ----------
    fields: ``[depth, n]`` integers; a word is n fields of ``bits`` bits in two's complement, the first one lowest.
    ports: words that are read a cycle. trained: the integers are what was trained, others of the same formats may come.

    Members
    -------
    addr: number of a word; en: read it, else ``data`` keeps its value. data: the word, one cycle later.
    addr_<n>, data_<n>: the same of further ports, n from 1.

    Attributes
    ----------
    write, write_addr, write_data: what a :class:`ffhw.hdl.datapath.weight_loader.WeightLoader` drives.
    """

    def __init__(self, *, fields: Ints, bits: int, ports: int = 1, trained: bool = False) -> None:
        self.fields = fields
        self.trained = trained
        self.bits = bits
        self.depth, count = fields.shape
        self.width = bits * count
        self.reads = [("addr", "data"), *((f"addr_{n}", f"data_{n}") for n in range(1, ports))]
        self.write = Signal()
        self.write_addr = Signal(range(max(self.depth, 2)))
        self.write_data = Signal(self.width)
        members: dict[str, Any] = {"en": In(1)}
        for addr, data in self.reads:
            members |= {addr: In(range(self.depth)), data: Out(self.width)}
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if isinstance(platform, MemoryFiles):
            ports: dict[str, Any] = {"i_clk": ClockSignal(), "i_en": self.en}
            for addr, data in self.reads:
                address = getattr(self, addr)
                ports |= {f"i_{addr}": address if len(address) else Const(0, 1), f"o_{data}": getattr(self, data)}
            name = platform.add(self)
            if self in platform.loaded:
                ports |= {"i_we": self.write, "i_write_addr": self.write_addr, "i_write_data": self.write_data}
            m.submodules.rom = Instance(name, **ports)
            return m
        words = [int(row, 2) for row in self.text().split()]
        m.submodules.words = content = memory.Memory(shape=unsigned(self.width), depth=self.depth, init=words)
        for addr, data in self.reads:
            read = content.read_port()
            m.d.comb += [read.addr.eq(getattr(self, addr)), read.en.eq(self.en), getattr(self, data).eq(read.data)]
        return m

    def text(self) -> str:
        """The content as ``$readmemb`` takes it: a word a line, its highest bit first."""
        # the last field is the highest
        places = np.arange(self.bits)[::-1]
        bits = ((self.fields[:, ::-1, None] >> places) & 1).astype(np.uint8).reshape(self.depth, self.width)
        lines = np.full((self.depth, self.width + 1), ord("\n"), np.uint8)
        lines[:, :-1] = bits + ord("0")
        return lines.tobytes().decode("ascii")


def padded(array: Ints, *sizes: int) -> Ints:
    """An array with zeros behind its last axes, up to these sizes."""
    missing = [size - have for size, have in zip(sizes, array.shape[-len(sizes) :], strict=True)]
    return np.pad(array, [(0, 0)] * (array.ndim - len(sizes)) + [(0, n) for n in missing])
