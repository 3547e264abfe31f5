"""Both directions in hardware: every code, the latency of a lone step, and the pace of sequences back to back."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import unsigned
from amaranth.sim import Simulator
from harness import expected_outputs, simulate
from networks import random_bidirectional, random_chain, random_codes, random_dense

from ffhw.hdl.datapath.reversal import Reversal
from ffhw.hdl.design import Design
from ffhw.hdl.plan.chain import fold, plans
from ffhw.hdl.plan.performance import predict
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed

STEPS = 12

# cell, merge, bits, units, inputs, lanes, simd, every step, a dense layer behind
GRID = [
    ("jk", "concat", 8, 4, 3, 2, 2, True, True),
    ("jk", "sum", 4, 5, 2, 5, 1, True, True),
    ("lstm", "mul", 6, 3, 2, 1, 1, True, False),
    ("gru", "concat", 4, 6, 4, 2, 2, False, True),
    ("gru_reset_before", "ave", 5, 4, 2, 2, 2, True, False),
    ("jk-inputs", "mul", 4, 3, 2, 3, 1, True, False),
    ("toggle", "ave", 1, 4, 1, 4, 4, True, False),
    ("simple_rnn", "sum", 8, 4, 2, 2, 1, False, False),
]
WIDE = [
    ("jk", "mul", 12, 7, 5, 3, 2, True, True),
    ("sr", "concat", 3, 1, 1, 1, 1, True, False),
    ("ctrnn", "ave", 8, 8, 3, 8, 8, True, True),
    ("lstm", "concat", 2, 6, 3, 6, 3, True, True),
    ("gru", "mul", 1, 2, 2, 2, 2, False, False),
    ("jk", "concat", 4, 20, 2, 20, 1, True, False),  # two directions' beats take longer than their products
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("cell", "merge", "bits", "units", "inputs", "lanes", "simd", "every_step", "dense"),
    [*GRID, *(pytest.param(*row, marks=pytest.mark.slow) for row in WIDE)],
)
def test_design(cell, merge, bits, units, inputs, lanes, simd, every_step, dense, rng):
    both = random_bidirectional(rng, cell, merge, "both", Fixed(bits, bits - 2), units, inputs, bits, STEPS, every_step)
    layers = [both]
    if dense:
        layers.append(random_dense(rng, "dense", both.output, 2, both.output_size, bits, "linear"))
    check(Network("both", tuple(layers)), lanes, simd, rng)


@pytest.mark.long
@pytest.mark.parametrize(
    ("kinds", "bits", "lanes", "simd", "seed"),
    [
        ("qjd", 4, 2, 2, 1),
        ("bbd", 4, 2, 1, 2),
        pytest.param("jqmq", 8, 2, 2, 3, marks=pytest.mark.slow),
        pytest.param("ebBa", 4, 1, 1, 4, marks=pytest.mark.slow),
        pytest.param("bjb", 2, 3, 2, 5, marks=pytest.mark.slow),
        pytest.param("kby", 4, 2, 2, 6, marks=pytest.mark.slow),
    ],
)
def test_chains(kinds, bits, lanes, simd, seed, rng):
    check(random_chain(seed, kinds, bits=bits, steps=STEPS, taps=2, stride=1), lanes, simd, rng)


def check(network, lanes, simd, rng):
    foldings = fold(network, lanes, simd)
    predicted = predict(network, foldings)
    lone = random_codes(network, rng, [1])
    run = simulate(Design(network=network, foldings=foldings), lone, rest=300)
    assert run.given[-1] - run.sent[0] == predicted.latency_cycles

    sequences = random_codes(network, rng, [STEPS, 1, 3, 1, 1, 1, 7, *[STEPS] * 7])
    expected = expected_outputs(network, sequences)
    for stalls in (0.0, 0.4):
        run = simulate(Design(network=network, foldings=foldings), sequences, stalls=stalls)
        assert [o.tolist() for o in run.outputs] == [e.tolist() for e in expected]
        answers = [int(network.rhythm.steps(len(s))) for s in sequences]
        assert np.flatnonzero(run.lasts).tolist() == (np.cumsum(answers) - 1).tolist()
        if stalls == 0.0:
            # the steady state, from sequence to sequence of one length; inputs run ahead until all memories are full
            ends = np.array(run.given)[np.cumsum(answers) - 1]
            pace = max(plan.sequence_cycles(STEPS) for plan in plans(network, foldings))
            assert set(np.diff(ends)[-2:]) == {pace}
            assert (STEPS - 2) * predicted.cycles_per_step < pace <= STEPS * predicted.cycles_per_step


@pytest.mark.parametrize("beats", [1, 2, 3])
def test_reversal_gives_each_sequence_from_its_end(beats, rng):
    lengths = [4, 1, 1, 4, 2, 3]
    vectors = [rng.integers(0, 256, (length, beats)) for length in lengths]
    turn = Reversal(shape=unsigned(8), width=1, beats=beats, steps=4)
    got, times, sent = [], [], []

    async def send(ctx):
        cycle = 0
        for sequence in vectors:
            for t, b in np.ndindex(sequence.shape):
                ctx.set(turn.i.valid, 1)
                ctx.set(turn.i.payload.data, [int(sequence[t, b])])
                ctx.set(turn.i.payload.last, t == len(sequence) - 1)  # counts with the final beat only
                while True:
                    *_, ready = await ctx.tick().sample(turn.i.ready)
                    cycle += 1
                    if ready:
                        break
                sent.append(cycle - 1)
        ctx.set(turn.i.valid, 0)

    async def take(ctx):
        ctx.set(turn.o.ready, 1)
        for cycle in range(200):
            *_, valid, payload = await ctx.tick().sample(turn.o.valid, turn.o.payload)
            if valid:
                got.append((int(payload.data[0]), int(payload.last)))
                times.append(cycle)

    simulator = Simulator(turn)
    simulator.add_clock(1e-6)
    simulator.add_testbench(send, background=True)
    simulator.add_testbench(take)
    simulator.run()
    expected = [
        (int(value), int(step == len(sequence) - 1 and beat == beats - 1))
        for sequence in vectors
        for step, vector in enumerate(sequence[::-1])
        for beat, value in enumerate(vector)
    ]
    assert got == expected
    assert times[0] - sent[lengths[0] * beats - 1] == 2
    assert np.diff(times[: lengths[0] * beats]).tolist() == [1] * (lengths[0] * beats - 1)
