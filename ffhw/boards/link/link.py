"""The link: from two serial pins to a core's streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, ResetInserter, Signal, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from ffhw.boards.link.collector import Collector
from ffhw.boards.link.dispatcher import Dispatcher
from ffhw.boards.link.escaping import Escaper, Unescaper
from ffhw.boards.link.frame_memory import FrameMemory
from ffhw.boards.link.ports import Port, check_ports
from ffhw.boards.link.protocol import NUMBERS, PAGE
from ffhw.boards.link.receiver import Receiver
from ffhw.boards.link.sender import Sender
from ffhw.boards.link.uart import UartReceiver, UartTransmitter

# Cycles for which a new session holds the core, and all of the link behind the receiver, in reset.
RESTART_CYCLES = 15


class Link(wiring.Component):
    """What a host says at the serial pins becomes beats for the core, and the core's beats go back to the host.

    Throughput: what the wire takes. Latency: a frame is given to the core once all of it was received.

    Parameters
    ----------
    ports: of the core; the input is called ``s_axis``, the output ``m_axis``.
    cycles: of a bit on the wire.
    memory_bytes: for frames that wait, a power of two.
    identity: what the device says of itself, a whole number of pages.
    identity_module: name of a module outside that holds it, with the ports of a
        :class:`ffhw.hdl.datapath.rom.Rom`; without one it is a memory of the link's own.

    Members
    -------
    rx, tx: the pins. core_reset: holds the core in reset while a new session begins.
    busy: something is being sent, or waits for the core. error: a frame was damaged, refused or had no room since the
    session began.
    <port>_tdata, _tvalid, _tlast, _tready: of each port, and _tuser where it has one.

    Raises
    ------
    ValueError: the identity is none, or its length is not that of pages; or as :func:`check_ports`.
    """

    def __init__(
        self, *, ports: Sequence[Port], cycles: int, memory_bytes: int, identity: bytes, identity_module: str = ""
    ) -> None:
        if not identity or len(identity) % PAGE:
            raise ValueError(f"identity must be pages of {PAGE} bytes, not {len(identity)} bytes")
        check_ports(ports)
        self.identity = identity
        self.identity_module = identity_module
        self.sinks = [port for port in ports if port.sink]
        self.sources = [port for port in ports if not port.sink]
        self.receiver_pin, self.transmitter_pin = UartReceiver(cycles=cycles), UartTransmitter(cycles=cycles)
        self.memory = FrameMemory(depth=memory_bytes)
        self.dispatcher = Dispatcher(ports=self.sinks)
        self.collector = Collector(ports=self.sources)
        self.sender = Sender(pages=len(identity) // PAGE)
        members: dict[str, Any] = {"rx": In(1, init=1), "tx": Out(1, init=1)}
        members |= {"core_reset": Out(1), "busy": Out(1), "error": Out(1)}
        for port in ports:
            into, out = (Out, In) if port.sink else (In, Out)
            members |= {f"{port.name}_tdata": into(port.bits), f"{port.name}_tvalid": into(1)}
            members |= {f"{port.name}_tlast": into(1), f"{port.name}_tready": out(1)}
            if port.marked:
                members[f"{port.name}_tuser"] = into(1)
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.uart_receiver, m.submodules.unescaper = uart, unescaper = self.receiver_pin, Unescaper()
        m.submodules.receiver = receiver = Receiver()
        m.d.comb += [
            uart.rx.eq(self.rx),
            unescaper.i.eq(uart.data),
            unescaper.i_valid.eq(uart.valid),
            receiver.i.eq(unescaper.o),
            receiver.valid.eq(unescaper.o_valid),
            receiver.end.eq(unescaper.end),
        ]
        restart, opened = self._restart(m, receiver)
        taken = self._to_core(m, receiver, restart)
        self._from_core(m, receiver, restart, opened, taken)
        m.d.comb += self.busy.eq(~self.sender.idle | self.memory.o.valid)
        with m.If(receiver.opened):
            m.d.sync += self.error.eq(0)
        with m.Elif(receiver.fault):
            m.d.sync += self.error.eq(1)
        return m

    def _identity(self, m: Module, sender: Sender) -> None:
        """The memory that the sender reads it from."""
        if self.identity_module:
            ports: dict[str, Any] = {"i_clk": ClockSignal(), "i_en": Const(1, 1), "i_addr": sender.identity_address}
            m.submodules.identity = Instance(self.identity_module, **ports, o_data=sender.identity_data)
            return
        m.submodules.identity = content = memory.Memory(
            shape=unsigned(8), depth=len(self.identity), init=list(self.identity)
        )
        page = content.read_port()
        m.d.comb += [page.addr.eq(sender.identity_address), sender.identity_data.eq(page.data)]

    def _restart(self, m: Module, receiver: Receiver) -> tuple[Signal, Signal]:
        """High while a new session begins, and once when it has begun."""
        left = Signal(range(RESTART_CYCLES + 1))
        restart, opened = Signal(), Signal()
        with m.If(receiver.opened):
            m.d.sync += [left.eq(RESTART_CYCLES), restart.eq(1)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.Else():
            m.d.sync += restart.eq(0)
        before = Signal()
        m.d.sync += before.eq(restart)
        m.d.comb += [opened.eq(before & ~restart), self.core_reset.eq(restart)]
        return restart, opened

    def _to_core(self, m: Module, receiver: Receiver, restart: Signal) -> Signal:
        """Frames wait, and go to the ports; the number of the first one that still waits."""
        m.submodules.memory = ResetInserter(restart)(self.memory)
        m.submodules.dispatcher = ResetInserter(restart)(self.dispatcher)
        wiring.connect(m, self.memory.o, self.dispatcher.i)
        m.d.comb += [
            self.memory.write.eq(receiver.write),
            self.memory.data.eq(receiver.data),
            self.memory.keep.eq(receiver.keep),
            self.memory.forget.eq(receiver.forget),
            receiver.full.eq(self.memory.full),
        ]
        for port in self.sinks:
            for signal in ("tdata", "tvalid", "tlast"):
                m.d.comb += getattr(self, f"{port.name}_{signal}").eq(getattr(self.dispatcher, f"{port.name}_{signal}"))
            m.d.comb += getattr(self.dispatcher, f"{port.name}_tready").eq(getattr(self, f"{port.name}_tready"))
        taken = Signal(NUMBERS.bit_length() - 1)
        with m.If(restart):
            m.d.sync += taken.eq(receiver.accepted)
        with m.Elif(self.dispatcher.taken):
            m.d.sync += taken.eq(taken + 1)
        return taken

    def _from_core(self, m: Module, receiver: Receiver, restart: Signal, opened: Signal, taken: Signal) -> None:
        """Answers wait, and are sent; so is whatever else is due."""
        collector, sender, escaper = self.collector, self.sender, Escaper()
        m.submodules.collector = ResetInserter(restart)(collector)
        m.submodules.sender = ResetInserter(restart)(sender)
        m.submodules.escaper = ResetInserter(restart)(escaper)
        m.submodules.uart_transmitter = self.transmitter_pin
        self._identity(m, sender)
        wiring.connect(m, sender.o, escaper.i)
        wiring.connect(m, escaper.o, self.transmitter_pin.i)
        m.d.comb += self.tx.eq(self.transmitter_pin.tx)
        for port in self.sources:
            for signal in ("tdata", "tvalid", "tlast", *(["tuser"] if port.marked else [])):
                m.d.comb += getattr(collector, f"{port.name}_{signal}").eq(getattr(self, f"{port.name}_{signal}"))
            m.d.comb += getattr(self, f"{port.name}_tready").eq(getattr(collector, f"{port.name}_tready"))
        for signal in ("tdata", "tvalid", "tlast"):
            m.d.comb += getattr(collector, f"echo_{signal}").eq(getattr(self.dispatcher, f"echo_{signal}"))
        m.d.comb += self.dispatcher.echo_tready.eq(collector.echo_tready)
        m.d.comb += [
            collector.hurry.eq(sender.idle),
            collector.place.eq(sender.place),
            collector.sent.eq(sender.sent),
            sender.full.eq(collector.full),
            sender.length.eq(collector.length),
            sender.flags.eq(collector.flags),
            sender.data.eq(collector.data),
            sender.opened.eq(opened),
            sender.polled.eq(receiver.polled),
            sender.identify.eq(receiver.identify),
            sender.page.eq(receiver.page),
            sender.count.eq(receiver.count),
            sender.credit.eq(self.dispatcher.taken),
            sender.is_open.eq(receiver.open),
            sender.accepted.eq(receiver.accepted),
            sender.taken.eq(taken),
            sender.counters.eq(
                Cat(receiver.frames, receiver.damaged, receiver.overruns, receiver.refused, self.dispatcher.span)
            ),
        ]
