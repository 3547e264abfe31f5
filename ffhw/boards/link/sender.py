"""What the device sends: one frame after the other, each with the state of the link in its header."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.boards.link.escaping import MARKED_BYTE
from ffhw.boards.link.protocol import ANSWER, COUNTERS, FLAG, IDENTITY, NUMBERS, OPENED, PAGE, STATUS
from ffhw.hdl.datapath.crc32 import Crc32

_NUMBER = NUMBERS.bit_length() - 1
# Bytes of the header, and of the counters: four of two bytes and one of three.
HEADER, COUNTED = 9, 11


class Sender(wiring.Component):
    """Sends what is due: that a session was opened, identity, counters, an answer, else the status.

    Throughput: a byte when the wire takes it.

    Members
    -------
    opened, identify, count, polled: in this cycle a reply of this kind becomes due; page: of the identity.
    credit: in this cycle the numbers changed, which a reply of any kind tells.
    full, length, flags, place, data, sent: of the :class:`Collector`. idle: nothing is sent or due.
    identity_address, identity_data: of the memory that holds the identity, one cycle.
    is_open, accepted, taken, counters: what to tell. start: number of a session's first answer, taken with ``opened``.
    o: stream of :data:`MARKED_BYTE`.
    """

    def __init__(self, *, pages: int) -> None:
        self.pages = pages
        number, pulse = In(_NUMBER), In(1)
        super().__init__(
            {
                **{"opened": pulse, "identify": pulse, "count": pulse, "polled": pulse, "credit": pulse},
                **{"page": In(8), "full": pulse, "length": In(8), "flags": In(8), "place": Out(8), "data": In(8)},
                **{"sent": Out(1), "idle": Out(1), "is_open": In(1), "accepted": number, "taken": number},
                **{"identity_address": Out(range(pages * PAGE)), "identity_data": In(8)},
                **{"counters": In(8 * COUNTED), "o": Out(stream.Signature(MARKED_BYTE))},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.crc = crc = Crc32()
        due = {name: Signal(name=f"{name}_due") for name in ("opened", "identify", "count", "polled")}
        for name, signal in due.items():
            with m.If(getattr(self, name) | (self.credit if name == "polled" else 0)):
                m.d.sync += signal.eq(1)
        page = Signal(range(max(self.pages, 2)))
        with m.If(self.identify):
            m.d.sync += page.eq(self.page)
        answers = Signal(_NUMBER)
        kind, flags, length = Signal(8), Signal(8), Signal(8)
        # as they were when the frame began: its bytes belong together
        accepted, taken = Signal(_NUMBER), Signal(_NUMBER)
        index = Signal(8)
        # the byte that is given on, from registers: a byte takes the wire 80 cycles at least
        given = Signal(MARKED_BYTE)
        waits, loaded = Signal(), Signal()
        m.d.comb += [self.o.valid.eq(waits), self.o.payload.eq(given), crc.valid.eq(loaded), crc.data.eq(given.data)]
        m.d.sync += loaded.eq(0)
        with m.If(self.o.ready):
            m.d.sync += waits.eq(0)
        free = ~waits & ~loaded & ~crc.busy
        header = Array(
            [length, kind, flags, *(n.word_select(i, 8) for n in (answers, accepted, taken) for i in (0, 1))]
        )
        counted = Array([self.counters.word_select(n, 8) for n in range(COUNTED)])
        m.d.comb += [self.place.eq(index), self.identity_address.eq(Cat(index[: PAGE.bit_length() - 1], page))]
        content = Mux(kind == IDENTITY, self.identity_data, Mux(kind == COUNTERS, counted[index[:4]], self.data))

        def choose(name: str, reply: int, size: Any, marks: Any) -> None:
            # whatever is sent tells the numbers, as the status would
            m.d.sync += [kind.eq(reply), length.eq(size), flags.eq(marks), due["polled"].eq(self.polled | self.credit)]
            if name in ("opened", "identify", "count"):
                m.d.sync += due[name].eq(getattr(self, name))
            m.next = "BEGIN"

        def give(byte: Any, flag: int = 0, summed: int = 0) -> None:
            m.d.sync += [given.data.eq(byte), given.flag.eq(flag), waits.eq(1), loaded.eq(summed)]

        with m.FSM():
            with m.State("REST"):
                m.d.sync += [accepted.eq(self.accepted), taken.eq(self.taken), index.eq(0)]
                with m.If(due["opened"]):
                    # numbers of answers go on from those of the data
                    m.d.sync += answers.eq(self.accepted)
                    choose("opened", OPENED, 0, 1)
                with m.Elif(due["identify"]):
                    choose("identify", IDENTITY, PAGE, page)
                with m.Elif(due["count"]):
                    choose("count", COUNTERS, COUNTED, 0)
                with m.Elif(self.full):
                    choose("answer", ANSWER, self.length, self.flags)
                with m.Elif(due["polled"]):
                    choose("polled", STATUS, 0, self.is_open)
                with m.Else():
                    m.d.comb += self.idle.eq(1)
            with m.State("BEGIN"):
                m.d.comb += crc.clear.eq(1)
                with m.If(free):
                    give(FLAG, flag=1)
                    m.next = "HEADER"
            with m.State("HEADER"):
                with m.If(free):
                    give(header[index[:4]], summed=1)
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == HEADER - 1):
                        m.d.sync += index.eq(0)
                        m.next = "FETCH"
                        with m.If(length == 0):
                            m.next = "CRC"
            with m.State("FETCH"):
                # memories give a byte one cycle behind its address
                m.next = "PAYLOAD"
            with m.State("PAYLOAD"):
                with m.If(free):
                    give(content, summed=1)
                    m.d.sync += index.eq(index + 1)
                    m.next = "FETCH"
                    with m.If(index == length - 1):
                        m.d.sync += index.eq(0)
                        m.next = "CRC"
            with m.State("CRC"):
                with m.If(free):
                    give(crc.value.word_select(index[:2], 8))
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == 3):
                        m.next = "END"
            with m.State("END"):
                with m.If(free):
                    give(FLAG, flag=1)
                    with m.If(kind == ANSWER):
                        m.d.comb += self.sent.eq(1)
                        m.d.sync += answers.eq(answers + 1)
                    m.next = "REST"
        return m
