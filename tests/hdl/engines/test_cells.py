"""The finishing unit of each recurrent kind against the golden rule, signal by signal."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from amaranth.sim import Simulator
from networks import OWN, random_cell

from ffhw.hdl.plan.folding import Folding
from ffhw.layers import KINDS, rule
from ffhw.layers.over_maps import OverMaps
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.numbers.formats import Fixed

# those over maps have no hardware
RECURRENT = [
    kind for kind, (_, layer) in KINDS.items() if issubclass(layer, RecurrentLayer) and not issubclass(layer, OverMaps)
]


def check_cell(layer, sums, states, width=1):
    """Feed accumulators ``[cases, width, sums]`` and old states ``[cases, width, parts]``; compare every signal.

    Where gates depend on others a case takes a round for each gate, one right behind the other.
    """
    folding = Folding(width, width, width)
    cell = rule("ffhw.hdl.engines", "hardware", layer).engine(layer, folding, None, 1, False, False).cell
    parts = layer.state_signals
    together = layer.gates - layer.apart
    gates = [layer.tables[g].look_up(sums[..., g], layer.gate_shifts[g]) for g in range(together)]
    apart = [sums[..., n] for n in range(together, layer.sums)]
    expected = layer.update(gates + apart, *(states[..., p] for p in range(len(parts))))
    # what rounds a sum comes with its bias
    given = sums + (cell.bias() - layer.bias)[:, 0]
    rounds = layer.rounds
    given = given.reshape(len(sums), width, rounds, -1).swapaxes(1, 2).reshape(len(sums) * rounds, width, -1)
    passed_on = layer.passed_on(gates, states[..., 0]) if layer.dependent else None
    compared = 0

    async def testbench(ctx):
        nonlocal compared
        ctx.set(cell.en, 1)
        for n in range(len(given) + cell.latency):
            if n < len(given):
                ctx.set(cell.acc, given[n].tolist())
                if rounds > 1:
                    ctx.set(cell.round, n % rounds)
                    ctx.set(cell.beat, n // rounds % cell.beats)
            if 1 <= n <= len(given) and cell.reads:
                own = [
                    {name: int(unit[parts.index(name)]) for name in cell.reads} for unit in states[(n - 1) // rounds]
                ]
                ctx.set(cell.own, own)
            case, turn = divmod(n - cell.latency, rounds)
            if case >= 0 and turn == 0 and passed_on is not None:
                assert [ctx.get(code) for code in cell.passed_on] == passed_on[case].tolist()
            if case >= 0 and turn == rounds - 1:
                for name, codes in zip(layer.signals, expected, strict=True):
                    got = [ctx.get(getattr(cell, name)[unit]) for unit in range(width)]
                    assert got == codes[case].tolist(), name
                    compared += width
            await ctx.tick()

    simulator = Simulator(cell)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    assert compared == len(sums) * width * len(layer.signals)


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize(("bits", "width"), [(1, 1), (2, 2), (4, 1), (8, 1), (11, 2)])
def test_cell_equals_the_golden_update(kind, bits, width, rng):
    layer = random_cell(rng, kind, "cell", Fixed(bits, bits - 2), 3, 3, bits)
    cases = 1500 // width
    # each sum to its own bound, what rounds it included
    bound = layer.accumulator_bounds().max(axis=1).astype(np.int64)
    if layer.apart:
        bound[-1] -= (1 << layer.recurrent_shift) >> 1
    sums = rng.integers(-bound, bound, (cases, width, layer.sums), endpoint=True)
    near = rng.integers(-(1 << bits), 1 << bits, sums.shape) << np.array([*layer.gate_shifts, *[0] * layer.apart])
    sums = np.where(rng.random(sums.shape) < 0.7, np.clip(near, -bound, bound), sums)
    low, high = [f.min for f in layer.state_formats], [f.max for f in layer.state_formats]
    states = rng.integers(low, high, (cases, width, len(low)), endpoint=True)
    ends = np.where(rng.random(states.shape) < 0.5, low, high)
    check_cell(layer, sums, np.where(rng.random(states.shape) < 0.2, ends, states), width)


OPTIONS = [
    *((kind, {}) for kind in ("jk", "jk-closing", "toggle", "toggle-closing")),
    *((kind, {"both": both}) for kind in ("sr", "sr-closing") for both in ("set", "reset", "hold")),
]


@pytest.mark.parametrize(("kind", "options"), OPTIONS)
@pytest.mark.parametrize("bits", [1, 2])
def test_flip_flop_cell_for_every_input(kind, options, bits, rng):
    """All indices and states."""
    layer = random_cell(rng, kind, "cell", Fixed(bits, bits - 2), 1, 1, bits, **options)
    reach = 1 << (bits + 1)
    shift = layer.gate_shifts[0]
    layer = dataclasses.replace(
        layer, weights_x=layer.weights_x * 0, weights_h=layer.weights_h * 0, bias=layer.bias * 0 - (reach << shift)
    )
    accs = [range(-reach, reach)] * layer.sums
    cases = np.array(list(itertools.product(*accs, range(1 << bits))))
    check_cell(layer, cases[:, None, :-1] << shift, cases[:, None, -1:])


def test_each_kind_that_needs_more_is_given_it():
    assert set(OWN) <= set(RECURRENT)
