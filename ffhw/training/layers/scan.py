"""A loop over time for any backend: ``keras.ops.scan``, and one of our own where that does more than it has to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

# step(carry, [x_t, ...]) -> carry, [y_t, ...]
Step = Callable[[Any, Sequence[Any]], tuple[Any, Sequence[Any]]]


def scan(step: Step, carry: Any, xs: Sequence[Any], reverse: bool = False) -> tuple[Any, list[Any]]:
    """The last carry, and each answer y of all steps, ``[T, ...]``.

    Parameters
    ----------
    carry: a tensor. xs: at least one tensor ``[T, ...]``. reverse: begin at the last step; the answers stand in the
    order of xs all the same.
    """
    if keras.backend.backend() == "tensorflow":
        return _tensorflow(step, carry, xs, reverse)
    carry, ys = ops.scan(lambda c, x: step(c, list(x)), carry, tuple(xs), reverse=reverse)
    return carry, list(ys)


def _tensorflow(step: Step, carry: Any, xs: Sequence[Any], reverse: bool) -> tuple[Any, list[Any]]:
    """Keras' own scan wants answers shaped like the carry there, and writes the carry to memory at each step."""
    import tensorflow as tf

    steps = tf.shape(xs[0])[0]
    # for the shapes of its answers; in a graph nobody asks for the values
    _, like = step(carry, [x[0] for x in xs])
    arrays = [tf.TensorArray(y.dtype, size=steps, element_shape=y.shape) for y in like]

    def body(count: Any, carry: Any, arrays: list[Any]) -> tuple[Any, Any, list[Any]]:
        t = steps - 1 - count if reverse else count
        # x[t] shares x' memory; an array of tensors would be a copy
        carry, answers = step(carry, [x[t] for x in xs])
        return count + 1, carry, [array.write(t, y) for array, y in zip(arrays, answers, strict=True)]

    _, carry, arrays = tf.while_loop(
        lambda count, *_: count < steps, body, (0, carry, arrays), maximum_iterations=steps, parallel_iterations=32
    )
    # layers behind may want to know the number of steps while the graph is made
    shapes = [(xs[0].shape[0], *y.shape) for y in like]
    return carry, [tf.ensure_shape(array.stack(), shape) for array, shape in zip(arrays, shapes, strict=True)]
