"""On a GPU that JAX finds (make test-gpu): one kernel equals the plain scan, integers the golden model."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import random_chain
from runtimes import CHAINS, assert_equal

from ffhw.backends.run import open_backend
from ffhw.training.layers import fused
from ffhw.training.layers.jk import JKCell

pytestmark = pytest.mark.gpu
STEPS = 50


def test_there_is_a_gpu():
    assert jax.default_backend() == "gpu"


# one tile and several, of one block's sequences and of more, filled up or not
@pytest.mark.parametrize(
    ("units", "batch"), [(10, 1), (64, 17), (100, 3), (128, 256), (256, 16), (256, 256), (512, 33)]
)
def test_states_and_gradients_are_those_of_a_plain_scan(units, batch, rng):
    cell = JKCell(1)
    assert fused.cut_into_tiles(units, batch, 2) is not None
    shapes = [(STEPS, batch, 3), (batch, units), (3, 2 * units), (units, 2 * units), (2 * units,)]
    scales = [1, 1, 1, units**-0.5, 1]
    given = [jnp.asarray(rng.normal(0, scale, shape), jnp.float32) for scale, shape in zip(scales, shapes, strict=True)]
    mask = jnp.asarray(rng.random((STEPS, batch, 1)) > 0.3)
    error = jnp.asarray(rng.normal(size=(STEPS, batch, units)), jnp.float32)

    def scan(inputs, first, kernel, recurrent, bias):
        def step(h, now):
            z, counts = now
            gates = jnp.split(jax.nn.sigmoid(z + h @ recurrent), 2, axis=-1)
            new = jnp.where(counts, cell.update(gates, h), h)
            return new, new

        return jax.lax.scan(step, first, (inputs @ kernel + bias, mask))[1]

    def kernel(*given):
        return fused.states(cell.update, cell.slopes, 2, *given, mask)

    def both(function):
        def loss(*given):
            states = function(*given)
            return (states * error).sum(), states

        (_, states), gradients = jax.jit(jax.value_and_grad(loss, range(5), has_aux=True))(*given)
        return [states, *gradients]

    with jax.default_matmul_precision("highest"):
        for ours, theirs in zip(both(kernel), both(scan), strict=True):
            # relative to all of it: sums of some thousand terms in another order
            assert jnp.linalg.norm(ours - theirs) < 1e-5 * jnp.linalg.norm(theirs)


@pytest.mark.parametrize("number", range(len(CHAINS)))
def test_integers_equal_the_golden_model(number, rng):
    assert_equal(open_backend("jax", random_chain(number, CHAINS[number], bits=(8, 4, 16)[number % 3])), rng)


def test_widest_accumulators_equal_the_golden_model():
    assert_equal(open_backend("jax", random_chain(5, "jgd", bits=16)), np.random.default_rng(2))
