"""The engine of global pooling: an accumulator for each channel, and a divider."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.divider import Divider
from ffhw.hdl.plan.folding import Folding
from ffhw.layers.pooling import PoolingLayer


def engine(
    layer: PoolingLayer, folding: None, after: Folding | None, input_width: int, keep_state: bool, probe: bool
) -> Pooling:
    """The engine of a layer; it has no state that could be kept."""
    return Pooling(layer=layer, width=input_width)


class Pooling(wiring.Component):
    """Global pooling: a stream of vectors in, one vector a sequence out, element by element.

    Codes are counted from the smallest one, u = code - min, so that nothing is negative. There are two sets of
    accumulators: one sequence is summed up while the one before is divided.

    Latency: 2 cycles from a sequence's last beat to the first element, or ``bits + 3`` of an average. Throughput: one
    beat a cycle; an element of a sequence's answer each cycle, or every ``bits + 1`` cycles of an average. A sequence
    has no more than ``layer.max_steps`` steps.

    Parameters
    ----------
    layer: format and number of channels. width: elements a beat of ``i``.

    Members
    -------
    i: stream of vectors. o: stream of vectors, one element a beat.
    """

    def __init__(self, *, layer: PoolingLayer, width: int) -> None:
        self.layer = layer
        self.width = width
        self.average = layer.pooling == "average"
        shape = element_shape(layer.input)
        super().__init__(
            {
                "i": In(stream.Signature(beat_layout(shape, width))),
                "o": Out(stream.Signature(beat_layout(shape, 1))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        size, width, bits = self.layer.size, self.width, self.layer.input.bits
        beats = -(-size // width)
        sum_bits = bits_for((self.layer.max_steps or 1) * self.layer.span)

        # --- a step comes in ------------------------------------------------------------------------------------------
        beat = Signal(range(beats))
        next_beat = Signal(range(beats))
        bank = Signal()  # of the sequence that comes in; the other one is being given
        next_bank = Signal()
        first = Signal(init=1)  # step of its sequence
        giving = Signal()
        final = Signal()
        ends = Signal()
        do_take = Signal()
        old = Signal(sum_bits * width)
        new = Signal(sum_bits * width)
        m.d.comb += [
            final.eq(beat == beats - 1),
            ends.eq(final & self.i.payload.last),
            # a sequence ends once the one before was given
            self.i.ready.eq(~(ends & giving)),
            do_take.eq(self.i.valid & self.i.ready),
            next_beat.eq(Mux(do_take, Mux(final, 0, beat + 1), beat)),
            next_bank.eq(bank ^ (do_take & ends)),
        ]
        m.d.sync += [beat.eq(next_beat), bank.eq(next_bank)]
        with m.If(do_take & final):
            m.d.sync += first.eq(self.i.payload.last)
        for n in range(width):
            before = old.word_select(n, sum_bits)
            # u = code - min: the sign bit turned round
            u = self.i.payload.data[n].as_unsigned() ^ (1 << (bits - 1) if self.layer.input.signed else 0)
            # sum = sum + u, or largest = max(largest, u)
            total, largest = Mux(first, 0, before) + u, Mux(first | (u > before), u, before)
            m.d.comb += new.word_select(n, sum_bits).eq(total if self.average else largest)

        # --- the accumulators: one is read a cycle before it is needed, and while the other set is given -------------
        word = Signal(range(beats))
        next_word = Signal(range(beats))
        sums = Signal(sum_bits * width)  # of the sequence that is given
        if beats == 1:
            sets = [Signal(sum_bits * width, name=f"set_{n}", reset_less=True) for n in range(2)]
            m.d.comb += [old.eq(Mux(bank, sets[1], sets[0])), sums.eq(Mux(bank, sets[0], sets[1]))]
            with m.If(do_take):
                m.d.sync += [accumulators.eq(Mux(bank == n, new, accumulators)) for n, accumulators in enumerate(sets)]
        else:
            m.submodules.storage = storage = memory.Memory(
                shape=unsigned(sum_bits * width), depth=(1 << (beats - 1).bit_length()) + beats, init=[]
            )
            write = storage.write_port()
            own = storage.read_port()
            other = storage.read_port()
            m.d.comb += [
                write.addr.eq(Cat(beat, bank)),
                write.data.eq(new),
                write.en.eq(do_take),
                own.addr.eq(Cat(next_beat, next_bank)),
                other.addr.eq(Cat(next_word, ~bank)),
                own.en.eq(1),
                other.en.eq(1),
                old.eq(own.data),
                sums.eq(other.data),
            ]

        # --- a sequence is given, element by element ------------------------------------------------------------------
        read = Signal()  # the sums are there
        element = Signal(range(width))
        left = Signal(range(size))
        word_ends = Signal()
        do_give = Signal()
        last_left = Signal()
        m.d.comb += [
            last_left.eq(left == 0),
            word_ends.eq(element == width - 1),
            next_word.eq(Mux(do_give & word_ends, word + 1, word)),
        ]
        m.d.sync += [word.eq(next_word), read.eq(giving)]
        with m.If(do_give):
            m.d.sync += [element.eq(Mux(word_ends, 0, element + 1)), left.eq(left - 1)]
            with m.If(last_left):
                m.d.sync += giving.eq(0)
        with m.If(do_take & ends):
            m.d.sync += [giving.eq(1), word.eq(0), element.eq(0), left.eq(size - 1)]
        chosen = sums.word_select(element, sum_bits)
        if self.average:
            self._divide(m, giving & read, chosen, do_give, do_take & final)
        else:
            m.d.comb += [
                self.o.valid.eq(giving & read),
                self.o.payload.data[0].eq(self._code(chosen)),
                self.o.payload.last.eq(last_left),
                do_give.eq(self.o.valid & self.o.ready),
            ]
        return m

    def _divide(self, m: Module, offered: Any, total: Any, do_give: Signal, step_ends: Any) -> None:
        """Averages on their way out: sums divided by the number of steps, rounded half up."""
        most, size = self.layer.max_steps or 1, self.layer.size
        count = Signal(range(most + 1))  # steps of the sequence that comes in
        steps = Signal(range(most + 1), reset_less=True)  # of the one that is given
        with m.If(step_ends):
            m.d.sync += count.eq(Mux(self.i.payload.last, 0, count + 1))
            with m.If(self.i.payload.last):
                m.d.sync += steps.eq(count + 1)
        m.submodules.divider = divider = Divider(bits=self.layer.input.bits, divisor_bits=len(steps))
        out = Signal(range(size))
        m.d.comb += [
            divider.i.valid.eq(offered),
            # floor((2 sum + n) / (2 n)) = floor((sum + floor(n / 2)) / n)
            divider.i.payload.dividend.eq(total + (steps >> 1)),
            divider.i.payload.divisor.eq(steps),
            do_give.eq(divider.i.valid & divider.i.ready),
            self.o.valid.eq(divider.o.valid),
            divider.o.ready.eq(self.o.ready),
            self.o.payload.data[0].eq(self._code(divider.o.payload)),
            self.o.payload.last.eq(out == size - 1),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += out.eq(Mux(out == size - 1, 0, out + 1))

    def _code(self, u: Any) -> Any:
        """Code = u + min: the sign bit turned round again."""
        bits = self.layer.input.bits
        return u[:bits] ^ Const(1 << (bits - 1) if self.layer.input.signed else 0, bits)
