from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from ffhw.training.layers.window import WindowRNN
from ffhw.training.networks.cells import CELLS, recurrent_cell


def by_hand(layer, x, characters):
    """Eq. 4 of the paper around a centered JK cell, in double precision: what each step answers."""
    kernel, recurrent, bias, weights, offset = (np.asarray(w, np.float64) for w in layer.get_weights())
    n, gaussians = recurrent.shape[0], weights.shape[1] // 3
    h, kappa, read = np.zeros((len(x), n)), np.zeros((len(x), gaussians)), np.zeros((len(x), characters.shape[2]))
    places = np.arange(1, characters.shape[1] + 1)
    answers = []
    for step in range(x.shape[1]):
        sums = np.concatenate([x[:, step], read], axis=-1) @ kernel + (2 * h - 1) @ recurrent + bias.sum(axis=0)
        j, k = np.split(1 / (1 + np.exp(-sums)), 2, axis=-1)
        h = j * (1 - h) + (1 - k) * h
        height, sharpness, advance = np.split(np.exp((2 * h - 1) @ weights + offset), 3, axis=-1)
        kappa = kappa + advance
        phi = np.einsum("bg,bgu->bu", height, np.exp(-sharpness[..., None] * (kappa[..., None] - places) ** 2))
        read = np.einsum("bu,bua->ba", phi, characters)
        answers.append(np.concatenate([2 * h - 1, read], axis=-1))
    return np.stack(answers, axis=1)


@pytest.fixture
def inputs(rng):
    characters = np.eye(6)[rng.integers(0, 6, (2, 4))].astype(np.float32)
    characters[1, 3] = 0
    return [rng.normal(size=(2, 7, 3)).astype(np.float32), characters]


def test_against_the_equation(rng, inputs):
    layer = WindowRNN(recurrent_cell("jk", 5, 8.0), 2, 6)
    layer(inputs)
    layer.set_weights([w + rng.normal(0, 0.3, w.shape) for w in layer.get_weights()])
    assert ops.convert_to_numpy(layer(inputs)) == pytest.approx(by_hand(layer, *inputs), abs=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_states_go_in_again(inputs, cell):
    layer = WindowRNN(recurrent_cell(cell, 5, 8.0), 2, 6, return_state=True)
    strokes, characters = inputs
    whole, *_ = layer(inputs)
    first, *states = layer([strokes[:, :3], characters])
    second, *_ = layer([strokes[:, 3:], characters, *states])
    assert np.allclose(ops.concatenate([first, second], axis=1), whole, atol=1e-6)
