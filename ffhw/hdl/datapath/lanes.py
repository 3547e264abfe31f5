"""The lanes of an engine: from input vectors and states to finished sums, without an idle cycle.

Work is issued in the order that :class:`ffhw.hdl.plan.folding.Schedule` lays down: for each group of P units all input
words, then all state words. In a step of several rounds the last ones read another vector than the state, which stands
behind it in the state's buffer. Stages of the pipeline, in cycles after a word is issued:

    0  issue: memories are addressed
    1  memory outputs: operands and weights
    2  operands registered    3  products    (4, ...)  adder tree    4  accumulators    5  sums with bias, at ``o``

The whole pipeline up to the accumulators stands still while finished accumulators cannot be taken; waiting for a state
that is still being finished only lets bubbles in, so that the state it waits for can never be stuck behind it.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.mac import MacArray
from ffhw.hdl.datapath.rom import Rom, padded
from ffhw.hdl.datapath.step_buffer import StepBuffer
from ffhw.hdl.plan.folding import Schedule
from ffhw.hdl.plan.weighted import operand_bits, tree_stages
from ffhw.layers.base import Ints
from ffhw.layers.weighted import WeightedLayer


class Lanes(wiring.Component):
    """Weighted sums of a layer.

    Latency: from an input beat to the first sum ``1 + group_words + 5 + tree levels`` cycles. Throughput: a step every
    ``step_groups * (group_words + group_pause)`` cycles when inputs, states and the taker of sums keep up.

    Parameters
    ----------
    layer: weights and formats.
    bias: what is added to each sum, ``[sums, N]``.
    plan: the layer's schedule.
    input_width: elements a beat of ``i``; divides S.
    keep_state: the state outlives ``last``.

    Members
    -------
    i: stream of input vectors.
    h_word, h_en, h_data, h_ready, h_release: reading side of the state's :class:`StepBuffer`, outside.
    o: stream of F units' sums: ``sum [unit][sum]``, bias added; ``beat``, their place in the step, or in the ``round``
        where it has several; ``last`` of the step; ``fresh``, whether the state before the step is zero.
    hold: do not begin a sequence. loaded: the state before the next step is in the buffer, whatever came before.
    boundary: between sequences. entered: a sequence's first word is issued. idle: no work is under way.
    """

    def __init__(
        self, *, layer: WeightedLayer, bias: Ints, plan: Schedule, input_width: int, keep_state: bool = False
    ) -> None:
        self.layer = layer
        self.bias = bias
        self.plan = plan
        self.input_width = input_width
        self.keep_state = keep_state
        self.recurrent = plan.states > 0
        self.state_shape = element_shape(layer.operands[1][0]) if self.recurrent else unsigned(1)
        finishers = plan.folding.finishers
        self.sum_layout = data.StructLayout(
            {
                "sum": data.ArrayLayout(data.ArrayLayout(signed(layer.acc_width), plan.sums), finishers),
                "beat": range(plan.step_beats),
                "last": 1,
                "fresh": 1,
                **({"round": range(plan.rounds)} if plan.rounds > 1 else {}),
            }
        )
        super().__init__(
            {
                "i": In(stream.Signature(beat_layout(element_shape(layer.input), input_width))),
                "h_word": Out(range(max(plan.h_words, 1))),
                "h_en": Out(1),
                "h_data": In(self.state_shape.width * plan.folding.simd),
                "h_ready": In(1),
                "h_release": Out(1),
                "o": Out(stream.Signature(self.sum_layout)),
                "hold": In(1),
                "loaded": In(1),
                "boundary": Out(1),
                "entered": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        plan, folding = self.plan, self.plan.folding

        m.submodules.x = x = StepBuffer(
            elements=plan.inputs,
            shape=element_shape(self.layer.input),
            write_width=self.input_width,
            read_width=folding.simd,
        )
        fields = weight_fields(self.layer, plan)
        m.submodules.weights = weights = Rom(fields=fields, bits=self.layer.stored_bits, trained=True)
        m.submodules.mac = mac = MacArray(
            lanes=folding.lanes,
            gates=plan.gates,
            apart=plan.sums - plan.gates,
            simd=folding.simd,
            operand_width=operand_bits(self.layer),
            weight_width=self.layer.stored_bits,
            acc_width=self.layer.acc_width,
            multiplied=self.layer.multiplied,
        )
        wiring.connect(m, wiring.flipped(self.i), x.i)

        # --- issue ---------------------------------------------------------------------------------------------------
        advance = Signal()  # the pipeline moves
        issue = Signal()  # and a word enters it
        address = Signal(range(plan.ideal_cycles))
        group = Signal(range(plan.step_groups))
        x_word = Signal(range(plan.x_words))
        h_word = Signal(range(max(plan.h_words, 1)))
        in_h = Signal()
        pause = Signal(range(plan.group_pause + 1))
        fresh = Signal(init=1)
        step_last = Signal()
        begins = Signal()
        x_ends = Signal()
        group_ends = Signal()
        step_ends = Signal()
        vector_ends = step_ends  # the recurrent vector is not read any more
        if plan.dependent:
            vector_ends = step_ends | (group_ends & (group == plan.free_groups - 1))
        m.d.comb += [
            begins.eq(~in_h & (x_word == 0) & (group == 0)),
            x_ends.eq(~in_h & (x_word == plan.x_words - 1)),
            group_ends.eq((in_h & (h_word == plan.h_words - 1)) if self.recurrent else x_ends),
            step_ends.eq(group_ends & (group == plan.step_groups - 1)),
            issue.eq(advance & Mux(in_h, self.h_ready | fresh, x.ready) & (pause == 0) & ~(self.boundary & self.hold)),
            x.r_word.eq(x_word),
            x.r_en.eq(advance),
            x.release.eq(issue & x_ends & (group == plan.step_groups - 1)),
            self.h_word.eq(h_word),
            self.h_en.eq(advance),
            self.h_release.eq(issue & vector_ends & ~fresh & int(self.recurrent)),
            weights.addr.eq(address),
            weights.en.eq(advance),
        ]
        with m.If(advance & (pause != 0)):
            m.d.sync += pause.eq(pause - 1)
        last_now = Mux(x_ends, x.last, step_last)
        between = Signal(init=1)
        with m.If(issue):
            m.d.sync += between.eq(step_ends & last_now)
            m.d.sync += address.eq(Mux(step_ends, 0, address + 1))
            with m.If(x_ends):
                m.d.sync += [x_word.eq(0), step_last.eq(x.last), in_h.eq(int(self.recurrent))]
            with m.Elif(~in_h):
                m.d.sync += x_word.eq(x_word + 1)
            with m.Else():
                m.d.sync += h_word.eq(h_word + 1)
            with m.If(group_ends):
                m.d.sync += [h_word.eq(0), in_h.eq(0), pause.eq(plan.group_pause)]
                m.d.sync += group.eq(Mux(step_ends, 0, group + 1))
            with m.If(step_ends):
                # `last` clears the state behind it, unless the design keeps states
                m.d.sync += fresh.eq(0 if self.keep_state else last_now)
        with m.If(self.loaded):
            m.d.sync += fresh.eq(0)

        # --- operands ------------------------------------------------------------------------------------------------
        op_valid = Signal()
        op_first = Signal()
        op_turn = Signal()
        op_in_h = Signal()
        op_fresh = Signal()
        with m.If(advance):
            m.d.sync += [op_valid.eq(issue), op_first.eq(~in_h & (x_word == 0)), op_in_h.eq(in_h), op_fresh.eq(fresh)]
            m.d.sync += op_turn.eq(in_h & (h_word == 0))
        m.d.comb += [mac.en.eq(advance), mac.valid.eq(op_valid), mac.first.eq(op_first), mac.turn.eq(op_turn)]
        m.d.comb += mac.weight.as_value().eq(weights.data)
        for s in range(folding.simd):
            # both products are aligned with the accumulator: x << shift_x, h << shift_h
            element = x.r_data.word_select(s, self.layer.input.bits)
            aligned = _signed(element, element_shape(self.layer.input)) << self.layer.operands[0][1]
            if self.recurrent:
                bits = self.state_shape.width
                state = self.h_data.word_select(s, bits) & ~op_fresh.replicate(bits)
                aligned = Mux(op_in_h, _signed(state, self.state_shape) << self.layer.operands[1][1], aligned)
            m.d.comb += mac.operand[s].eq(aligned)
        if not self.layer.weight_grid().zero:
            self._blank_ends(m, mac, advance, x_ends, group_ends)

        # --- a group's end travels beside its products ---------------------------------------------------------------
        marks = [Signal(3, name=f"marks_{stage}") for stage in range(4 + tree_stages(folding.simd))]
        with m.If(advance):
            m.d.sync += marks[0].eq(Cat(issue & group_ends, last_now, fresh))
            m.d.sync += [after.eq(before) for before, after in itertools.pairwise(marks)]
        done, done_last, done_fresh = marks[-1][0], marks[-1][1], marks[-1][2]

        # --- drain: F lanes go straight on, the others wait in line ---------------------------------------------------
        lanes, finishers, count = folding.lanes, folding.finishers, plan.sums
        line = [Signal(signed(self.layer.acc_width), name=f"line_{n}", reset_less=True)
                for n in range((lanes - finishers) * count)]  # fmt: skip
        waiting = Signal(range(plan.group_beats))
        held = Signal(2)
        beat = Signal(range(plan.step_beats))
        take = Signal()
        load = Signal()
        last_group_beats = plan.step_beats - (plan.groups - 1) * plan.group_beats
        m.d.comb += [
            take.eq((~self.o.valid | self.o.ready) & ((waiting != 0) | done)),
            load.eq(take & (waiting == 0)),
            advance.eq(~done | load),
            self.boundary.eq(between & begins),
            self.entered.eq(issue & self.boundary),
            self.idle.eq(~Cat(op_valid, *(mark[0] for mark in marks), waiting, self.o.valid).any()),
        ]
        with m.If(load):
            first_of_last_group = beat == (plan.groups - 1) * plan.group_beats
            m.d.sync += waiting.eq(Mux(first_of_last_group, last_group_beats - 1, plan.group_beats - 1))
            m.d.sync += [slot.eq(mac.acc[finishers * count + n]) for n, slot in enumerate(line)]
            m.d.sync += held.eq(Cat(done_last, done_fresh))
        with m.Elif(take):
            m.d.sync += waiting.eq(waiting - 1)
            m.d.sync += [slot.eq(after) for slot, after in zip(line, line[finishers * count :], strict=False)]

        # --- sums ----------------------------------------------------------------------------------------------------
        m.submodules.bias = bias = Rom(fields=self._biases(), bits=self.layer.acc_width, trained=True)
        next_beat = Mux(take, Mux(beat == plan.step_beats - 1, 0, beat + 1), beat)
        next_row = next_beat
        if plan.rounds > 1:
            turn = Signal(range(plan.rounds))
            row = Signal(range(plan.sum_beats))  # beat of the step
            next_row = Mux(take, Mux(row == plan.sum_beats - 1, 0, row + 1), row)
            m.d.sync += row.eq(next_row)
            with m.If(take):
                m.d.sync += self.o.payload.round.eq(turn)
                with m.If(beat == plan.step_beats - 1):
                    m.d.sync += turn.eq(Mux(turn == plan.rounds - 1, 0, turn + 1))
        m.d.comb += [bias.addr.eq(next_row), bias.en.eq(1)]
        m.d.sync += beat.eq(next_beat)
        with m.If(take):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.beat.eq(beat),
                self.o.payload.last.eq(Mux(waiting == 0, done_last, held[0])),
                self.o.payload.fresh.eq(Mux(waiting == 0, done_fresh, held[1])),
            ]
            for n in range(finishers * count):
                acc = mac.acc[n] if not line else Mux(waiting == 0, mac.acc[n], line[n])
                offset = bias.data.word_select(n, self.layer.acc_width).as_signed()
                # sum = acc + bias
                m.d.sync += self.o.payload.sum[n // count][n % count].eq(acc + offset)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m

    def _blank_ends(self, m: Module, mac: MacArray, advance: Signal, x_ends: Signal, group_ends: Signal) -> None:
        """Operands past the end of a vector are zero, where no weight that meets them is."""
        folding = self.plan.folding
        for name, ends, size in (("x", x_ends, self.plan.inputs), ("h", group_ends, self.plan.states)):
            past = range(size % folding.simd or folding.simd, folding.simd)
            if size and past:
                final = Signal(name=f"op_{name}_final")
                with m.If(advance):
                    m.d.sync += final.eq(ends)
                with m.If(final):
                    m.d.comb += [mac.operand[s].eq(0) for s in past]

    def _biases(self) -> Ints:
        """One row a beat, round by round: the biases of F units, sum by sum; zero past the last unit."""
        plan, finishers, beats = self.plan, self.plan.folding.finishers, self.plan.step_beats
        units = padded(self.bias, beats * finishers).reshape(plan.rounds, plan.sums, beats, finishers)
        return units.transpose(0, 2, 3, 1).reshape(plan.sum_beats, finishers * plan.sums)


def weight_fields(layer: WeightedLayer, plan: Schedule) -> Ints:
    """One row a cycle in the order of issue: lane by lane, gate by gate, S weights each; zero past the end.

    Of weights without a 0 the sign is stored: 0 stands for 1.
    """
    rounds, gates, groups, lanes, simd = plan.rounds, plan.gates, plan.groups, plan.folding.lanes, plan.folding.simd
    parts = []
    for matrix, words in zip(layer.matrices, (plan.x_words, plan.h_words), strict=False):
        split = padded(matrix, groups * lanes, words * simd).reshape(rounds, gates, groups, lanes, words, simd)
        # round, group, word; lane, gate, element
        parts.append(split.transpose(0, 2, 4, 3, 1, 5).reshape(rounds * groups, words, lanes * gates * simd))
    fields = np.concatenate(parts, axis=1).reshape(plan.ideal_cycles, -1)
    return fields if layer.weight_grid().zero else np.minimum(fields, 0)


def _signed(value: Any, shape: Shape) -> Any:
    """A raw field read as the number it stands for, in a signed word."""
    if shape.signed:
        return value.as_signed()
    return Cat(value, 0).as_signed()
