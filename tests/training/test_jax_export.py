"""The network in floats as one program for processors that are not here, run on the one that is."""

from __future__ import annotations

import keras
import pytest
from commands import on_backend

from ffhw.errors import InputError

# Keras' backend is chosen once: a process of its own.
SCRIPT = """
import jax, keras, numpy as np
from ffhw.training.jax_export import PLATFORMS, portable
from ffhw.training.layers.jk import JK

keras.utils.set_random_seed(1)
# a kernel for this processor is none for the others: its layer becomes a loop
layers = [JK(5, return_sequences=True), JK(4, implementation="fused"), keras.layers.Dense(3)]
model = keras.Sequential([keras.Input((None, 20)), *layers])
weights = [variable.value for variable in model.trainable_variables]
x = np.random.default_rng(0).normal(size=(7, 9, 20)).astype("float32")
program = jax.export.deserialize(portable(model).serialize())
assert program.platforms == PLATFORMS
for part in (x, x[:1, :2]):
    np.testing.assert_allclose(program.call(weights, part), model(part), atol=1e-6)
gradient = portable(model, training=True)
slopes = gradient.call(weights, x)
assert gradient.platforms == PLATFORMS
# along its own direction the gradient is the difference of the loss
loss = lambda weights: float((np.asarray(program.call(weights, x)) ** 2).mean())
size = sum(float((slope ** 2).sum()) for slope in slopes)
step = 1e-2 / size ** 0.5
there = [[w + sign * step * slope for w, slope in zip(weights, slopes)] for sign in (1, -1)]
found = (loss(there[0]) - loss(there[1])) / (2 * step)
assert abs(found / size - 1) < 1e-3, (found, size)
print("equal")
"""


@pytest.mark.training
def test_the_program_for_all_platforms_is_the_model():
    assert on_backend("jax", "-c", SCRIPT).splitlines()[-1] == "equal"


def test_other_backends_are_refused():
    from ffhw.training.jax_export import portable

    model = keras.Sequential([keras.Input((None, 2)), keras.layers.Dense(1)])
    with pytest.raises(InputError, match=r"^a portable program needs KERAS_BACKEND=jax, not tensorflow$"):
        portable(model)
