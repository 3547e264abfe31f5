"""Whole designs in Amaranth's own simulator: every output code, every cycle count."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from amaranth.sim import Simulator
from harness import expected_outputs, simulate
from networks import random_codes, random_network

from ffhw.hdl.design import Design
from ffhw.hdl.engines.jk import engine as jk_engine
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.performance import predict
from ffhw.model import golden
from ffhw.model.network import Network

# bits, units of the JK layers, lanes, simd, every step, activation, tokens
GRID = [
    (4, (5,), 1, 1, True, "linear", 0),
    (4, (5,), 2, 2, True, "linear", 0),
    (4, (8,), 4, 4, True, "linear", 0),
    (4, (8,), 8, 8, True, "relu", 0),
    (2, (7,), 3, 2, True, "sigmoid", 0),
    (1, (6,), 2, 3, True, "argmax", 0),
    (8, (6, 5), 2, 1, True, "linear", 0),
    (8, (8, 8), 4, 2, False, "linear", 0),
    (8, (12,), 5, 4, False, "argmax", 0),
    (6, (9,), 3, 2, True, "linear", 7),
    (8, (1,), 1, 1, True, "linear", 0),
    (3, (20,), 20, 1, True, "linear", 0),
    (3, (24, 10, 4), 6, 6, True, "sigmoid", 0),
    (5, (5,), 5, 4, True, "linear", 0),  # no common divisor: a group pauses for its finisher
]

# the other cells: bits, units, lanes, simd, every step, options
CELLS_GRID = [
    ("toggle", 8, (7,), 2, 2, True, {}),
    ("sr", 4, (6, 3), 3, 1, True, {"both": "set"}),
    ("sr", 8, (5,), 5, 4, False, {"both": "reset"}),
    ("sr", 3, (2,), 1, 2, True, {"both": "hold"}),
    # gates that see the inputs only: a step may be shorter than the way of a unit through the cell
    ("jk-inputs", 8, (1,), 1, 1, True, {}),
    ("jk-inputs", 8, (6, 5), 6, 4, True, {}),
    ("toggle-inputs", 4, (4,), 2, 4, False, {}),
    ("sr-inputs", 8, (7, 2), 2, 1, True, {"both": "set"}),
    ("jk-closing", 8, (6, 3), 2, 2, True, {}),
    ("toggle-closing-inputs", 5, (4,), 4, 1, True, {}),
    ("simple_rnn", 8, (7, 3), 2, 2, True, {}),
    ("simple_rnn", 12, (1,), 1, 1, False, {}),
    ("ctrnn", 8, (6,), 3, 2, True, {}),
    ("gru", 8, (7, 4), 2, 2, True, {}),
    ("gru", 4, (12,), 4, 1, False, {}),
    ("gru", 1, (3,), 3, 3, True, {}),
    ("gru_reset_before", 8, (7, 4), 2, 2, True, {}),
    ("gru_reset_before", 4, (12,), 4, 1, False, {}),
    ("gru_reset_before", 1, (3,), 3, 3, True, {}),
    ("gru_reset_before", 6, (1,), 1, 1, True, {}),
    ("gru_reset_before", 5, (5,), 5, 4, True, {}),
    ("lstm", 8, (7, 4), 2, 2, True, {}),
    ("lstm", 4, (12,), 4, 1, False, {}),
    ("lstm", 1, (3,), 3, 3, True, {}),
    ("lstm", 6, (1,), 1, 1, True, {}),
]


@pytest.mark.parametrize(("bits", "units", "lanes", "simd", "every_step", "activation", "tokens"), GRID)
def test_design(bits, units, lanes, simd, every_step, activation, tokens, rng):
    network = random_network(
        5,
        inputs=4,
        units=units,
        outputs=3,
        bits=bits,
        activation=activation,
        return_sequences=every_step,
        tokens=tokens,
    )
    check(network, lanes, simd, every_step, rng)


@pytest.mark.parametrize(("cell", "bits", "units", "lanes", "simd", "every_step", "options"), CELLS_GRID)
def test_design_of_each_cell(cell, bits, units, lanes, simd, every_step, options, rng):
    network = random_network(
        5, inputs=4, units=units, outputs=2, bits=bits, return_sequences=every_step, cell=cell, **options
    )
    check(network, lanes, simd, every_step, rng)


def check(network, lanes, simd, every_step, rng):
    """Outputs with and without stalls, and the predicted cycles."""
    foldings = fold(network, lanes, simd)
    predicted = predict(network, foldings)

    lone = random_codes(network, rng, [1])
    run = simulate(Design(network=network, foldings=foldings), lone)
    assert run.given[-1] - run.sent[0] == predicted.latency_cycles

    sequences = random_codes(network, rng, [12, 1, 3, 20])
    expected = expected_outputs(network, sequences)
    ends = np.cumsum([len(s) for s in sequences]) - 1 if every_step else np.arange(len(sequences))
    for stalls in (0.0, 0.4):
        run = simulate(Design(network=network, foldings=foldings), sequences, stalls=stalls)
        assert [o.tolist() for o in run.outputs] == [e.tolist() for e in expected]
        assert np.flatnonzero(run.lasts).tolist() == ends.tolist()
        if stalls == 0.0:
            # the steady state, well inside the last sequence
            assert set(np.diff(run.sent)[-12:]) == {predicted.cycles_per_step}


def test_nothing_waits_where_the_drain_is_hidden():
    network = random_network(1, inputs=9, units=(12,), outputs=2, bits=4)
    predicted = predict(network, fold(network, 4, 1))
    assert [e.stall_cycles_per_step for e in predicted.engines] == [0, 0]
    assert predicted.cycles_per_step == 3 * (9 + 12)


def test_the_first_of_equal_outputs_is_the_class():
    network = random_network(1, inputs=3, units=(4,), outputs=4, bits=4, activation="argmax")
    jk, dense = network.layers
    twins = np.stack([dense.weights[0], dense.weights[1], dense.weights[1], dense.weights[1]])
    bias = np.array([0, 5, 5, 5])
    network = Network("twins", (jk, dataclasses.replace(dense, weights=twins, bias=bias)))
    sequences = random_codes(network, np.random.default_rng(1), [40])
    run = simulate(Design(network=network, foldings=fold(network, 2, 1)), sequences)
    assert [o.tolist() for o in run.outputs] == [e.tolist() for e in expected_outputs(network, sequences)]
    assert {int(o[0]) for o in run.outputs} == {0, 1}


def test_inputs_that_overtake_a_state_wait_for_it(rng):
    """The first input beat is offered as soon as the state's first beat is in; the rest of the state comes late."""
    network = random_network(6, inputs=2, units=(5,), outputs=0, bits=6)
    (layer,), (folding,) = network.layers, fold(network, 1, 1)
    engine = jk_engine(layer, folding, None, 1, True, False)
    state = rng.integers(0, 63, 5)
    codes = random_codes(network, rng, [3])[0]
    expected = golden.run(network, codes[None], states={"jk_0": state[None]}).outputs[0]

    async def load(ctx):
        for unit in state:
            ctx.set(engine.i_state.payload.data, [int(unit)])
            ctx.set(engine.i_state.valid, 1)
            await ctx.tick().until(engine.i_state.ready)
            ctx.set(engine.i_state.valid, 0)
            await ctx.tick().repeat(25)

    async def send(ctx):
        await ctx.tick().until(engine.i_state.valid & engine.i_state.ready)
        for t, code in enumerate(codes.reshape(-1)):
            ctx.set(engine.i.payload.data, [int(code)])
            ctx.set(engine.i.payload.last, t == codes.size - 1)
            ctx.set(engine.i.valid, 1)
            await ctx.tick().until(engine.i.ready)
        ctx.set(engine.i.valid, 0)

    taken = []

    simulator = Simulator(engine)
    simulator.add_clock(1e-6)
    for process in (load, send):
        simulator.add_testbench(process, background=True)

    async def collect(ctx):
        ctx.set(engine.o.ready, 1)
        ctx.set(engine.o_state.ready, 1)
        for _ in range(2000):
            *_, valid, payload = await ctx.tick().sample(engine.o.valid, engine.o.payload)
            if valid:
                taken.append(int(payload.data[0]))

    simulator.add_testbench(collect)
    simulator.run()
    assert taken == expected.reshape(-1).tolist()


def test_design_refuses_a_wrong_number_of_foldings():
    network = random_network(1)
    with pytest.raises(ValueError, match=r"^a network of 2 layers needs as many foldings, not 1$"):
        Design(network=network, foldings=fold(network, 1, 1)[:1])
