"""The loop over time of flip-flop neurons, its backward pass by hand (JK flip-flop network paper, eq. 3), any backend.

Forward, with z_t the inputs' part of the gates' sums, s the sigmoid, * element by element:

    gates_t = s(z_t + W_h h_{t-1})                  h_t = update(gates_t, h_{t-1})
    (or gates that close, gates_t = clip((1 + 2 c) s(...) - c, 0, 1), see :mod:`gates`)

Backward, from the loss' gradient e_t with respect to each output, t falling:

    g_t   = e_t + c_{t+1} g_{t+1} + W_h^T dz_{t+1}  c_t = d h_t / d h_{t-1} at fixed gates
    dz_t  = p_t * g_t, a row a gate                 p_t = (d h_t / d gate_t) (d gate_t / d sum_t), of a sigmoid
                                                    (d h_t / d gate_t) gate_t (1 - gate_t)

Only states and sigmoids are kept from the forward pass, and dW_h = sum_t h_{t-1}^T dz_t is one product after the loop.
(A compiler that differentiates the loop itself adds up dW_h inside it, which costs most of the time.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from ffhw.training.layers.gates import opened, slope
from ffhw.training.layers.scan import scan

# Inputs from which on their part of the sums is worked out before the loop: with fewer, the product in the loop costs
# less than to write and read its results.
HOISTED = 16
# update(gates, h): new state of gates, each [..., N], and state [..., N].
Update = Callable[[list[Any], Any], Any]
# slopes(gates, h): d h_t / d gate of each gate, and d h_t / d h_{t-1}.
Slopes = Callable[[list[Any], Any], tuple[list[Any], Any]]


def states(
    update: Update,
    slopes: Slopes,
    inputs: Any,
    first: Any,
    kernel: Any,
    bias: Any = None,
    recurrent: Any = None,
    kept: Any = None,
    mask: Any = None,
    training: bool = True,
    closing: bool = False,
) -> Any:
    """States of all steps, ``[T, batch, N]``.

    Parameters
    ----------
    inputs: ``[T, batch, D]``. first: state before the first step, ``[batch, N]``.
    kernel: W_x ``[D, G N]``, gate by gate. bias: ``[G N]`` or None.
    recurrent: W_h ``[N, G N]``; None if gates do not see the state.
    kept: what W_h sees of the state, ``[batch, N]`` of factors (recurrent dropout); None: all.
    mask: steps that count, boolean ``[T, batch, 1]``; at others the state stays. None: all count.
    training: whether a backward pass is to be expected, for which sigmoids are kept; else it works them out again.
    closing: whether gates close.
    """
    if inputs.shape[-1] >= HOISTED:
        # z_t = W_x x_t + b, of all steps in one product
        inputs, kernel = ops.matmul(inputs, kernel), None
        inputs, bias = (inputs if bias is None else inputs + bias), None
    given = {"recurrent": recurrent, "kernel": kernel, "bias": bias}
    there = {name: weight for name, weight in given.items() if weight is not None}
    loop = _Loop(update, slopes, kept, [] if mask is None else [mask], tuple(there), closing)

    def with_gradient(inputs: Any, first: Any, *weights: Any) -> tuple[Any, Callable[..., Any]]:
        after, *smooth = loop.forward(training, inputs, first, weights)

        def gradient(*given: Any, upstream: Any = None) -> tuple[Any, ...]:
            # PyTorch names the argument
            error = given[0] if upstream is None else upstream
            (values,) = smooth or loop.forward(True, inputs, first, weights)[1:]
            return loop.backward(error, after, values, inputs, first, weights)

        return after, gradient

    # copies: TensorFlow would take variables themselves for something that the function changes
    return ops.custom_gradient(with_gradient)(inputs, first, *(ops.copy(weight) for weight in there.values()))


@dataclasses.dataclass(frozen=True)
class _Loop:
    """Both passes; see :func:`states`. masks: the mask, if there is one. names: of the weights that there are."""

    update: Update
    slopes: Slopes
    kept: Any
    masks: list[Any]
    names: tuple[str, ...]
    closing: bool

    def forward(self, keep: bool, inputs: Any, first: Any, weights: Sequence[Any]) -> list[Any]:
        """States of all steps, and the sigmoids of all gates if they are to be kept."""
        recurrent, kernel, bias = self._by_name(weights)

        def step(h: Any, now: Sequence[Any]) -> tuple[Any, list[Any]]:
            x, *counts = now
            # gates_t = s(z_t + W_h h_{t-1}), z_t = W_x x_t + b
            sums = x if kernel is None else ops.matmul(x, kernel)
            sums = sums if bias is None else sums + bias
            smooth = ops.sigmoid(sums if recurrent is None else sums + ops.matmul(self._visible(h), recurrent))
            # h_t = update(gates_t, h_{t-1})
            new = self.update(apart(opened(smooth, self.closing), h), h)
            new = ops.where(counts[0], new, h) if counts else new
            return new, [new, smooth] if keep else [new]

        return scan(step, first, [inputs, *self.masks])[1]

    def backward(
        self, error: Any, after: Any, smooth: Any, inputs: Any, first: Any, weights: Sequence[Any]
    ) -> tuple[Any, ...]:
        """Gradients by inputs, first state and weights, from those by the states of all steps."""
        recurrent, kernel, bias = self._by_name(weights)
        before = ops.concatenate([first[None], after[:-1]], axis=0)
        transposed = None if recurrent is None else ops.transpose(recurrent)

        def step(beyond: Any, now: Sequence[Any]) -> tuple[Any, list[Any]]:
            error, smooth, h, *counts = now
            # g_t = e_t + what comes from the step after
            g = error + beyond
            by_gate, by_state = self.slopes(apart(opened(smooth, self.closing), h), h)
            # dz_t = (d h_t / d gate_t) g_t (d gate_t / d sum_t), of a sigmoid gate_t (1 - gate_t)
            dz = ops.concatenate([by * g for by in by_gate], axis=-1) * slope(smooth, self.closing)
            # c_t g_t + W_h^T dz_t
            back = by_state * g
            if transposed is not None:
                back = back + self._visible(ops.matmul(dz, transposed))
            if counts:
                dz, back = ops.where(counts[0], dz, 0.0), ops.where(counts[0], back, g)
            return back, [dz]

        first_error, (dz,) = scan(step, ops.zeros_like(first), [error, smooth, before, *self.masks], reverse=True)
        found = [dz if kernel is None else ops.matmul(dz, ops.transpose(kernel)), first_error]
        # dW_h = sum_t h_{t-1}^T dz_t      dW_x = sum_t x_t^T dz_t      db = sum_t dz_t
        found += [] if recurrent is None else [summed_product(self._visible(before), dz)]
        found += [] if kernel is None else [summed_product(inputs, dz)]
        found += [] if bias is None else [ops.sum(dz, axis=(0, 1))]
        return tuple(found)

    def _by_name(self, weights: Sequence[Any]) -> tuple[Any, Any, Any]:
        found = dict(zip(self.names, weights, strict=True))
        return found.get("recurrent"), found.get("kernel"), found.get("bias")

    def _visible(self, h: Any) -> Any:
        return h if self.kept is None else h * self.kept


def apart(gates: Any, h: Any) -> list[Any]:
    """Each gate, ``[..., N]``, of all gates side by side; h: anything ``[..., N]``."""
    parts: list[Any] = ops.split(gates, gates.shape[-1] // h.shape[-1], axis=-1)
    return parts


def summed_product(left: Any, right: Any) -> Any:
    """``sum_t left_t^T right_t`` of ``[T, batch, ...]``, as one product."""
    left, right = (ops.reshape(part, (-1, part.shape[-1])) for part in (left, right))
    return ops.matmul(ops.transpose(left), right)
