"""A whole network as hardware: one engine a layer, joined by streams, all running at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ffhw.hdl.datapath.beat import beat_layout, element_shape
from ffhw.hdl.plan.chain import input_width, output_width, plans
from ffhw.hdl.plan.folding import Folding
from ffhw.layers import rule
from ffhw.model.network import Network


class Design(wiring.Component):
    """A network: a stream of input vectors in, a stream of output vectors out.

    Throughput and latency: :func:`ffhw.hdl.plan.performance.predict`.

    Parameters
    ----------
    network: the quantized network.
    foldings: one an engine, as :func:`ffhw.hdl.plan.folding.fold` gives them.
    keep_state: states outlive ``last`` and can be loaded and read, see :class:`JKEngine`.
    probe: show the gates and states of JK layers as they are finished.

    Members
    -------
    i: stream of beats, S elements of the first engine each. o: stream of beats, F elements of the last engine each.
    i_state_<n>, o_state_<n>, probe_<n>: those of the JK engine of layer n.
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
            build = rule("ffhw.hdl.engines", "hardware", plan.layer).engine
            engine = build(plan.layer, plan.folding, plan.after, width, keep_state, probe)
            # what an engine has besides its two streams becomes a port of the design
            for name in extras(engine):
                members[f"{name}_{number}"] = engine.signature.members[name]
            width = plan.output_width
            self.engines.append(engine)
        members["o"] = Out(
            stream.Signature(beat_layout(element_shape(network.output), output_width(network, foldings)))
        )
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        source = wiring.flipped(self.i)
        for number, (layer, engine) in enumerate(zip(self.network.layers, self.engines, strict=True)):
            m.submodules[f"layer_{number}_{layer.kind}"] = engine
            wiring.connect(m, source, engine.i)
            source = engine.o
            for name in extras(engine):
                wiring.connect(m, wiring.flipped(getattr(self, f"{name}_{number}")), getattr(engine, name))
        wiring.connect(m, source, wiring.flipped(self.o))
        return m


def extras(engine: Any) -> list[str]:
    """Members of an engine besides its two streams."""
    return [name for name in engine.signature.members if name not in ("i", "o")]
