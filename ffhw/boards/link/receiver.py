"""From bytes of frames to what they ask for. Nothing of a frame has any effect before its checksum was seen."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ffhw.boards.link.protocol import COUNT, DATA, IDENTIFY, MOST_PAYLOAD, NUMBERS, OPEN, POLL
from ffhw.hdl.datapath.crc32 import Crc32

# Bytes of a frame besides its payload, the first of which says how long that is.
_FRAME = 9
_CRC = 4


class Receiver(wiring.Component):
    """Checks frames, counts what it saw, takes in the data that come in their order.

    Members
    -------
    i, valid, end: of the :class:`Unescaper`; bytes must be 10 cycles apart.
    write, data, keep, forget, full: of the :class:`FrameMemory`; of a DATA frame it gets length, flags and payload.
    open: a session was begun. opened: in this cycle. accepted: number of the next DATA frame.
    polled, identify, count: in this cycle such a frame came, or one that must be answered with the status; page: of the
    identity that is asked for.
    frames, damaged, overruns, refused: sound frames; those with a wrong length or checksum; DATA without room; frames
    out of their order, before a session, or of no known type. They count modulo 2^16.
    fault: one of the last three happened in this cycle.
    """

    def __init__(self) -> None:
        number, pulse = Out(NUMBERS.bit_length() - 1), Out(1)
        super().__init__(
            {
                **{"i": In(8), "valid": In(1), "end": In(1), "full": In(1)},
                **{"data": Out(8), "write": pulse, "keep": pulse, "forget": pulse},
                **{"open": Out(1), "opened": pulse, "accepted": number, "page": Out(8)},
                **{"polled": pulse, "identify": pulse, "count": pulse, "fault": pulse},
                **dict.fromkeys(("frames", "damaged", "overruns", "refused"), number),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.crc = crc = Crc32()
        m.d.comb += [crc.valid.eq(self.valid), crc.data.eq(self.i), crc.clear.eq(self.end)]
        # place in the frame, up to the payload; bytes that are due
        place, left = Signal(3), Signal(range(MOST_PAYLOAD + 256))
        kind, flags, number = Signal(8), Signal(8), Signal(16)
        long, overrun = Signal(), Signal()
        stored = Signal()
        m.d.comb += [self.data.eq(self.i), self.write.eq(self.valid & stored)]
        # length, flags, payload
        m.d.comb += stored.eq((place == 0) | (place == 2) | ((place == 5) & (left > _CRC)))
        with m.If(self.valid):
            m.d.sync += left.eq(left - 1)
            with m.If(place != 5):
                m.d.sync += place.eq(place + 1)
            with m.Switch(place):
                with m.Case(0):
                    m.d.sync += left.eq(self.i + _FRAME - 1)
                with m.Case(1):
                    m.d.sync += kind.eq(self.i)
                with m.Case(2):
                    m.d.sync += flags.eq(self.i)
                with m.Case(3):
                    m.d.sync += number[:8].eq(self.i)
                with m.Case(4):
                    m.d.sync += number[8:].eq(self.i)
            with m.If((place != 0) & (left == 0)):
                m.d.sync += long.eq(1)
            with m.If(self.write & self.full):
                m.d.sync += overrun.eq(1)
        m.d.comb += self.page.eq(flags)
        # registered: the flag at the end comes long after the last byte
        sound, in_order = Signal(), Signal()
        m.d.sync += [sound.eq(crc.sound & (left == 0) & ~long), in_order.eq(self.open & (number == self.accepted))]
        with m.If(self.end):
            m.d.sync += [place.eq(0), long.eq(0), overrun.eq(0)]
            # two flags with nothing between them are no frame
            with m.If(place != 0):
                self._frame(m, sound, in_order, kind, number, overrun)
        return m

    def _frame(self, m: Module, sound: Signal, in_order: Signal, kind: Signal, number: Signal, overrun: Signal) -> None:
        """What a frame does when its end has come."""
        m.d.comb += self.forget.eq(~self.keep)
        refused = Signal()
        with m.If(~sound):
            m.d.comb += [self.fault.eq(1), self.polled.eq(1)]
            m.d.sync += self.damaged.eq(self.damaged + 1)
        with m.Else():
            m.d.sync += self.frames.eq(self.frames + 1)
            with m.Switch(kind):
                with m.Case(OPEN):
                    m.d.comb += self.opened.eq(1)
                    m.d.sync += [self.open.eq(1), self.accepted.eq(number + 1)]
                with m.Case(DATA):
                    with m.If(~in_order):
                        m.d.comb += refused.eq(1)
                    with m.Elif(overrun):
                        m.d.comb += [self.fault.eq(1), self.polled.eq(1)]
                        m.d.sync += self.overruns.eq(self.overruns + 1)
                    with m.Else():
                        m.d.comb += self.keep.eq(1)
                        m.d.sync += self.accepted.eq(self.accepted + 1)
                with m.Case(POLL):
                    m.d.comb += self.polled.eq(1)
                with m.Case(IDENTIFY):
                    m.d.comb += self.identify.eq(1)
                with m.Case(COUNT):
                    m.d.comb += self.count.eq(1)
                with m.Default():
                    m.d.comb += refused.eq(1)
        with m.If(refused):
            m.d.comb += [self.fault.eq(1), self.polled.eq(1)]
            m.d.sync += self.refused.eq(self.refused + 1)
