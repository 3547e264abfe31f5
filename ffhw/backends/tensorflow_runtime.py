"""The integer ONNX graph in TensorFlow: one rule an operator, as a ``tf.function``, with or without XLA."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from ffhw.backends.base import Backend
from ffhw.backends.program import Program, Rule, numpy_type, slices
from ffhw.layers.base import Ints
from ffhw.model.golden import Result
from ffhw.model.network import Network
from ffhw.onnx.export import to_onnx
from ffhw.onnx.graph import state_name


class TensorFlow(Backend):
    """A network as one ``tf.function`` of any batch and time.

    Parameters
    ----------
    xla: compile it, once for each shape of a batch. batch: the only one that is taken; any if None.
    rules: of the operators, :data:`RULES` if None.
    """

    name = "tensorflow"

    def __init__(
        self,
        network: Network,
        xla: bool = False,
        batch: int | None = None,
        rules: Mapping[str, Rule] | None = None,
    ) -> None:
        super().__init__(network)
        self.rules = RULES if rules is None else rules
        self.program = Program.of(to_onnx(network).graph)
        spec = tf.TensorSpec
        self.signature = [
            spec([batch, None, network.input_size], tf.int32, "codes"),
            spec([batch], tf.int32, "lengths"),
        ]
        self.signature += [
            spec([batch, layer.state_size], tf.int32, f"state_{number}")
            for number, layer in enumerate(network.stateful_layers)
        ]
        self.traced = tf.function(self.function, input_signature=self.signature, jit_compile=xla, autograph=False)
        self.compiled = self.traced.get_concrete_function()

    def function(self, *given: Any) -> list[Any]:
        """``codes, lengths, *states`` to ``outputs, *states``, all int32."""
        names = ["codes", "lengths", *map(state_name, self.network.stateful_layers)]
        return self.program.run(self.rules, dict(zip(names, given, strict=True)))

    def _run(self, codes: Ints, lengths: Ints, states: dict[str, Ints]) -> Result:
        given = [array.astype(np.int32) for array in (codes, lengths, *self._starts(states, len(codes)))]
        outputs, *final = self.compiled(*map(tf.constant, given))
        return self._result(outputs, final)


class TensorFlowXla(TensorFlow):
    """The same, compiled by XLA."""

    name = "tensorflow-xla"

    def __init__(self, network: Network) -> None:
        super().__init__(network, xla=True)


def _slice(x: Any, starts: Any, ends: Any, axes: Any, steps: Any = None) -> Any:
    return x[slices(len(x.shape), starts, ends, axes, np.ones_like(starts) if steps is None else steps)]


def _squeeze(x: Any, axes: Any = None) -> Any:
    return tf.reshape(x, []) if axes is None else tf.squeeze(x, axes.tolist())


def _unsqueeze(x: Any, axes: Any) -> Any:
    for axis in sorted(axes.tolist()):
        x = tf.expand_dims(x, axis)
    return x


def _reshape(x: Any, shape: Any) -> Any:
    sizes = tf.shape(x)
    return tf.reshape(x, [sizes[axis] if size == 0 else int(size) for axis, size in enumerate(shape)])


def _scan(*given: Any, body: Callable[..., list[Any]], num_scan_inputs: int) -> tuple[Any, ...]:
    parts = len(given) - num_scan_inputs
    inputs = given[parts:]
    steps = tf.shape(inputs[0])[0]
    state = tuple(tf.convert_to_tensor(part) for part in given[:parts])
    every = tf.TensorArray(state[0].dtype, steps, element_shape=state[0].shape)

    def step(t: Any, every: Any, *state: Any) -> tuple[Any, ...]:
        found = body(*state, *(x[t] for x in inputs))
        return (t + 1, every.write(t, found[parts]), *found[:parts])

    _, every, *state = tf.while_loop(lambda t, *rest: t < steps, step, (0, every, *state))
    return (*state, every.stack())


RULES: dict[str, Rule] = {
    "Add": lambda a, b: a + b,
    "ArgMax": lambda x, axis, keepdims: tf.expand_dims(tf.argmax(x, axis), axis),
    "Cast": lambda x, to: tf.cast(x, numpy_type(to)),
    "Concat": lambda *parts, axis: tf.concat(parts, axis),
    # towards zero, as ONNX divides
    "Div": lambda a, b: tf.raw_ops.Div(x=a, y=b),
    # every size is meant: none is smaller than what is there
    "Expand": lambda x, shape: tf.broadcast_to(x, shape),
    "Gather": lambda table, index, axis=0: tf.gather(table, index, axis=axis),
    "Identity": lambda x: x,
    "Less": lambda a, b: a < b,
    "MatMul": lambda a, b: tf.matmul(a, b),
    "Max": tf.maximum,
    "Min": tf.minimum,
    "Mul": lambda a, b: a * b,
    "Range": lambda start, stop, step: tf.range(start, stop, step),
    "ReduceMax": lambda x, axes, keepdims: tf.reduce_max(x, axes.tolist(), keepdims=bool(keepdims)),
    "ReduceSum": lambda x, axes, keepdims=1: tf.reduce_sum(x, axes.tolist(), keepdims=bool(keepdims)),
    "Reshape": _reshape,
    "ReverseSequence": lambda x, lengths, batch_axis, time_axis: tf.reverse_sequence(x, lengths, time_axis, batch_axis),
    "Scan": _scan,
    "Shape": lambda x, start=0, end=None: tf.shape(x, tf.int64)[start:end],
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": lambda a, b: a - b,
    "Transpose": lambda x, perm: tf.transpose(x, perm),
    "Unsqueeze": _unsqueeze,
    "Where": lambda condition, a, b: tf.where(condition, a, b),
}
