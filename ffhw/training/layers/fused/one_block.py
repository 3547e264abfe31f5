"""A block of the grid for each sequence, which holds all weights: in registers, from before the first step.

A sequence's step is a product of a vector with a matrix. So few numbers leave matrix units idle for most of their time
(they take 16 rows at least, and factors of 10 bits: float32 needs three products), and what a step takes is how long
its parts wait for each other. Here each thread multiplies and adds what its registers hold, in float32; a sum over the
threads that share a column follows, and one exchange of the new state. Of the layouts tried on an H100 the one of the
fewest threads was the fastest: 128 weights in the registers of each.

Units are filled up with zeros to a power of two. Latency on an H100: about 1 microsecond a step, for as many sequences
at once as blocks fit its multiprocessors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from ffhw.training.layers.fused.neuron import Neuron

_WARP = 32  # threads
_HELD = 128  # weights in the registers of a thread, of 255
_MOST_WARPS = 8  # more threads have fewer registers each
_LEAST = 16  # units, filled up


def _filled(units: int) -> int:
    return max(_LEAST, int(pl.next_power_of_2(units)))


def holds(units: int, gates: int) -> bool:
    """Whether the registers of one block hold the weights of N units and G gates."""
    return gates * _filled(units) ** 2 <= _MOST_WARPS * _WARP * _HELD


def states(neuron: Neuron, inputs: Any, first: Any, kernel: Any, recurrent: Any, bias: Any, counts: Any) -> Any:
    """States of all steps, ``[T, batch, N]``; arrays as :func:`ffhw.training.layers.fused.states` takes them.

    Parameters
    ----------
    counts: 1 or 0, ``[T, batch]``.
    """
    units = recurrent.shape[0]
    more = _filled(units) - units

    def by_gate(weights: Any) -> Any:
        # [..., G N] -> [..., G, W]
        apart = weights.reshape(*weights.shape[:-1], neuron.gates, units)
        return jnp.pad(apart, [(0, 0)] * (apart.ndim - 1) + [(0, more)])

    # z_t = W_x x_t + b, of all steps in one product
    z = jnp.tensordot(inputs, by_gate(kernel), 1) + by_gate(bias)
    held = jnp.pad(by_gate(recurrent), ((0, more), (0, 0), (0, 0))).transpose(1, 0, 2)
    after = _states(neuron, z, jnp.pad(first, ((0, 0), (0, more))), held, counts)
    return after[..., :units]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _states(neuron: Neuron, z: Any, first: Any, recurrent: Any, counts: Any) -> Any:
    """States ``[T, batch, W]`` of z ``[T, batch, G, W]``, the first state ``[batch, W]`` and W_h ``[G, W, W]``."""
    return _forward(neuron, False, z, first, recurrent, counts)[0]


def _with_gates(neuron: Neuron, z: Any, first: Any, recurrent: Any, counts: Any) -> tuple[Any, Any]:
    after, gates = _forward(neuron, True, z, first, recurrent, counts)
    return after, (after, gates, first, recurrent, counts)


def _forward(neuron: Neuron, keep: bool, z: Any, first: Any, recurrent: Any, counts: Any) -> Sequence[Any]:
    """States of all steps; and all gates if they are to be kept."""
    steps, batch, _, wide = z.shape
    each_gate = range(neuron.gates)

    def body(z_ref: Any, counts_ref: Any, first_ref: Any, w_ref: Any, h_ref: Any, gates_ref: Any = None) -> None:
        row = pl.program_id(0)
        weights = [w_ref[gate] for gate in each_gate]

        def read(t: Any) -> tuple[Any, Any]:
            return [z_ref[t, row, gate] for gate in each_gate], counts_ref[t, row]

        def step(t: Any, carry: Any) -> Any:
            h, (z, now) = carry
            # on their way while this step is worked out
            beyond = read(jnp.minimum(t + 1, steps - 1))
            # gates_t = s(z_t + W_h h_{t-1})
            gates = [jax.nn.sigmoid(z[gate] + _product([(h, weights[gate])])) for gate in each_gate]
            if gates_ref is not None:
                for gate in each_gate:
                    gates_ref[t, row, gate] = gates[gate]
            # h_t = update(gates_t, h_{t-1})
            h = jnp.where(now > 0, neuron.update(gates, h), h)
            h_ref[t, row] = h
            return h, beyond

        jax.lax.fori_loop(0, steps, step, (first_ref[row], read(0)))

    results = [(steps, batch, wide), *([z.shape] if keep else [])]
    return _call(neuron, body, (z, counts, first, recurrent), results, "flip_flop_forward")


def _backward(neuron: Neuron, kept: tuple[Any, ...], error: Any) -> tuple[Any, ...]:
    """Gradients by z, first state and weights, from those by the states of all steps."""
    after, gates, first, recurrent, counts = kept
    steps, batch, _, wide = gates.shape
    each_gate = range(neuron.gates)
    before = jnp.concatenate([first[None], after[:-1]])

    def body(
        error_ref: Any, gates_ref: Any, h_ref: Any, counts_ref: Any, w_ref: Any, dz_ref: Any, by_first_ref: Any
    ) -> None:
        row = pl.program_id(0)
        weights = [w_ref[gate] for gate in each_gate]

        def read(t: Any) -> tuple[Any, ...]:
            values = [gates_ref[t, row, gate] for gate in each_gate]
            return error_ref[t, row], values, h_ref[t, row], counts_ref[t, row]

        def step(done: Any, carry: Any) -> Any:
            t = steps - 1 - done
            beyond, (e, values, h, counting) = carry
            ahead = read(jnp.maximum(t - 1, 0))
            now = counting > 0
            # g_t = e_t + what comes from the step after
            g = e + beyond
            by_gate, by_state = neuron.slopes(values, h)
            # dz_t = (d h_t / d gate_t) g_t gate_t (1 - gate_t)
            parts = zip(by_gate, values, strict=True)
            dz = [jnp.where(now, slope * g * (value - value * value), 0.0) for slope, value in parts]
            for gate in each_gate:
                dz_ref[t, row, gate] = dz[gate]
            # c_t g_t + W_h^T dz_t
            back = jnp.where(now, by_state * g, g) + _product(list(zip(dz, weights, strict=True)))
            return back, ahead

        nothing = jnp.zeros((wide,), jnp.float32)
        by_first_ref[row] = jax.lax.fori_loop(0, steps, step, (nothing, read(steps - 1)))[0]

    given = (error, gates, before, counts, recurrent.transpose(0, 2, 1))
    dz, by_first = _call(neuron, body, given, [gates.shape, (batch, wide)], "flip_flop_backward")
    # dW_h = sum_t h_{t-1}^T dz_t
    by_recurrent = jnp.einsum("tbn,tbgm->gnm", before, dz, precision=jax.lax.Precision.HIGHEST)
    return dz, by_first, by_recurrent, None


def _product(pairs: Sequence[tuple[Any, Any]]) -> Any:
    """Sum of products of vectors ``[inner]`` with matrices ``[inner, columns]``."""
    return jnp.sum(sum(vector[:, None] * matrix for vector, matrix in pairs), axis=0)


def _call(
    neuron: Neuron, body: Callable[..., None], given: Sequence[Any], results: Sequence[Any], name: str
) -> Sequence[Any]:
    """Run a kernel's body, a block a sequence, on whole arrays: those given, then the results."""
    weights = given[-1]
    found: Sequence[Any] = pl.pallas_call(
        body,
        out_shape=tuple(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in results),
        grid=(results[0][1],),
        interpret=neuron.interpret,
        compiler_params=triton.CompilerParams(num_warps=max(1, weights.size // (_WARP * _HELD)), num_stages=1),
        name=name,
    )(*given)
    return found


_states.defvjp(_with_gates, _backward)
