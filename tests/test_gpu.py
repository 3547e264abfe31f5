"""On a GPU that JAX finds (make test-gpu): one kernel equals the plain scan, integers the golden model."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from networks import random_chain
from plain_scan import arrays, by_kernel, states_and_gradients, step_by_step
from runtimes import CHAINS, assert_equal

from ffhw.backends.run import open_backend
from ffhw.training.layers.jk import JKCell

pytestmark = pytest.mark.gpu
STEPS = 50


def test_there_is_a_gpu():
    assert jax.default_backend() == "gpu"


# one block a sequence, more sequences than run at once, several blocks, filled up or not
SIZES = [(10, 1), (32, 1000), (64, 17), (100, 3), (128, 256), (200, 33), (256, 16), (256, 256)]


@pytest.mark.parametrize(("units", "batch"), SIZES)
def test_states_and_gradients_are_those_of_a_plain_scan(units, batch, rng):
    cell = JKCell(1)
    given = arrays(rng, cell, STEPS, batch, units, recurrent=units**-0.5)
    mask = jnp.asarray(rng.random((STEPS, batch, 1)) > 0.3)
    error = jnp.asarray(rng.normal(size=(STEPS, batch, units)), jnp.float32)
    with jax.default_matmul_precision("highest"):
        kernel, scan = (states_and_gradients(way, cell, given, mask, error) for way in (by_kernel, step_by_step))
        for ours, theirs in zip(kernel, scan, strict=True):
            # relative to all of it: sums of some thousand terms in another order
            assert jnp.linalg.norm(ours - theirs) < 1e-5 * jnp.linalg.norm(theirs)


@pytest.mark.parametrize("number", range(len(CHAINS)))
def test_integers_equal_the_golden_model(number, rng):
    assert_equal(open_backend("jax", random_chain(number, CHAINS[number], bits=(8, 4, 16)[number % 3])), rng)


def test_widest_accumulators_equal_the_golden_model():
    assert_equal(open_backend("jax", random_chain(5, "jgd", bits=16)), np.random.default_rng(2))
