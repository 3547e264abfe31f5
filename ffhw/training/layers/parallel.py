"""States of gates that see the inputs only, many steps at a time, on any backend.

Such a step is linear in the state, and two of them are one such step (the associative law that a parallel scan needs):

    h_t = a_t + c_t h_{t-1}            h_{t+1} = (a_{t+1} + c_{t+1} a_t) + c_{t+1} c_t h_{t-1}

Time is cut into blocks of about sqrt(T) steps (of 64 where T is not known while the graph is made). All blocks go
through their steps side by side, as from a state of zero; the states at their ends are carried from block to block;
then each block adds what it was carried. So a loop of T steps becomes two of sqrt(T), for three multiplications a step
and unit instead of one. Backward, from the loss' gradient e_t:

    g_t = e_t + c_{t+1} g_{t+1}        d a_t = g_t        d c_t = g_t h_{t-1}

the same scan, from the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ffhw.training.layers.gates import gates_of
from ffhw.training.layers.loop import Update, apart
from ffhw.training.layers.scan import scan

BLOCK = 64  # steps of a block where their number is not known while the graph is made


def states(
    update: Update, inputs: Any, first: Any, kernel: Any, bias: Any = None, mask: Any = None, closing: bool = False
) -> Any:
    """States of all steps, ``[T, batch, N]``; parameters as of :func:`ffhw.training.layers.loop.states`."""
    # gates_t = s(W_x x_t + b)
    sums = ops.matmul(inputs, kernel)
    gates = gates_of(sums if bias is None else sums + bias, closing)
    # a coefficient near 1 and its powers are no numbers for half precision
    given, first = first.dtype, ops.cast(first, keras.backend.result_type(first.dtype, "float32"))
    gates = apart(ops.cast(gates, first.dtype), first)
    # update(gates, h) = a + c h
    a = update(gates, ops.zeros_like(first))
    c = update(gates, ops.ones_like(first)) - a
    if mask is not None:
        a, c = ops.where(mask, a, 0.0), ops.where(mask, c, 1.0)
    return ops.cast(linear_states(a, c, first), given)


def linear_states(a: Any, c: Any, first: Any) -> Any:
    """``h_t = a_t + c_t h_{t-1}`` of all steps.

    Parameters
    ----------
    a, c: ``[T, batch, N]``. first: state before the first step, ``[batch, N]``.
    """

    def with_gradient(a: Any, c: Any, first: Any) -> tuple[Any, Callable[..., Any]]:
        after = _solved(a, c, first)

        def gradient(*given: Any, upstream: Any = None) -> tuple[Any, ...]:
            # PyTorch names the argument
            error = given[0] if upstream is None else upstream
            later = ops.concatenate([c[1:], ops.zeros_like(c[:1])], axis=0)
            g = ops.flip(_solved(ops.flip(error, 0), ops.flip(later, 0), ops.zeros_like(first)), 0)
            before = ops.concatenate([first[None], after[:-1]], axis=0)
            return g, g * before, g[0] * c[0]

        return after, gradient

    return ops.custom_gradient(with_gradient)(a, c, first)


def _solved(a: Any, c: Any, first: Any) -> Any:
    """The states, block by block."""
    known = a.shape[0]
    size = max(1, math.isqrt(known)) if isinstance(known, int) else BLOCK
    steps = ops.shape(a)[0]
    blocks = (steps + size - 1) // size
    batch, n = ops.shape(first)
    # what is added behind the end keeps the state: a = 0, c = 1
    missing = blocks * size - steps
    behind = ops.zeros((missing, batch, n), a.dtype)
    both = ops.stack([ops.concatenate([a, behind]), ops.concatenate([c, behind + 1])])
    both = ops.transpose(ops.reshape(both, (2, blocks, size, batch, n)), (2, 0, 1, 3, 4))

    def inside(so_far: Any, now: Any) -> tuple[Any, list[Any]]:
        a, c = now[0][0], now[0][1]
        # A_t = a_t + c_t A_{t-1}      C_t = c_t C_{t-1}
        so_far = ops.stack([a + c * so_far[0], c * so_far[1]])
        return so_far, [so_far]

    ends, (within,) = scan(inside, ops.concatenate([ops.zeros_like(both[0, :1]), ops.ones_like(both[0, :1])]), [both])

    def across(h: Any, now: Any) -> tuple[Any, list[Any]]:
        return now[0] + now[1] * h, [h]

    _, (before,) = scan(across, first, [ends[0], ends[1]])
    # h_t = A_t + C_t h before the block
    found = within[:, 0] + within[:, 1] * before
    return ops.reshape(ops.transpose(found, (1, 0, 2, 3)), (blocks * size, batch, n))[:steps]
