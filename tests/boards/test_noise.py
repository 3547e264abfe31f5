from __future__ import annotations

import numpy as np
import pytest
from amaranth.sim import Simulator

from ffhw.boards.noise import DEGREE, FRESH, TAP, Noise, start


def run(width: int, cycles: int) -> np.ndarray:
    noise, rows = Noise(width), []

    async def bench(ctx):
        for _ in range(cycles):
            rows.append(ctx.get(noise.bits))
            await ctx.tick()

    simulator = Simulator(noise)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return np.array([[row >> n & 1 for n in range(width)] for row in rows])


def test_bits_are_balanced_and_independent():
    bits = run(40, 3000)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.05
    # no bit follows from another one, neither at once nor in the next cycles
    signs = 2.0 * bits - 1
    for delay in range(4):
        product = signs[delay:].T @ signs[: len(signs) - delay] / (len(signs) - delay)
        if delay == 0:
            product -= np.eye(40)
        assert np.abs(product).max() < 0.12


def test_register_follows_its_recurrence():
    bits = run(FRESH, 40).reshape(-1)
    for i in range(len(bits) - DEGREE):
        assert bits[i + DEGREE] == bits[i + TAP] ^ bits[i]


def test_registers_start_apart():
    starts = [start(number) for number in range(200)]
    assert len(set(starts)) == 200
    assert all(0 < value < 1 << DEGREE for value in starts)


def test_no_bits():
    with pytest.raises(ValueError, match="width must be at least 1, not 0"):
        Noise(0)
