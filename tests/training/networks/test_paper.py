"""The paper's networks have the paper's parameters, to the unit."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from ffhw.training.networks import paper, window
from ffhw.training.networks.cells import CELLS
from ffhw.training.train import count_trainable

# tables 3 to 11: trainable parameters with flip-flop neurons, and with LSTM
SIZES = {
    "signal": (15_751, 31_051),
    "text": (2_710_082, 5_331_522),
    "frames": (204_041, 406_681),
    "lung": (94_331, 182_075),
    "action": (63_060_491, 63_137_803),
}


@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("name", SIZES)
def test_trainable_parameters(name, column):
    model = getattr(paper, name)(CELLS[column], None)
    assert count_trainable(model) == SIZES[name][column]


@pytest.mark.parametrize(("cell", "size"), [("jk", 53_600), ("lstm", 106_400)])
def test_sentiment_is_counted_without_embedding_and_readout(cell, size):
    model = paper.sentiment(cell, None, words=1000)
    assert count_trainable(model.get_layer("review_both_ways")) == size


@pytest.mark.parametrize(("cell", "size"), [("jk", 1_108_936), ("lstm", 2_160_136)])
def test_handwriting(cell, size):
    assert count_trainable(window.handwriting(cell, None)) == size


@pytest.mark.parametrize("cell", CELLS)
def test_small_ones_answer_in_the_shapes_they_promise(cell, rng):
    def answer(model, *shape, kind=np.float32):
        return model.predict_on_batch(rng.integers(0, 2, shape).astype(kind)).shape

    assert answer(paper.signal(cell, 10.0, units=3), 2, 4, 3) == (2, 4, 1)
    assert answer(paper.sentiment(cell, 10.0, words=7, units=3, embedding=2), 2, 4) == (2, 1)
    assert answer(paper.text(cell, 10.0, characters=5, embedding=2, units=3), 2, 4) == (2, 4, 5)
    assert answer(paper.frames(cell, 4.0, filters=2, layers=1, size=8), 2, 3, 8, 8, 1) == (2, 3, 8, 8, 1)
    assert answer(paper.lung(cell, 4.0, filters=2, size=8), 2, 3, 8, 8, 1) == (2, 3, 8, 8, 1)
    assert answer(paper.action(cell, 4.0, 4, filters=2, dense=3, size=10, pool=2), 2, 3, 10, 10, 3) == (2, 4)
    model = window.handwriting(cell, 10.0, alphabet=6, units=4, gaussians=2)
    inputs = {"strokes": rng.normal(size=(2, 7, 3)), "characters": np.eye(6)[rng.integers(0, 6, (2, 3))]}
    assert model.predict_on_batch(inputs).shape == (2, 7, 121)


def test_flip_flops_are_centered():
    """Else actions are hardly learned in five epochs, and lung volumes at four times the error."""
    networks = [
        paper.signal("jk", 10.0, 4),
        paper.text("jk", None, 9, 4, 4, 2),
        paper.action("jk", 10.0, filters=2, size=12, pool=4),
        window.handwriting("jk", 10.0, alphabet=6, units=4, gaussians=2),
    ]
    for network in networks:
        cells = [layer.cell for layer in network.layers if hasattr(layer, "cell")]
        assert cells
        assert all(cell.centered for cell in cells)


def test_a_window_is_saved_and_loaded(tmp_path, rng):
    model = window.handwriting("jk", 10.0, alphabet=6, units=4, gaussians=2)
    inputs = {"strokes": rng.normal(size=(2, 7, 3)), "characters": np.eye(6)[rng.integers(0, 6, (2, 3))]}
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert np.array_equal(again.predict_on_batch(inputs), model.predict_on_batch(inputs))
