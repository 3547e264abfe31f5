from __future__ import annotations

import numpy as np
import pytest

from ffhw.training.datasets.labelled import Sequences, standardised, with_crops


def ragged(rng):
    x = rng.normal(3, 2, (6, 9, 2)).astype(np.float32)
    lengths = np.array([9, 4, 7, 9, 5, 3])
    x[np.arange(9) >= lengths[:, None]] = 0
    return Sequences(x, lengths, np.arange(6))


def test_standardised_channels_and_untouched_padding(rng):
    data = ragged(rng)
    train, _ = standardised(data, data)
    real = np.arange(9) < data.lengths[:, None]
    assert train.x[real].mean(axis=0) == pytest.approx([0, 0], abs=1e-5)
    assert train.x[real].std(axis=0) == pytest.approx([1, 1], abs=1e-5)
    assert not train.x[~real].any()


def test_crops_are_sections_of_their_source(rng):
    data = ragged(rng)
    x, y = with_crops(data, copies=2, shortest=0.5, seed=1)
    assert y.tolist() == list(range(6)) * 3
    for row, label in zip(x[6:], y[6:], strict=True):
        size = int(row.any(axis=-1).sum())
        source, length = data.x[label], data.lengths[label]
        assert size >= int(0.5 * length)
        assert any(np.array_equal(source[b : b + size], row[:size]) for b in range(length - size + 1))
