"""The loop over time of a recurrent layer in codes, and its backward pass.

Forward, with z_t the inputs' part of the accumulators and the bias, W_h the recurrent weights in codes:

    s_t = rule(z_t, W_h h_{t-1}, s_{t-1})        s the state, h its first part; the rule is the golden model's

Backward, from the loss' gradient e_t by each h_t, t falling, with the rule's own derivatives (:mod:`codes`):

    g_t = e_t + (what step t + 1 hands back)     dz_t, da_t, ds_{t-1} = rule's derivatives times g_t
    handed back: ds_{t-1} + W_h^T da_t           dW_h = sum_t h_{t-1}^T da_t, one product after the loop

Gates that depend on others multiply p_t, which the rule makes of the others' codes, instead of h_{t-1}: the rule takes
their weights W_p, and sums so of both parts with dz_t alone, dW_p = sum_t p_t^T dz_t.

Only states, and p, are kept from the forward pass; sums and gates are worked out again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from ffhw.layers.recurrent import RecurrentLayer
from ffhw.training.layers.loop import summed_product
from ffhw.training.layers.scan import scan
from ffhw.training.qat.codes import Codes, Rounding


def states(layer: RecurrentLayer, driven: Any, recurrent: Any, mask: Any, exact: bool) -> Any:
    """Codes of h after every step, ``[T, batch, N]``, in floats.

    Parameters
    ----------
    driven: z_t of all sums, ``[T, batch, sums N]``; of sums that are kept apart the bias.
    recurrent: W_h ``[N, gates N]`` at the accumulator's resolution, dependent gates last; None where gates do not see
        the state.
    mask: steps that count, boolean ``[T, batch, 1]``; at others the state stays. None: all count.
    exact: round as the golden model does; else nothing rounds.
    """
    loop = _Loop(layer, [] if mask is None else [mask], exact)

    def with_gradient(driven: Any, *recurrent: Any) -> tuple[Any, Callable[..., Any]]:
        after, *passed = loop.forward(driven, recurrent)

        def gradient(*given: Any, upstream: Any = None) -> tuple[Any, ...]:
            # PyTorch names the argument
            return loop.backward(given[0] if upstream is None else upstream, after, passed, driven, recurrent)

        return after[..., : layer.units], gradient

    return ops.custom_gradient(with_gradient)(driven, *_by_round(layer, recurrent))


def _by_round(layer: RecurrentLayer, recurrent: Any) -> list[Any]:
    """Recurrent weights of h, and behind them those of what dependent gates multiply, if there are such."""
    if recurrent is None:
        return []
    free = (layer.gates - layer.dependent) * layer.units
    return [recurrent[:, :free], recurrent[:, free:]] if layer.dependent else [recurrent]


@dataclasses.dataclass(frozen=True)
class _Loop:
    """Both passes; see :func:`states`."""

    layer: RecurrentLayer
    masks: list[Any]
    exact: bool

    def forward(self, driven: Any, recurrent: Sequence[Any]) -> list[Any]:
        """All states, their parts side by side, ``[T, batch, parts N]``; and p, if gates depend on others."""
        rounding = Rounding(self.exact, straight=False)

        def step(before: Any, now: Sequence[Any]) -> tuple[Any, list[Any]]:
            z, *counts = now
            after, *passed = self.rule(rounding, z, self._again(before, recurrent), before, recurrent[1:])
            after = ops.where(counts[0], after, before) if counts else after
            return after, [after, *passed]

        return scan(step, self._first(driven), [driven, *self.masks])[1]

    def backward(
        self, error: Any, after: Any, passed: list[Any], driven: Any, recurrent: Sequence[Any]
    ) -> tuple[Any, ...]:
        """Gradients by ``driven`` and the recurrent weights, from those by h of all steps."""
        rounding, n = Rounding(self.exact), self.layer.units
        before = ops.concatenate([self._first(driven)[None], after[:-1]], axis=0)
        again = self._again(before, recurrent)
        transposed = [ops.transpose(weights) for weights in recurrent[:1]]
        seen = [] if again is None else [again]

        def step(beyond: Any, now: Sequence[Any]) -> tuple[Any, list[Any]]:
            error, z, before, *rest = now
            counts, a = rest[: len(self.masks)], rest[len(self.masks) :]
            # g_t = e_t + what comes from the step after
            g = ops.concatenate([beyond[:, :n] + error, beyond[:, n:]], axis=-1)

            def rule(z: Any, before: Any, *a: Any) -> Any:
                return self.rule(rounding, z, a[0] if a else None, before, recurrent[1:])[0]

            dz, back, *da = pulled_back(rule, [z, before, *a], g)
            for weights in transposed:
                back = ops.concatenate([back[:, :n] + ops.matmul(da[0], weights), back[:, n:]], axis=-1)
            found = [dz, *da]
            if counts:
                found, back = [ops.where(counts[0], v, 0.0) for v in found], ops.where(counts[0], back, g)
            return back, found

        xs = [error, driven, before, *self.masks, *seen]
        _, (dz, *da) = scan(step, ops.zeros_like(before[0]), xs, reverse=True)
        # dW_h = sum_t h_{t-1}^T da_t, dW_p = sum_t p_t^T dz_t
        late = dz[..., dz.shape[-1] - self.layer.dependent * n :]
        found = [summed_product(before[..., :n], v) for v in da]
        return dz, *found, *(summed_product(p, late) for p in passed)

    def rule(self, rounding: Rounding, driven: Any, again: Any, before: Any, late: Sequence[Any]) -> list[Any]:
        """The state after a step, its parts side by side; and p, if gates depend on others.

        again: W_h h of the other gates. late: W_p, if there is one.
        """
        layer: Any = self.layer  # whose rules take these codes for arrays
        n = layer.units
        together = layer.gates - layer.apart
        free = together - layer.dependent
        z, a = Codes(driven, rounding), None if again is None else Codes(again, rounding)
        parts = [Codes(before[:, p * n : (p + 1) * n], rounding) for p in range(len(layer.state_signals))]
        sums = z[:, : free * n]
        codes = layer.look_up(0, free)(sums if a is None else sums + a[:, : free * n])
        passed = []
        for weights in late:
            passed.append(layer.passed_on(codes, parts[0]).tensor)
            codes += layer.look_up(free, together)(z[:, free * n :] + ops.matmul(passed[0], weights))
        for apart in range(layer.apart):
            assert a is not None
            gate, own = together + apart, layer.gates + apart
            codes.append(z[:, gate * n : (gate + 1) * n])
            codes.append(a[:, gate * n : (gate + 1) * n] + z[:, own * n : (own + 1) * n])
        signals = dict(zip(layer.signals, layer.update(codes, *parts), strict=True))
        return [ops.concatenate([signals[name].tensor for name in layer.state_signals], axis=-1), *passed]

    def _again(self, states: Any, recurrent: Sequence[Any]) -> Any:
        """W_h h of the gates that depend on no other."""
        return ops.matmul(states[..., : self.layer.units], recurrent[0]) if recurrent else None

    def _first(self, driven: Any) -> Any:
        """All states reset: 0 in every format."""
        width = len(self.layer.state_signals) * self.layer.units
        return ops.zeros((ops.shape(driven)[1], width), driven.dtype)


def pulled_back(function: Callable[..., Any], inputs: list[Any], error: Any) -> list[Any]:
    """Gradients by the inputs of a function, from that by its answer.

    Raises
    ------
    NotImplementedError: the backend is neither TensorFlow nor JAX.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(inputs)
            answer = function(*inputs)
        zero = tf.UnconnectedGradients.ZERO
        return list(tape.gradient(answer, inputs, output_gradients=error, unconnected_gradients=zero))
    if keras.backend.backend() == "jax":
        import jax

        return list(jax.vjp(function, *inputs)[1](error))
    raise NotImplementedError("training on integers needs Keras on TensorFlow or JAX")
