"""What tests of the fused kernel share: arrays of a layer, the plain scan that JAX differentiates, both compared."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ffhw.training.layers import fused


def arrays(rng, cell, steps, batch, units, inputs=3, recurrent=0.5):
    """Inputs, first state, kernel, recurrent kernel, bias; ``recurrent``: the spread of its weights."""
    wide = cell.gates * units
    shapes = [(steps, batch, inputs), (batch, units), (inputs, wide), (units, wide), (wide,)]
    spreads = [0.5, 0.5, 0.5, recurrent, 0.5]
    given = [
        jnp.asarray(rng.normal(0, spread, shape), jnp.float32) for spread, shape in zip(spreads, shapes, strict=True)
    ]
    given[1] = jax.nn.sigmoid(given[1])
    return given


def step_by_step(cell, inputs, first, kernel, recurrent, bias, mask):
    """A plain scan, for JAX to differentiate."""

    def step(h, now):
        x, counts = now
        sums = x @ kernel + h @ recurrent + (0 if bias is None else bias)
        new = cell.update(jnp.split(jax.nn.sigmoid(sums), cell.gates, axis=-1), h)
        new = jnp.where(counts, new, h)
        return new, new

    mask = jnp.ones((*inputs.shape[:2], 1), bool) if mask is None else mask
    return jax.lax.scan(step, first, (inputs, mask))[1]


def by_kernel(cell, inputs, first, kernel, recurrent, bias, mask):
    """A GPU's kernel: there, or interpreted."""
    interpret = None if jax.default_backend() == "gpu" else True
    return fused.states(
        cell.update, cell.slopes, cell.gates, inputs, first, kernel, recurrent, bias, mask, interpret=interpret
    )


def by_processor(cell, inputs, first, kernel, recurrent, bias, mask):
    """The kernel of a processor, which is compiled first."""
    return fused.states(cell.update, cell.slopes, cell.gates, inputs, first, kernel, recurrent, bias, mask)


def states_and_gradients(function, cell, given, mask, error):
    """States, and gradients by all that is given but None, of the sum of states weighted with ``error``."""
    differentiated = tuple(number for number, array in enumerate(given) if array is not None)

    def loss(*given):
        states = function(cell, *given, mask)
        return (states * error).sum(), states

    (_, states), gradients = jax.jit(jax.value_and_grad(loss, differentiated, has_aux=True))(*given)
    return [states, *gradients]
