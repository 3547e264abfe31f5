"""A whole network as hardware: one engine a layer, joined by streams, all running at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.datapath.length_guard import LengthGuard
from ffhw.hdl.datapath.sequence_gate import SequenceGate
from ffhw.hdl.datapath.state_slot import StateSlot
from ffhw.hdl.datapath.vector_framer import VectorFramer
from ffhw.hdl.plan.chain import input_width, output_width, plans
from ffhw.hdl.plan.folding import Folding
from ffhw.hdl.plan.styles import engine_of, style_of
from ffhw.model.network import Network

# Sequences that can be on their way from the design's input through one engine, at most one step long each: two in its
# input buffer, one in each stage of its pipeline at the utmost. A design with more would be slower, never wrong.
SEQUENCES_AN_ENGINE = 16


class Design(wiring.Component):
    """A network: a stream of input vectors in, a stream of output vectors out.

    Throughput and latency: :func:`ffhw.hdl.plan.performance.predict`.

    Parameters
    ----------
    network: the quantized network.
    foldings: one an engine, as :func:`ffhw.hdl.plan.folding.fold` gives them.
    keep_state: states outlive ``last`` and can be loaded and read, see :class:`StateSlot`.
    probe: show the gates and states of recurrent layers as they are finished.

    Members
    -------
    i: stream of beats, S elements of the first engine each. o: stream of beats, F elements of the last engine each.
    i_state_<n>: state of layer n for the sequence that enters next, see :class:`StateSlot`.
    o_state_<n>, probe_<n>: those of the engine of layer n.
    marked: with a sequence's last beat at ``o``, that it had too many or too few steps, see :class:`LengthGuard`; where
        there are such sequences.
    """

    def __init__(
        self,
        *,
        network: Network,
        foldings: Sequence[Folding | None],
        keep_state: bool = False,
        probe: bool = False,
    ) -> None:
        if len(foldings) != len(network.layers):
            raise ValueError(f"a network of {len(network.layers)} layers needs as many foldings, not {len(foldings)}")
        self.network = network
        self.foldings = tuple(foldings)
        self.engines: list[Any] = []
        width = input_width(network, foldings)
        members: dict[str, Any] = {"i": In(stream.Signature(beat_layout(element_shape(network.input), width)))}
        for number, plan in enumerate(plans(network, foldings)):
            build = engine_of(plan.layer, style_of(plan.folding))
            engine = build(plan.layer, plan.folding, plan.after, width, keep_state, probe)
            for name in extras(engine):
                members[f"{name}_{number}"] = engine.signature.members[name]
            width = plan.output_width
            self.engines.append(engine)
        members["o"] = Out(
            stream.Signature(beat_layout(element_shape(network.output), output_width(network, foldings)))
        )
        if network.guarded:
            members["marked"] = Out(1)
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        slots = self._slots()
        source = self._entrance(m, slots)
        for number, (layer, engine) in enumerate(zip(self.network.layers, self.engines, strict=True)):
            m.submodules[f"layer_{number}_{layer.kind}"] = engine
            wiring.connect(m, source, engine.i)
            source = engine.o
            for name in extras(engine):
                port = wiring.flipped(getattr(self, f"{name}_{number}"))
                if name == "i_state":
                    m.submodules[f"state_{number}"] = slot = slots[number]
                    wiring.connect(m, port, slot.i)
                    wiring.connect(m, slot.loading, engine.loading)
                    port = slot.o
                wiring.connect(m, port, getattr(engine, name))
        wiring.connect(m, source, wiring.flipped(self.o))
        return m

    def _slots(self) -> dict[int, StateSlot]:
        """The slot of each state that can be loaded, by layer number."""
        slots = {}
        for number, (layer, engine) in enumerate(zip(self.network.layers, self.engines, strict=True)):
            if "i_state" in extras(engine):
                width = len(engine.i_state.payload.data)
                slots[number] = StateSlot(
                    shape=element_shape(layer.state_format),
                    width=width,
                    beats=-(-layer.state_size // width),
                    count_bits=bits_for(SEQUENCES_AN_ENGINE * len(self.engines)),
                )
        return slots

    def _entrance(self, m: Module, slots: dict[int, StateSlot]) -> Any:
        """The stream that the first engine takes: whole vectors, and sequences that wait for their states."""
        width = len(self.i.payload.data)
        beats = -(-self.network.input_size // width)
        if beats == 1 and not slots:
            # no `last` can come at a wrong place
            return self._guarded(m, wiring.flipped(self.i), beats)
        shape = element_shape(self.network.input)
        m.submodules.framer = framer = VectorFramer(shape=shape, width=width, beats=beats)
        wiring.connect(m, wiring.flipped(self.i), framer.i)
        if not slots:
            return self._guarded(m, framer.o, beats)
        count_bits = len(next(iter(slots.values())).number)
        m.submodules.gate = gate = SequenceGate(layout=beat_layout(shape, width), count_bits=count_bits)
        wiring.connect(m, framer.o, gate.i)
        m.d.comb += gate.begins.eq(framer.begins)
        m.d.comb += gate.shut.eq(Cat(slot.offered | slot.full for slot in slots.values()).any())
        m.d.comb += [slot.number.eq(gate.number) for slot in slots.values()]
        return self._guarded(m, gate.o, beats)

    def _guarded(self, m: Module, source: Any, beats: int) -> Any:
        """A stream of sequences that all engines can take, where not every number of steps is one."""
        if not self.network.guarded:
            return source
        m.submodules.guard = guard = LengthGuard(
            shape=element_shape(self.network.input),
            width=len(self.i.payload.data),
            beats=beats,
            least=self.network.rhythm.least,
            most=self.network.max_steps,
            under_way=SEQUENCES_AN_ENGINE * len(self.engines),
        )
        wiring.connect(m, source, guard.i)
        m.d.comb += [
            self.marked.eq(guard.marked),
            guard.answered.eq(self.o.valid & self.o.ready & self.o.payload.last),
        ]
        return guard.o


def extras(engine: Any) -> list[str]:
    """Members of an engine that become ports of the design."""
    return [name for name in engine.signature.members if name not in ("i", "o", "loading")]
