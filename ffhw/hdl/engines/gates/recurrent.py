"""The engine of flip-flop neurons of one bit: a flip-flop a unit, and in front of it the logic of its gates.

A step's sums over the inputs are registered; those over the states are added to them in the next cycle, in which the
gates are known and the flip-flops take their next state:

    cycle 0   driven = Wx x + bias
    cycle 1   acc = driven + Wh h,  gate = acc >= 0,  h = what the kind makes of gates and h
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.bit_sum import bit_sum, weighted_bits
from ffhw.hdl.plan.folding import Folding
from ffhw.layers.recurrent import RecurrentLayer

# From a layer, the gates of a unit and its old state, a bit each, to its next state.
Update = Callable[[Any, list[Any], Any], Any]


class RecurrentGates(wiring.Component):
    """A layer of flip-flops: a stream of input vectors in, a stream of h out, a whole vector a beat.

    Latency: 2 cycles. Throughput: a step a cycle.

    Parameters
    ----------
    layer: weights and formats; states of one bit. update: of its kind.
    probe: show the layer's signals as they are finished.

    Members
    -------
    i, o: streams of beats of all elements.
    probe (``probe``): ``valid`` for one cycle as a step finishes; the signals of all units.
    """

    def __init__(self, layer: RecurrentLayer, update: Update, probe: bool = False) -> None:
        self.layer = layer
        self.update = update
        self.has_probe = probe
        members: dict[str, Any] = {
            "i": In(stream.Signature(beat_layout(element_shape(layer.input), layer.input_size))),
            "o": Out(stream.Signature(beat_layout(unsigned(1), layer.units))),
        }
        if probe:
            codes = data.ArrayLayout(Shape(layer.signal_bits), layer.units)
            members["probe"] = Out(wiring.Signature({"valid": Out(1), **{name: Out(codes) for name in layer.signals}}))
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layer = self.layer
        # both stages move, or neither does
        advance = Signal()
        taken = Signal()  # a step's sums over the inputs are there
        taken_last = Signal(reset_less=True)
        done = Signal()  # its states are
        done_last = Signal(init=1)
        h = Signal(layer.units)
        emit = done & (1 if layer.return_sequences else done_last)
        driven = self._driven(m, advance)
        # `last` clears the state behind it
        old = [h[n] & ~done_last for n in range(layer.units)]
        gates = self._gates(m, driven, old)
        m.d.comb += [
            advance.eq(~emit | self.o.ready),
            self.i.ready.eq(advance),
            self.o.valid.eq(emit),
            self.o.payload.last.eq(done_last),
            self.o.payload.data.as_value().eq(h),
        ]
        with m.If(advance):
            m.d.sync += [taken.eq(self.i.valid), taken_last.eq(self.i.payload.last), done.eq(taken)]
            with m.If(taken):
                # h' = update(gates, h)
                m.d.sync += h.eq(Cat(self.update(layer, *unit) for unit in zip(gates, old, strict=True)))
                m.d.sync += done_last.eq(taken_last)
        if self.has_probe:
            self._show(m, gates, h, advance, taken, done)
        return m

    def _driven(self, m: Module, advance: Any) -> list[list[Any]]:
        """``Wx x + bias`` of each gate and unit, registered."""
        layer, codes = self.layer, self.i.payload.data
        elements = [codes[n] for n in range(layer.input_size)]
        registers = []
        for g in range(layer.gates):
            registers.append([Signal(signed(layer.acc_width), name=f"driven_{g}_{n}", reset_less=True)
                              for n in range(layer.units)])  # fmt: skip
            for n, register in enumerate(registers[-1]):
                weights = layer.weights_x[g, n] << layer.shift_x
                bits = weighted_bits(elements, element_shape(layer.input), weights)
                # driven = (Wx x << shift_x) + bias
                total = bit_sum(m, f"inputs_{g}_{n}", bits, int(layer.bias[g, n]), layer.acc_width)
                with m.If(advance):
                    m.d.sync += register.eq(total)
        return registers

    def _gates(self, m: Module, driven: list[list[Any]], old: list[Any]) -> list[list[Any]]:
        """The gates of each unit, ``[unit][gate]``."""
        layer = self.layer
        found: list[list[Any]] = [[] for _ in range(layer.units)]
        for g in range(layer.gates):
            for n in range(layer.units):
                acc = driven[g][n]
                if layer.recurrent_size:
                    weights = layer.weights_h[g, n] << layer.shift_h
                    again = bit_sum(m, f"states_{g}_{n}", weighted_bits(old, unsigned(1), weights), 0, layer.acc_width)
                    # acc = driven + (Wh h << shift_h)
                    acc = Signal(signed(layer.acc_width), name=f"acc_{g}_{n}")
                    m.d.comb += acc.eq(driven[g][n] + again)
                # gate = 1 where acc >= 0: a sigmoid of one bit
                found[n].append(~acc[-1])
        return found

    def _show(self, m: Module, gates: list[list[Any]], h: Any, advance: Any, taken: Any, done: Any) -> None:
        names = self.layer.signals
        m.d.comb += [self.probe.valid.eq(done & advance), getattr(self.probe, names[-1]).as_value().eq(h)]
        for g, name in enumerate(names[:-1]):
            shown = Signal(self.layer.units, name=f"shown_{name}", reset_less=True)
            m.d.sync += shown.eq(Mux(advance & taken, Cat(unit[g] for unit in gates), shown))
            m.d.comb += getattr(self.probe, name).as_value().eq(shown)


def engine_with(update: Update) -> Callable[..., RecurrentGates]:
    """The rule ``engine`` of a kind whose flip-flops take their next state by ``update``."""

    def engine(
        layer: RecurrentLayer, folding: Folding, after: Folding | None, input_width: int, keep_state: bool, probe: bool
    ) -> RecurrentGates:
        return RecurrentGates(layer, update, probe)

    return engine
