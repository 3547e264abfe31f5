"""A test wrapper that puts a design on a board with two pins: the clock, and a light that depends on every output.

All inputs come from sources of pseudo-random beats and all outputs go to one signature register, so that synthesis can
remove nothing. The sources keep to the rules of the streams, so that what the netlist does in this very top level can
be compared with the golden model: the ports of the core are nets of the same names in it.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Const, Elaboratable, Instance, Module, Signal

from ffhw.boards.link.ports import Port
from ffhw.boards.noise import FRESH, Noise


class TestWrapper(Elaboratable):
    """A core between sources of pseudo-random beats and a sink that folds all beats into one light.

    Every source and every ``tready`` makes the core wait at random, half of the time. A vector is a sequence's last
    with probability 1/4. Between sequences each state port is sent a vector with probability 1/2, and the next sequence
    waits for those that are sent.

    Parameters
    ----------
    ports: the streams of the core; the input is called ``s_axis``. core: the name of its module.
    """

    __test__ = False  # not a test, whatever its name begins with

    def __init__(self, ports: tuple[Port, ...], core: str) -> None:
        self.ports = ports
        self.core = core

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(platform.request(platform.default_clk).i)
        started = Signal(4)
        reset = Signal()
        m.d.comb += reset.eq(~started.all())
        with m.If(reset):
            m.d.sync += started.eq(started + 1)

        arguments: dict[str, Any] = {"i_clk": ClockSignal(), "i_rst": reset}
        nets = {port.name: _nets(port, arguments) for port in self.ports}
        # for each port: whether it moves, and whether a state is sent
        m.submodules.moves = moves = Noise(2 * len(self.ports))
        move = {port.name: moves.bits.word_select(n, 2) for n, port in enumerate(self.ports)}
        # for each sink: two bits whether a sequence ends, and data; apart from the bits that choose when they are taken
        sinks = [port for port in self.ports if port.sink]
        m.submodules.beats = beats = Noise(sum(2 + port.bits for port in sinks), first=-(-moves.width // FRESH))
        starts = [sum(2 + port.bits for port in sinks[:n]) for n in range(len(sinks))]
        noise = {port.name: beats.bits[n : n + 2 + port.bits] for port, n in zip(sinks, starts, strict=True)}
        sources = {port.name: _source(m, port, nets[port.name], noise[port.name][2:], reset) for port in sinks}
        inputs = sources["s_axis"]
        ends = inputs["taken"] & nets["s_axis"]["tlast"]
        due = [
            _state_due(m, source, move[name], ends, nets[name])
            for name, source in sources.items()
            if source is not inputs
        ]
        m.d.comb += inputs["end"].eq(noise["s_axis"][:2].all())
        # with states to send, nothing is offered before it is known whether one is due
        waits = (nets["s_axis"]["tvalid"] & nets["s_axis"]["tlast"]) | Cat(*due).any() if due else Const(0, 1)
        m.d.comb += inputs["offer"].eq(move["s_axis"][0] & ~waits)

        seen = []
        for port in self.ports:
            net = nets[port.name]
            if not port.sink:
                m.d.sync += net["tready"].eq(move[port.name][0])
            # everything that the core gives
            for signal in ("tready",) if port.sink else ("tdata", "tvalid", "tlast"):
                registered = Signal(len(net[signal]), name=f"{port.name}_{signal}_seen")
                m.d.sync += registered.eq(net[signal])
                seen.append(registered)
        m.submodules.top = Instance(self.core, **arguments)

        signature = Signal(8)
        m.d.sync += signature.eq(Cat(signature[7] ^ Cat(*seen).xor(), signature[:-1]))
        m.d.comb += platform.request("led", 0).o.eq(signature[7])
        return m


def _nets(port: Port, arguments: dict[str, Any]) -> dict[str, Any]:
    """The signals of a port, and their places in the core's instance."""
    signals = {}
    for kind in ("tdata", "tvalid", "tready", "tlast"):
        # kept: the netlist is observed and driven at these names
        signal = Signal(port.bits if kind == "tdata" else 1, name=f"{port.name}_{kind}", attrs={"keep": 1})
        into = (kind != "tready") == port.sink
        arguments[f"{'i' if into else 'o'}_{port.name}_{kind}"] = signal
        signals[kind] = signal
    return signals


def _source(m: Module, port: Port, net: dict[str, Any], noise: Any, reset: Any) -> dict[str, Any]:
    """Beats of noise for a port, each held until it is taken.

    All signals into the core are registers that wake up as 0: no logic of the core can merge with what drives them.

    Returns
    -------
    ``offer``, ``end``: to be set to whether the next beat may be offered, and whether its vector ends a sequence;
    ``taken``: a beat is taken in this cycle.
    """
    signals = {name: Signal(name=f"{port.name}_{name}") for name in ("offer", "end", "taken")}
    free, taken, final = Signal(name=f"{port.name}_free"), signals["taken"], Signal(name=f"{port.name}_final")
    m.d.comb += [taken.eq(net["tvalid"] & net["tready"]), free.eq(~net["tvalid"] | taken), final.eq(1)]
    with m.If(free):
        m.d.sync += [
            net["tvalid"].eq(signals["offer"] & ~reset),
            net["tlast"].eq(final & signals["end"]),
            net["tdata"].eq(_codes(port, noise)),
        ]
    if port.beats > 1:
        beat = Signal(range(port.beats), name=f"{port.name}_beat")
        m.d.comb += final.eq(beat == port.beats - 1)
        with m.If(free & signals["offer"] & ~reset):
            m.d.sync += beat.eq(beat + 1)
            with m.If(final):
                m.d.sync += beat.eq(0)
    return signals


def _state_due(m: Module, source: dict[str, Any], noise: Any, sequence_ends: Any, net: dict[str, Any]) -> Signal:
    """Whether a state port is to be sent a vector, or the rest of one, before the next sequence may begin."""
    due = Signal(name=f"{net['tvalid'].name}_due")
    sent = source["taken"] & net["tlast"]
    # the vector's last beat may be on its way already, or just have been taken
    m.d.comb += [source["offer"].eq(noise[0] & due & ~(net["tvalid"] & net["tlast"])), source["end"].eq(1)]
    with m.If(sent):
        m.d.sync += due.eq(0)
    with m.If(sequence_ends):
        m.d.sync += due.eq(noise[1])
    return due


def _codes(port: Port, noise: Any) -> Any:
    """``tdata`` of noise: any bits, but token numbers that exist."""
    if not port.tokens:
        return noise
    bits = (port.tokens - 1).bit_length()
    if bits == 0:
        return Const(0, port.bits)
    token = noise[:bits]
    # a number past the end, without its uppermost bit, is below half the range
    return Cat(token[:-1], token[-1] & (token < port.tokens), noise[bits:])
