"""The loop over time of flip-flop neurons, its backward pass by hand (JK flip-flop network paper, eq. 3), any backend.

Forward, with z_t the inputs' part of the gates' sums, s the sigmoid, * element by element:

    gates_t = s(z_t + W_h h_{t-1})                  h_t = update(gates_t, h_{t-1})

Backward, from the loss' gradient e_t with respect to each output, t falling:

    g_t   = e_t + c_{t+1} g_{t+1} + W_h^T dz_{t+1}  c_t = d h_t / d h_{t-1} at fixed gates
    dz_t  = p_t * g_t, a row a gate                 p_t = (d h_t / d gate_t) gate_t (1 - gate_t)

Only states and gates are kept from the forward pass, and dW_h = sum_t h_{t-1}^T dz_t is one product after the loop. (A
compiler that differentiates the loop itself adds up dW_h inside it, which costs most of the time.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from ffhw.training.layers.scan import scan

# update(gates, h): new state of gates, each [..., N], and state [..., N].
Update = Callable[[list[Any], Any], Any]
# slopes(gates, h): d h_t / d gate of each gate, and d h_t / d h_{t-1}.
Slopes = Callable[[list[Any], Any], tuple[list[Any], Any]]


def states(
    update: Update,
    slopes: Slopes,
    sums: Any,
    first: Any,
    recurrent: Any = None,
    kept: Any = None,
    mask: Any = None,
    training: bool = True,
) -> Any:
    """States of all steps, ``[T, batch, N]``.

    Parameters
    ----------
    sums: the inputs' part of the gates' sums, biases included, ``[T, batch, G N]``, gate by gate.
    first: state before the first step, ``[batch, N]``.
    recurrent: W_h ``[N, G N]``; None if gates do not see the state.
    kept: what W_h sees of the state, ``[batch, N]`` of factors (recurrent dropout); None: all.
    mask: steps that count, boolean ``[T, batch, 1]``; at others the state stays. None: all count.
    training: whether a backward pass is to be expected, for which gates are kept; else it works them out again.
    """
    count = sums.shape[-1] // first.shape[-1]
    masks = [] if mask is None else [mask]

    def visible(h: Any) -> Any:
        return h if kept is None else h * kept

    def loop(keep: bool, sums: Any, first: Any, *weights: Any) -> list[Any]:
        def step(h: Any, now: Sequence[Any]) -> tuple[Any, list[Any]]:
            z, *counts = now
            # gates_t = s(z_t + W_h h_{t-1})
            gates = ops.sigmoid(z + ops.matmul(visible(h), weights[0]) if weights else z)
            # h_t = update(gates_t, h_{t-1})
            new = update(ops.split(gates, count, axis=-1), h)
            new = ops.where(counts[0], new, h) if counts else new
            return new, [new, gates] if keep else [new]

        return scan(step, first, [sums, *masks])[1]

    def with_gradient(sums: Any, first: Any, *weights: Any) -> tuple[Any, Callable[..., Any]]:
        after, *gates = loop(training, sums, first, *weights)
        before = ops.concatenate([first[None], after[:-1]], axis=0)
        transposed = [ops.transpose(weight) for weight in weights]

        def step(beyond: Any, now: Sequence[Any]) -> tuple[Any, list[Any]]:
            error, gates, h, *counts = now
            # g_t = e_t + what comes from the step after
            g = error + beyond
            by_gate, by_state = slopes(ops.split(gates, count, axis=-1), h)
            # dz_t = (d h_t / d gate_t) g_t gate_t (1 - gate_t)
            dz = ops.concatenate([slope * g for slope in by_gate], axis=-1) * (gates - gates * gates)
            # c_t g_t + W_h^T dz_t
            back = by_state * g
            if weights:
                back = back + visible(ops.matmul(dz, transposed[0]))
            if counts:
                dz, back = ops.where(counts[0], dz, 0.0), ops.where(counts[0], back, g)
            return back, [dz]

        def gradient(*given: Any, upstream: Any = None) -> tuple[Any, ...]:
            # PyTorch names the argument
            error = given[0] if upstream is None else upstream
            values = gates or loop(True, sums, first, *weights)[1:]
            first_error, (dz,) = scan(step, ops.zeros_like(first), [error, *values, before, *masks], reverse=True)
            if not weights:
                return dz, first_error
            # dW_h = sum_t h_{t-1}^T dz_t
            rows, columns = (ops.reshape(part, (-1, part.shape[-1])) for part in (visible(before), dz))
            return dz, first_error, ops.matmul(ops.transpose(rows), columns)

        return after, gradient

    # a copy: TensorFlow would take the variable itself for something that the function changes
    weights = () if recurrent is None else (ops.copy(recurrent),)
    return ops.custom_gradient(with_gradient)(sums, first, *weights)
