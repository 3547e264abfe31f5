"""Runs a design in Amaranth's simulator: sends sequences, collects answers, counts cycles."""

from __future__ import annotations

import dataclasses

import numpy as np
from amaranth.sim import Simulator

from ffhw.hdl.design import Design
from ffhw.model import golden
from ffhw.model.network import Network


@dataclasses.dataclass
class Run:
    """What came out, and when: cycle numbers of accepted first beats, and of given last beats, of each step."""

    outputs: list[np.ndarray]
    lasts: list[int]
    sent: list[int]
    given: list[int]


def beats_of(vector: np.ndarray, width: int, past: int = 0) -> list[list[int]]:
    """A vector cut into beats, the last one filled with ``past``."""
    padded = np.full(-(-len(vector) // width) * width, past, np.int64)
    padded[: len(vector)] = vector
    return [[int(v) for v in beat] for beat in padded.reshape(-1, width)]


def simulate(
    design: Design,
    sequences: list[np.ndarray],
    *,
    stalls: float = 0.0,
    seed: int = 0,
    rest: int = 0,
    past: int = 0,
) -> Run:
    """Send sequences back to back and collect every output vector.

    ``stalls`` is the share of cycles in which either side makes the design wait; nothing is sent for ``rest`` cycles
    before each sequence's last step. ``past`` stands in a beat where a vector has ended.
    """
    network = design.network
    rng = np.random.default_rng(seed)
    in_width = len(design.i.payload.data)
    out_width = len(design.o.payload.data)
    out_beats = -(-network.output_size // out_width)
    expected = sum(int(network.rhythm.steps(len(s))) for s in sequences)
    run = Run([], [], [], [])

    async def source(ctx):  # type: ignore[no-untyped-def]
        cycle = 0
        for sequence in sequences:
            for t, vector in enumerate(sequence):
                beats = beats_of(vector, in_width, past)
                for _ in range(rest if t == len(sequence) - 1 else 0):
                    ctx.set(design.i.valid, 0)
                    await ctx.tick()
                    cycle += 1
                for b, beat in enumerate(beats):
                    while rng.random() < stalls:
                        ctx.set(design.i.valid, 0)
                        await ctx.tick()
                        cycle += 1
                    ctx.set(design.i.valid, 1)
                    ctx.set(design.i.payload.data, beat)
                    ctx.set(design.i.payload.last, t == len(sequence) - 1 and b == len(beats) - 1)
                    while True:
                        *_, ready = await ctx.tick().sample(design.i.ready)
                        cycle += 1
                        if ready:
                            break
                    if b == 0:
                        run.sent.append(cycle - 1)
        ctx.set(design.i.valid, 0)

    async def sink(ctx):  # type: ignore[no-untyped-def]
        cycle = 0
        vector: list[int] = []
        pending = None
        while len(run.outputs) < expected:
            ready = rng.random() >= stalls
            ctx.set(design.o.ready, ready)
            *_, valid, payload = await ctx.tick().sample(design.o.valid, design.o.payload)
            cycle += 1
            assert cycle < 200_000, f"{len(run.outputs)} of {expected} vectors after {cycle} cycles"
            shown = ([int(v) for v in payload.data], payload.last) if valid else None
            # stream rule: what was shown and not taken stays
            assert pending is None or pending == shown
            pending = None if ready else shown
            if valid and ready:
                vector += shown[0]
                if len(vector) == out_beats * out_width:
                    run.outputs.append(np.array(vector[: network.output_size]))
                    run.lasts.append(payload.last)
                    run.given.append(cycle - 1)
                    vector = []
        for _ in range(50):  # nothing may follow
            ctx.set(design.o.ready, 1)
            *_, valid = await ctx.tick().sample(design.o.valid)
            assert not valid

    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source)
    simulator.add_testbench(sink)
    simulator.run()
    assert len(run.outputs) == expected
    return run


def expected_outputs(network: Network, sequences: list[np.ndarray]) -> list[np.ndarray]:
    """The golden model's answers in the order the hardware gives them."""
    answers: list[np.ndarray] = []
    for sequence in sequences:
        outputs = golden.run(network, sequence[None]).outputs[0]
        answers.extend(outputs if network.return_sequences else [outputs])
    return answers
