"""The top level of a board: clock, reset, link, core and lights."""

from __future__ import annotations

import dataclasses
from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Instance, Module, ResetSignal, Signal
from amaranth.lib.cdc import FFSynchronizer

from ffhw.boards.clocking import Pll
from ffhw.boards.link.link import Link
from ffhw.boards.link.ports import Port

# Cycles of the reset: block RAMs of an iCE40 give nothing right in the first microseconds.
_RESET_BITS = 11
# Bits of the counter whose highest one is the heartbeat: about one a second.
_HEARTBEAT_BITS = 25
LIGHTS = ("busy", "error", "heartbeat")
_STREAM = ("tdata", "tvalid", "tready", "tlast")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a top level is built with.

    Parameters
    ----------
    core: name of the core's module. ports: its streams.
    identity: what the device says of itself. cycles: of a bit on the wire. memory_bytes: for frames that wait.
    lights: which of the board's lights to use, at most three.
    identity_module: where the identity lies in what is placed, as :class:`Link` takes it.
    """

    core: str
    ports: tuple[Port, ...]
    identity: bytes
    cycles: int
    memory_bytes: int
    lights: int = 0
    identity_module: str = ""


class BoardTop(Elaboratable):
    """A core behind the serial link of a board.

    With a platform it takes the board's pins and the PLL. Without one, for simulation, the clock comes from outside and
    :attr:`ports` are the pins; nothing else differs.

    Attributes
    ----------
    ports: ``clk``, ``rx``, ``tx`` and the lights by name, as Amaranth's Verilog back end takes them.
    """

    def __init__(self, settings: Settings, pll: Pll | None = None) -> None:
        self.settings = settings
        self.pll = pll
        self.rx, self.tx = Signal(init=1, name="rx"), Signal(init=1, name="tx")
        self.clk = Signal(name="clk")
        self.lights = {name: Signal(name=name) for name in LIGHTS}
        signals = {"clk": self.clk, "rx": self.rx, "tx": self.tx, **self.lights}
        self.ports: dict[str, Any] = {name: (signal, None) for name, signal in signals.items()}

    def elaborate(self, platform: Any) -> Module:
        """The hardware."""
        m = Module()
        settings = self.settings
        m.domains.sync = ClockDomain()
        locked = Signal(init=1)
        if platform is None:
            m.d.comb += ClockSignal().eq(self.clk)
        else:
            self._pins(m, platform, locked)
        self._reset(m, locked)
        m.submodules.link = link = Link(
            ports=settings.ports,
            cycles=settings.cycles,
            memory_bytes=settings.memory_bytes,
            identity=settings.identity,
            identity_module="" if platform is None else settings.identity_module,
        )
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx)]
        m.d.comb += [self.lights["busy"].eq(link.busy), self.lights["error"].eq(link.error)]
        heartbeat = Signal(_HEARTBEAT_BITS)
        m.d.sync += heartbeat.eq(heartbeat + 1)
        m.d.comb += self.lights["heartbeat"].eq(heartbeat[-1])
        # registered, as all that goes into the core
        core_reset = Signal(init=1, attrs={"keep": 1})
        m.d.sync += core_reset.eq(link.core_reset)
        arguments: dict[str, Any] = {"i_clk": ClockSignal(), "i_rst": core_reset}
        for port in settings.ports:
            for kind in (*_STREAM, *(["tuser"] if port.marked else [])):
                # kept: the netlist is observed and driven at these names
                name = f"{port.name}_{kind}"
                net = Signal(port.bits if kind == "tdata" else 1, name=f"core_{name}", attrs={"keep": 1})
                theirs = getattr(link, name)
                into = (kind != "tready") == port.sink
                arguments[f"{'i' if into else 'o'}_{name}"] = net
                m.d.comb += net.eq(theirs) if into else theirs.eq(net)
        m.submodules.core = Instance(settings.core, **arguments)
        return m

    def _reset(self, m: Module, locked: Signal) -> None:
        """Reset from power on until the clock is stable and memories give what they hold."""
        stable, waited = Signal(), Signal(_RESET_BITS, reset_less=True)
        m.submodules.locked = FFSynchronizer(locked, stable, reset_less=True)
        ready = Signal(reset_less=True)
        with m.If(~stable):
            m.d.sync += waited.eq(0)
        with m.Elif(~ready):
            m.d.sync += [waited.eq(waited + 1), ready.eq(waited.all())]
        m.d.comb += ResetSignal().eq(~ready)

    def _pins(self, m: Module, platform: Any, locked: Signal) -> None:
        """Clock, serial pins and lights of the board."""
        assert self.pll is not None
        oscillator = platform.request(platform.default_clk, dir="-")
        self.pll.build(m, oscillator, ClockSignal(), locked)
        uart = platform.request("uart", 0)
        m.d.comb += [self.rx.eq(uart.rx.i), uart.tx.o.eq(self.tx)]
        for name in getattr(platform, "idle", ()):
            m.d.comb += platform.request(name).o.eq(0)
        for number, light in enumerate(list(self.lights.values())[: self.settings.lights]):
            m.d.comb += platform.request("led", number).o.eq(light)
