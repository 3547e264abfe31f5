"""The engine of a recurrent layer, whatever its kind: lanes, state memories, and the kind's own finishing unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.lanes import Lanes
from ffhw.hdl.datapath.lookup_table import LookupTable
from ffhw.hdl.datapath.state_slot import LOADING
from ffhw.hdl.datapath.step_buffer import StepBuffer
from ffhw.hdl.plan.folding import Folding, Schedule, schedule
from ffhw.layers.base import Ints
from ffhw.layers.recurrent import RecurrentLayer


class Cell(wiring.Component):
    """A finishing unit: from the accumulators of ``width`` units, and their old states, to the codes of all signals.

    Latency: ``latency`` cycles with ``en`` from ``acc`` to the signals; ``own`` is taken one cycle after ``acc``.
    Throughput: ``width`` units a cycle.

    Parameters
    ----------
    layer: formats and shifts. width: units a cycle.

    Members
    -------
    en: all registers advance, or none does.
    acc: ``[unit][sum]``, bias added.
    own: ``[unit]``, the parts of the old state in ``reads``, one cycle later than ``acc``.
    one for each signal of the layer: its codes ``[unit]``, those of the state among them.
    Of a layer whose step has several rounds, a gate each, ``acc`` has one sum; the signals are those of the last round:
    round, beat: with ``acc``: which gate, and the units' place in the round.
    passed_on: what the dependent gates multiply, ``[unit]``, ``latency`` cycles after ``acc`` of the first round.
    """

    latency: ClassVar[int]
    reads: ClassVar[tuple[str, ...]] = ("h",)  # parts of its own old state that a unit needs

    def __init__(self, layer: RecurrentLayer, width: int) -> None:
        if width < 1:
            raise ValueError(f"width must be at least 1, not {width!r}")
        self.layer = layer
        self.width = width
        shapes = {name: element_shape(fmt) for name, fmt in layer.signal_formats.items()}
        sums = layer.sums // layer.rounds
        members: dict[str, Any] = {
            "en": In(1),
            "acc": In(data.ArrayLayout(data.ArrayLayout(signed(layer.acc_width), sums), width)),
            "own": In(data.ArrayLayout(self.own_layout(), width)),
            **{name: Out(data.ArrayLayout(shape, width)) for name, shape in shapes.items()},
        }
        if layer.dependent:
            members["round"] = In(range(layer.rounds))
            members["beat"] = In(range(self.beats))
            members["passed_on"] = Out(data.ArrayLayout(element_shape(layer.state), width))
        super().__init__(members)

    @property
    def beats(self) -> int:
        """Cycles that the units of a layer take."""
        return -(-self.layer.units // self.width)

    def bias(self) -> Ints:
        """What is added to the accumulators, ``[sums, N]``."""
        return self.layer.bias

    def gate_codes(self, m: Module) -> list[list[Any]]:
        """Codes ``[unit][gate]``, one cycle after ``acc``, of a layer whose gates are all looked up in one table."""
        layer, gates = self.layer, self.layer.gates
        m.submodules.table = table = LookupTable(
            table=layer.tables[0],
            acc_width=layer.acc_width,
            shifts=layer.gate_shifts * self.width,
        )
        m.d.comb += table.en.eq(self.en)
        places = [(n, g) for n in range(self.width) for g in range(gates)]
        m.d.comb += [table.acc[n * gates + g].eq(self.acc[n][g]) for n, g in places]
        return [[table.code[n * gates + g] for g in range(gates)] for n in range(self.width)]

    def own_layout(self) -> data.StructLayout:
        """A unit's ``own``."""
        formats = self.layer.signal_formats
        return data.StructLayout({name: element_shape(formats[name]) for name in self.reads})


class RecurrentEngine(wiring.Component):
    """A recurrent layer: a stream of input vectors in, a stream of h out.

    Throughput: one step every ``cycles`` of the layer's plan (:mod:`ffhw.hdl.engines.plans`). Latency of a unit from
    its last product: ``5 + cell.latency`` cycles to the output and one more to the next step's product, and one for
    each level of the adder tree.

    Parameters
    ----------
    layer: weights and formats; with ``return_sequences`` each step's h is given, else a sequence's last one.
    plan: the layer's schedule.
    cell: the finishing unit.
    input_width: elements a beat of ``i``; divides S.
    keep_state: the state outlives ``last``; it is loaded at ``i_state`` and given at ``o_state``.
    probe: show the layer's signals as they are finished.

    Members
    -------
    i, o: streams of beats; ``o`` has F elements a beat.
    i_state (``keep_state``): stream of state vectors, F units a beat. A vector that is offered is accepted once the
        engine is between two sequences and at rest, and the next one starts from it.
    loading (``keep_state``): what a :class:`ffhw.hdl.datapath.state_slot.StateSlot` must know and say.
    o_state (``keep_state``): stream of the state after each step marked ``last``.
    probe (``probe``): ``valid`` for one cycle as F units finish; their signals.
    """

    def __init__(
        self,
        *,
        layer: RecurrentLayer,
        plan: Schedule,
        cell: Cell,
        input_width: int,
        keep_state: bool = False,
        probe: bool = False,
    ) -> None:
        self.layer = layer
        self.plan = plan
        self.cell = cell
        self.input_width = input_width
        self.keep_state = keep_state
        self.has_probe = probe
        width = plan.folding.finishers
        members: dict[str, Any] = {
            "i": In(stream.Signature(beat_layout(element_shape(layer.input), input_width))),
            "o": Out(stream.Signature(beat_layout(element_shape(layer.state), width))),
        }
        if keep_state:
            state_beat = beat_layout(element_shape(layer.state_format), width * len(layer.state_signals))
            members["i_state"] = In(stream.Signature(state_beat))
            members["o_state"] = Out(stream.Signature(state_beat))
            members["loading"] = Out(LOADING)
        if probe:
            shown = {
                name: Out(data.ArrayLayout(Shape(layer.signal_bits, fmt.signed), width))
                for name, fmt in layer.signal_formats.items()
            }
            members["probe"] = Out(wiring.Signature({"valid": Out(1), **shown}))
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        layer, plan, cell = self.layer, self.plan, self.cell
        width = plan.folding.finishers

        m.submodules.lanes = lanes = Lanes(
            layer=layer, bias=cell.bias(), plan=plan, input_width=self.input_width, keep_state=self.keep_state
        )
        m.submodules.cell = cell
        # The state twice: h as vectors for the products, if gates see it, and what the cell reads unit by unit.
        state = None
        if plan.h_words:
            m.submodules.state = state = StepBuffer(
                elements=plan.units, shape=element_shape(layer.state), write_width=width, read_width=plan.folding.simd
            )
        own_bits = len(cell.own.as_value())
        wiring.connect(m, wiring.flipped(self.i), lanes.i)
        sums = lanes.o
        advance = Signal()  # the finishing pipeline moves
        valid = [Signal(name=f"valid_{stage}") for stage in range(cell.latency)]
        # a unit whose last update is still under way has no old state yet; those that are follow each other in line
        ready, finishes = advance, sums.valid
        if not plan.h_words and plan.step_beats <= cell.latency:
            enters = sum(valid) < plan.step_beats
            ready, finishes = advance & enters, sums.valid & enters
        if state is not None:
            m.d.comb += [
                state.r_word.eq(lanes.h_word),
                state.r_en.eq(lanes.h_en),
                lanes.h_data.eq(state.r_data),
                lanes.h_ready.eq(state.ready),
                state.release.eq(lanes.h_release),
            ]
        m.d.comb += [
            sums.ready.eq(ready),
            cell.en.eq(advance),
            cell.acc.eq(sums.payload.sum),
        ]

        # --- what accompanies a unit through the cell ---
        last = [Signal(name=f"last_{stage}", reset_less=True) for stage in range(cell.latency)]
        fresh = Signal(reset_less=True)
        if plan.rounds > 1:
            # units are finished in the last round
            finishes = sums.valid & (sums.payload.round == plan.rounds - 1)
        with m.If(advance):
            m.d.sync += [after.eq(before) for before, after in zip([finishes, *valid], valid, strict=False)]
            m.d.sync += [after.eq(before) for before, after in zip([sums.payload.last, *last], last, strict=False)]
            m.d.sync += fresh.eq(sums.payload.fresh)

        # --- the new state goes to both memories and out ---
        beat = Signal(range(plan.step_beats))
        final_beat = Signal()
        finish = Signal()
        emit = valid[-1] & (1 if layer.return_sequences else last[-1])
        m.d.comb += [
            final_beat.eq(beat == plan.step_beats - 1),
            finish.eq(valid[-1] & advance),
            self.o.payload.data.eq(cell.h),
            self.o.payload.last.eq(last[-1] & final_beat),
        ]
        if state is not None:
            # nobody reads the state behind a sequence's end, unless it is kept
            m.d.comb += [
                state.i.valid.eq(finish & (1 if self.keep_state else ~last[-1])),
                state.i.payload.data.eq(cell.h),
            ]
        own_write: Any = None
        if own_bits:
            m.submodules.units = units = memory.Memory(shape=unsigned(own_bits), depth=plan.step_beats, init=[])
            own_read = units.read_port()
            own_write = units.write_port()
            m.d.comb += [
                own_read.addr.eq(sums.payload.beat),
                own_read.en.eq(advance),
                # a sequence starts from a state of zeros
                cell.own.as_value().eq(own_read.data & ~fresh.replicate(own_bits)),
                own_write.addr.eq(beat),
                own_write.data.eq(Cat(getattr(cell, name)[n] for n in range(width) for name in cell.reads)),
                own_write.en.eq(finish),
            ]
        with m.If(finish):
            m.d.sync += beat.eq(Mux(final_beat, 0, beat + 1))
        if plan.dependent and state is not None:
            self._pass_on(m, sums, state, advance)
        if self.keep_state:
            self._give_state(m, valid[-1] & last[-1], emit, final_beat, advance)
            self._load_state(m, lanes, state, own_write, Cat(*valid).any())
        else:
            m.d.comb += [self.o.valid.eq(emit), advance.eq(~emit | self.o.ready)]
        if self.has_probe:
            m.d.comb += self.probe.valid.eq(finish)
            m.d.comb += [
                getattr(self.probe, name)[n].eq(getattr(cell, name)[n]) for name in layer.signals for n in range(width)
            ]
        return m

    def _pass_on(self, m: Module, sums: Any, state: StepBuffer, advance: Any) -> None:
        """What the first round makes for the dependent gates stands behind the state in its buffer.

        Of its two banks, the lanes have done with the state before its successor comes.
        """
        made = [Signal(name=f"made_{stage}") for stage in range(self.cell.latency)]
        # zeros make zeros, which nobody reads
        makes = sums.valid & (sums.payload.round == 0) & ~sums.payload.fresh
        m.d.comb += [self.cell.round.eq(sums.payload.round), self.cell.beat.eq(sums.payload.beat)]
        with m.If(advance):
            m.d.sync += [after.eq(before) for before, after in zip([makes, *made], made, strict=False)]
            with m.If(made[-1]):
                m.d.comb += [state.i.valid.eq(1), state.i.payload.data.eq(self.cell.passed_on)]

    def _give_state(self, m: Module, give: Any, emit: Any, final_beat: Any, advance: Any) -> None:
        """The state behind a sequence, beside the output."""
        # Two streams show one result: neither may show it twice while the other is waited for.
        o_sent = Signal()
        state_sent = Signal()
        o_waits = self.o.valid & ~self.o.ready
        state_waits = self.o_state.valid & ~self.o_state.ready
        parts = [
            getattr(self.cell, name)[n] for n in range(self.plan.folding.finishers) for name in self.layer.state_signals
        ]
        m.d.comb += [
            self.o.valid.eq(emit & ~o_sent),
            self.o_state.valid.eq(give & ~state_sent),
            self.o_state.payload.last.eq(final_beat),
            advance.eq(~(o_waits | state_waits)),
        ]
        m.d.comb += [element.eq(part) for element, part in zip(self.o_state.payload.data, parts, strict=True)]
        m.d.sync += [
            o_sent.eq(~advance & (o_sent | (self.o.valid & self.o.ready))),
            state_sent.eq(~advance & (state_sent | (self.o_state.valid & self.o_state.ready))),
        ]

    def _load_state(self, m: Module, lanes: Lanes, state: StepBuffer | None, own_write: Any, busy: Any) -> None:
        """A state from outside, while nothing runs."""
        load_beat = Signal(range(self.plan.step_beats))
        emptied = Signal()  # the old state is forgotten, the new one may come
        do_load = Signal()
        forget = Signal(name="forget") if state is None else state.flush
        loads_last = load_beat == self.plan.step_beats - 1
        m.d.comb += [
            self.loading.quiet.eq(lanes.boundary & lanes.idle & ~busy),
            self.loading.entered.eq(lanes.entered),
            # inputs that come while a state is being loaded wait for all of it
            lanes.hold.eq(self.loading.hold | self.i_state.valid | emptied),
            forget.eq(self.loading.quiet & self.i_state.valid & ~emptied),
            self.i_state.ready.eq(emptied),
            do_load.eq(self.i_state.valid & self.i_state.ready),
            lanes.loaded.eq(do_load & loads_last),
        ]
        with m.If(forget):
            m.d.sync += emptied.eq(1)
        # the parts of each unit, as wide as they are
        formats = self.layer.signal_formats
        names = self.layer.state_signals
        elements = self.i_state.payload.data
        part = {
            name: [elements[n * len(names) + p][: formats[name].bits] for n in range(self.plan.folding.finishers)]
            for p, name in enumerate(names)
        }
        with m.If(do_load):
            if state is not None:
                m.d.comb += [state.i.valid.eq(1), state.i.payload.data.as_value().eq(Cat(part["h"]))]
            if own_write is not None:
                loaded = Cat(part[name][n] for n in range(self.plan.folding.finishers) for name in self.cell.reads)
                m.d.comb += [own_write.addr.eq(load_beat), own_write.data.eq(loaded), own_write.en.eq(1)]
            m.d.sync += load_beat.eq(Mux(loads_last, 0, load_beat + 1))
            with m.If(loads_last):
                m.d.sync += emptied.eq(0)


def engine_with(cell: type[Cell]) -> Callable[..., RecurrentEngine]:
    """The rule ``engine`` of a kind whose finishing unit is ``cell``."""

    def engine(
        layer: RecurrentLayer, folding: Folding, after: Folding | None, input_width: int, keep_state: bool, probe: bool
    ) -> RecurrentEngine:
        return RecurrentEngine(
            layer=layer,
            plan=schedule(layer, folding),
            cell=cell(layer, folding.finishers),
            input_width=input_width,
            keep_state=keep_state,
            probe=probe,
        )

    return engine
