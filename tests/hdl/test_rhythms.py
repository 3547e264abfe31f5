"""Designs that do not answer step by step: convolutions, strides and pooling, every code and every cycle count."""

from __future__ import annotations

import numpy as np
import pytest
from harness import expected_outputs, simulate
from networks import random_chain, random_codes

from ffhw.hdl.design import Design
from ffhw.hdl.plan.chain import fold, plans
from ffhw.hdl.plan.performance import predict

# kinds, bits, lanes, simd, taps, stride, seed
GRID = [
    ("kjd", 8, 2, 2, 3, 1, 3),
    ("vjd", 4, 3, 3, 4, 2, 4),
    ("ekl", 4, 1, 2, 2, 3, 5),
    ("vks", 1, 4, 2, 3, 2, 7),
    ("jyd", 4, 4, 4, None, None, 8),
    ("y", 1, 1, 1, None, None, 12),
    ("pd", 4, 1, 2, None, None, 13),
]
WIDE_GRID = [
    ("kd", 4, 1, 1, 3, 1, 1),
    ("vd", 4, 1, 1, 3, 1, 2),
    ("jvd", 2, 2, 1, 3, 2, 6),
    ("jpd", 4, 4, 4, None, None, 9),
    ("vjy", 12, 2, 2, 4, 3, 10),
    ("eyd", 8, 1, 1, None, None, 11),
    ("kjp", 2, 1, 1, 1, 4, 14),
    ("kjd", 1, 1, 1, 5, 1, 15),
    ("jkjd", 12, 1, 1, 2, 2, 16),
    ("vvvd", 4, 6, 6, 2, 2, 17),
    ("jvl", 8, 3, 1, 4, 1, 18),
]


@pytest.mark.parametrize(
    ("kinds", "bits", "lanes", "simd", "taps", "stride", "seed", "periods"),
    # until the pace is that of the slowest engine, all buffers before it must be full
    [*((*row, 16) for row in GRID), *(pytest.param(*row, 48, marks=pytest.mark.slow) for row in WIDE_GRID)],
)
def test_design(kinds, bits, lanes, simd, taps, stride, seed, periods, rng):
    network = random_chain(seed, kinds, bits=bits, taps=taps, stride=stride)
    foldings = fold(network, lanes, simd)
    predicted = predict(network, foldings)
    least, period = network.rhythm.least, predicted.period_steps

    # all but the step that completes the first answer were sent long ago
    lone = random_codes(network, rng, [least])
    run = simulate(Design(network=network, foldings=foldings), lone, rest=300)
    final = len(run.sent) - 1
    assert run.given[-1] - run.sent[final] == predicted.latency_cycles

    sequences = random_codes(network, rng, [least + 7, least, least, least + 1, least + periods * period])
    expected = expected_outputs(network, sequences)
    for stalls in (0.0, 0.4):
        run = simulate(Design(network=network, foldings=foldings), sequences, stalls=stalls)
        assert [o.tolist() for o in run.outputs] == [e.tolist() for e in expected]
        answers = [int(network.rhythm.steps(len(s))) for s in sequences]
        assert np.flatnonzero(run.lasts).tolist() == (np.cumsum(answers) - 1).tolist()
        if stalls == 0.0:
            # the steady state, well inside the last sequence
            sent = np.array(run.sent[-4 * period - 1 :])
            assert set(sent[period:] - sent[:-period]) == {predicted.period_cycles}


@pytest.mark.parametrize(("kinds", "bits", "lanes"), [("dy", 3, 4), ("pd", 4, 1), ("y", 1, 1)])
def test_sequences_of_one_step_are_pooled_at_the_predicted_pace(kinds, bits, lanes, rng):
    network = random_chain(20, kinds, bits=bits)
    foldings = fold(network, lanes, 4)
    chain = plans(network, foldings)
    paces = [plan.sequence_cycles(1) for plan in chain]
    run = simulate(Design(network=network, foldings=foldings), random_codes(network, rng, [1] * 12))
    assert set(np.diff(run.given)[-4:]) == {max(paces)}
    pooled = paces[kinds.index("y" if "y" in kinds else "p")]
    assert pooled == max(paces)
