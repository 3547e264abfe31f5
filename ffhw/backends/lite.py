"""The integer ONNX graph in TensorFlow Lite: its own operators only, one sequence of any length at a time.

TensorFlow Lite multiplies matrices of floats, or of 8-bit integers whose products it scales and rounds to 8 bits: not
what the golden model does. So products are sums of floats here, which are exact: a float holds every integer below
2^24, and no partial sum is larger. All else is 32-bit integers.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ffhw.backends.base import Backend
from ffhw.backends.tensorflow_runtime import RULES, TensorFlow, tf
from ffhw.errors import InputError
from ffhw.layers.base import Ints
from ffhw.layers.weighted import EXACT_IN_SINGLE
from ffhw.model.golden import Result
from ffhw.model.network import Network


def to_lite(network: Network) -> bytes:
    """A TensorFlow Lite model with the golden model's outputs, code for code.

    Inputs ``codes`` int32 ``[1, time, D]``, ``lengths`` int32 ``[1]`` and the states ``[1, state_size]`` that each
    layer with a state starts from; outputs as of :func:`ffhw.onnx.export.to_onnx`, in the same order.

    Raises
    ------
    InputError: a sum of products may exceed what a float holds exactly, or numbers need 64 bits.
    """
    if network.integer_bits > 32:
        raise InputError("numbers of this network need 64 bits, which TensorFlow Lite does not have: use fewer bits")
    largest = max(max(layer.input.magnitude, layer.output.magnitude) for layer in network.layers)

    def matmul(a: Any, b: Any) -> Any:
        # what all weights have in common is a shift, which costs no bits
        common = int(np.bitwise_or.reduce(np.abs(b), axis=None))
        common = max(1, common & -common)
        reach = int((np.abs(b) // common).sum(axis=0).max()) * largest
        if reach >= EXACT_IN_SINGLE:
            raise InputError(
                f"sums of products reach {reach}, and floats are exact below {EXACT_IN_SINGLE}: use fewer bits"
            )
        product = tf.matmul(tf.cast(a, tf.float32), tf.constant(b // common, tf.float32))
        return tf.cast(product, tf.int32) * common

    module = TensorFlow(network, batch=1, rules={**RULES, "MatMul": matmul})
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.compiled])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converted: bytes = converter.convert()
    return converted


class Lite(Backend):
    """A model of :func:`to_lite` in TensorFlow's own interpreter, a sequence at a time."""

    name = "tflite"

    def __init__(self, network: Network, model: bytes | None = None) -> None:
        super().__init__(network)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the interpreter will move to another package
            self.interpreter = tf.lite.Interpreter(model_content=to_lite(network) if model is None else model)

    def _run(self, codes: Ints, lengths: Ints, states: dict[str, Ints]) -> Result:
        given = [array.astype(np.int32) for array in (codes, lengths, *self._starts(states, len(codes)))]
        rows = [self._sequence([array[n : n + 1] for array in given]) for n in range(len(codes))]
        outputs, *final = (np.concatenate(part) for part in zip(*rows, strict=True))
        return self._result(outputs, final)

    def _sequence(self, given: list[Any]) -> list[Any]:
        """Outputs and final states of one sequence."""
        signature = self.interpreter
        inputs = sorted(signature.get_input_details(), key=lambda detail: _place(detail["name"]))
        for detail, array in zip(inputs, given, strict=True):
            signature.resize_tensor_input(detail["index"], array.shape)
        signature.allocate_tensors()
        for detail, array in zip(inputs, given, strict=True):
            signature.set_tensor(detail["index"], array)
        signature.invoke()
        return [signature.get_tensor(detail["index"]) for detail in signature.get_output_details()]


def _place(name: str) -> int:
    """Where an input stands: codes, lengths, then states in order."""
    for place, known in enumerate(("codes", "lengths")):
        if known in name:
            return place
    return 2 + int(name.partition("state_")[2].partition(":")[0])
