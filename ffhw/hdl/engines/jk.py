"""The engine of a JK layer: lanes, state memories and finishing units."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.lanes import Lanes
from ffhw.hdl.datapath.state_slot import LOADING
from ffhw.hdl.datapath.step_buffer import StepBuffer
from ffhw.hdl.engines.jk_cell import JKCell
from ffhw.hdl.plan.folding import Folding, Schedule, schedule
from ffhw.layers.jk import JKLayer


def engine(
    layer: JKLayer, folding: Folding, after: Folding | None, input_width: int, keep_state: bool, probe: bool
) -> JKEngine:
    """The engine of a layer at a folding."""
    return JKEngine(
        layer=layer, plan=schedule(layer, folding), input_width=input_width, keep_state=keep_state, probe=probe
    )


class JKEngine(wiring.Component):
    """A JK layer: a stream of input vectors in, a stream of state vectors out.

    Throughput: one step every :class:`ffhw.hdl.engines.plans.jk.JKPlan` ``.cycles``. Latency of a unit from its last
    product: 9 cycles to the output and 10 to the next step's product, and one for each level of the adder tree.

    Parameters
    ----------
    layer: weights and formats; with ``return_sequences`` each step's state is given, else a sequence's last one.
    plan: the layer's schedule.
    input_width: elements a beat of ``i``; divides S.
    keep_state: the state outlives ``last``; it is loaded at ``i_state`` and given at ``o_state``.
    probe: show gates and states as they are finished.

    Members
    -------
    i, o: streams of beats; ``o`` has F elements a beat.
    i_state (``keep_state``): stream of state vectors, F elements a beat. A vector that is offered is accepted once the
        engine is between two sequences and at rest, and the next one starts from it.
    loading (``keep_state``): what a :class:`ffhw.hdl.datapath.state_slot.StateSlot` must know and say.
    o_state (``keep_state``): stream of the state after each step marked ``last``.
    probe (``probe``): ``valid`` for one cycle as F units finish; their ``j``, ``k`` and new ``h``.
    """

    def __init__(
        self, *, layer: JKLayer, plan: Schedule, input_width: int, keep_state: bool = False, probe: bool = False
    ) -> None:
        self.layer = layer
        self.plan = plan
        self.input_width = input_width
        self.keep_state = keep_state
        self.has_probe = probe
        width = plan.folding.finishers
        self.state_beat = beat_layout(unsigned(layer.state.bits), width)
        codes = data.ArrayLayout(unsigned(layer.state.bits), width)
        members: dict[str, Any] = {
            "i": In(stream.Signature(beat_layout(element_shape(layer.input), input_width))),
            "o": Out(stream.Signature(self.state_beat)),
        }
        if keep_state:
            members["i_state"] = In(stream.Signature(self.state_beat))
            members["o_state"] = Out(stream.Signature(self.state_beat))
            members["loading"] = Out(LOADING)
        if probe:
            members["probe"] = Out(
                wiring.Signature({"valid": Out(1), "j": Out(codes), "k": Out(codes), "h": Out(codes)})
            )
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layer, plan = self.layer, self.plan
        bits, width = layer.state.bits, plan.folding.finishers

        m.submodules.lanes = lanes = Lanes(
            layer=layer, bias=layer.bias, plan=plan, input_width=self.input_width, keep_state=self.keep_state
        )
        # The state twice: as vectors for the products, and unit by unit for the update.
        m.submodules.state = state = StepBuffer(
            elements=plan.units, shape=unsigned(bits), write_width=width, read_width=plan.folding.simd
        )
        m.submodules.own = own = memory.Memory(shape=unsigned(bits * width), depth=plan.step_beats, init=[])
        own_read = own.read_port()
        own_write = own.write_port()
        m.submodules.cell = cell = JKCell(bits=bits, acc_width=layer.acc_width, shift=layer.gate_shift, width=width)
        wiring.connect(m, wiring.flipped(self.i), lanes.i)
        sums = lanes.o
        advance = Signal()  # the finishing pipeline moves
        m.d.comb += [
            state.r_word.eq(lanes.h_word),
            state.r_en.eq(lanes.h_en),
            lanes.h_data.eq(state.r_data),
            lanes.h_ready.eq(state.ready),
            state.release.eq(lanes.h_release),
            sums.ready.eq(advance),
            cell.en.eq(advance),
            cell.acc.eq(sums.payload.sum),
            own_read.addr.eq(sums.payload.beat),
            own_read.en.eq(advance),
        ]

        # --- what accompanies a unit through the cell's four cycles ---
        valid = [Signal(name=f"valid_{stage}") for stage in range(4)]
        last = [Signal(name=f"last_{stage}", reset_less=True) for stage in range(4)]
        fresh = Signal(reset_less=True)
        with m.If(advance):
            m.d.sync += [after.eq(before) for before, after in zip([sums.valid, *valid], valid, strict=False)]
            m.d.sync += [after.eq(before) for before, after in zip([sums.payload.last, *last], last, strict=False)]
            m.d.sync += fresh.eq(sums.payload.fresh)
        # a sequence starts from H = 0
        m.d.comb += cell.h.as_value().eq(own_read.data & ~fresh.replicate(bits * width))

        # --- the new state goes to both memories and out ---
        beat = Signal(range(plan.step_beats))
        final_beat = Signal()
        finish = Signal()
        emit = valid[-1] & (1 if layer.return_sequences else last[-1])
        m.d.comb += [
            final_beat.eq(beat == plan.step_beats - 1),
            finish.eq(valid[-1] & advance),
            self.o.payload.data.eq(cell.new),
            self.o.payload.last.eq(last[-1] & final_beat),
            # nobody reads the state behind a sequence's end, unless it is kept
            state.i.valid.eq(finish & (1 if self.keep_state else ~last[-1])),
            state.i.payload.data.eq(cell.new),
            own_write.addr.eq(beat),
            own_write.data.eq(cell.new),
            own_write.en.eq(finish),
        ]
        with m.If(finish):
            m.d.sync += beat.eq(Mux(final_beat, 0, beat + 1))
        if self.keep_state:
            self._state_ports(
                m, lanes, state, own_write, valid[-1] & last[-1], emit, cell.new, final_beat, advance, valid
            )
        else:
            m.d.comb += [self.o.valid.eq(emit), advance.eq(~emit | self.o.ready)]
        if self.has_probe:
            m.d.comb += [
                self.probe.valid.eq(finish),
                self.probe.j.eq(cell.j),
                self.probe.k.eq(cell.k),
                self.probe.h.eq(cell.new),
            ]
        return m

    def _state_ports(
        self,
        m: Module,
        lanes: Lanes,
        state: StepBuffer,
        own_write: Any,
        give: Any,
        emit: Any,
        new: Any,
        final_beat: Any,
        advance: Any,
        valid: list[Any],
    ) -> None:
        """Loading a state while nothing runs, giving it at a sequence's end."""
        # Two streams show one result: neither may show it twice while the other is waited for.
        o_sent = Signal()
        state_sent = Signal()
        o_waits = self.o.valid & ~self.o.ready
        state_waits = self.o_state.valid & ~self.o_state.ready
        m.d.comb += [
            self.o.valid.eq(emit & ~o_sent),
            self.o_state.valid.eq(give & ~state_sent),
            self.o_state.payload.data.eq(new),
            self.o_state.payload.last.eq(final_beat),
            advance.eq(~(o_waits | state_waits)),
        ]
        m.d.sync += [
            o_sent.eq(~advance & (o_sent | (self.o.valid & self.o.ready))),
            state_sent.eq(~advance & (state_sent | (self.o_state.valid & self.o_state.ready))),
        ]

        load_beat = Signal(range(self.plan.step_beats))
        emptied = Signal()  # the old state is forgotten, the new one may come
        do_load = Signal()
        loads_last = load_beat == self.plan.step_beats - 1
        m.d.comb += [
            self.loading.quiet.eq(lanes.boundary & lanes.idle & ~Cat(*valid).any()),
            self.loading.entered.eq(lanes.entered),
            # inputs that come while a state is being loaded wait for all of it
            lanes.hold.eq(self.loading.hold | self.i_state.valid | emptied),
            state.flush.eq(self.loading.quiet & self.i_state.valid & ~emptied),
            self.i_state.ready.eq(emptied),
            do_load.eq(self.i_state.valid & self.i_state.ready),
            lanes.loaded.eq(do_load & loads_last),
        ]
        with m.If(state.flush):
            m.d.sync += emptied.eq(1)
        with m.If(do_load):
            m.d.comb += [
                state.i.valid.eq(1),
                state.i.payload.data.eq(self.i_state.payload.data),
                own_write.addr.eq(load_beat),
                own_write.data.eq(self.i_state.payload.data),
                own_write.en.eq(1),
            ]
            m.d.sync += load_beat.eq(Mux(loads_last, 0, load_beat + 1))
            with m.If(loads_last):
                m.d.sync += emptied.eq(0)
