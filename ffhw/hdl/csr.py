"""A register block beside a design's streams: start, status, identity and counters over AXI4-Lite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from ffhw.hdl.registers import (
    ADDRESS_BITS,
    BUSY,
    COUNTERS,
    ENABLE,
    ID,
    MAP,
    REGISTERS,
    RESET,
    STALLED,
    WAITING,
)

OKAY, SLVERR = 0, 2


class Csr(Component):
    """Registers of :mod:`ffhw.hdl.registers` at an AXI4-Lite port, and a gate in front of the core's input.

    The gate opens and closes between sequences only, so that none is cut. What does not exist, or cannot be written,
    answers SLVERR. Throughput: an access every 2 cycles. Latency: an answer 1 cycle behind the last part of a request.

    Parameters
    ----------
    values: of the registers that never change, by name.

    Members
    -------
    s_axil_*: AXI4-Lite. in_tvalid, in_tready: of whoever sends; s_axis_tvalid, s_axis_tready: of the core, with
    tdata and tlast beside the gate. s_axis_tlast, m_axis_tvalid, m_axis_tready, m_axis_tlast: what passes.
    core_rst: the core's reset.
    """

    def __init__(self, values: Mapping[str, int]) -> None:
        self.values = {"id": ID, "map": MAP, **values}
        bit, word = In(1), In(32)
        super().__init__(
            {
                **{"s_axil_awaddr": In(ADDRESS_BITS), "s_axil_awprot": In(3), "s_axil_awvalid": bit},
                **{"s_axil_awready": Out(1), "s_axil_wdata": word, "s_axil_wstrb": In(4), "s_axil_wvalid": bit},
                **{"s_axil_wready": Out(1), "s_axil_bresp": Out(2), "s_axil_bvalid": Out(1), "s_axil_bready": bit},
                **{"s_axil_araddr": In(ADDRESS_BITS), "s_axil_arprot": In(3), "s_axil_arvalid": bit},
                **{"s_axil_arready": Out(1), "s_axil_rdata": Out(32), "s_axil_rresp": Out(2)},
                **{"s_axil_rvalid": Out(1), "s_axil_rready": bit},
                **{"in_tvalid": bit, "in_tready": Out(1), "s_axis_tvalid": Out(1), "s_axis_tready": bit},
                **{"s_axis_tlast": bit, "m_axis_tvalid": bit, "m_axis_tready": bit, "m_axis_tlast": bit},
                "core_rst": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        enable = Signal()
        reset = Signal()
        taken = Signal()
        given = Signal()
        m.d.comb += [
            taken.eq(self.s_axis_tvalid & self.s_axis_tready),
            given.eq(self.m_axis_tvalid & self.m_axis_tready),
        ]
        # --- the gate, and what is under way ---
        inside = Signal()
        under_way = Signal(16)
        opened = Signal()
        m.d.comb += [
            opened.eq((enable | inside) & ~reset),
            self.s_axis_tvalid.eq(self.in_tvalid & opened),
            self.in_tready.eq(self.s_axis_tready & opened),
        ]
        with m.If(taken):
            m.d.sync += inside.eq(~self.s_axis_tlast)
        m.d.sync += under_way.eq(under_way + (taken & self.s_axis_tlast) - (given & self.m_axis_tlast))
        with m.If(reset):
            m.d.sync += [inside.eq(0), under_way.eq(0)]
        # registered, as all that goes into the core
        m.d.sync += self.core_rst.eq(reset)
        busy, waiting = inside | (under_way != 0), self.s_axis_tvalid & ~self.s_axis_tready
        stalled = self.m_axis_tvalid & ~self.m_axis_tready
        status = Signal(3)
        m.d.comb += [status[BUSY].eq(busy), status[WAITING].eq(waiting), status[STALLED].eq(stalled)]
        # --- counters ---
        clear = Signal()
        events = dict(
            zip(
                COUNTERS,
                (taken & self.s_axis_tlast, given & self.m_axis_tlast, taken, given, busy, waiting, stalled),
                strict=True,
            )
        )
        counters = {name: Signal(32, name=name) for name in COUNTERS}
        for name, event in events.items():
            m.d.sync += counters[name].eq(counters[name] + event)
            with m.If(clear):
                m.d.sync += counters[name].eq(0)
        control = Signal(2)
        m.d.comb += [control[ENABLE].eq(enable), control[RESET].eq(reset)]
        fixed = {name: Const(value, 32) for name, value in self.values.items()}
        self._read(m, {**fixed, "control": control, "status": status, "clear": Const(0, 1), **counters})
        self._write(m, enable, reset, clear)
        return m

    def _read(self, m: Module, values: Mapping[str, Any]) -> None:
        chosen = [self.s_axil_araddr[2:] == r.address >> 2 for r in REGISTERS]
        words = [Cat(values[r.name])[:32] for r in REGISTERS]
        data = Const(0, 32)
        for at, word in zip(chosen, words, strict=True):
            # data = the one word whose address it is
            data = data | (word & at.replicate(len(word)))
        m.d.comb += self.s_axil_arready.eq(~self.s_axil_rvalid)
        with m.If(self.s_axil_rready):
            m.d.sync += self.s_axil_rvalid.eq(0)
        with m.If(self.s_axil_arvalid & self.s_axil_arready):
            found = Cat(chosen).any()
            m.d.sync += [self.s_axil_rvalid.eq(1), self.s_axil_rdata.eq(data)]
            m.d.sync += self.s_axil_rresp.eq(Cat(Const(0, 1), ~found))

    def _write(self, m: Module, enable: Signal, reset: Signal, clear: Signal) -> None:
        do_write = Signal()
        at = {r.name: self.s_axil_awaddr[2:] == r.address >> 2 for r in REGISTERS if r.writable}
        # address and data are taken together
        m.d.comb += [
            do_write.eq(self.s_axil_awvalid & self.s_axil_wvalid & ~self.s_axil_bvalid),
            self.s_axil_awready.eq(do_write),
            self.s_axil_wready.eq(do_write),
            clear.eq(do_write & at["clear"]),
        ]
        with m.If(self.s_axil_bready):
            m.d.sync += self.s_axil_bvalid.eq(0)
        with m.If(do_write):
            found = Cat(at.values()).any()
            m.d.sync += [self.s_axil_bvalid.eq(1), self.s_axil_bresp.eq(Cat(Const(0, 1), ~found))]
        with m.If(do_write & at["control"] & self.s_axil_wstrb[0]):
            m.d.sync += [enable.eq(self.s_axil_wdata[ENABLE]), reset.eq(self.s_axil_wdata[RESET])]


def csr_verilog(name: str, values: Mapping[str, int]) -> str:
    """The block as the Verilog module ``name``.

    Raises
    ------
    ToolError: Amaranth's yosys is missing or fails.
    """
    from amaranth.back import rtlil
    from amaranth.hdl import Fragment

    from ffhw.hdl.verilog import from_rtlil, tidied

    block = Csr(values)
    ports = {member: (getattr(block, member), None) for member in block.signature.members}
    text = rtlil.convert(Fragment.get(block, platform=None), name=name, ports=ports, emit_src=False)
    return tidied(from_rtlil(text, name)[f"{name}.v"])
