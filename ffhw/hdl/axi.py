"""The top level that other people's designs connect to: AXI4-Stream ports, one clock, one synchronous reset.

Packing rule: each element of a beat has a slot of whole bytes of its own, ``ceil(bits / 8)``, the first element in the
least significant slot. A slot of an input reads its lowest ``bits`` bits; a slot of an output is the code sign- or
zero-extended, as its format says. ``tlast`` accompanies the final beat of a sequence's final step; there ``tuser`` of
the output, in designs that have it, marks a sequence of too many or too few steps. ``tready`` of inputs is low during
reset.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, ResetSignal, Signal
from amaranth.lib.wiring import Component
from amaranth.utils import bits_for

from ffhw.hdl.datapath.weight_loader import WeightLoader
from ffhw.hdl.design import SEQUENCES_AN_ENGINE, Design

PortMap = dict[str, tuple[Any, None]]


def slot_bits(bits: int) -> int:
    """Bits of the slot that an element of ``bits`` bits takes in ``tdata``."""
    return -(-bits // 8) * 8


class AxiTop(Component):
    """A design behind AXI4-Stream ports.

    Ports: ``s_axis_*`` for input vectors, ``m_axis_*`` for output vectors; with ``keep_state`` also
    ``s_axis_state_<n>_*`` and ``m_axis_state_<n>_*`` for the state of layer n; with ``probe`` also ``probe_<n>_*``;
    with ``loadable`` also ``s_axis_weights_*`` and ``m_axis_weights_*`` of a :class:`WeightLoader`, which waits for a
    time at which no sequence is under way and none is offered.
    Latency and throughput are those of the design.
    """

    def __init__(self, design: Design, loadable: bool = False) -> None:
        self.design = design
        self.loadable = loadable
        self.hold = Signal()  # no sequence may begin
        self.ports: PortMap = {}
        super().__init__({})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.design = design = self.design
        self._sink(m, "s_axis", design.i, self.hold if self.loadable else None)
        self._source(m, "m_axis", design.o)
        for name in design.signature.members:
            kind, _, number = name.rpartition("_")
            if name == "marked":
                self._export(m, "m_axis_tuser", design.marked)
            elif kind == "i_state":
                self._sink(m, f"s_axis_state_{number}", getattr(design, name))
            elif kind == "o_state":
                self._source(m, f"m_axis_state_{number}", getattr(design, name))
            elif kind.startswith("probe"):
                probe = getattr(design, name)
                self._export(m, f"{name}_valid", probe.valid)
                for signal in probe.signature.members:
                    if signal != "valid":
                        self._export(m, f"{name}_{signal}", getattr(probe, signal).as_value())
        if self.loadable:
            self._loader(m)
        return m

    def _loader(self, m: Module) -> None:
        """Weights are loaded between sequences."""
        design = self.design
        # behind the design, whose memories it writes
        m.submodules.weight_loader = loader = WeightLoader()
        self._sink(m, "s_axis_weights", loader.i)
        self._source(m, "m_axis_weights", loader.o)
        entered = Signal()
        left = Signal()
        under_way = Signal(bits_for(SEQUENCES_AN_ENGINE * len(design.engines)))
        inside = Signal()
        m.d.comb += [
            entered.eq(design.i.valid & design.i.ready),
            left.eq(design.o.valid & design.o.ready & design.o.payload.last),
            loader.offered.eq(design.i.valid),
            loader.idle.eq(~inside & (under_way == 0)),
            self.hold.eq(loader.hold),
        ]
        m.d.sync += under_way.eq(under_way + (entered & design.i.payload.last) - left)
        with m.If(entered):
            m.d.sync += inside.eq(~design.i.payload.last)

    def _port(self, name: str, width: int) -> Signal:
        signal = Signal(width, name=name)
        self.ports[name] = (signal, None)
        return signal

    def _export(self, m: Module, name: str, value: Any) -> None:
        m.d.comb += self._port(name, len(value)).eq(value)

    def _sink(self, m: Module, prefix: str, stream: Any, hold: Any = None) -> None:
        elements = stream.payload.data
        slot = slot_bits(len(elements[0]))
        tdata = self._port(f"{prefix}_tdata", slot * len(elements))
        tvalid, tlast = self._port(f"{prefix}_tvalid", 1), self._port(f"{prefix}_tlast", 1)
        # what is offered while the reset is held is not lost: it is still offered afterwards
        valid = tvalid
        ready = stream.ready & ~ResetSignal("sync")
        if hold is not None:
            valid = valid & ~hold
            ready = ready & ~hold
        m.d.comb += [stream.valid.eq(valid), stream.payload.last.eq(tlast)]
        m.d.comb += [element.eq(tdata.word_select(n, slot)) for n, element in enumerate(elements)]
        self._export(m, f"{prefix}_tready", ready)

    def _source(self, m: Module, prefix: str, stream: Any) -> None:
        elements = stream.payload.data
        slot = slot_bits(len(elements[0]))
        tdata = self._port(f"{prefix}_tdata", slot * len(elements))
        # assigning a narrower value extends it by its sign, or by zeros
        m.d.comb += [tdata.word_select(n, slot).eq(element) for n, element in enumerate(elements)]
        self._export(m, f"{prefix}_tvalid", stream.valid)
        self._export(m, f"{prefix}_tlast", stream.payload.last)
        m.d.comb += stream.ready.eq(self._port(f"{prefix}_tready", 1))
