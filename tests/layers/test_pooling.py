"""Averages and maxima over time: hand-worked, against exact fractions, and against Keras."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest

from ffhw.errors import InputError
from ffhw.layers.base import NetworkError
from ffhw.layers.pooling import FloatPooling, PoolingLayer
from ffhw.model import golden
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed, Index, Unorm


def pool(codes, pooling="average", fmt=Fixed(4, 2), lengths=None, steps=64):
    codes = np.asarray(codes)
    layer = PoolingLayer("pool", fmt, pooling, codes.shape[2], steps if pooling == "average" else 0)
    return golden.run(Network("n", (layer,)), codes, lengths).outputs


def test_an_average_is_rounded_half_up():
    # 1/2 -> 1, -1/2 -> 0, -3/2 -> -1, 5/3 -> 2, -5/3 -> -2
    for codes, mean in (([0, 1], 1), ([0, -1], 0), ([-1, -2], -1), ([1, 2, 2], 2), ([-1, -2, -2], -2), ([-8], -8)):
        assert pool(np.array(codes)[None, :, None]) == mean


@pytest.mark.parametrize("fmt", [Fixed(1, 0), Fixed(3, 1), Fixed(12, 4), Unorm(1), Unorm(8)])
def test_averages_are_those_of_fractions(fmt, rng):
    codes = rng.integers(fmt.min, fmt.max, (40, 9, 3), endpoint=True)
    lengths = rng.integers(1, 10, 40)
    outputs = pool(codes, "average", fmt, lengths)
    for sequence, length, output in zip(codes, lengths, outputs, strict=True):
        for channel in range(3):
            mean = Fraction(sum(int(v) for v in sequence[:length, channel]), int(length))
            assert output[channel] == math.floor(mean + Fraction(1, 2))


def test_a_maximum_is_that_of_real_steps(rng):
    codes = rng.integers(-8, 8, (30, 6, 2))
    lengths = rng.integers(1, 7, 30)
    expected = [sequence[:length].max(axis=0).tolist() for sequence, length in zip(codes, lengths, strict=True)]
    assert pool(codes, "max", lengths=lengths).tolist() == expected


def test_too_many_steps_are_refused():
    with pytest.raises(InputError, match=r"^sequences must have at most 4 steps \(--max-steps\), not 5$"):
        pool(np.zeros((1, 5, 1), int), steps=4)
    assert pool(np.zeros((1, 5000, 1), int), "max").shape == (1, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input": Index(5)}, r" cannot take Index\(5\) as input$"),
        ({"pooling": "median"}, r": pooling must be average or max, not 'median'$"),
        ({"size": 0}, r": size must be at least 1, not 0$"),
        ({"steps": -1}, r": steps must be a whole number up to 16777216, not -1$"),
        ({"pooling": "max"}, r": a maximum has no bound of steps$"),
    ],
)
def test_contradictions_are_refused(changes, message):
    layer = PoolingLayer("pool", Fixed(4, 2), "average", 3, 64)
    with pytest.raises(NetworkError, match=r"^layer 'pool'" + message):
        dataclasses.replace(layer, **changes)


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_floats_are_those_of_keras(pooling, rng):
    import keras

    kind = {"average": keras.layers.GlobalAveragePooling1D, "max": keras.layers.GlobalMaxPooling1D}[pooling]
    x = rng.normal(size=(3, 7, 2))
    got = FloatPooling("pool", pooling, 2).forward(x, np.full(3, 7))[:, 0]
    assert got == pytest.approx(np.asarray(kind()(x)), abs=1e-6)
